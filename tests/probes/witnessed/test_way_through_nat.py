"""Rewritten, proxied, or asked for in vain: the probe is still followed."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace

import pytest

from netwiz.probes.facts.base import HOST
from netwiz.probes.facts.connection import After, Outcome
from netwiz.probes.machine import Ground
from netwiz.probes.witness.attempt import ARP_S, PATIENCE_S, attempt
from tests.probes.little_docker import (
    CLIENT,
    HOST_APP,
    HOST_UPLINK,
    OUTSIDE,
    SERVER,
    LittleDocker,
)
from tests.probes.little_net import needs_root
from tests.probes.witnessed.reading import (
    hit_texts,
    probe,
    steps,
)

pytestmark = needs_root


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
    request = replace(probe(docker, nobody), budget_ms=12_000)
    found = await attempt(base, request)
    assert found.connection.outcome is Outcome.TIMEOUT
    assert found.connection.connect_ms >= ARP_S * 1000 - 1
    assert found.connection.connect_ms < 8000
    assert [(s.packet.kind, s.packet.destination) for s in found.sightings] == [
        ("ARP", nobody)
    ]
    assert steps(found.sightings) == ["client eth0 >"]
    assert [h.device for h in found.expected] == ["eth0", "vclient"]


async def test_who_is_being_asked_for_already_is_waited_for(
    docker: LittleDocker, base: Ground
) -> None:
    """Its question goes out once a second, on account of whoever came first."""
    nobody = "172.30.0.79"
    sends = f"import socket; socket.socket(2, 2).sendto(b'', ('{nobody}', 9))"
    asks = docker.client.run(f'{sys.executable} -c "{sends}"; ip neigh show {nobody}')
    assert "INCOMPLETE" in asks
    found = await attempt(base, replace(probe(docker, nobody), budget_ms=12_000))
    assert found.connection.outcome is Outcome.TIMEOUT
    assert [(s.packet.kind, s.packet.destination) for s in found.sightings] == [
        ("ARP", nobody)
    ]


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


async def test_ipv6_nobody_has_the_address(docker: LittleDocker, base: Ground) -> None:
    found = await attempt(base, probe(docker, "fd30::77"))
    assert [(s.packet.kind, s.packet.destination) for s in found.sightings] == [
        ("ARP", "fd30::77")
    ]


async def test_what_never_leaves_the_client_is_not_waited_for(
    docker: LittleDocker, base: Ground
) -> None:
    request = replace(probe(docker, OUTSIDE, 9000), server=None, budget_ms=12_000)
    watched = replace(request, taps=(docker.client.place, HOST))
    rule = "-p tcp -m tcp --dport 9000 -j DROP"
    with docker.rule(docker.client, f"iptables -I OUTPUT {rule}"):
        held = await attempt(base, watched)
    assert held.connection.outcome is Outcome.TIMEOUT
    assert PATIENCE_S * 1000 - 1 <= held.connection.connect_ms < 8000
    assert not held.forward


async def test_what_may_have_left_this_machine_is_waited_for(
    docker: LittleDocker, base: Ground
) -> None:
    """It left the client's namespace, and the host (the tests' own) never saw it."""
    request = replace(probe(docker, OUTSIDE, 9000), server=None, budget_ms=1500)
    watched = replace(request, taps=(docker.client.place, HOST))
    rule = "-p tcp -m tcp --dport 9000 -j DROP"
    with docker.rule(docker.host, f"iptables -I DOCKER-USER {rule}"):
        found = await attempt(base, watched)
    assert found.connection.outcome is Outcome.TIMEOUT
    assert found.connection.connect_ms >= 1490
    assert steps(found.forward) == ["client eth0 >"]


async def test_an_answer_that_is_here_already_is_not_waited_for(
    docker: LittleDocker, base: Ground
) -> None:
    request = replace(probe(docker, OUTSIDE, 9000), server=None, budget_ms=12_000)
    watched = replace(request, taps=(docker.client.place, HOST))
    masquerade = f"POSTROUTING -s {CLIENT} ! -o br-app -j MASQUERADE"
    rule = "-p tcp -m tcp --sport 9000 -j DROP"
    with (
        docker.rule(docker.host, f"iptables -t nat -I {masquerade}"),
        docker.rule(docker.client, f"iptables -I INPUT {rule}"),
    ):
        found = await attempt(base, watched)
    assert found.connection.outcome is Outcome.TIMEOUT
    assert found.connection.connect_ms < 8000
    assert steps(found.replies) == ["client eth0 <"]
