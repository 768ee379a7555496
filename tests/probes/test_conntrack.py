"""Tracked flows: what is read of a table, and what a large one costs."""

from __future__ import annotations

import contextlib
import socket
import struct
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.conntrack import wire
from netwiz.probes.conntrack.senses import MOST_FLOWS, chosen, read_conntrack
from netwiz.probes.facts import FlowEnds, Protocol
from netwiz.probes.machine import Ground
from netwiz.probes.netlink.rtnetlink import attribute
from netwiz.probes.requests import ReadConntrack
from tests.probes.little_net import Namespace, ground, needs_root

MANY = 200_000
FLOWS = 20_000
"""Of a real table; a namespace of a test shares the machine's memory."""
HEADER = b"\x02\0\0\0"
CLIENT, SERVER = b"\x0a\x09\0\x01", b"\x0a\x09\0\x02"


def ends(source: bytes, target: bytes, sport: int, dport: int, protocol: int) -> bytes:
    v6 = len(source) == 16
    ip = attribute(3 if v6 else 1, source) + attribute(4 if v6 else 2, target)
    proto = attribute(1, bytes([protocol]))
    proto += attribute(2, sport.to_bytes(2, "big"))
    proto += attribute(3, dport.to_bytes(2, "big"))
    return attribute(1, ip) + attribute(2, proto)


def message(
    source: bytes = CLIENT,
    target: bytes = SERVER,
    sport: int = 40000,
    dport: int = 3000,
    *,
    protocol: int = 6,
    status: int = 0b1110,
) -> bytes:
    """What the kernel says of one flow, its answers coming back untranslated."""
    state = attribute(4, attribute(1, attribute(1, b"\x03")))
    return b"".join(
        (
            HEADER,
            attribute(1, ends(source, target, sport, dport, protocol)),
            attribute(2, ends(target, source, dport, sport, protocol)),
            attribute(3, struct.pack("!I", status)),
            attribute(7, struct.pack("!I", 119)),
            state if protocol == 6 else b"",
        )
    )


WANTED = wire.Wanted(6, SERVER, 3000)


def test_a_flow_is_read() -> None:
    flow = wire.parse(message())
    assert flow is not None
    assert flow.original == FlowEnds("10.9.0.1", "10.9.0.2", 40000, 3000)
    assert flow.reply == FlowEnds("10.9.0.2", "10.9.0.1", 3000, 40000)
    assert (flow.state, flow.timeout_s) == ("ESTABLISHED", 119)
    assert flow.assured
    assert flow.replied
    assert flow.text.startswith("tcp ESTABLISHED 10.9.0.1:40000 > 10.9.0.2:3000")


def test_a_flow_without_an_answer() -> None:
    flow = wire.parse(message(protocol=17, status=0b1000))
    assert flow is not None
    assert flow.protocol == "udp"
    assert not flow.replied
    assert "[UNREPLIED]" in flow.text
    assert not flow.state


def test_a_flow_of_ipv6() -> None:
    near, far = (socket.inet_pton(socket.AF_INET6, a) for a in ("fd00::1", "fd00::2"))
    flow = wire.parse(message(near, far))
    assert flow is not None
    assert flow.original.text == "[fd00::1]:40000 > [fd00::2]:3000"


@given(st.binary(max_size=400))
def test_any_bytes_are_survived(data: bytes) -> None:
    wire.parse(data)
    list(wire.statistics(data))


@given(st.integers(0, len(message())))
def test_a_message_that_is_cut_is_no_other_flow(length: int) -> None:
    flow = wire.parse(message()[:length])
    assert flow is None or flow.original.source == "10.9.0.1"


def test_what_does_not_fit_is_passed_over() -> None:
    wrong = [
        message(dport=3001),
        message(target=b"\x0a\x09\0\x03"),
        message(protocol=17),
        # The number that is wanted stands in it, but elsewhere.
        message(sport=3000, dport=3001),
    ]
    flows, scanned, whole = chosen(((wire.IPCTNL_MSG_CT_NEW, m) for m in wrong), WANTED)
    assert (flows, scanned, whole) == ([], 4, True)


def test_two_hundred_thousand_flows_are_looked_through_and_not_kept() -> None:
    others = [message(dport=10_000 + number) for number in range(100)]

    def table() -> Iterator[tuple[int, bytes]]:
        for number in range(MANY):
            odd = number % 50_000 == 7
            body = message() if odd else others[number % 100]
            yield wire.IPCTNL_MSG_CT_NEW, body

    tracemalloc.start()
    try:
        flows, scanned, whole = chosen(table(), WANTED)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(flows) == 4
    assert (scanned, whole) == (MANY, True)
    assert peak < 1_000_000


def test_a_question_that_everything_fits_is_cut_and_says_so() -> None:
    table = ((wire.IPCTNL_MSG_CT_NEW, message()) for _ in range(MANY))
    flows, scanned, whole = chosen(table, WANTED)
    assert len(flows) == MOST_FLOWS
    assert scanned == MOST_FLOWS + 1
    assert not whole


def test_a_budget_that_ends_leaves_what_was_found() -> None:
    def broken() -> Iterator[tuple[int, bytes]]:
        yield wire.IPCTNL_MSG_CT_NEW, message()
        raise TimeoutError

    flows, _, whole = chosen(broken(), WANTED)
    assert len(flows) == 1
    assert not whole


@pytest.fixture
def tracking() -> Iterator[tuple[Ground, Namespace]]:
    """A namespace that tracks what it sends to itself."""
    made, stage = Namespace("track"), ground()
    try:
        made.run("ip route add local 10.200.0.0/16 dev lo")
        made.run("iptables -I INPUT -m conntrack --ctstate NEW -j ACCEPT")
        yield stage, made
    finally:
        stage.namespaces.close()
        made.close()


def flood(count: int) -> None:
    """One datagram to each of many addresses: as many flows."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(count):
            # An answer (port unreachable) to an earlier one is told here.
            with contextlib.suppress(OSError):
                sock.sendto(b"x", (f"10.200.{number >> 8 & 255}.{number & 255}", 9000))


@needs_root
async def test_the_kernel_filters_a_large_table(
    tracking: tuple[Ground, Namespace],
) -> None:
    stage, there = tracking
    await stage.namespaces.call(there.place, flood, FLOWS)
    one = ReadConntrack(there.place, Protocol.UDP, "10.200.0.77", 9000)
    found = await read_conntrack(stage, one)
    assert found.count >= FLOWS
    assert [f.original.destination for f in found.flows] == ["10.200.0.77"]
    assert found.scanned == 1
    assert not found.more
    assert found.limit
    assert found.established_s
    assert found.stats["insert_failed"] >= 0
    everything = await read_conntrack(stage, ReadConntrack(there.place, Protocol.UDP))
    assert everything.more
    assert len(everything.flows) == MOST_FLOWS


@needs_root
async def test_a_flow_is_found_by_the_ends_of_its_socket(
    tracking: tuple[Ground, Namespace],
) -> None:
    stage, there = tracking

    def talk() -> tuple[str, int]:
        with (
            socket.create_server(("10.200.0.1", 3000)) as server,
            socket.create_connection(("10.200.0.1", 3000)) as client,
        ):
            server.accept()[0].close()
            address, port = client.getsockname()
            return str(address), int(port)

    own = await stage.namespaces.call(there.place, talk)
    asked = ReadConntrack(there.place, Protocol.TCP, "10.200.0.1", 3000)
    view = await read_conntrack(stage, asked)
    flow = view.between(*own, "10.200.0.1", 3000)
    assert flow is not None
    assert flow.protocol == "tcp"
    assert flow.replied
    assert view.between(own[0], own[1] ^ 1, "10.200.0.1", 3000) is None
