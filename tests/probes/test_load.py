"""Many attempts, queues on the way, throttling: read from a real kernel."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import (
    HOST,
    After,
    Connection,
    Outcome,
    Repeated,
    resent,
)
from netwiz.probes.load.asking import watch_asking
from netwiz.probes.load.pressure import parse_stat, pressure_of
from netwiz.probes.load.queues import read_queues
from netwiz.probes.load.repeat import repeat
from netwiz.probes.requests import ReadQueues, Repeat, WatchAsking
from tests.probes.little_net import needs_root
from tests.probes.wire import CLIENT4, SERVER4, Wire, rules

ONE = Connection(
    place=HOST,
    address="172.18.0.2",
    port=80,
    outcome=Outcome.CONNECTED,
    after=After.OPEN,
    connect_ms=0.4,
)
LOST = replace(ONE, outcome=Outcome.TIMEOUT, after=After.NONE, connect_ms=3500.0)


@pytest.mark.parametrize(
    ("ms", "seconds"),
    [
        *((0.3, 0), (250.0, 0), (700.0, 0), (1003.0, 1), (1140.0, 1), (1400.0, 0)),
        *((2031.0, 2), (3040.0, 3), (5000.0, 0), (7020.0, 7)),
    ],
)
def test_a_repeated_syn_is_told_from_a_slow_path(ms: float, seconds: int) -> None:
    assert resent(ms) == seconds


def test_the_spread_in_words() -> None:
    late = replace(ONE, connect_ms=1004.0)
    refused = replace(LOST, outcome=Outcome.REFUSED)
    found = Repeated(
        place=HOST,
        address="172.18.0.2",
        port=80,
        attempts=(ONE, replace(ONE, connect_ms=1.24), late, late, LOST, refused),
    )
    assert found.spread == (
        "6 probes: 2 within 1.2 ms, 2 after about 1 s, 1 without an answer, 1 refused"
    )
    assert len(found.working) == 4
    assert found.late == (late, late)
    assert found.unanswered == (LOST,)
    assert found.quickest_ms == 0.4


async def patient(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@needs_root
async def test_many_attempts_are_made_from_the_place(wire: Wire) -> None:
    async with wire.serving(patient) as port:
        asked = Repeat(wire.client.place, SERVER4, port, count=12)
        found = await repeat(wire.ground, replace(asked, counters=(asked.place,)))
    assert len(found.working) == len(found.attempts) == 12
    assert len({a.source_port for a in found.attempts}) == 12
    assert {r.name: r.by for r in found.kernel}["TcpActiveOpens"] == 12
    assert found.late == ()


@needs_root
async def test_a_lost_syn_shows_by_its_time(wire: Wire) -> None:
    async with wire.serving(patient) as port:
        # Every other SYN is dropped: each connection needs its second one at most.
        line = f"input tcp dport {port} tcp flags syn numgen inc mod 2 0 drop"
        with rules(wire.server, line):
            asked = Repeat(wire.client.place, SERVER4, port, count=4, budget_ms=3500)
            found = await repeat(wire.ground, replace(asked, counters=(asked.place,)))
    assert len(found.working) == 4
    assert found.late
    assert {r.name for r in found.kernel} >= {"TcpExtTCPSynRetrans"}
    assert "after about 1 s" in found.spread


@needs_root
async def test_the_queues_of_a_device_are_read(wire: Wire) -> None:
    wire.client.run("tc qdisc add dev e0 root tbf rate 64kbit burst 1600 latency 2s")
    try:
        before = await read_queues(wire.ground, ReadQueues(wire.client.place))
        wire.client.run(f"ping -c3 -i0.01 -s1400 {SERVER4} >/dev/null || true")
        after = await read_queues(wire.ground, ReadQueues(wire.client.place, nth=2))
    finally:
        wire.client.run("tc qdisc del dev e0 root")
    shaper = before.of("e0")
    assert shaper is not None
    assert (shaper.kind, shaper.rate, shaper.rate_text) == ("tbf", 64000, "64 kbit/s")
    now = after.of("e0", shaper.handle)
    assert now is not None
    assert now.sent >= shaper.sent
    assert {d.device for d in after.drops} == {"lo", "e0"}
    assert "tc -s qdisc" in after.command


@needs_root
async def test_the_rate_of_a_class_is_read(wire: Wire) -> None:
    wire.server.run(
        "tc qdisc add dev e0 root handle 1: htb default 10;"
        "tc class add dev e0 parent 1: classid 1:10 htb rate 1mbit ceil 2mbit"
    )
    try:
        found = await read_queues(wire.ground, ReadQueues(wire.server.place))
    finally:
        wire.server.run("tc qdisc del dev e0 root")
    limited = [q for q in found.queues if q.rate]
    assert [(q.kind, q.handle, q.rate_text) for q in limited] == [
        ("htb", "1:10", "2 Mbit/s")
    ]


def test_throttling_is_read_from_either_kind_of_cgroup(tmp_path: Path) -> None:
    words = Path("/proc/self/cgroup").read_text()
    one = next(w.split(":", 2)[2] for w in words.splitlines() if ":cpu" in f":{w}")
    folder = tmp_path / "cpu" / one.lstrip("/")
    folder.mkdir(parents=True)
    (folder / "cpu.stat").write_text(
        "nr_periods 40\nnr_throttled 30\nthrottled_time 2500000000\nodd line\n"
    )
    (folder / "cpu.cfs_quota_us").write_text("5000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    found = pressure_of("c" * 64, os.getpid(), tmp_path)
    assert (found.periods, found.throttled) == (40, 30)
    assert found.throttled_ms == 2500.0
    assert found.quota == 0.05
    (folder / "cpu.stat").write_text("nr_periods 9\nthrottled_usec 1500\n")
    (folder / "cpu.max").write_text("max 100000\n")
    second = pressure_of("c" * 64, os.getpid(), tmp_path)
    assert (second.throttled_ms, second.quota, second.throttled) == (1.5, 0.0, 0)


def test_a_cgroup_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="cgroup was not found"):
        pressure_of("c" * 64, os.getpid(), tmp_path)
    assert parse_stat("a\nb c\nd 1 2\ne -1\nf 7") == {"f": 7}


@needs_root
async def test_who_waits_for_a_name_server_is_seen(wire: Wire) -> None:
    place = wire.server.place
    asking = wire.socket(place, socket.SOCK_DGRAM, SERVER4, 0)
    other = wire.socket(place, socket.SOCK_DGRAM, SERVER4, 0)
    with asking, other:
        asking.connect((CLIENT4, 53))
        other.connect((CLIENT4, 5353))
        found = await watch_asking(wire.ground, WatchAsking(place, 1000))
    assert [a.server for a in found.asked] == [CLIENT4]
    assert 100 <= found.asked[0].open_ms <= found.watched_ms
    # Its process is ours, and stands in another namespace.
    assert found.asked[0].process == ""
