"""A datagram has no handshake; its way and its silence are seen all the same."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts.connection import Outcome, Protocol
from netwiz.probes.machine import Ground
from netwiz.probes.requests import Attempt
from netwiz.probes.witness.attempt import attempt
from tests.probes.little_docker import (
    HOST_UPLINK,
    SERVER,
    LittleDocker,
)
from tests.probes.little_net import needs_root
from tests.probes.witnessed.reading import (
    FROM_SERVER,
    TO_SERVER,
    probe,
    steps,
)

pytestmark = needs_root


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
        found = await attempt(base, replace(udp(docker, 53), budget_ms=12_000))
    assert found.connection.outcome is Outcome.SILENT
    assert found.connection.connect_ms < 8000
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
