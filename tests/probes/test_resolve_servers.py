from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import dns.flags
import dns.message
import dns.rcode
import pytest

from netwiz.probes.facts import NameOutcome
from netwiz.probes.names import dns_search
from netwiz.probes.names.resolve import raw_answers
from tests.probes.little_net import needs_root
from tests.probes.wire import SECOND4, SERVER4, SERVER6, Box, Wire, rules
from tests.probes.zone import NAMES, answer, ask, saying, silent, zone

pytestmark = needs_root


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (saying(dns.rcode.SERVFAIL), NameOutcome.SERVFAIL),
        (saying(dns.rcode.REFUSED), NameOutcome.REJECTED),
        (saying(dns.rcode.NOTIMP), NameOutcome.SERVFAIL),
    ],
)
async def test_a_failing_server_is_passed_over_and_shown(
    wire: Wire,
    box: Box,
    reply: Callable[[bytes], list[bytes]],
    outcome: NameOutcome,
) -> None:
    async with wire.answering(reply, port=53):
        assert (await ask(box, "db")).outcome is outcome
        box.write("etc/resolv.conf", f"nameserver {SERVER4}\nnameserver {SECOND4}\n")
        async with wire.answering(zone(NAMES), SECOND4, 53):
            found = await ask(box, "db")
    assert found.addresses == ("10.9.0.2",)
    assert [(a.server, a.outcome) for a in found.answers if a.record == "A"] == [
        (SERVER4, outcome),
        (SECOND4, NameOutcome.ANSWERED),
    ]


async def test_nothing_on_port_53_is_a_refused_connection(box: Box) -> None:
    found = await ask(box, "db")
    assert found.outcome is NameOutcome.REFUSED
    assert all(answer.ms < dns_search.PATIENCE_S * 1000 for answer in found.answers)


@pytest.mark.usefixtures("impatient")
async def test_silence_is_told_from_refusal_and_leads_to_the_next_server(
    wire: Wire, box: Box
) -> None:
    async with wire.answering(silent, port=53):
        assert (await ask(box, "db")).outcome is NameOutcome.TIMEOUT
        box.write("etc/resolv.conf", f"nameserver {SERVER4}\nnameserver {SECOND4}\n")
        async with wire.answering(zone(NAMES), SECOND4, 53):
            found = await ask(box, "db")
    assert found.addresses == ("10.9.0.2",)
    assert [a.outcome for a in found.answers if a.record == "A"] == [
        NameOutcome.TIMEOUT,
        NameOutcome.ANSWERED,
    ]


@pytest.mark.usefixtures("impatient")
async def test_who_kept_silent_is_asked_last_from_then_on(wire: Wire, box: Box) -> None:
    servers = f"nameserver {SERVER4}\nnameserver {SECOND4}\n"
    box.write("etc/resolv.conf", f"{servers}search none.example\n")
    async with (
        wire.answering(silent, port=53),
        wire.answering(zone(NAMES), SECOND4, 53),
    ):
        found = await ask(box, "db")
    assert [(a.question, a.server) for a in found.answers if a.record == "A"] == [
        ("db.none.example.", SERVER4),
        ("db.none.example.", SECOND4),
        ("db.", SECOND4),
    ]


async def test_a_firewall_before_the_server_is_no_silence(wire: Wire, box: Box) -> None:
    with rules(wire.server, "input udp dport 53 reject with icmp type host-prohibited"):
        found = await ask(box, "db")
    assert found.outcome is NameOutcome.UNREACHABLE
    assert all(answer.ms < dns_search.PATIENCE_S * 1000 for answer in found.answers)


@pytest.mark.usefixtures("impatient")
async def test_a_lost_datagram_is_sent_again(wire: Wire, box: Box) -> None:
    seen: set[bytes] = set()

    def deaf_at_first(data: bytes) -> list[bytes]:
        if data in seen:
            return zone(NAMES)(data)
        seen.add(data)
        return []

    async with wire.answering(deaf_at_first, port=53):
        found = await ask(box, "db")
    assert found.addresses == ("10.9.0.2",)


async def test_the_budget_holds_whatever_the_servers_do(
    wire: Wire, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwiz.probes.names.resolve.BUDGET_S", 0.5)
    monkeypatch.setattr(dns_search, "PATIENCE_S", 60.0)
    conf = f"nameserver {SERVER4}\nnameserver {SECOND4}\nsearch a.example b.example\n"
    box.write("etc/resolv.conf", conf)
    start = time.monotonic()
    async with wire.answering(silent, port=53), wire.answering(silent, SECOND4, 53):
        found = await ask(box, "db")
    assert found.outcome is NameOutcome.TIMEOUT
    assert time.monotonic() - start < 30


async def test_an_unreachable_server_is_said_to_be_so(box: Box) -> None:
    box.write("etc/resolv.conf", "nameserver 198.51.100.53\n")
    assert (await ask(box, "db")).outcome is NameOutcome.UNREACHABLE
    box.write("etc/resolv.conf", "nameserver fe80::1%nope\n")
    assert (await ask(box, "db")).outcome is NameOutcome.UNREACHABLE


async def test_no_server_at_all_is_said_to_be_so(wire: Wire, box: Box) -> None:
    box.write("etc/resolv.conf", "# empty\n")
    found = await ask(box, "db")
    assert found.outcome is NameOutcome.NO_SERVER
    assert {answer.server for answer in found.answers} == {"127.0.0.1"}


async def test_a_server_on_ipv6_answers(wire: Wire, box: Box) -> None:
    box.write("etc/resolv.conf", f"nameserver {SERVER6}\n")
    async with wire.answering(zone(NAMES), SERVER6, 53):
        assert (await ask(box, "db")).addresses == ("10.9.0.2",)


@contextlib.asynccontextmanager
async def over_tcp(wire: Wire, reply: Callable[[bytes], bytes]) -> AsyncIterator[None]:
    async def talk(r: asyncio.StreamReader, w: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await r.readexactly(2), "big")
        w.write(reply(await r.readexactly(size)))
        await w.drain()

    async with wire.serving(talk, port=53):
        yield


def framed(message: dns.message.Message) -> bytes:
    data = message.to_wire()
    return len(data).to_bytes(2, "big") + data


BIG = {"big.example A": [f"10.9.1.{n}" for n in range(1, 60)]}


def cut(data: bytes) -> list[bytes]:
    reply = answer(BIG, data)
    reply.answer.clear()
    reply.flags |= dns.flags.TC
    return [reply.to_wire()]


async def test_a_truncated_answer_is_fetched_over_tcp(wire: Wire, box: Box) -> None:
    async with (
        wire.answering(cut, port=53),
        over_tcp(wire, lambda data: framed(answer(BIG, data))),
    ):
        found = await ask(box, "big.example")
    assert sorted(found.addresses) == sorted(BIG["big.example A"])
    assert all(answer.over_tcp for answer in found.answers)


async def test_blocked_tcp_after_truncation_is_no_success(wire: Wire, box: Box) -> None:
    async with wire.answering(cut, port=53):
        found = await ask(box, "big.example")
        assert found.outcome is NameOutcome.REFUSED
        assert all(answer.over_tcp for answer in found.answers)
        with rules(wire.server, "input tcp dport 53 drop"):
            (one,) = await raw_answers(
                box.ground,
                box.place,
                "big.example",
                [SERVER4],
                records=("A",),
                patience_s=0.2,
            )
    assert (one.outcome, one.over_tcp) == (NameOutcome.TIMEOUT, True)


@pytest.mark.parametrize(
    "reply", [b"", b"\0", b"\0\0", b"\xff\xff" + b"x" * 65535, b"\0\x0c" + b"\0" * 12]
)
async def test_nonsense_over_tcp_is_no_answer(
    wire: Wire, box: Box, reply: bytes
) -> None:
    box.write("etc/resolv.conf", f"nameserver {SERVER4}\noptions use-vc\n")
    async with over_tcp(wire, lambda _: reply):
        found = await ask(box, "db")
    assert found.outcome is NameOutcome.SERVFAIL


def wrong_id(data: bytes) -> bytes:
    reply = answer(NAMES, data)
    reply.id ^= 1
    return reply.to_wire()


def wrong_question(data: bytes) -> bytes:
    other = dns.message.make_query("db.evil.example", "A", id=data[0] << 8 | data[1])
    reply = dns.message.make_response(other)
    return reply.to_wire()


@pytest.mark.parametrize(
    "junk",
    [
        wrong_id,
        wrong_question,
        lambda data: data,
        lambda data: data[:2] + b"\x81\x80" + b"\xff" * 500,
        lambda data: data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + b"\xc0\x0c" * 400,
        lambda _: b"",
        lambda _: b"\0" * 60_000,
    ],
)
async def test_a_hostile_answer_does_not_hide_the_honest_one(
    wire: Wire, box: Box, junk: Callable[[bytes], bytes]
) -> None:
    def both(data: bytes) -> list[bytes]:
        return [junk(data)] * 3 + zone(NAMES)(data)

    async with wire.answering(both, port=53):
        found = await ask(box, "db")
    assert (found.outcome, found.addresses) == (NameOutcome.ANSWERED, ("10.9.0.2",))


@pytest.mark.usefixtures("impatient")
async def test_a_flood_of_junk_ends_as_silence(wire: Wire, box: Box) -> None:
    async with wire.answering(lambda _: [b"junk"] * 200, port=53):
        found = await ask(box, "db")
    assert found.outcome is NameOutcome.TIMEOUT
