"""Parts of the small worlds in which a wire, or the client's own end, is at fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    Address,
    AddressHolder,
    AddressHolders,
    After,
    ArpAnswers,
    Attempted,
    Connection,
    Echoed,
    Finding,
    Interface,
    LinkTable,
    Neighbour,
    Outcome,
    Packet,
    Place,
    ProcessRights,
    Rise,
    Route,
    RouteDecision,
    Sighting,
    SocketTable,
    Stream,
)
from tests.wizard import lost_world
from tests.wizard.world import (
    BRIDGE,
    GATEWAY,
    NETWORK,
    ORDER,
    PG,
    World,
    container,
    listener,
    syn,
)

OUTSIDE = "203.0.113.10"
LAN = replace(NETWORK, id="m" * 64, name="lan", driver="macvlan", device="", subnets=())
LAN = replace(LAN, options=(("parent", "eth0"),))
PRINTER = container("printer", 50, attachments=())
PRINTER = replace(
    PRINTER,
    attachments=(replace(PG.attachments[0], network_id=LAN.id, network="lan"),),
)
PRINTER = replace(
    PRINTER, attachments=(replace(PRINTER.attachments[0], ipv4="10.99.0.50"),)
)
MACS = {"order": "02:42:ac:12:00:03", "pg": "02:42:ac:12:00:02"}


def asks(wanted: str, place: Place = ORDER.place, device: str = "eth0") -> Sighting:
    """Who has it? Nobody answered."""
    packet = Packet("ARP", "172.18.0.3", wanted)
    return Sighting(place, device, inbound=False, packet=packet, at_us=1.0)


def veth(index: int, name: str, peer: Place, other: str) -> Interface:
    """One end of a pair."""
    return Interface(
        index, name, "veth", up=True, peer_index=index + 100, peer=peer, peer_name=other
    )


INSIDE = {
    "order": veth(7, "eth0", HOST, "veth-order"),
    "pg": veth(5, "eth0", HOST, "veth-pg"),
}
PORTS = {
    "order": replace(veth(8, "veth-order", ORDER.place, "eth0"), master=4),
    "pg": replace(veth(6, "veth-pg", PG.place, "eth0"), master=4),
}
SPAN = Interface(4, BRIDGE, "bridge", up=True)
UPLINK_CARD = Interface(2, "eth0", up=True)


def links(
    *,
    ports: Mapping[str, Interface] = PORTS,
    bridge: Interface = SPAN,
    uplink: Interface = UPLINK_CARD,
    inside: Mapping[str, Interface] = INSIDE,
    host: tuple[Address, ...] = (Address(GATEWAY, 16, BRIDGE),),
    neighbours: tuple[Neighbour, ...] = (),
    routes: tuple[Route, ...] = (Route("default", "eth0", GATEWAY),),
    sysctls: tuple[tuple[str, str], ...] = (),
    more: tuple[Address, ...] = (),
) -> Callable[[ask.Request], Finding]:
    """What rtnetlink says in each place; `more` are addresses inside."""

    def answer(request: ask.Request) -> Finding:
        assert isinstance(request, ask.ReadLinks)
        place = request.place
        if place == HOST:
            devices = (uplink, bridge, *ports.values())
            return LinkTable(place=place, interfaces=devices, addresses=host)
        own = inside.get(place.label)
        known = {"order": "172.18.0.3", "pg": "172.18.0.2", "printer": "10.99.0.50"}
        return LinkTable(
            place=place,
            interfaces=(own,) if own else (),
            addresses=(Address(known[place.label], 16, "eth0"), *more) if own else more,
            routes=routes if own else (),
            neighbours=neighbours,
            sysctls=sysctls,
        )

    return answer


def routed(
    device: str = "eth0", gateway: str = "", kind: str = "unicast"
) -> Callable[[ask.Request], Finding]:
    """The same decision everywhere."""

    def answer(request: ask.Request) -> Finding:
        assert isinstance(request, ask.AskRoute)
        return RouteDecision(
            place=request.place,
            address=request.address,
            kind=kind,
            device=device if request.place != HOST else "eth0",
            gateway=gateway,
            source="10.99.0.1",
        )

    return answer


def held(*holders: AddressHolder) -> Callable[[ask.Request], Finding]:
    """Who has which address."""

    def answer(request: ask.Request) -> Finding:
        assert isinstance(request, ask.FindAddress)
        return AddressHolders(address=request.address, holders=holders)

    return answer


def heard(by: Mapping[str, tuple[str, ...]]) -> Callable[[ask.Request], Finding]:
    """Which MACs answer whose question."""

    def answer(request: ask.Request) -> Finding:
        assert isinstance(request, ask.AskArp)
        macs = by.get(request.place.label, ())
        return ArpAnswers(place=request.place, address=request.address, macs=macs)

    return answer


HAS = AddressHolder(PG.place, "eth0", MACS["pg"])


def wire(
    wanted: str = "172.18.0.2",
    see: Callable[[ask.Request], Finding] | None = None,
    *,
    holders: tuple[AddressHolder, ...] = (HAS,),
    seen: tuple[Sighting, ...] | None = None,
    **more: object,
) -> World:
    """A world in which a question stays unanswered."""
    made = World(
        sockets={"pg": (listener("0.0.0.0:3000"),)},
        outcomes=dict.fromkeys(
            ("172.18.0.2", OUTSIDE, "10.99.0.50", "10.99.0.2"), Outcome.TIMEOUT
        ),
        sightings=(asks(wanted),) if seen is None else seen,
        answers={
            ask.ReadLinks: see or links(),
            ask.AskRoute: routed(),
            ask.FindAddress: held(*holders),
            ask.AskArp: heard({}),
        },
    )
    return replace(made, **more)  # type: ignore[arg-type]


def at_once(outcome: Outcome, errno: str) -> Callable[[Connection], Connection]:
    """An errno without a packet."""
    return lambda c: replace(c, outcome=outcome, errno_name=errno)


def alone(
    network_mode: str = "", attached: bool = False, own: Interface | None = None
) -> World:
    """Order has no route to anywhere."""
    mine = replace(
        ORDER,
        network_mode=network_mode,
        attachments=ORDER.attachments if attached else (),
    )
    see = links(inside={"order": own} if own else {}, routes=())
    made = wire(see=see, seen=(), containers=(mine, PG))
    answers = {**made.answers, ask.AskRoute: routed(kind="")}
    told = at_once(Outcome.NET_UNREACHABLE, "ENETUNREACH")
    return replace(made, answers=answers, connection=told)


def no_source(
    streams: int = 0,
    sysctls: tuple[tuple[str, str], ...] = (),
    server: str = "172.18.0.2",
    own: tuple[Address, ...] = (),
) -> World:
    """Order finds nothing to send from; `own` are its addresses beside the first."""

    def sockets(request: ask.Request) -> Finding:
        assert isinstance(request, ask.ReadSockets)
        used = tuple(
            Stream("172.18.0.3", 40000 + n, server, 3000, "TIME-WAIT")
            for n in range(streams)
        )
        return SocketTable(place=request.place, streams=used)

    made = wire(see=links(sysctls=sysctls, more=own), seen=())
    told = at_once(Outcome.ADDRESS_UNAVAILABLE, "EADDRNOTAVAIL")
    return replace(
        made, answers={**made.answers, ask.ReadSockets: sockets}, connection=told
    )


def stacked(by_host: bool = True) -> World:
    """A macvlan container and its own host."""
    card = Interface(9, "eth0", "macvlan", up=True, parent_index=2)
    card = replace(card, peer=HOST, peer_name="eth0")
    see = links(
        inside={**INSIDE, "printer": card}, host=(Address("10.99.0.1", 24, "eth0"),)
    )
    wanted = "10.99.0.50" if by_host else "10.99.0.2"
    asker = HOST if by_host else PRINTER.place
    has = AddressHolder(PRINTER.place, "eth0", "02:42:0a:63:00:32")
    made = wire(
        wanted,
        see,
        holders=(has,) if by_host else (),
        seen=(asks(wanted, asker),),
        containers=(ORDER, PG, PRINTER),
        networks=(NETWORK, LAN),
    )
    answers = {**made.answers, ask.AskArp: heard({"host": ("aa:bb:cc:00:00:02",)})}
    return replace(made, answers=answers)


def ping(rights: ProcessRights) -> World:
    """TCP works, and ping does not."""

    def rights_of(_: ask.Request) -> Finding:
        return rights

    def lost(request: ask.Request) -> Finding:
        assert isinstance(request, ask.Echo)
        return Echoed(place=request.place, address=request.address, sent=3)

    return World(
        outcomes={"172.18.0.2": Outcome.CONNECTED},
        connection=lambda c: replace(c, after=After.OPEN),
        answers={ask.ReadRights: rights_of, ask.Echo: lost},
    )


def crowded(request: ask.Request) -> Finding:
    """No entry could be made for the next hop while the probe was under way."""
    assert isinstance(request, ask.Attempt)
    found = lost_world.world(seen=lost_world.ENTERED)._attempt(request)
    assert isinstance(found, Attempted)
    rose = (Rise(HOST, "arp_cache.table_fulls", 2),) if request.counters else ()
    return replace(found, kernel=rose)


OFF = Interface(2, "eth0", up=False)
LAN_CARD = replace(
    Interface(9, "eth0", "macvlan", up=True, carrier=False, parent_index=2),
    peer=HOST,
    peer_name="eth0",
)
SENT = (
    syn(ORDER.place, "eth0", inbound=False),
    syn(HOST, "veth-order"),
)
WRONG = Neighbour("172.18.0.2", "eth0", "02:42:de:ad:be:ef", "PERMANENT")
