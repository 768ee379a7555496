"""Attempts between real namespaces: the last hop seen is the last hop reached."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netwiz.probes import witness
from netwiz.probes.attempt import ARP_S, PATIENCE_S, attempt
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import After, Outcome, Protocol
from netwiz.probes.facts.witness import Attempted, Sighting
from netwiz.probes.machine import Ground
from netwiz.probes.namespaces import NETNS_DIR
from netwiz.probes.requests import Attempt
from netwiz.probes.witness_tap import Tap
from tests.probes.little_docker import (
    CLIENT,
    HOST_APP,
    HOST_UPLINK,
    OUTSIDE,
    SERVER,
    SERVER6,
    LittleDocker,
)
from tests.probes.little_net import Namespace, ground, needs_root, sh

pytestmark = needs_root

TO_SERVER = ["client eth0 >", "host vclient <", "host vserver >", "server eth0 <"]
FROM_SERVER = ["server eth0 >", "host vserver <", "host vclient >", "client eth0 <"]


@pytest.fixture(scope="module")
def docker() -> Iterator[LittleDocker]:
    made = LittleDocker()
    try:
        made.serve(
            made.server, "tcp,0.0.0.0,3000", "tcp,::,3006", "udp,0.0.0.0,53", "mute,,54"
        )
        made.serve(made.outside, "tcp,0.0.0.0,9000")
        # Nobody's first attempt waits for a neighbour's answer.
        for address in (SERVER, HOST_APP):
            made.client.run(f"ping -c1 -W2 {address} >/dev/null || true")
        yield made
    finally:
        made.close()


@pytest.fixture
async def base() -> AsyncIterator[Ground]:
    made = ground()
    yield made
    made.namespaces.close()


def role(place: Place) -> str:
    return place.label.rpartition("-")[2]


def steps(sightings: tuple[Sighting, ...], leg: int = 1) -> list[str]:
    return [
        f"{role(s.place)} {s.device} {'<' if s.inbound else '>'}"
        for s in sightings
        if s.leg == leg
    ]


def probe(
    docker: LittleDocker,
    address: str = SERVER,
    port: int = 3000,
    *,
    client: Namespace | None = None,
    counters: tuple[Place, ...] | None = None,
) -> Attempt:
    where = client or docker.client
    return Attempt(
        where.place,
        address,
        port,
        taps=tuple(
            dict.fromkeys((where.place, docker.host.place, docker.server.place))
        ),
        counters=(docker.host.place,) if counters is None else counters,
        server=docker.server.place,
    )


def hit_texts(found: Attempted) -> list[tuple[str, str]]:
    return [(role(h.rule.place), h.rule.text) for h in found.hits if h.rule]


async def test_healthy(docker: LittleDocker, base: Ground) -> None:
    found = await attempt(base, probe(docker))
    assert found.connection.works
    assert steps(found.forward) == TO_SERVER
    assert steps(found.replies) == FROM_SERVER
    assert {s.packet.kind for s in found.replies} == {"SYN-ACK"}
    assert [f"{role(h.place)} {h.device}" for h in found.expected] == [
        step[:-2] for step in TO_SERVER
    ]
    assert found.tapped == docker.taps
    assert found.counted == (docker.host.place,)
    assert found.blind == ()
    at = [s.at_us for s in found.sightings]
    assert at == sorted(at)
    assert at[0] == 0.0
    packet = found.sightings[0].packet
    assert (packet.source, packet.source_port) == (
        found.connection.source,
        found.connection.source_port,
    )


async def test_a_plain_attempt_watches_nothing(
    docker: LittleDocker, base: Ground
) -> None:
    found = await attempt(base, Attempt(docker.client.place, SERVER, 3000))
    assert found.connection.works
    assert (found.sightings, found.tapped, found.counted) == ((), (), ())


async def test_closed_port(docker: LittleDocker, base: Ground) -> None:
    found = await attempt(base, probe(docker, port=3999))
    assert found.connection.outcome is Outcome.REFUSED
    assert steps(found.forward) == TO_SERVER
    assert found.answer is not None
    assert found.answer.packet.kind == "RST"
    assert steps((found.answer,)) == ["server eth0 >"]


async def test_reject_with_a_reset(docker: LittleDocker, base: Ground) -> None:
    rule = "-p tcp -m tcp --dport 3000 -j REJECT --reject-with tcp-reset"
    with docker.rule(docker.host, f"iptables -I DOCKER-USER {rule}"):
        found = await attempt(base, probe(docker))
    assert found.connection.outcome is Outcome.REFUSED
    assert steps(found.forward) == TO_SERVER[:2]
    assert found.answer is not None
    # It pretends to come from the server, but it was born at the client's port.
    assert found.answer.packet.source == SERVER
    assert steps((found.answer,)) == ["host vclient >"]
    assert ("host", f"-A DOCKER-USER {rule}") in hit_texts(found)


async def test_reject_with_an_icmp_error(docker: LittleDocker, base: Ground) -> None:
    rule = "-p tcp -m tcp --dport 3000 -j REJECT --reject-with icmp-port-unreachable"
    with docker.rule(docker.host, f"iptables -I DOCKER-USER {rule}"):
        found = await attempt(base, probe(docker))
    assert found.connection.outcome is Outcome.REFUSED
    assert steps(found.forward) == TO_SERVER[:2]
    assert found.answer is not None
    assert found.answer.packet.icmp == (3, 3)
    assert found.answer.packet.source == HOST_APP
    assert ("host", f"-A DOCKER-USER {rule}") in hit_texts(found)


async def test_drop_is_known_before_the_timeout(
    docker: LittleDocker, base: Ground
) -> None:
    rule = "-p tcp -m tcp --dport 3000 -j DROP"
    start = time.perf_counter()
    with docker.rule(docker.host, f"iptables -I DOCKER-USER {rule}"):
        found = await attempt(base, replace(probe(docker), budget_ms=5000))
    assert time.perf_counter() - start < 3
    assert found.connection.outcome is Outcome.TIMEOUT
    assert found.connection.connect_ms >= PATIENCE_S * 1000 - 1
    assert found.connection.source == CLIENT
    assert steps(found.sightings) == TO_SERVER[:2]
    assert ("host", f"-A DOCKER-USER {rule}") in hit_texts(found)


async def test_reply_dropped(docker: LittleDocker, base: Ground) -> None:
    rule = "-p tcp -m tcp --sport 3000 --tcp-flags SYN,ACK SYN,ACK -j DROP"
    with docker.rule(docker.host, f"iptables -I DOCKER-USER {rule}"):
        found = await attempt(base, probe(docker))
    assert found.connection.outcome is Outcome.TIMEOUT
    assert steps(found.forward) == TO_SERVER
    assert steps(found.replies) == FROM_SERVER[:2]


async def test_rejected_in_the_clients_own_namespace(
    docker: LittleDocker, base: Ground
) -> None:
    rule = "-p tcp -m tcp --dport 3000 -j REJECT --reject-with icmp-port-unreachable"
    with docker.rule(docker.client, f"iptables -A OUTPUT {rule}"):
        found = await attempt(base, probe(docker, counters=docker.taps))
    assert found.connection.outcome is Outcome.REFUSED
    assert [s for s in found.sightings if s.device != "lo"] == []
    assert ("client", f"-A OUTPUT {rule}") in hit_texts(found)
    assert found.counted == docker.taps


async def test_dropped_in_the_clients_own_namespace(
    docker: LittleDocker, base: Ground
) -> None:
    rule = "-p tcp -m tcp --dport 3000 -j DROP"
    with docker.rule(docker.client, f"iptables -A OUTPUT {rule}"):
        found = await attempt(base, probe(docker, counters=docker.taps))
    assert found.connection.outcome is Outcome.TIMEOUT
    assert found.sightings == ()
    assert ("client", f"-A OUTPUT {rule}") in hit_texts(found)


async def test_rejected_in_the_servers_namespace(
    docker: LittleDocker, base: Ground
) -> None:
    rule = "-p tcp -m tcp --dport 3000 -j REJECT --reject-with tcp-reset"
    with docker.rule(docker.server, f"iptables -A INPUT {rule}"):
        found = await attempt(base, probe(docker, counters=docker.taps))
    assert found.connection.outcome is Outcome.REFUSED
    assert steps(found.forward) == TO_SERVER
    assert ("server", f"-A INPUT {rule}") in hit_texts(found)


async def test_legacy_and_foreign_rules_are_counted(
    docker: LittleDocker, base: Ground
) -> None:
    docker.server.run(
        "nft add table inet own; nft add chain inet own in "
        "'{ type filter hook input priority 5; }';"
        "nft add rule inet own in tcp dport 3000 counter drop"
    )
    try:
        with docker.rule(docker.server, "iptables-legacy -A INPUT -p tcp"):
            found = await attempt(base, probe(docker, counters=docker.taps))
    finally:
        docker.server.run("nft delete table inet own")
    assert found.connection.outcome is Outcome.TIMEOUT
    assert ("server", "tcp dport 3000 counter drop") in hit_texts(found)
    assert ("server", "-A INPUT -p tcp") in hit_texts(found)


async def test_published_port_from_outside(docker: LittleDocker, base: Ground) -> None:
    rule = f"DOCKER ! -i br-app -p tcp --dport 8080 -j DNAT --to {SERVER}:3000"
    with docker.rule(docker.host, f"iptables -t nat -A {rule}"):
        found = await attempt(
            base, probe(docker, HOST_UPLINK, 8080, client=docker.outside)
        )
    assert found.connection.works
    assert steps(found.forward) == [
        "outside eth0 >",
        "host uplink <",
        "host br-app >",
        "host vserver >",
        "server eth0 <",
    ]
    before, after = found.forward[1].packet, found.forward[2].packet
    assert (before.destination, before.destination_port) == (HOST_UPLINK, 8080)
    assert (after.destination, after.destination_port) == (SERVER, 3000)
    assert [h.device for h in found.expected] == [
        "eth0",
        "uplink",
        "br-app",
        "vserver",
        "eth0",
    ]
    assert any("DNAT" in text for _, text in hit_texts(found))


@pytest.mark.parametrize("option", ["", "--random-fully"])
async def test_masquerade(docker: LittleDocker, base: Ground, option: str) -> None:
    request = replace(
        probe(docker, OUTSIDE, 9000),
        taps=(docker.client.place, docker.host.place, docker.outside.place),
        server=None,
    )
    rule = f"POSTROUTING -s {CLIENT} ! -o br-app -j MASQUERADE {option}"
    # Before the ordinary one, so that the source port is rewritten as well.
    with docker.rule(docker.host, f"iptables -t nat -I {rule}"):
        found = await attempt(base, request)
    assert found.connection.works
    assert steps(found.forward) == [
        "client eth0 >",
        "host vclient <",
        "host br-app <",
        "host uplink >",
        "outside eth0 <",
    ]
    assert found.forward[-1].packet.source == HOST_UPLINK
    assert any("MASQUERADE" in text for _, text in hit_texts(found))


@pytest.mark.parametrize("proxy", ["relay", "docker-proxy"])
async def test_a_proxy_makes_a_second_leg(
    docker: LittleDocker, base: Ground, proxy: str
) -> None:
    if proxy == "relay":
        docker.relay(8081, 3000)
        port = 8081
    else:
        if not shutil.which("docker-proxy", path="/usr/sbin:/usr/bin:/usr/local/bin"):
            pytest.skip("no docker-proxy here")
        docker.docker_proxy(8082, 3000)
        port = 8082
    found = await attempt(base, probe(docker, HOST_APP, port))
    assert found.connection.works
    assert steps(found.forward) == ["client eth0 >", "host vclient <", "host br-app <"]
    assert steps(found.forward, 2) == [
        "host br-app >",
        "host vserver >",
        "server eth0 <",
    ]
    assert steps(found.replies, 2)[0] == "server eth0 >"
    second = next(s for s in found.forward if s.leg == 2)
    assert second.packet.destination == SERVER
    assert second.packet.source == HOST_APP


async def test_a_proxy_with_a_dead_backend(docker: LittleDocker, base: Ground) -> None:
    docker.relay(8083, 3999)
    found = await attempt(
        base, probe(docker, "127.0.0.1", 8083, client=docker.host, counters=())
    )
    assert found.connection.outcome is Outcome.CONNECTED
    assert found.connection.after in (After.EOF, After.RESET)
    assert steps(found.sightings)[:2] == ["host lo >", "host lo >"]
    kinds = [s.packet.kind for s in found.replies if s.leg == 2]
    assert kinds[0] == "RST"
    assert steps(found.replies, 2)[0] == "server eth0 >"


async def test_nobody_has_the_address(docker: LittleDocker, base: Ground) -> None:
    nobody = "172.30.0.77"
    request = replace(probe(docker, nobody), budget_ms=2500)
    found = await attempt(base, request)
    assert found.connection.outcome is Outcome.TIMEOUT
    assert found.connection.connect_ms >= ARP_S * 1000 - 1
    assert found.connection.connect_ms < 2000
    assert [(s.packet.kind, s.packet.destination) for s in found.sightings] == [
        ("ARP", nobody)
    ]
    assert steps(found.sightings) == ["client eth0 >"]
    assert [h.device for h in found.expected] == ["eth0", "vclient"]


async def test_nobody_behind_a_published_port(
    docker: LittleDocker, base: Ground
) -> None:
    rule = "DOCKER ! -i br-app -p tcp --dport 8090 -j DNAT --to 172.30.0.78:3000"
    with docker.rule(docker.host, f"iptables -t nat -A {rule}"):
        found = await attempt(
            base, probe(docker, HOST_UPLINK, 8090, client=docker.outside)
        )
    assert found.connection.outcome is Outcome.TIMEOUT
    last = found.forward[-1]
    assert (last.packet.kind, last.packet.destination) == ("ARP", "172.30.0.78")
    assert steps((last,)) == ["host br-app >"]


@pytest.mark.parametrize(("port", "kind"), [(3006, "SYN-ACK"), (3007, "RST")])
async def test_ipv6(docker: LittleDocker, base: Ground, port: int, kind: str) -> None:
    found = await attempt(base, probe(docker, SERVER6, port))
    assert steps(found.forward) == TO_SERVER
    assert steps(found.replies) == FROM_SERVER
    assert {s.packet.kind for s in found.replies} == {kind}


async def test_ipv6_nobody_has_the_address(docker: LittleDocker, base: Ground) -> None:
    found = await attempt(base, probe(docker, "fd30::77"))
    assert [(s.packet.kind, s.packet.destination) for s in found.sightings] == [
        ("ARP", "fd30::77")
    ]


async def test_ipv6_reject(docker: LittleDocker, base: Ground) -> None:
    rule = "-p tcp -m tcp --dport 3006 -j REJECT --reject-with icmp6-adm-prohibited"
    with docker.rule(docker.server, f"ip6tables -A INPUT {rule}"):
        found = await attempt(base, probe(docker, SERVER6, 3006, counters=docker.taps))
    assert found.answer is not None
    assert found.answer.packet.icmp == (1, 1)
    assert ("server", f"-A INPUT {rule}") in hit_texts(found)


def udp(docker: LittleDocker, port: int, address: str = SERVER) -> Attempt:
    return replace(probe(docker, address, port), protocol=Protocol.UDP)


async def test_udp_answered(docker: LittleDocker, base: Ground) -> None:
    found = await attempt(base, udp(docker, 53))
    assert found.connection.outcome is Outcome.CONNECTED
    assert steps(found.forward) == TO_SERVER
    assert steps(found.replies) == FROM_SERVER


async def test_udp_refused(docker: LittleDocker, base: Ground) -> None:
    found = await attempt(base, udp(docker, 55))
    assert found.connection.outcome is Outcome.REFUSED
    assert steps(found.forward) == TO_SERVER
    assert found.answer is not None
    assert steps((found.answer,)) == ["server eth0 >"]
    assert found.answer.packet.icmp == (3, 3)


async def test_udp_arrived_but_unanswered(docker: LittleDocker, base: Ground) -> None:
    found = await attempt(base, replace(udp(docker, 54), budget_ms=700))
    assert found.connection.outcome is Outcome.SILENT
    assert found.connection.connect_ms >= 690
    assert steps(found.sightings) == TO_SERVER


async def test_udp_dropped(docker: LittleDocker, base: Ground) -> None:
    with docker.rule(docker.host, "iptables -I DOCKER-USER -p udp -j DROP"):
        found = await attempt(base, replace(udp(docker, 53), budget_ms=5000))
    assert found.connection.outcome is Outcome.SILENT
    assert found.connection.connect_ms < 4000
    assert steps(found.sightings) == TO_SERVER[:2]


async def test_udp_through_nat(docker: LittleDocker, base: Ground) -> None:
    rule = f"DOCKER ! -i br-app -p udp --dport 5353 -j DNAT --to {SERVER}:53"
    request = probe(docker, HOST_UPLINK, 5353, client=docker.outside)
    with docker.rule(docker.host, f"iptables -t nat -A {rule}"):
        found = await attempt(base, replace(request, protocol=Protocol.UDP))
    assert found.connection.outcome is Outcome.CONNECTED
    assert steps(found.forward)[-1] == "server eth0 <"
    assert found.forward[-1].packet.destination_port == 53
    assert steps(found.replies)[-1] == "outside eth0 <"


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

    def refuse(place: Place, code: bytes) -> Tap:
        if place == docker.host.place:
            raise PermissionError(1, "Operation not permitted")
        return real(place, code)

    monkeypatch.setattr(witness, "Tap", refuse)
    request = probe(docker)
    request = replace(
        request, taps=(*request.taps, gone), counters=(docker.host.place, gone)
    )
    found = await attempt(base, request)
    assert found.connection.works
    assert found.tapped == (docker.client.place, docker.server.place)
    assert found.counted == (docker.host.place,)
    assert len(found.blind) == 3
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

    def slow(place: Place, code: bytes) -> Tap:
        made = Tap(place, code)
        reached.set()
        go_on.wait(10)
        return made

    if phase == "opening":
        monkeypatch.setattr(witness, "Tap", slow)
    before = sockets_open()
    with docker.rule(docker.host, "iptables -I DOCKER-USER -p tcp -j DROP"):
        task = asyncio.ensure_future(attempt(base, probe(docker)))
        if phase == "opening":
            await asyncio.to_thread(reached.wait, 10)
        else:
            await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
    # Worker threads end what they were about; then nothing of ours is left.
    until = time.monotonic() + 10
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
