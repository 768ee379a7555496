"""Small worlds and the causes they lead to: routing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    Address,
    After,
    Attempted,
    Backend,
    Connection,
    Failed,
    Failure,
    Finding,
    IcmpError,
    Interface,
    LinkTable,
    Neighbour,
    Outcome,
    Packet,
    Place,
    PolicyRule,
    Route,
    RouteDecision,
    Rule,
    Ruleset,
    Sighting,
    SnapshotTaken,
)
from tests.wizard.judge_table import Told
from tests.wizard.world import BRIDGE, GATEWAY, NETWORK, ORDER, UPLINK, World, case

TARGET = "203.0.113.10"
OWN = ORDER.addresses[0]
ROUTER = "10.99.0.2"
CASE = case(TARGET)
HOST_CASE = case(TARGET, client=None)


def seen(
    place: Place,
    device: str,
    *,
    inbound: bool = True,
    source: str = OWN,
    kind: str = "SYN",
    wanted: str = TARGET,
) -> Sighting:
    packet = Packet(kind, source, wanted, 40000, 3000, 64)
    return Sighting(place, device, inbound, packet, 1.0)


def answer(ttl: int = 64, device: str = "eth0") -> Sighting:
    """The SYN-ACK, coming in at the uplink."""
    packet = Packet("SYN-ACK", TARGET, UPLINK, 3000, 40000, ttl)
    return Sighting(HOST, device, True, packet, 9.0, reply=True)


ENTERED = (seen(ORDER.place, "eth0", inbound=False), seen(HOST, BRIDGE))
LEFT = (*ENTERED, seen(HOST, "eth0", inbound=False, source=UPLINK))
BARE = (*ENTERED, seen(HOST, "eth0", inbound=False))
WHO_HAS = seen(HOST, "eth0", inbound=False, source=UPLINK, kind="ARP", wanted=ROUTER)
DEFAULT = Route("default", "eth0", ROUTER)
BY_DEFAULT = RouteDecision(
    place=HOST,
    address=TARGET,
    kind="unicast",
    device="eth0",
    gateway=ROUTER,
    destination="default",
    table=254,
)
INTERFACES = (
    Interface(1, "lo", up=True),
    Interface(2, "eth0", up=True),
    Interface(3, BRIDGE, "bridge", up=True),
    Interface(4, "tun9", "tun", up=True),
    Interface(5, "eth1", up=True),
    Interface(6, "veth7", "veth", up=True, master=3, peer=ORDER.place),
)
MASQUERADE = Rule(
    HOST,
    Backend.IPTABLES_NFT,
    4,
    "nat",
    "DOCKER",
    "-A DOCKER -i docker0 -j RETURN",
    "RETURN",
    tool="iptables",
)
CALLED = replace(MASQUERADE, table="filter", chain="DOCKER-USER")
RULES = Ruleset(place=HOST, rules=(MASQUERADE, CALLED))


@dataclass
class Out:
    """A machine whose client dials somebody beyond it."""

    sightings: tuple[Sighting, ...]
    route: RouteDecision = BY_DEFAULT
    back: RouteDecision | None = None
    """The way back to the client, as the host decides it."""
    own: RouteDecision | None = None
    """The client's own decision, or the host's for packets of its own."""
    routes: tuple[Route, ...] = (DEFAULT,)
    policy: tuple[PolicyRule, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    inside: tuple[Route, ...] = (DEFAULT,)
    """Routes of the client's own namespace."""
    answers_host: bool = False
    answers_by: str = ""
    """A device by which the target answers this host."""
    outcome: Outcome = Outcome.TIMEOUT
    icmp: IcmpError | None = None
    """What the client is told, if anything."""

    def world(self, **more: object) -> World:
        """The world of it."""
        return World(
            rules=more.pop("rules", RULES),  # type: ignore[arg-type]
            answers={
                ask.Attempt: self.attempt,
                ask.ReadLinks: self.links,
                ask.AskRoute: self.decide,
            },
            **more,  # type: ignore[arg-type]
        )

    def attempt(self, request: ask.Request) -> Finding:
        assert isinstance(request, ask.Attempt)
        link = Connection(
            place=request.place,
            address=request.address,
            port=request.port,
            outcome=self.outcome,
            icmp=self.icmp,
            source=OWN if request.place == ORDER.place else UPLINK,
            source_port=40000,
        )
        works = request.device and request.device == self.answers_by
        works = works or (not request.device and self.answers_host)
        if request.place == HOST and not request.taps and works:
            link = replace(link, outcome=Outcome.CONNECTED, after=After.OPEN, icmp=None)
        return Attempted(
            connection=link,
            sightings=self.sightings if request.taps else (),
            tapped=request.taps,
            counted=request.counters,
        )

    def links(self, request: ask.Request) -> Finding:
        assert isinstance(request, ask.ReadLinks)
        if request.place != HOST:
            own = Address(OWN, 16, "eth0")
            eth0 = Interface(2, "eth0", "veth", up=True)
            return LinkTable(
                place=request.place,
                interfaces=(INTERFACES[0], eth0),
                addresses=(own,),
                routes=self.inside,
            )
        on = {"net.ipv4.ip_forward": "1"}
        on |= {f"net.ipv4.conf.{d}.forwarding": "1" for d in (BRIDGE, "eth0")}
        return LinkTable(
            place=HOST,
            interfaces=INTERFACES,
            addresses=(Address(UPLINK, 24, "eth0"),),
            routes=self.routes,
            rules=self.policy,
            neighbours=self.neighbours,
            sysctls=tuple({**on, **self.sysctls}.items()),
        )

    def decide(self, request: ask.Request) -> Finding:
        assert isinstance(request, ask.AskRoute)
        if request.address == OWN:
            found = self.back or replace(self.route, device=BRIDGE, gateway="")
        elif request.in_device or (request.place == HOST and self.own is None):
            found = self.route
        else:
            found = self.own or BY_DEFAULT
        if found.device == "gone":
            return Failed(kind=Failure.GONE, what="no such device")
        return replace(found, place=request.place, address=request.address)


FORWARD = "net.ipv4.ip_forward"
BRIDGE_SWITCH = f"net.ipv4.conf.{BRIDGE}.forwarding"
NOWHERE = replace(BY_DEFAULT, kind="", device="", gateway="", destination="")
HOLE = Route("203.0.113.0/24", kind="blackhole")
INTO_TUNNEL = replace(
    BY_DEFAULT, device="tun9", gateway="", destination="203.0.113.0/24"
)
INTO_BRIDGE = replace(INTO_TUNNEL, device=BRIDGE)
COVERING = replace(NETWORK, id="c" * 64, name="lab", device="br-lab")
COVERING = replace(
    COVERING, subnets=(replace(NETWORK.subnets[0], subnet="203.0.113.0/24"),)
)
BY_VETH = replace(BY_DEFAULT, device="veth7", gateway="")
BY_TABLE = replace(BY_DEFAULT, device="eth1", gateway="192.0.2.254", table=100)
POLICY = PolicyRule(
    1000, 100, source="172.18.0.0/16", text="from 172.18.0.0/16 lookup 100"
)
OPTION = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
NO_NET = IcmpError(3, 0, GATEWAY)


PROXY = "10.99.0.5"


def proxied(_: ask.Request) -> Finding:
    """The engine fetches its images through a proxy."""
    taken = World().snapshot
    assert taken.engine is not None
    engine = replace(taken.engine, http_proxy=f"http://{PROXY}:3128")
    return SnapshotTaken(snapshot=replace(taken, engine=engine))


def behind_proxy() -> World:
    """Nobody answers directly, but the proxy does."""
    out = Out(LEFT)
    made = out.world()

    def attempt(request: ask.Request) -> Finding:
        found = out.attempt(request)
        assert isinstance(request, ask.Attempt)
        assert isinstance(found, Attempted)
        if request.address != PROXY:
            return found
        link = replace(found.connection, outcome=Outcome.CONNECTED, after=After.OPEN)
        return replace(found, connection=link)

    made.answers = {
        **made.answers,
        ask.Attempt: attempt,
        ask.TakeSnapshot: proxied,
    }
    return made


def told_not_to(_: ask.Request) -> Finding:
    """The engine runs with iptables=false."""
    taken = World().snapshot
    assert taken.engine is not None
    engine = replace(taken.engine, iptables=False)
    return SnapshotTaken(snapshot=replace(taken, engine=engine))


def without_rules() -> World:
    """Nothing is masqueraded, because the engine was told to write no rules."""
    made = Out(BARE, answers_host=True).world(rules=Ruleset(place=HOST))
    made.answers = {**made.answers, ask.TakeSnapshot: told_not_to}
    return made


TABLE: dict[str, Told] = {
    "forwarding off": Told(
        "ip-forward-off",
        Out(ENTERED, sysctls={FORWARD: "0", BRIDGE_SWITCH: "0"}).world(),
        CASE,
    ),
    "forwarding off at one device": Told(
        "per-interface-forwarding-off",
        Out(ENTERED, sysctls={BRIDGE_SWITCH: "0"}).world(),
        CASE,
    ),
    "forwarding off for answers": Told(
        "per-interface-forwarding-off",
        Out((*LEFT, answer()), sysctls={"net.ipv4.conf.eth0.forwarding": "0"}).world(),
        CASE,
    ),
    "no masquerade": Told(
        "masquerade-missing", Out(BARE, answers_host=True).world(), CASE
    ),
    "no masquerade, by option": Told(
        "masquerade-disabled-by-option",
        Out(BARE, answers_host=True).world(
            networks=(replace(NETWORK, options=tuple(OPTION.items())),)
        ),
        CASE,
    ),
    "no rules left": Told(
        "docker-rules-flushed",
        Out(BARE, answers_host=True).world(rules=Ruleset(place=HOST)),
        CASE,
    ),
    "told to write none": Told("docker-iptables-false", without_rules(), CASE),
    "only by a proxy": Told("proxy-env-missing", behind_proxy(), case(TARGET, 443)),
    "last hop": Told("ttl-hop-limit", Out((*LEFT, answer(ttl=1))).world(), CASE),
    "no route on the host": Told(
        "host-no-route",
        Out(
            ENTERED, NOWHERE, routes=(), outcome=Outcome.NET_UNREACHABLE, icmp=NO_NET
        ).world(),
        CASE,
    ),
    "a hole": Told(
        "host-special-route",
        Out(
            ENTERED, replace(NOWHERE, kind="blackhole"), routes=(DEFAULT, HOLE)
        ).world(),
        CASE,
    ),
    "a hole inside": Told(
        "host-special-route",
        Out(
            (),
            own=replace(NOWHERE, kind="blackhole"),
            inside=(DEFAULT, HOLE),
            outcome=Outcome.DENIED,
        ).world(),
        CASE,
    ),
    "no default route inside": Told(
        "no-default-route-in-container",
        Out((), own=NOWHERE, inside=(), outcome=Outcome.NET_UNREACHABLE).world(),
        CASE,
    ),
    "internal, without a route": Told(
        "internal-network-no-egress",
        Out((), own=NOWHERE, inside=(), outcome=Outcome.NET_UNREACHABLE).world(
            networks=(replace(NETWORK, internal=True),)
        ),
        CASE,
    ),
    "router gone": Told("next-hop-dead", Out((*ENTERED, WHO_HAS)).world(), CASE),
    "a tunnel": Told(
        "vpn-captures-route",
        Out(
            (*ENTERED, seen(HOST, "tun9", inbound=False, source="10.8.0.6")),
            INTO_TUNNEL,
            routes=(DEFAULT, Route("203.0.113.0/24", "tun9")),
            answers_by="eth0",
        ).world(),
        CASE,
    ),
    "a tunnel for the way back": Told(
        "vpn-captures-route",
        Out((*LEFT, answer()), back=INTO_TUNNEL).world(),
        CASE,
    ),
    "a network over it": Told(
        "subnet-overlap",
        Out(
            ENTERED,
            replace(INTO_BRIDGE, device="br-lab"),
            routes=(DEFAULT, Route("203.0.113.0/24", "br-lab")),
            answers_by="eth0",
        ).world(networks=(NETWORK, COVERING)),
        CASE,
    ),
    "a container's cable": Told(
        "default-route-hijacked-by-veth",
        Out(
            ENTERED,
            BY_VETH,
            routes=(Route("default", "veth7"), replace(DEFAULT, metric=100)),
            answers_by="eth0",
        ).world(),
        CASE,
    ),
    "a policy rule": Told(
        "host-policy-routing",
        Out(
            (*ENTERED, seen(HOST, "eth1", inbound=False, source="192.0.2.1")),
            BY_TABLE,
            own=BY_DEFAULT,
            policy=(POLICY,),
            answers_host=True,
        ).world(),
        CASE,
    ),
    "a policy rule for the way back": Told(
        "host-policy-routing",
        Out((*LEFT, answer()), back=BY_TABLE, policy=(POLICY,)).world(),
        CASE,
    ),
}
