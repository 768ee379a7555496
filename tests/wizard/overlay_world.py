"""Two nodes of a swarm in memory: order on this one, pg on the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    Attachment,
    Attempted,
    Backend,
    Connection,
    Finding,
    Forwarding,
    KernelSupport,
    Network,
    Outcome,
    OverlayFacts,
    OverlayTask,
    Packet,
    Place,
    Rule,
    RuleHit,
    Sighting,
    Subnet,
    SwarmNode,
    Tunnel,
    TunnelNeighbour,
    VirtualAddress,
)
from tests.wizard.world import ORDER, World

HERE, THERE, ELSEWHERE = "10.99.0.1", "10.98.0.1", "10.98.0.9"
SHOP = Network("s" * 25, "shop", "overlay", "swarm", subnets=(Subnet("10.0.1.0/24"),))
ON_SHOP = replace(
    ORDER, attachments=(Attachment(SHOP.id, "shop", ipv4="10.0.1.2", prefix4=24),)
)
PG, BESIDE, VIRTUAL, TASK = "10.0.1.4", "10.0.1.5", "10.0.1.6", "10.0.1.7"
INSIDE = Place.overlay(SHOP.id, "shop")
MAC = "02:42:0a:00:01:04"
TUNNEL = Tunnel(
    INSIDE,
    "nsenter --net=/var/run/docker/netns/1-ssssssssss",
    "vxlan0",
    4097,
    4789,
    1450,
    (Forwarding(MAC, THERE), Forwarding("02:42:0a:00:01:05", THERE)),
    (TunnelNeighbour(PG, MAC), TunnelNeighbour(BESIDE, "02:42:0a:00:01:05")),
)
FACTS = OverlayFacts(
    network_id=SHOP.id,
    network="shop",
    attachable=True,
    swarm_state="active",
    local=HERE,
    managers=(f"{HERE}:2377",),
    is_manager=True,
    nodes=(
        SwarmNode("n1", "first", HERE, "ready", manager=True),
        SwarmNode("n2", "second", THERE, "ready"),
    ),
    peers=(HERE, THERE),
    tasks=(
        OverlayTask("order", "10.0.1.2", HERE),
        OverlayTask("pg", PG, THERE),
        OverlayTask("web.1.abc", TASK, THERE, "web"),
    ),
    virtual=(VirtualAddress("web", VIRTUAL),),
    tunnel=TUNNEL,
    kernel=KernelSupport(ipvs=True, esp=True, release="6.1.0"),
)
DROP = Rule(
    HOST,
    Backend.IPTABLES_NFT,
    4,
    "filter",
    "OUTPUT",
    "-A OUTPUT -p udp --dport 4789 -j DROP",
    "DROP",
    protocol="udp",
    destination_ports="4789",
    hook="output",
    number=1,
)


def hop(
    place: Place,
    device: str,
    *,
    inbound: bool,
    reply: bool = False,
    tunnel: bool = False,
) -> Sighting:
    """The probe or its answer at a device, inside VXLAN or not."""
    kind, ends = "SYN", ("10.0.1.2", PG, 40000, 3000)
    nodes = (HERE, THERE, 4097)
    if reply:
        kind, ends, nodes = (
            "SYN-ACK",
            (PG, "10.0.1.2", 3000, 40000),
            (THERE, HERE, 4097),
        )
    packet = Packet(kind, *ends, tunnel=nodes if tunnel else None)
    return Sighting(place, device, inbound, packet, 1.0, reply=reply)


ENTERED = (
    hop(ORDER.place, "eth0", inbound=False),
    hop(INSIDE, "vxlan0", inbound=False),
)
LEFT = (*ENTERED, hop(HOST, "eth0", inbound=False, tunnel=True))
BACK = hop(HOST, "eth0", inbound=True, reply=True, tunnel=True)
OUT = hop(INSIDE, "vxlan0", inbound=True, reply=True)


def world(
    facts: OverlayFacts = FACTS,
    *,
    seen: tuple[Sighting, ...] = LEFT,
    hits: tuple[RuleHit, ...] = (),
    outcomes: Mapping[str, Outcome] | None = None,
    beside: tuple[Sighting, ...] | None = None,
) -> World:
    """A swarm in which pg does not answer; the nodes' own ports do, unless told."""
    met = {THERE: Outcome.CONNECTED} | dict(outcomes or {})
    made = World(
        containers=(ON_SHOP,),
        networks=(SHOP,),
        names={"pg": (PG,), "web": (VIRTUAL,)},
    )

    def attempt(request: ask.Request) -> Finding:
        assert isinstance(request, ask.Attempt)
        outcome = met.get(f"{request.address}:{request.port}") or met.get(
            request.address, Outcome.TIMEOUT
        )
        link = Connection(
            place=request.place,
            address=request.address,
            port=request.port,
            outcome=outcome,
            source="10.0.1.2",
            source_port=40000,
        )
        if outcome is Outcome.CONNECTED:
            link = made.connection(link)
        own = seen if request.address == PG or beside is None else beside
        return Attempted(
            connection=link,
            sightings=own if request.taps else (),
            tapped=request.taps,
            hits=hits if request.counters else (),
            counted=request.counters,
        )

    answers: dict[type, Callable[[ask.Request], Finding]] = {
        ask.ReadOverlay: lambda _: facts,
        ask.Attempt: attempt,
    }
    made.answers = answers
    return made
