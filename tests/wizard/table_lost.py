"""Small worlds and the causes they lead to: lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    Address,
    Attachment,
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
from tests.wizard.judge_table import ON_HOST, OPEN, RULE, SHUT, Told
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
    hits = (RuleHit(packets, taken),) if taken else ()
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
        return replace(found, kernel=rises if request.counters else ())  # type: ignore[type-var]

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
KERNEL_SEEN = {
    REVERSE.name: (*ENTERED, syn(HOST, BRIDGE)),
    TABLE_FULL.name: ENTERED,
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

TABLE: dict[str, Told] = {
    "dropped by a rule": Told("docker-user-drop", world(DROP)),
    "dropped, and shut": Told(
        "docker-user-drop",
        world(DROP, sockets=SHUT),
        also=("service-bound-loopback",),
    ),
    "dropped on a busy host": Told("docker-user-drop", world(DROP, packets=40)),
    "dropped before it leaves": Told(
        "container-own-iptables",
        world(replace(DROP, place=ORDER.place, chain="OUTPUT", hook="output"), seen=()),
    ),
    "dropped where it arrives": Told(
        "container-own-iptables",
        world(replace(DROP, place=PG.place, chain="INPUT", hook="input"), seen=ARRIVED),
    ),
    "the answer dropped": Told(
        "reply-direction-dropped",
        world(
            replace(
                DROP,
                destination_ports="",
                source_ports="3000",
                text="-A DOCKER-USER -p tcp --sport 3000 -j DROP",
            ),
            seen=ANSWERED,
        ),
    ),
    "policy": Told("forward-policy-drop-no-accept", world(policy=forward("DROP"))),
    "policy, and all rules gone": Told(
        "docker-rules-flushed",
        replace(
            world(policy=forward("DROP")),
            rules=Ruleset(place=HOST, policies=(forward("DROP"),)),
        ),
    ),
    "legacy": Told(
        "iptables-legacy-nft-mix",
        world(
            replace(
                DROP,
                backend=Backend.IPTABLES_LEGACY,
                chain="FORWARD",
                hook="forward",
                tool="iptables-legacy",
                text="-A FORWARD -p tcp --dport 3000 -j DROP",
            ),
            more=(DROP,),
        ),
    ),
    "nft": Told("foreign-nft-drop", world(nft("tcp dport 3000 counter drop"))),
    "nft, uncounted": Told(
        "foreign-nft-drop",
        replace(
            world(),
            rules=ruled(nft("tcp dport 3000 drop"), policies=(GUARD,)),
        ),
    ),
    "nft, by policy": Told(
        "foreign-nft-drop",
        replace(
            world(),
            rules=ruled(policies=(replace(GUARD, policy="DROP"),)),
        ),
    ),
    "icc": Told(
        "icc-false",
        world(
            replace(
                DROP,
                chain="FORWARD",
                hook="forward",
                in_device=BRIDGE,
                out_device=BRIDGE,
                text=f"-A FORWARD -i {BRIDGE} -o {BRIDGE} -j DROP",
            ),
            networks=(
                replace(
                    NETWORK,
                    options=(("com.docker.network.bridge.enable_icc", "false"),),
                ),
            ),
        ),
    ),
    "isolated": Told("cross-bridge-isolation", apart(), case("172.19.0.2")),
    "shut in": Told(
        "internal-network-no-egress", apart(internal=True), case("172.19.0.2")
    ),
    "input": Told(
        "host-input-firewall-drop",
        world(INPUT, seen=TO_GATEWAY, sockets=SERVES),
        HOST_CASE,
    ),
    "input, by policy": Told(
        "host-input-firewall-drop",
        world(
            policy=replace(hooked(HOST, "INPUT"), policy="DROP"),
            seen=TO_GATEWAY,
            sockets=SERVES,
        ),
        HOST_CASE,
    ),
    "input, prohibited": Told(
        "host-input-firewall-reject",
        world(
            replace(INPUT, verdict="REJECT", reject_with="icmp-host-prohibited"),
            seen=TO_GATEWAY,
            sockets=SERVES,
            outcomes=PROHIBITED,
            connection=icmp(3, 10),
            answers=ROUTED,
        ),
        HOST_CASE,
    ),
    "prohibited": Told(
        "forward-reject-icmp-prohibited",
        world(
            replace(DROP, verdict="REJECT", reject_with="icmp-admin-prohibited"),
            outcomes=PROHIBITED,
            connection=icmp(3, 13),
            answers=ROUTED,
        ),
    ),
    "beyond a limit": Told(
        "rate-limited",
        world(replace(DROP, unknown=("hashlimit --hashlimit-above 1/hour",))),
    ),
    "on a list": Told(
        "source-ip-banned",
        world(replace(DROP, unknown=("set --match-set bad src",))),
    ),
    "reloaded": Told(
        "firewalld-reload-lost-rules",
        replace(
            world(FIREWALLD),
            rules=Ruleset(place=HOST, rules=(FIREWALLD,), policies=(GUARD,)),
        ),
    ),
    "others": Told(
        "docker-forward-drop-breaks-others",
        world(
            policy=forward("DROP"),
            seen=AWAY,
            containers=(STRANGER, PG),
            networks=(replace(NETWORK, driver="macvlan", device=""),),
        ),
        case("172.18.0.2", client=STRANGER),
    ),
    "reverse path": Told(
        "rp-filter-asymmetric", replace(world(), answers=counting(REVERSE))
    ),
    "connections untracked": Told(
        "conntrack-table-full",
        replace(world(), answers=counting(TABLE_FULL, tracked=999)),
    ),
    "queue full": Told(
        "accept-backlog-full",
        world(seen=ARRIVED, sockets={"pg": (FULL,)}),
    ),
    "another door": Told("container-wrong-gateway", world(seen=OTHER_DOOR)),
}
