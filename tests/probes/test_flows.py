"""Flows of real sockets in namespaces of our own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from netwiz.probes.facts import HostFacts, Place, Snapshot
from netwiz.probes.facts.flows import Flow, FlowTable, TroubleKind
from netwiz.probes.flows.watch import FlowWatch
from tests.probes.little_net import Namespace, needs_root
from tests.probes.wire import CLIENT4, CLIENT6, NOBODY4, SERVER4, SERVER6, Wire

pytestmark = needs_root
R = TypeVar("R")
PATIENCE_S = 60.0


class Bench:
    """Sockets on a wire, and the watch that looks at them."""

    def __init__(self, wire: Wire, watch: FlowWatch, stack: ExitStack) -> None:
        self.wire, self.watch, self.stack = wire, watch, stack

    def here(self, place: Place, make: Callable[[], R]) -> R:
        return self.wire.ground.namespaces.call_here(place, make)

    def listen(
        self, address: str = SERVER4, port: int = 0, backlog: int = 8
    ) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def make() -> socket.socket:
            return socket.create_server((address, port), family=family, backlog=backlog)

        return self.stack.enter_context(self.here(self.wire.server.place, make))

    def dial(self, server: socket.socket, to: str = SERVER4) -> socket.socket:
        where = (to, server.getsockname()[1])

        def make() -> socket.socket:
            return socket.create_connection(where, timeout=30)

        return self.stack.enter_context(self.here(self.wire.client.place, make))

    def pair(self, address: str = SERVER4) -> tuple[socket.socket, socket.socket]:
        server = self.listen(address)
        client = self.dial(server, address)
        return client, self.stack.enter_context(server.accept()[0])

    async def until(self, fact: Callable[[FlowTable], object]) -> FlowTable:
        """The first look at which something is true."""
        end = time.monotonic() + PATIENCE_S
        while True:
            table = await self.watch.sweep()
            if fact(table):
                return table
            if time.monotonic() > end:
                pytest.fail(f"not seen: {table}")
            await asyncio.sleep(0.1)


@pytest.fixture
async def bench(wire: Wire) -> AsyncIterator[Bench]:
    names = (wire.client.name, wire.server.name)
    snapshot = Snapshot(datetime.now(UTC), host=HostFacts(namespaces=names))
    wire.ground.snapshot = snapshot
    with ExitStack() as stack:
        async with FlowWatch(wire.ground) as watch:
            yield Bench(wire, watch, stack)


def between(table: FlowTable, client: socket.socket) -> Flow:
    """The one flow of this client's socket."""
    ours = client.getsockname()[:2]
    (found,) = [f for f in table.flows if (f.client.address, f.client.port) == ours]
    return found


def has(table: FlowTable, client: socket.socket, kind: TroubleKind) -> bool:
    return kind in [trouble.kind for trouble in between(table, client).troubles]


@pytest.mark.parametrize(
    ("address", "client_address"), [(SERVER4, CLIENT4), (SERVER6, CLIENT6)]
)
async def test_both_ends_of_a_connection_are_one_flow(
    bench: Bench, address: str, client_address: str
) -> None:
    client, served = bench.pair(address)
    client.sendall(b"x" * 5000)
    served.sendall(b"y" * 300)
    table = await bench.until(lambda t: between(t, client).received == 300)
    flow = between(table, client)
    assert (flow.client.address, flow.server.address) == (client_address, address)
    assert flow.client.name == bench.wire.client.name
    assert flow.server.name == bench.wire.server.name
    assert flow.server.port == served.getsockname()[1]
    assert (flow.state, flow.sent, flow.received) == ("ESTAB", 5000, 300)
    assert (flow.client.state, flow.server.state) == ("ESTAB", "ESTAB")
    assert flow.server.unread == 5000
    assert 0 < flow.rtt_ms < 1000
    assert flow.closed_s is None
    assert not flow.published
    assert table.total >= 1
    assert not table.unseen


async def test_a_loopback_connection_is_one_flow_of_its_namespace(
    bench: Bench,
) -> None:
    def make() -> list[socket.socket]:
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
        return [server, client, server.accept()[0]]

    both = [
        bench.here(end.place, make) for end in (bench.wire.client, bench.wire.server)
    ]
    for sockets in both:
        for one in sockets:
            bench.stack.enter_context(one)
    table = await bench.until(lambda t: t.total >= 2)
    for sockets, owner in zip(
        both, (bench.wire.client, bench.wire.server), strict=True
    ):
        flow = next(
            f
            for f in table.flows
            if f.client.port == sockets[1].getsockname()[1]
            and f.client.name == owner.name
        )
        assert flow.server.name == owner.name
        assert flow.server.port == sockets[0].getsockname()[1]


async def test_who_listens_is_the_server_whatever_the_ports(bench: Bench) -> None:
    server = bench.listen(port=50_999)

    def from_a_low_port() -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((CLIENT4, 700))
        made.connect((SERVER4, 50_999))
        return made

    client = bench.here(bench.wire.client.place, from_a_low_port)
    bench.stack.enter_context(client)
    bench.stack.enter_context(server.accept()[0])
    table = await bench.until(lambda t: t.total)
    flow = between(table, client)
    assert (flow.client.port, flow.server.port) == (700, 50_999)
    # Who is who stays so when the listener is gone.
    server.close()
    table = await bench.watch.sweep()
    assert between(table, client).key == flow.key


async def test_a_rate_is_what_went_between_two_looks(bench: Bench) -> None:
    client, served = bench.pair()
    first = between(await bench.watch.sweep(), client)
    assert first.rate == 0
    begun = time.monotonic()
    for _ in range(10):
        client.sendall(b"x" * 10_000)
        assert served.recv(10_000, socket.MSG_WAITALL)
    table = await bench.until(lambda t: between(t, client).sent == 100_000)
    flow = between(table, client)
    looked_for = time.monotonic() - begun
    assert flow.sent_rate >= 100_000 / looked_for * 0.5
    assert flow.received_rate == 0
    assert flow.key == first.key
    # At least the first and this one; each look adds one sample.
    assert len(flow.rates) >= 2
    assert sum(rate > 0 for rate in flow.rates) >= 1
    assert await settles(bench, client)


async def settles(bench: Bench, client: socket.socket) -> bool:
    """Whether the rate goes back to nought."""
    await bench.until(lambda t: between(t, client).rate == 0)
    return True


async def test_a_flow_that_is_over_is_shown_so_and_then_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, served = bench.pair()
    port = client.getsockname()[1]
    key = between(await bench.watch.sweep(), client).key
    # A reset leaves nothing behind, neither TIME-WAIT nor CLOSE-WAIT.
    linger = (b"\1\0\0\0\0\0\0\0",)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, *linger)
    client.close()
    served.close()

    def closed(table: FlowTable) -> bool:
        return any(f.client.port == port and f.state == "closed" for f in table.flows)

    table = await bench.until(closed)
    (flow,) = [f for f in table.flows if f.key == key]
    assert flow.closed_s is not None
    assert flow.rate == 0
    assert table.total == len([f for f in table.flows if f.closed_s is None])
    monkeypatch.setattr("netwiz.probes.flows.tracker.SHOWN_CLOSED_S", 0.0)
    await bench.until(lambda t: not any(f.key == key for f in t.flows))


async def test_ports_that_are_used_again_are_another_flow(bench: Bench) -> None:
    server = bench.listen()

    def dial(port: int = 0) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        made.bind((CLIENT4, port))
        made.connect((SERVER4, server.getsockname()[1]))
        return made

    with bench.here(bench.wire.client.place, dial) as client, server.accept()[0]:
        port = client.getsockname()[1]
        client.sendall(b"x" * 70_000)
        before = between(await bench.until(lambda t: t.total), client)
        assert before.sent > 0
    client = bench.here(bench.wire.client.place, lambda: dial(port))
    with client, server.accept()[0]:

        def anew(table: FlowTable) -> list[Flow]:
            return [
                f
                for f in table.flows
                if f.client.port == port and f.closed_s is None and f.key != before.key
            ]

        (after,) = anew(await bench.until(anew))
        assert after.sent == 0
        assert after.rate >= 0


async def test_a_syn_without_an_answer_is_a_trouble(bench: Bench) -> None:
    bench.wire.server.run("ip route add blackhole 10.9.0.1/32")
    try:
        server = bench.listen()

        def dial() -> socket.socket:
            made = socket.socket()
            made.setblocking(False)
            made.connect_ex((SERVER4, server.getsockname()[1]))
            return made

        client = bench.here(bench.wire.client.place, dial)
        bench.stack.enter_context(client)
        table = await bench.until(
            lambda t: t.total and has(t, client, TroubleKind.UNANSWERED)
        )
    finally:
        bench.wire.server.run("ip route del blackhole 10.9.0.1/32")
    flow = between(table, client)
    assert flow.state == "SYN-SENT"
    assert flow.grave
    assert "does not answer" in flow.troubles[0].text
    assert ("SYN-SENT", 1) in table.states


async def test_a_window_that_is_shut_is_a_trouble(bench: Bench) -> None:
    client, served = bench.pair()
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while client.send(b"x" * 65_536):
            pass
    table = await bench.until(lambda t: has(t, client, TroubleKind.ZERO_WINDOW))
    flow = between(table, client)
    assert flow.client.unsent > 0
    assert flow.server.unread > 0
    assert flow.grave
    served.setblocking(True)
    while flow.troubles:
        # Read until all that was sent is taken: then nothing is wrong any more.
        served.settimeout(0.2)
        try:
            assert served.recv(1 << 20)
        except TimeoutError:
            flow = between(await bench.watch.sweep(), client)


async def test_what_nobody_reads_and_nobody_accepts_is_told_after_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwiz.probes.flows.trouble.STUCK_S", 0.3)
    client, _served = bench.pair()
    lonely = bench.dial(bench.listen())
    client.sendall(b"x" * 100)
    table = await bench.until(lambda t: has(t, lonely, TroubleKind.UNREAD))
    assert "has not accepted it" in between(table, lonely).troubles[0].text
    table = await bench.until(lambda t: has(t, client, TroubleKind.UNREAD))
    text = between(table, client).troubles[0].text
    assert "leaves 100 bytes unread" in text
    assert bench.wire.server.name in text


async def test_a_server_that_reads_is_not_called_stuck(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwiz.probes.flows.trouble.STUCK_S", 0.2)
    client, served = bench.pair()
    client.sendall(b"x" * 4000)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        # Always something unread, but never the same.
        client.sendall(b"x" * 4000)
        flow = between(await bench.watch.sweep(), client)
        assert flow.server.unread >= 4000
        assert not flow.troubles
        assert served.recv(4000, socket.MSG_WAITALL)


async def test_a_connection_that_is_left_open_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwiz.probes.flows.trouble.LEFT_OPEN_S", 0.3)
    client, served = bench.pair()
    port = client.getsockname()[1]
    client.close()

    def left_open(table: FlowTable) -> list[Flow]:
        return [
            f
            for f in table.flows
            if f.client.port == port
            and [t.kind for t in f.troubles] == [TroubleKind.LEFT_OPEN]
        ]

    (flow,) = left_open(await bench.until(left_open))
    assert flow.state == "CLOSE-WAIT"
    assert f"{bench.wire.server.name} did not close" in flow.troubles[0].text
    served.close()


async def exchange(client: socket.socket, served: socket.socket) -> None:
    """One way, as fast as the wire lets it."""
    client.settimeout(30)
    served.settimeout(30)
    sending = asyncio.to_thread(client.sendall, b"x" * 100_000)
    taking = asyncio.to_thread(served.recv, 100_000, socket.MSG_WAITALL)
    await asyncio.gather(sending, taking)


async def test_segments_that_are_lost_show(bench: Bench) -> None:
    client, served = bench.pair()
    await bench.watch.sweep()
    rule = "INPUT -p tcp -m length --length 100:65535"
    rule += " -m statistic --mode random --probability 0.2 -j DROP"
    bench.wire.server.run(f"iptables -w -A {rule}")
    try:
        end = time.monotonic() + PATIENCE_S
        while True:
            await exchange(client, served)
            table = await bench.watch.sweep()
            if has(table, client, TroubleKind.LOSSY):
                break
            assert time.monotonic() < end, table
    finally:
        bench.wire.server.run(f"iptables -w -D {rule}")
    flow = between(table, client)
    assert flow.recent >= 6
    assert flow.retransmits >= flow.recent
    assert flow.client.retransmits == flow.retransmits
    assert sum(flow.losses) >= flow.recent
    assert "sent again lately" in " ".join(t.text for t in flow.troubles)


async def test_a_round_trip_that_grows_shows(bench: Bench) -> None:
    client, served = bench.pair()
    before = between(await bench.watch.sweep(), client)
    device = f"{bench.wire.client.name} qdisc"
    limits = "root tbf rate 1mbit burst 3k latency 5s"
    run(f"tc -n {device} add dev e0 {limits}")
    try:
        end = time.monotonic() + PATIENCE_S
        while True:
            await exchange(client, served)
            table = await bench.watch.sweep()
            if has(table, client, TroubleKind.SLOW):
                break
            assert time.monotonic() < end, table
    finally:
        run(f"tc -n {device} del dev e0 root")
    flow = between(table, client)
    assert flow.rtt_ms > 200 > before.rtt_ms
    assert flow.min_rtt_ms < flow.rtt_ms / 4
    assert max(flow.rtts) == pytest.approx(flow.rtt_ms, rel=0.01)


def run(line: str) -> None:
    subprocess.run(line.split(), check=True, timeout=30)


async def test_a_connected_datagram_socket_is_a_flow(bench: Bench) -> None:
    def make(bind: str, port: int = 0) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((bind, port))
        return made

    server = bench.here(bench.wire.server.place, lambda: make(SERVER4))
    client = bench.here(bench.wire.client.place, lambda: make(CLIENT4))
    with server, client:
        client.connect(server.getsockname())
        table = await bench.until(lambda t: t.total)
        flow = between(table, client)
        assert (flow.protocol, flow.server.port) == ("udp", server.getsockname()[1])


async def test_an_address_that_nobody_has_is_called_by_itself(bench: Bench) -> None:
    def dial() -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        made.connect_ex((NOBODY4, 80))
        return made

    client = bench.here(bench.wire.client.place, dial)
    with client:
        flow = between(await bench.until(lambda t: t.total), client)
    assert (flow.server.name, flow.server.here) == (NOBODY4, False)
    assert flow.server.place is None


@pytest.fixture
def another() -> Iterator[Namespace]:
    made = Namespace("flows")
    yield made
    if (
        made.name
        in subprocess.run(
            ["ip", "netns"], capture_output=True, text=True, check=True
        ).stdout
    ):
        made.close()


async def test_a_namespace_that_goes_is_a_line_and_nothing_else_is_lost(
    bench: Bench, another: Namespace
) -> None:
    client, _served = bench.pair()
    ground = bench.wire.ground
    assert ground.snapshot is not None
    names = (*ground.snapshot.host.namespaces, another.name, "no-such-namespace")
    host = replace(ground.snapshot.host, namespaces=names)
    ground.snapshot = replace(ground.snapshot, host=host)
    table = await bench.until(lambda t: t.total)
    assert table.namespaces == 4
    assert len(table.unseen) == 1
    assert "no-such-namespace" in table.unseen[0]
    another.close()
    table = await bench.watch.sweep()
    assert any(another.name in line for line in table.unseen)
    assert between(table, client).state == "ESTAB"
    # Said once more until the next snapshot leaves it out.
    assert table.namespaces == 3


async def test_a_sweep_leaves_nothing_open(bench: Bench) -> None:
    import os

    bench.pair()
    await bench.watch.sweep()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(5):
        await bench.watch.sweep()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


async def test_many_connections_of_one_namespace_are_all_seen(bench: Bench) -> None:
    """More than are asked for one by one: the namespace is walked each time."""
    server = bench.listen(backlog=200)
    clients = [bench.dial(server) for _ in range(90)]
    for _ in clients:
        bench.stack.enter_context(server.accept()[0])
    for _ in range(3):
        table = await bench.watch.sweep()
        mine = {f.client.port for f in table.flows if f.closed_s is None}
        assert {c.getsockname()[1] for c in clients} <= mine
    clients[0].close()
    table = await bench.until(
        lambda t: sum(f.state == "CLOSE-WAIT" for f in t.flows) == 1
    )
    assert table.total >= 90


async def test_a_new_connection_is_seen_at_the_next_look(bench: Bench) -> None:
    """Known sockets are asked for one by one; a new one must not be missed for it."""
    first, _ = bench.pair()
    for _ in range(3):
        between(await bench.watch.sweep(), first)
    second, _ = bench.pair()
    table = await bench.watch.sweep()
    assert between(table, second).began
    assert not between(table, first).began


async def test_a_busy_connection_that_is_well_has_no_trouble(bench: Bench) -> None:
    """Its window is shut for moments, its round trip varies: that is load, no fault."""
    client, served = bench.pair()
    client.settimeout(30)
    served.settimeout(30)
    end = time.monotonic() + 4

    def send() -> None:
        while time.monotonic() < end:
            client.sendall(b"x" * 65_536)
        client.shutdown(socket.SHUT_WR)

    def take() -> None:
        while served.recv(4096):
            pass

    moving = asyncio.gather(asyncio.to_thread(send), asyncio.to_thread(take))
    rates = []
    while time.monotonic() < end - 0.5:
        flow = between(await bench.watch.sweep(), client)
        assert not flow.troubles
        rates.append(flow.sent_rate)
        await asyncio.sleep(0.2)
    await moving
    assert max(rates) > 100_000
