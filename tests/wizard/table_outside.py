"""Small worlds and the causes they lead to: published ports, clients outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    After,
    Backend,
    ChainPolicy,
    Connection,
    Engine,
    Finding,
    Interface,
    LinkTable,
    Listener,
    Neighbour,
    Outcome,
    Packet,
    PortMapping,
    Process,
    Route,
    Rule,
    RuleHit,
    Ruleset,
    Sighting,
    Snapshot,
    SnapshotTaken,
    UplinkWatch,
)
from netwiz.wizard.case import Case, Client, ClientKind
from tests.wizard.judge_table import MAPPED, OPEN, Told, hangs_up
from tests.wizard.world import (
    BRIDGE,
    ORDER,
    PG,
    UPLINK,
    World,
    case,
    container,
    listener,
)

OUTSIDE = replace(
    case(UPLINK, client=None), client=Client(ClientKind.OUTSIDE, "outside")
)
AT_HOST = case(UPLINK, client=None)
AT_LOOPBACK = case("127.0.0.1", client=None)
NAT = ChainPolicy(
    HOST, Backend.IPTABLES_NFT, 4, "nat", "PREROUTING", "ACCEPT", hook="prerouting"
)
FORWARD = replace(NAT, table="filter", chain="FORWARD", hook="forward")
INPUT = replace(NAT, table="filter", chain="INPUT", hook="input")
OUTPUT = replace(NAT, chain="OUTPUT", hook="output")
POLICIES = (NAT, OUTPUT, FORWARD, INPUT)
DNAT = Rule(
    place=HOST,
    backend=Backend.IPTABLES_NFT,
    family=4,
    table="nat",
    chain="PREROUTING",
    text="-A PREROUTING -p tcp --dport 3000 -j DNAT --to-destination 172.18.0.2:3000",
    verdict="DNAT",
    target="172.18.0.2:3000",
    protocol="tcp",
    destination_ports="3000",
    hook="prerouting",
    tool="iptables",
)
DNAT_OUT = replace(DNAT, chain="OUTPUT", text=DNAT.text.replace("PREROUTING", "OUTPUT"))
DEAD = "172.18.0.199"
STALE = tuple(
    replace(r, text=r.text.replace("172.18.0.2", DEAD), target=f"{DEAD}:3000")
    for r in (DNAT, DNAT_OUT)
)
DROP = replace(
    DNAT,
    table="filter",
    chain="FORWARD",
    text="-A FORWARD -i eth0 -p tcp --dport 3000 -j DROP",
    verdict="DROP",
    target="",
    in_device="eth0",
    hook="forward",
)
ISOLATION = replace(
    DROP,
    chain="DOCKER-ISOLATION-STAGE-2",
    text=f"-A DOCKER-ISOLATION-STAGE-2 -o {BRIDGE} -j DROP",
    protocol="",
    destination_ports="",
    in_device="",
    out_device=BRIDGE,
    hook="",
)
ON = {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.conf.eth0.forwarding": "1",
    "net.ipv4.conf.all.route_localnet": "0",
    f"net.ipv4.conf.{BRIDGE}.route_localnet": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
}
PROXY = (replace(listener("0.0.0.0:3000"), process=Process(7, "docker-proxy")),)
DUMMY = (replace(listener("0.0.0.0:3000"), process=Process(5, "dockerd")),)
PROXIED, PROXYLESS = {**OPEN, "host": PROXY}, {**OPEN, "host": DUMMY}
FAR = replace(container("order", 3), attachments=())


def _packet(source: str, target: str, kind: str = "SYN") -> Packet:
    return Packet(kind, source, target, 40000, 3000, 64)


def works(link: Connection) -> Connection:
    return replace(link, outcome=Outcome.CONNECTED, after=After.OPEN)


def lost(link: Connection) -> Connection:
    return replace(link, outcome=Outcome.TIMEOUT, errno_name="")


def table(
    *interfaces: Interface, neighbours: tuple[Neighbour, ...] = (), off: str = ""
) -> Callable[[ask.Request], Finding]:
    sysctls = ON | ({off: "0"} if off else {})
    found = LinkTable(
        place=HOST,
        routes=(Route("default", "eth0", "10.99.0.2"),),
        interfaces=interfaces,
        neighbours=neighbours,
        sysctls=tuple(sysctls.items()),
    )
    return lambda _: found


def snapshot(*containers: object, proxy: bool) -> Callable[[ask.Request], Finding]:
    """The world's own snapshot, with an engine whose options are known."""
    world = World(containers=containers)  # type: ignore[arg-type]
    engine = Engine("unix:///x", userland_proxy=proxy, iptables=True)
    taken: Snapshot = replace(world.snapshot, engine=engine)
    return lambda _: SnapshotTaken(snapshot=taken)


def outside(
    *rules: Rule,
    policies: tuple[ChainPolicy, ...] = POLICIES,
    sockets: Mapping[str, tuple[Listener, ...]] | None = None,
    proxy: bool = True,
    server: object = MAPPED,
    **more: Callable[[ask.Request], Finding],
) -> World:
    """A published server that answers this host, and these rules."""
    answers = {
        ask.TakeSnapshot: snapshot(ORDER, server, proxy=proxy),
        ask.ReadLinks: more.get("links", table()),
    }
    if "watch" in more:
        answers[ask.WatchUplink] = more["watch"]
    return World(
        containers=(ORDER, server),  # type: ignore[arg-type]
        sockets=sockets or PROXIED,
        connection=works,
        rules=Ruleset(place=HOST, rules=rules, policies=policies),
        sightings=(),
        answers=answers,
    )


def inside(
    *sightings: Sighting,
    rules: tuple[Rule, ...] = (DNAT, DNAT_OUT),
    hits: tuple[RuleHit, ...] = (),
    client: object = ORDER,
    links: Callable[[ask.Request], Finding] | None = None,
    connection: Callable[[Connection], Connection] = lost,
    sockets: Mapping[str, tuple[Listener, ...]] | None = None,
    proxy: bool = False,
) -> World:
    """A published server that does not answer, seen from this machine."""
    return World(
        containers=(client, MAPPED),  # type: ignore[arg-type]
        sockets=sockets or PROXYLESS,
        connection=connection,
        rules=Ruleset(place=HOST, rules=rules, policies=POLICIES),
        sightings=sightings,
        hits=hits,
        answers={
            ask.TakeSnapshot: snapshot(client, MAPPED, proxy=proxy),
            ask.ReadLinks: links or table(),
        },
    )


def watched(**more: object) -> Callable[[ask.Request], Finding]:
    found = UplinkWatch(address=UPLINK, port=3000, waited_ms=30_000.0)
    return lambda _: replace(found, **more)  # type: ignore[arg-type]


def waiting(**more: object) -> Case:
    return replace(OUTSIDE, wait_s=30.0, **more)  # type: ignore[arg-type]


CAME = {"client": "198.51.100.7", "client_port": 40000, "device": "eth0"}
FROM_LIST = replace(DROP, source="198.51.100.0/24", in_device="")
VETH = Interface(9, "veth9", "veth", hairpin=False)
SENT = Sighting(ORDER.place, "eth0", False, _packet("172.18.0.3", UPLINK), 0.0)
REWRITTEN = Sighting(HOST, BRIDGE, True, _packet("172.18.0.3", "172.18.0.2"), 1.0)
ANSWER = Sighting(
    ORDER.place,
    "eth0",
    True,
    _packet("172.18.0.2", "172.18.0.3", "SYN-ACK"),
    3.0,
    reply=True,
)
AT_LO = Sighting(HOST, "lo", True, _packet("127.0.0.1", "127.0.0.1"), 0.0)
SELF = Sighting(HOST, "veth9", True, _packet("172.18.0.2", "172.18.0.2"), 1.0)

DATAGRAM = replace(
    ANSWER, packet=_packet("172.18.0.1", "172.18.0.3", "UDP"), place=ORDER.place
)
BY_PROXY = Sighting(
    PG.place, "eth0", True, _packet("172.18.0.1", "172.18.0.2"), 2.0, leg=2
)
at_nic = replace(PG, published=(PortMapping(3000, "tcp", UPLINK, 3000),))


def _served(link: Connection) -> Connection:
    return hangs_up(link) if link.place == HOST else works(link)


TABLE: dict[str, Told] = {
    "outside, rules gone": Told("nat-rules-lost-proxy-masks", outside(), OUTSIDE),
    "outside, the engine's socket": Told(
        "dockerd-dummy-listener", outside(sockets=PROXYLESS, proxy=False), OUTSIDE
    ),
    "inside, the engine's socket": Told(
        "dockerd-dummy-listener", inside(rules=(), connection=works), AT_HOST
    ),
    "outside, a leftover rule": Told(
        "stale-dnat-to-dead-ip", outside(*STALE, DNAT), OUTSIDE
    ),
    "inside, a leftover rule": Told(
        "stale-dnat-to-dead-ip",
        inside(
            rules=STALE,
            links=table(neighbours=(Neighbour(DEAD, BRIDGE, "", "FAILED"),)),
            proxy=True,
        ),
        AT_HOST,
    ),
    "outside, a rule": Told("docker-user-drop", outside(DNAT, DROP), OUTSIDE),
    "outside, a policy": Told(
        "forward-policy-drop-no-accept",
        outside(DNAT, policies=(*POLICIES[:2], replace(FORWARD, policy="DROP"))),
        OUTSIDE,
    ),
    "outside, a reset": Told(
        "forward-reject-tcp-reset",
        outside(DNAT, replace(DROP, verdict="REJECT", reject_with="tcp-reset")),
        OUTSIDE,
    ),
    "outside, an error": Told(
        "forward-reject-icmp-prohibited",
        outside(
            DNAT,
            replace(DROP, verdict="REJECT", reject_with="icmp-host-prohibited"),
        ),
        OUTSIDE,
    ),
    "outside, nothing forwarded": Told(
        "ip-forward-off",
        outside(DNAT, links=table(off="net.ipv4.ip_forward")),
        OUTSIDE,
    ),
    "outside, nothing from there": Told(
        "per-interface-forwarding-off",
        outside(DNAT, links=table(off="net.ipv4.conf.eth0.forwarding")),
        OUTSIDE,
    ),
    "outside, straight to a container": Told(
        "direct-routing-dropped",
        outside(policies=(*POLICIES[:2], replace(FORWARD, policy="DROP")), server=PG),
        replace(case("172.18.0.2", client=None), client=OUTSIDE.client),
    ),
    "nothing came": Told(
        "upstream-firewall", outside(DNAT, watch=watched()), waiting(tried=True)
    ),
    "its packet came, and was dropped": Told(
        "docker-user-drop",
        outside(
            DNAT,
            FROM_LIST,
            watch=watched(
                **CAME,
                hits=(RuleHit(1, FROM_LIST),),
                sightings=(
                    Sighting(HOST, "eth0", True, _packet("198.51.100.7", UPLINK), 0.0),
                ),
            ),
        ),
        waiting(),
    ),
    "proxy dead": Told(
        "docker-proxy-dead",
        World(containers=(MAPPED,), sockets=OPEN, sightings=(AT_LO,)),
        AT_LOOPBACK,
    ),
    "published elsewhere": Told(
        "published-on-other-address",
        World(containers=(ORDER, at_nic), sightings=(AT_LO,)),
        case("172.18.0.1"),
    ),
    "drawn at each start": Told(
        "random-host-port",
        World(
            containers=(
                replace(
                    PG,
                    published=(PortMapping(3000, "tcp", "", 32768),),
                    requested=(PortMapping(3000),),
                ),
            )
        ),
        AT_HOST,
    ),
    "answered from elsewhere": Told(
        "udp-reply-wrong-source",
        World(
            sockets={"host": (replace(listener("0.0.0.0:3000"), protocol="udp"),)},
            outcomes={UPLINK: Outcome.SILENT},
            sightings=(SENT, DATAGRAM),
        ),
        case(UPLINK, scheme="udp"),
    ),
    "seen as the bridge": Told(
        "source-ip-masked",
        World(
            containers=(FAR, MAPPED, container("web", 7)),
            sockets=PROXIED,
            connection=lambda c: hangs_up(c) if c.address == UPLINK else _served(c),
            sightings=(SENT, BY_PROXY),
        ),
        case(UPLINK),
    ),
    "kept apart": Told(
        "userland-proxy-off-cross-net",
        inside(
            SENT,
            REWRITTEN,
            hits=(RuleHit(1, ISOLATION),),
            client=FAR,
        ),
        case(UPLINK),
    ),
    "hairpin": Told(
        "hairpin-off-self",
        inside(SELF, links=table(VETH)),
        case(UPLINK, client=MAPPED),
    ),
    "answer not translated": Told(
        "proxy-off-bridge-nf-off",
        inside(
            SENT,
            ANSWER,
            links=table(off="net.bridge.bridge-nf-call-iptables"),
        ),
        case(UPLINK),
    ),
    "loopback not routed": Told(
        "route-localnet-off",
        inside(
            links=table(off=f"net.ipv4.conf.{BRIDGE}.route_localnet"),
        ),
        AT_LOOPBACK,
    ),
}
