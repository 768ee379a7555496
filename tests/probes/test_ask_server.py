"""One question to one server, in one way: what is told, and what no server can do."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import pytest

from netwiz.probes.facts import NameOutcome, Place, ServerAnswer
from netwiz.probes.facts.names import NONSENSE
from netwiz.probes.names.ask_server import ask_server
from netwiz.probes.requests import AskServer
from tests.probes.little_net import needs_root
from tests.probes.test_resolve_servers import BIG, cut, framed, over_tcp
from tests.probes.wire import SECOND4, SERVER4, Box, Wire, rules
from tests.probes.zone import NAMES, answer, saying, silent, zone

pytestmark = needs_root


async def put(box: Box, name: str = "db", **more: object) -> ServerAnswer:
    request = AskServer(box.place, SERVER4, name, budget_ms=1000)
    request = AskServer(**{**_fields(request), **more})  # type: ignore[arg-type]
    return await ask_server(box.ground, request)


def _fields(request: AskServer) -> dict[str, object]:
    return {name: getattr(request, name) for name in AskServer.__slots__}


async def test_an_answer_is_told_with_all_that_judges_a_server(
    wire: Wire, box: Box
) -> None:
    async with wire.answering(zone(NAMES), port=53):
        found = await put(box)
        none = await put(box, "nothing")
    assert (found.outcome, found.rcode) == (NameOutcome.ANSWERED, "NOERROR")
    assert found.addresses == ("10.9.0.2",)
    assert found.knows
    assert "ra" in found.flags
    assert 30 < found.size < 100
    assert 0 < found.answer_ms < 1000
    assert (none.alive, none.knows, none.rcode) == (True, False, "NXDOMAIN")


async def test_refusal_silence_and_rcode_are_three_things(wire: Wire, box: Box) -> None:
    refused = await put(box)
    assert (refused.outcome, refused.error) == (NameOutcome.REFUSED, "ECONNREFUSED")
    async with wire.answering(silent, port=53):
        mute = await put(box)
    assert (mute.outcome, mute.alive) == (NameOutcome.TIMEOUT, False)
    assert mute.said == "silent for 1.0 s"
    async with wire.answering(saying(dns.rcode.REFUSED), port=53):
        denied = await put(box)
    assert (denied.outcome, denied.alive) == (NameOutcome.REJECTED, True)


async def test_each_transport_stands_for_itself(wire: Wire, box: Box) -> None:
    async with wire.answering(cut, port=53):
        small = await put(box, "big.example")
        with rules(wire.server, "input tcp dport 53 drop"):
            large = await put(box, "big.example", over_tcp=True)
    assert (small.outcome, "tc" in small.flags) == (NameOutcome.ANSWERED, True)
    assert (large.outcome, large.over_tcp) == (NameOutcome.TIMEOUT, True)
    async with over_tcp(wire, lambda data: framed(answer(BIG, data))):
        large = await put(box, "big.example", over_tcp=True)
        assert (await put(box, "big.example")).outcome is NameOutcome.REFUSED
    assert len(large.addresses) == len(BIG["big.example A"])


async def test_many_questions_tell_what_fails_now_and_then(
    wire: Wire, box: Box
) -> None:
    count = 0

    def every_third(data: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        return [] if count % 3 == 0 else zone(NAMES)(data)

    async with wire.answering(every_third, port=53):
        found = await put(box, budget_ms=600, times=9)
    assert len(found.tries) == 9
    assert [t.outcome for t in found.failed_tries] == [NameOutcome.TIMEOUT] * 3
    assert found.knows


async def test_whom_a_question_is_passed_on_to_is_seen(wire: Wire, box: Box) -> None:
    seen = []

    def passes_on(data: bytes) -> list[bytes]:
        sock = wire.socket(box_namespace(wire), 2, "10.9.0.1", 0)
        with sock:
            sock.sendto(data, (SECOND4, 53))
        seen.append(data)
        return zone(NAMES)(data)

    async with wire.answering(passes_on, port=53):
        found = await put(box, watch=True)
        unwatched = await put(box)
    assert found.asked_on == (SECOND4,)
    assert unwatched.asked_on == ()


def box_namespace(wire: Wire) -> Place:
    return wire.client.place


def escapes(data: bytes) -> bytes:
    """A chain of aliases whose names are escape sequences and markup."""
    asked = dns.message.from_wire(data)
    label = b"\x1b]0;x\x07[red]{0}%s"
    target = bytes([len(label)]) + label + b"\0"
    head = struct.pack("!6H", asked.id, 0x8180, 1, 1, 0, 0)
    body = data[12:] + b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 60, len(target))
    return head + body + target


def loops(data: bytes) -> bytes:
    """A name that points at itself."""
    head = struct.pack("!2s5H", data[:2], 0x8180, 1, 1, 0, 0)
    here = 12 + len(data[12:])
    return head + data[12:] + struct.pack("!H", 0xC000 | here) + b"\0" * 14


def enormous(data: bytes) -> bytes:
    """More records than fit, and a length that lies."""
    head = struct.pack("!2s5H", data[:2], 0x8180, 1, 65535, 65535, 65535)
    return (head + data[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\1\xff\xff" * 3000)[:60_000]


def half(data: bytes) -> bytes:
    return data[:2] + b"\x81\x80" + data[4:9]


HOSTILE = [escapes, loops, enormous, half, lambda _: b"\0", lambda d: d * 40]


@pytest.mark.parametrize("reply", HOSTILE)
async def test_nothing_that_a_server_sends_does_harm(
    wire: Wire, box: Box, reply: Callable[[bytes], bytes]
) -> None:
    start = time.monotonic()
    async with wire.answering(lambda data: [reply(data)] * 40, port=53):
        found = await put(box)
    assert time.monotonic() - start < 30
    assert not found.knows
    assert not found.addresses
    text = f"{found}"
    assert text.isprintable()
    # Nonsense is told from silence: neither is a refusal, and neither an answer.
    if not found.alive:
        assert (found.outcome, found.error) == (NameOutcome.TIMEOUT, NONSENSE)
        assert "no answer" in found.said


@pytest.mark.parametrize("reply", HOSTILE)
async def test_nor_does_it_over_tcp(
    wire: Wire, box: Box, reply: Callable[[bytes], bytes]
) -> None:
    def framed_so(data: bytes) -> bytes:
        made = reply(data)[:60_000]
        return len(made).to_bytes(2, "big") + made

    start = time.monotonic()
    async with over_tcp(wire, framed_so):
        found = await put(box, over_tcp=True)
    assert time.monotonic() - start < 30
    assert not found.knows
    assert f"{found}".isprintable()


async def test_a_server_that_stops_halfway_is_given_up_in_time(
    wire: Wire, box: Box
) -> None:
    async def stop(r: asyncio.StreamReader, w: asyncio.StreamWriter) -> None:
        w.write(b"\x40\0\0\0")
        await r.read()

    start = time.monotonic()
    async with wire.serving(stop, port=53):
        found = await put(box, over_tcp=True)
    assert found.outcome is NameOutcome.TIMEOUT
    assert time.monotonic() - start < 30
