"""Other traffic, copies, blind spots and cancels: nothing false, nothing left."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Outcome
from netwiz.probes.machine import Ground
from netwiz.probes.namespaces import NETNS_DIR
from netwiz.probes.requests import Attempt
from netwiz.probes.witness import watch as witness
from netwiz.probes.witness.attempt import attempt
from netwiz.probes.witness.tap import Tap
from tests.probes.little_docker import (
    CLIENT,
    HOST_APP,
    SERVER,
    LittleDocker,
)
from tests.probes.little_net import Namespace, needs_root, sh
from tests.probes.witnessed.reading import (
    FROM_SERVER,
    TO_SERVER,
    probe,
    steps,
)

pytestmark = needs_root


async def test_other_traffic_is_not_ours(docker: LittleDocker, base: Ground) -> None:
    with (
        docker.dialling(docker.stranger, SERVER, 3000),
        docker.dialling(docker.client, SERVER, 3000),
    ):
        found = await attempt(base, probe(docker))
    assert found.connection.works
    assert steps(found.forward) == TO_SERVER
    assert steps(found.replies) == FROM_SERVER
    ours = found.connection.source_port
    assert all(
        ours in (s.packet.source_port, s.packet.destination_port)
        for s in found.sightings
    )


async def test_flooded_copies_are_left_out(docker: LittleDocker, base: Ground) -> None:
    bystander = Namespace("bystander")
    try:
        docker.plug(bystander, "br-app", "vbystander", "172.30.0.9/24", HOST_APP)
        # A bridge that does not know where the server is sends to every port.
        docker.host.run(
            "ip link set vserver type bridge_slave learning off;"
            "ip link set vserver type bridge_slave fdb_flush"
        )
        request = probe(docker)
        request = replace(request, taps=(*request.taps, bystander.place))
        found = await attempt(base, request)
    finally:
        docker.host.run("ip link set vserver type bridge_slave learning on")
        bystander.close()
    assert found.connection.works
    assert steps(found.forward) == TO_SERVER
    assert steps(found.replies) == FROM_SERVER


async def test_one_namespace_under_two_names(
    docker: LittleDocker, base: Ground
) -> None:
    alias = Place.netns(f"{docker.client.name}-rider")
    path = NETNS_DIR / alias.key
    sh(f"touch {path} && mount --bind {NETNS_DIR / docker.client.name} {path}")
    try:
        request = Attempt(
            docker.client.place,
            CLIENT,
            3999,
            taps=(docker.client.place, docker.host.place, alias),
            server=alias,
        )
        found = await attempt(base, request)
    finally:
        sh(f"umount {path} && rm {path}")
    assert found.connection.outcome is Outcome.REFUSED
    assert found.tapped == (docker.client.place, docker.host.place, alias)
    assert steps(found.sightings) == [
        "client lo >",
        "rider lo <",
        "rider lo >",
        "client lo <",
    ]


async def test_what_cannot_be_watched_is_said(
    docker: LittleDocker, base: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Place.netns("nwt-was-never")
    real = Tap

    def refuse(place: Place, code: bytes, tunnels: Collection[int]) -> Tap:
        if place == docker.host.place:
            raise PermissionError(1, "Operation not permitted")
        return real(place, code, tunnels)

    monkeypatch.setattr(witness, "Tap", refuse)
    request = probe(docker)
    request = replace(
        request, taps=(*request.taps, gone), counters=(docker.host.place, gone)
    )
    found = await attempt(base, request)
    assert found.connection.works
    assert found.tapped == (docker.client.place, docker.server.place)
    assert found.counted == (docker.host.place,)
    # On a busy machine time stamps may come too late; that is said as well.
    places = [line for line in found.blind if "time stamps" not in line]
    assert len(places) == 3
    assert any("not permitted" in line for line in found.blind)
    assert steps(found.forward) == [TO_SERVER[0], TO_SERVER[3]]


def sockets_open() -> set[str]:
    names = set()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            name = str(fd.readlink())
        except FileNotFoundError:
            continue
        if name.startswith("socket:"):
            names.add(name)
    return names


@pytest.mark.parametrize("phase", ["opening", "waiting"])
async def test_nothing_stays_open_after_a_cancel(
    docker: LittleDocker, base: Ground, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def slow(place: Place, code: bytes, tunnels: Collection[int]) -> Tap:
        made = Tap(place, code, tunnels)
        reached.set()
        go_on.wait(60)
        return made

    if phase == "opening":
        monkeypatch.setattr(witness, "Tap", slow)
    before = sockets_open()
    with docker.rule(docker.host, "iptables -I DOCKER-USER -p tcp -j DROP"):
        task = asyncio.ensure_future(attempt(base, probe(docker)))
        if phase == "opening":
            await asyncio.to_thread(reached.wait, 60)
        else:
            await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
    # Worker threads end what they were about; then nothing of ours is left.
    until = time.monotonic() + 60
    while sockets_open() - before:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def test_many_at_once(docker: LittleDocker, base: Ground) -> None:
    requests = [
        replace(probe(docker, port=port), counters=()) for port in (3000, 3999) * 6
    ]
    found = await asyncio.gather(*(attempt(base, request) for request in requests))
    for request, one in zip(requests, found, strict=True):
        assert one.connection.works is (request.port == 3000)
        assert steps(one.forward) == TO_SERVER
        assert steps(one.replies) == FROM_SERVER


@pytest.mark.bench
async def test_how_long_a_watched_attempt_takes(
    docker: LittleDocker, base: Ground
) -> None:
    for what, port, counters in (
        ("healthy, 3 taps", 3000, ()),
        ("healthy, 3 taps, 1 place counted", 3000, (docker.host.place,)),
        ("refused, 3 taps, 1 place counted", 3999, (docker.host.place,)),
    ):
        spent = []
        for _ in range(15):
            start = time.perf_counter()
            await attempt(base, probe(docker, port=port, counters=counters))
            spent.append((time.perf_counter() - start) * 1000)
        spent.sort()
        print(f"{what}: median {spent[7]:.1f} ms, worst {spent[-1]:.1f} ms")
        assert spent[7] < 300 or os.environ.get("CI")


async def test_the_kernels_own_counters_are_compared(
    docker: LittleDocker, base: Ground
) -> None:
    request = replace(probe(docker), counters=(docker.server.place,))
    found = await attempt(base, request)
    assert found.connection.works
    assert found.rose(docker.server.place, "TcpPassiveOpens") == 1
    assert not found.rose(docker.server.place, "TcpExtListenOverflows")
    assert not found.rose(docker.host.place, "TcpPassiveOpens")
