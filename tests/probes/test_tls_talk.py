"""Handshakes with servers that do as they like: each ends in a finding, and in time."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import TlsOutcome, TlsTalk, Trust
from netwiz.probes.requests import TalkTls
from netwiz.probes.tls.handshake import http_date
from netwiz.probes.tls.senses import talk_tls
from tests.lab.certificates import Certificates
from tests.lab.scenario import Certificate as Wanted
from tests.probes.little_net import needs_root
from tests.probes.wire import NOBODY4, SERVER4, Wire

pytestmark = needs_root

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
DATE = b"Sat, 21 Nov 2026 05:00:00 GMT"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    names = tuple(f"host{n}.example" for n in range(2500))
    wanted = {"pay": Wanted(names=("pay",)), "large": Wanted(names=names)}
    return Certificates(tmp_path_factory.mktemp("certificates"), wanted)


def context_of(made: Certificates, name: str, folder: Path) -> ssl.SSLContext:
    file = folder / f"{name}.pem"
    file.write_text(made.fact(name, "crt") + made.fact(name, "key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def over(context: ssl.SSLContext, answer: bytes) -> Handle:
    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.start_tls(context)
            await reader.read(100)
            writer.write(answer)
            await writer.drain()

    return handle


def saying(answer: bytes, *, first: bool = False, reset: bool = False) -> Handle:
    """Answers the hello with these bytes, or says them unasked, and hangs up."""

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not first:
            await reader.read(4096)
        if reset:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: RST at close
        writer.write(answer)
        with contextlib.suppress(OSError):
            await writer.drain()

    return handle


async def talk(wire: Wire, handle: Handle, **more: object) -> TlsTalk:
    async with wire.serving(handle, SERVER4) as port:
        asked = {"server_name": "pay", "budget_ms": 3000, "trust": Trust.ANYONE, **more}
        request = TalkTls(wire.client.place, SERVER4, port, **asked)  # type: ignore[arg-type]
        began = time.perf_counter()
        found = await talk_tls(wire.ground, request)
        assert time.perf_counter() - began < 30
    return found


async def test_a_good_handshake_tells_everything(
    wire: Wire, made: Certificates, tmp_path: Path
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nServer: lab\r\nDate: " + DATE + b"\r\n\r\n"
    context = context_of(made, "pay", tmp_path)
    found = await talk(wire, over(context, answer))
    assert found.outcome is TlsOutcome.OK
    assert found.handshake_done
    assert (found.version, found.http_status, found.http_server) == (
        "TLSv1.3",
        200,
        "lab",
    )
    assert found.cipher.startswith("TLS_")
    assert found.leaf is not None
    assert found.leaf.names == ("pay",)
    assert found.http_date == datetime(2026, 11, 21, 5, tzinfo=UTC)
    assert not found.asks_certificate
    assert 0 < found.hello_ms <= found.handshake_ms
    assert "openssl s_client" in found.command
    assert found.command.endswith("</dev/null")


async def test_what_is_not_trusted_is_shown_nevertheless(
    wire: Wire, made: Certificates, tmp_path: Path
) -> None:
    context = context_of(made, "pay", tmp_path)
    found = await talk(wire, over(context, b""), trust=Trust.HOST)
    assert found.outcome is TlsOutcome.UNVERIFIED
    assert found.verify_code == 18
    assert [c.name for c in found.certificates] == ["pay"]
    assert found.version == "TLSv1.3"


async def test_a_client_certificate_asked_for_is_noticed(
    wire: Wire, made: Certificates, tmp_path: Path
) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = context_of(made, "pay", tmp_path)
        context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=made.fact("pay", "crt"))
        found = await talk(wire, over(context, b""))
        assert found.asks_certificate
        # asyncio's server hangs up at times before its alert is on its way.
        hung_up = found.cut or found.outcome in (TlsOutcome.EOF, TlsOutcome.RESET)
        assert hung_up or found.alert in (40, 116)


async def test_a_certificate_for_thousands_of_names_is_read_in_part(
    wire: Wire, made: Certificates, tmp_path: Path
) -> None:
    context = context_of(made, "large", tmp_path)
    found = await talk(wire, over(context, b""), http=False)
    assert found.outcome is TlsOutcome.OK
    assert found.leaf is not None
    assert len(found.leaf.names) == 100
    assert found.leaf.whom.endswith("and 94 more")


@pytest.mark.parametrize(
    ("handle", "outcome"),
    [
        (saying(b""), TlsOutcome.EOF),
        (saying(b"", reset=True), TlsOutcome.RESET),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), TlsOutcome.PLAIN),
        (saying(b"220 mail.example ESMTP\r\n", first=True), TlsOutcome.PLAIN),
        (saying(b"\x15\x03\x01\x00\x02\x02\x28"), TlsOutcome.ALERT),
        (saying(b"\x16\x03\x03\x00\x04\x02\xff\xff\xff"), TlsOutcome.BROKEN),
        (saying(b"\x16\x03\x03" + b"\xff" * 70000), TlsOutcome.BROKEN),
        (saying(b"\x1b[2J\x1b]0;owned\x07" * 20), TlsOutcome.PLAIN),
    ],
    ids=["end", "reset", "http", "smtp", "alert", "length", "flood", "escapes"],
)
async def test_whatever_is_answered_is_a_finding(
    wire: Wire, handle: Handle, outcome: TlsOutcome
) -> None:
    found = await talk(wire, handle)
    assert found.outcome in (
        (outcome, TlsOutcome.EOF) if outcome is TlsOutcome.BROKEN else (outcome,)
    )
    assert found.reason.isprintable()
    assert len(found.first_bytes) <= 64


async def test_silence_ends_with_the_budget(wire: Wire) -> None:
    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    found = await talk(wire, mute, budget_ms=300)
    assert found.outcome is TlsOutcome.SILENT
    assert found.received == 0
    assert 250 < found.handshake_ms < 10_000


async def test_one_byte_at_a_time_does_not_stretch_the_budget(wire: Wire) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"\x16\x03\x03\x40\x00" + b"\0" * 1000:
            writer.write(bytes([byte]))
            with contextlib.suppress(OSError):
                await writer.drain()
            await asyncio.sleep(0.02)

    found = await talk(wire, drip, budget_ms=300)
    assert found.outcome is TlsOutcome.SILENT
    assert found.handshake_ms < 10_000


async def test_no_connection_is_said_and_no_blame(wire: Wire) -> None:
    request = TalkTls(wire.client.place, NOBODY4, 443, "pay")
    found = await talk_tls(wire.ground, request)
    assert found.outcome is TlsOutcome.UNCONNECTED
    assert found.errno_name in ("ETIMEDOUT", "EHOSTUNREACH", "ECONNREFUSED")


async def test_a_name_that_no_hello_can_carry_is_told(wire: Wire) -> None:
    request = TalkTls(wire.client.place, SERVER4, 443, "a" * 64 + ".example")
    with pytest.raises(ProbeError, match="cannot be sent"):
        await talk_tls(wire.ground, request)


@pytest.mark.parametrize(
    "text", [b"", b"now", b"Sat, 99 Nov 2026", b"\xff\xfe", b"9" * 100]
)
def test_what_is_no_date_is_none(text: bytes) -> None:
    assert http_date(text) is None
