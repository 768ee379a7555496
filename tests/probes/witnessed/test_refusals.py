"""Between two containers: the last hop seen is the last hop reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwiz.probes.facts.connection import Outcome
from netwiz.probes.machine import Ground
from netwiz.probes.requests import Attempt
from netwiz.probes.witness.attempt import PATIENCE_S, attempt
from tests.probes.little_docker import (
    CLIENT,
    HOST_APP,
    SERVER,
    SERVER6,
    LittleDocker,
)
from tests.probes.little_net import needs_root
from tests.probes.witnessed.reading import (
    FROM_SERVER,
    TO_SERVER,
    hit_texts,
    probe,
    role,
    steps,
)

pytestmark = needs_root


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
    with docker.rule(docker.host, f"iptables -I DOCKER-USER {rule}"):
        found = await attempt(base, replace(probe(docker), budget_ms=12_000))
    assert found.connection.outcome is Outcome.TIMEOUT
    assert PATIENCE_S * 1000 - 1 <= found.connection.connect_ms < 8000
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


@pytest.mark.parametrize(("port", "kind"), [(3006, "SYN-ACK"), (3007, "RST")])
async def test_ipv6(docker: LittleDocker, base: Ground, port: int, kind: str) -> None:
    found = await attempt(base, probe(docker, SERVER6, port))
    assert steps(found.forward) == TO_SERVER
    assert steps(found.replies) == FROM_SERVER
    assert {s.packet.kind for s in found.replies} == {kind}


async def test_ipv6_reject(docker: LittleDocker, base: Ground) -> None:
    rule = "-p tcp -m tcp --dport 3006 -j REJECT --reject-with icmp6-adm-prohibited"
    with docker.rule(docker.server, f"ip6tables -A INPUT {rule}"):
        found = await attempt(base, probe(docker, SERVER6, 3006, counters=docker.taps))
    assert found.answer is not None
    assert found.answer.packet.icmp == (1, 1)
    assert ("server", f"-A INPUT {rule}") in hit_texts(found)
