"""What was seen of an attempt, in words short enough to compare."""

from __future__ import annotations

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.witness import Attempted, Sighting
from netwiz.probes.requests import Attempt
from tests.probes.little_docker import (
    SERVER,
    LittleDocker,
)
from tests.probes.little_net import Namespace

TO_SERVER = ["client eth0 >", "host vclient <", "host vserver >", "server eth0 <"]
FROM_SERVER = ["server eth0 >", "host vserver <", "host vclient >", "client eth0 <"]


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
