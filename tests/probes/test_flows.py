"""Flows of real sockets in namespaces of our own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from netwiz.probes.facts.flows import Flow, FlowTable
from tests.probes.flow_bench import Bench, between, watched
from tests.probes.little_net import Namespace, needs_root
from tests.probes.wire import CLIENT4, CLIENT6, NOBODY4, SERVER4, SERVER6, Wire

pytestmark = needs_root


@pytest.fixture
async def bench(wire: Wire) -> AsyncIterator[Bench]:
    async with watched(wire) as made:
        yield made


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
    begun = time.monotonic()
    first = between(await bench.watch.sweep(), client)
    assert first.rate == 0
    for _ in range(10):
        client.sendall(b"x" * 10_000)
        assert served.recv(10_000, socket.MSG_WAITALL)
    table = await bench.until(lambda t: between(t, client).sent == 100_000)
    flow = between(table, client)
    looked_for = time.monotonic() - begun
    # All of it went between looks that this time spans: one rate is the mean at least.
    assert max(flow.rates) >= 100_000 / looked_for * 0.99
    assert flow.sent_rate > 0
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
