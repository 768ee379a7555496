"""Findings of packets that got no answer, from which small worlds are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    Address,
    Attachment,
    Attempted,
    Backend,
    ChainPolicy,
    Connection,
    Finding,
    IcmpError,
    Interface,
    KernelCounters,
    LinkTable,
    Listener,
    Outcome,
    Packet,
    Place,
    Rise,
    RouteDecision,
    Rule,
    RuleHit,
    Ruleset,
    Sighting,
    Subnet,
)
from tests.wizard.judge_table import ON_HOST, OPEN, RULE
from tests.wizard.world import (
    BRIDGE,
    GATEWAY,
    NETWORK,
    ORDER,
    PG,
    World,
    case,
    container,
    syn,
)

SILENT = {"172.18.0.2": Outcome.TIMEOUT, GATEWAY: Outcome.TIMEOUT}
PROHIBITED = {"172.18.0.2": Outcome.HOST_UNREACHABLE, GATEWAY: Outcome.HOST_UNREACHABLE}
DROP = replace(
    RULE,
    text="-A DOCKER-USER -p tcp --dport 3000 -j DROP",
    verdict="DROP",
    reject_with="",
)
USER_JUMP = replace(
    DROP,
    chain="FORWARD",
    text="-A FORWARD -j DOCKER-USER",
    verdict="JUMP",
    target="DOCKER-USER",
    destination_ports="",
    protocol="",
    hook="forward",
)
NAT = replace(USER_JUMP, table="nat", chain="PREROUTING", target="DOCKER", hook="")


def forward(policy: str = "ACCEPT", **more: object) -> ChainPolicy:
    """The host's FORWARD chain."""
    plain = ChainPolicy(
        HOST, Backend.IPTABLES_NFT, 4, "filter", "FORWARD", policy, 5, hook="forward"
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def hooked(place: Place, chain: str) -> ChainPolicy:
    """A base chain of a namespace, named as iptables does."""
    return forward(place=place, chain=chain, hook=chain.lower())


def ruled(*rules: Rule, policies: tuple[ChainPolicy, ...] = ()) -> Ruleset:
    """What every place answers when asked for its rules."""
    chains = [forward(), *(hooked(p, c) for p in PLACES for c in ("INPUT", "OUTPUT"))]
    own = {(p.place, p.backend, p.table, p.chain) for p in policies}
    rest = [c for c in chains if (c.place, c.backend, c.table, c.chain) not in own]
    return Ruleset(
        place=HOST, rules=(USER_JUMP, NAT, *rules), policies=(*policies, *rest)
    )


PLACES = (HOST, ORDER.place, PG.place)
LEFT = (syn(ORDER.place, "eth0", inbound=False),)
ENTERED = (*LEFT, syn(HOST, "veth1"))
ARRIVED = (*ENTERED, syn(PG.place, "eth0"))
ANSWER = Packet("SYN-ACK", "172.18.0.2", "172.18.0.3", 3000, 40000, 64)
ANSWERED = (
    *ARRIVED,
    Sighting(PG.place, "eth0", False, ANSWER, 2.0, reply=True),
    Sighting(HOST, "veth2", True, ANSWER, 3.0, reply=True),
)


def world(
    taken: Rule | None = None,
    policy: ChainPolicy | None = None,
    *,
    seen: tuple[Sighting, ...] = ENTERED,
    more: tuple[Rule, ...] = (),
    packets: int = 1,
    **rest: object,
) -> World:
    """Pg listens, and what is sent to it gets no answer."""
    rules = (*((taken,) if taken else ()), *more)
    hits: tuple[RuleHit, ...] = (RuleHit(packets, taken),) if taken else ()
    hits += (RuleHit(packets, policy=policy),) if policy else ()
    made = World(
        sockets=OPEN,
        outcomes=SILENT,
        sightings=seen,
        hits=hits,
        rules=ruled(*rules, policies=(policy,) if policy else ()),
    )
    return replace(made, **rest)  # type: ignore[arg-type]


def icmp(kind: int, code: int) -> Callable[[Connection], Connection]:
    """An ICMP error from the gateway is what ends the attempt."""
    return lambda link: replace(
        link, icmp=IcmpError(kind, code, GATEWAY), errno_name="EHOSTUNREACH"
    )


def nft(text: str, **more: object) -> Rule:
    """A rule of nftables in a table of its own."""
    made = replace(
        DROP,
        backend=Backend.NFT,
        family=0,
        table="fw",
        chain="guard",
        text=text,
        hook="forward",
        handle=2,
        tool="nft",
        nft_family="inet",
    )
    return replace(made, **more)  # type: ignore[arg-type]


GUARD = forward(
    backend=Backend.NFT, family=0, table="fw", chain="guard", nft_family="inet"
)
GUARD = replace(GUARD, packets=0)
OTHER = replace(
    NETWORK,
    id="o" * 64,
    name="other",
    subnets=(Subnet("172.19.0.0/16", "172.19.0.1"),),
    device="br-other",
)
THERE = replace(PG, attachments=(Attachment(OTHER.id, "other", "172.19.0.2", 16),))
ISOLATION = replace(
    DROP,
    chain="DOCKER-ISOLATION-STAGE-2",
    text="-A DOCKER-ISOLATION-STAGE-2 -o br-other -j DROP",
    protocol="",
    destination_ports="",
    out_device="br-other",
)
TO_ISOLATION = replace(
    USER_JUMP, text="-A FORWARD -j DOCKER-ISOLATION-STAGE-2", target=ISOLATION.chain
)
APART = (
    Sighting(
        ORDER.place,
        "eth0",
        False,
        Packet("SYN", "172.18.0.3", "172.19.0.2", 40000, 3000, 64),
        1.0,
    ),
    Sighting(
        HOST,
        BRIDGE,
        True,
        Packet("SYN", "172.18.0.3", "172.19.0.2", 40000, 3000, 64),
        2.0,
    ),
)


def apart(**more: object) -> World:
    """Pg is on another network than order."""
    return world(
        ISOLATION,
        more=(TO_ISOLATION,),
        seen=APART,
        containers=(ORDER, THERE),
        networks=(NETWORK, replace(OTHER, **more)),  # type: ignore[arg-type]
        outcomes={"172.19.0.2": Outcome.TIMEOUT},
    )


def counting(
    *rises: Rise, tracked: int = 0, back: str = "eth9"
) -> Mapping[type, Callable[[ask.Request], Finding]]:
    """A machine whose kernel counters rise around each counted attempt."""

    def attempt(request: ask.Request) -> Finding:
        assert isinstance(request, ask.Attempt)
        found = world(seen=KERNEL_SEEN[rises[0].name])._attempt(request)
        assert isinstance(found, Attempted)
        return replace(found, kernel=rises if request.counters else ())

    def counters(request: ask.Request) -> Finding:
        assert isinstance(request, ask.ReadCounters)
        return KernelCounters(place=request.place, tracked=tracked, tracked_max=1000)

    def route(request: ask.Request) -> Finding:
        assert isinstance(request, ask.AskRoute)
        return RouteDecision(
            place=request.place, address=request.address, kind="unicast", device=back
        )

    def links(request: ask.Request) -> Finding:
        assert isinstance(request, ask.ReadLinks)
        return LinkTable(
            place=request.place,
            interfaces=(Interface(2, BRIDGE), Interface(3, "eth0")),
            addresses=(Address("172.18.0.3", 16, "eth0"),),
            sysctls=((f"net.ipv4.conf.{BRIDGE}.rp_filter", "1"),),
        )

    return {
        ask.Attempt: attempt,
        ask.ReadCounters: counters,
        ask.AskRoute: route,
        ask.ReadLinks: links,
    }


ROUTED = {
    ask.AskRoute: lambda r: RouteDecision(
        place=r.place, address=r.address, kind="unicast", device="eth0"
    )
}
REVERSE = Rise(HOST, "TcpExtIPReversePathFilter", 1)
TABLE_FULL = Rise(HOST, "nf_conntrack.drop", 1)
BAD_SUM = Rise(PG.place, "TcpInCsumErrors", 1)
KERNEL_SEEN = {
    REVERSE.name: (*ENTERED, syn(HOST, BRIDGE)),
    TABLE_FULL.name: ENTERED,
    BAD_SUM.name: ARRIVED,
}
OTHER_DOOR = (
    *ARRIVED,
    Sighting(PG.place, "eth1", False, ANSWER, 2.0, reply=True),
)
FULL = Listener("0.0.0.0", 3000, backlog=1, queued=2)
TO_GATEWAY = tuple(
    replace(s, packet=replace(s.packet, destination=GATEWAY)) for s in ON_HOST
)
HOST_CASE = case(GATEWAY)
INPUT = replace(DROP, chain="INPUT", text="-A INPUT -p tcp --dport 3000 -j DROP")
SERVES = {"host": (Listener("0.0.0.0", 3000),)}
STRANGER = container("vm", 3, attachments=())
AWAY = (
    Sighting(
        STRANGER.place,
        "eth0",
        False,
        Packet("SYN", "172.18.0.3", "172.18.0.2", 40000, 3000, 64),
        1.0,
    ),
    syn(HOST, "virbr0"),
)
FIREWALLD = nft(
    "tcp dport 3000 counter drop", table="firewalld", chain="filter_FORWARD"
)
