"""What is wrong with a flow shows; what is only load does not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest

from netwiz.probes.facts.flows import Flow, FlowTable, TroubleKind
from tests.probes.flow_bench import PATIENCE_S, Bench, between, has, run, watched
from tests.probes.little_net import needs_root
from tests.probes.wire import SERVER4, Wire

pytestmark = needs_root


@pytest.fixture
async def bench(wire: Wire) -> AsyncIterator[Bench]:
    async with watched(wire) as made:
        yield made


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
