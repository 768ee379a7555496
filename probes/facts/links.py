"""Links, addresses, routes and neighbours of a namespace."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Finding, Place


@dataclass(frozen=True, slots=True)
class Address:
    """An address on a device."""

    address: str
    prefix: int
    device: str
    scope: str = "global"


@dataclass(frozen=True, slots=True)
class Interface:
    """A network device."""

    index: int
    name: str
    kind: str = ""
    """IFLA_INFO_KIND: veth, bridge, macvlan, vxlan ...; empty for a plain device."""
    mac: str = ""
    mtu: int = 0
    up: bool = False
    """IFF_UP: switched on by the administrator."""
    carrier: bool = True
    """IFF_LOWER_UP: the other end is there and up."""
    master: int = 0
    """Index of the bridge it is a port of; 0 when none."""
    peer_index: int = 0
    """For a veth: index of the other end in the peer's namespace."""
    peer: Place | None = None
    """For a veth: the namespace of the other end, when it is a known place."""
    peer_name: str = ""
    hairpin: bool | None = None
    """For a bridge's port: whether it sends a packet back out where it came in."""
    parent_index: int = 0
    """For a macvlan, ipvlan, vlan or vxlan: index of the device below it, in the
    namespace `peer` (its own when None)."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table."""

    destination: str
    """CIDR, or ``default``."""
    device: str = ""
    gateway: str = ""
    source: str = ""
    metric: int = 0
    kind: str = "unicast"
    """unicast, blackhole, unreachable, prohibit ..."""
    family: int = 4


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule of ``ip rule``: which routing table a packet is looked up in."""

    priority: int
    table: int
    family: int = 4
    action: str = "lookup"
    """lookup, goto, nop, blackhole, unreachable, prohibit."""
    source: str = ""
    """CIDR; empty for all."""
    destination: str = ""
    in_device: str = ""
    out_device: str = ""
    mark: int = 0
    mask: int = 0
    """Which bits of the mark are compared; 0: all of them."""
    inverted: bool = False
    """``not``: it applies where its selectors do not match."""
    more: bool = False
    """It has selectors that we do not read (user, protocol, ports ...)."""
    text: str = ""
    """As ``ip rule`` takes it, without its priority: ``from 10.0.0.0/8 lookup 7``."""

    @property
    def usual(self) -> bool:
        """One of the three that every machine has."""
        return (self.priority, self.table) in ((0, 255), (32766, 254), (32767, 253))


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry of the neighbour table (ARP, NDP)."""

    address: str
    device: str
    mac: str = ""
    state: str = ""
    """REACHABLE, STALE, DELAY, PROBE, FAILED, PERMANENT, INCOMPLETE ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTable(Finding):
    """Everything rtnetlink says of one namespace."""

    place: Place
    interfaces: tuple[Interface, ...] = ()
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    rules: tuple[PolicyRule, ...] = ()
    """In order of priority, of both families."""
    sysctls: tuple[tuple[str, str], ...] = ()
    """(name, value), e.g. ``("net.ipv4.ip_forward", "1")``."""

    def sysctl(self, name: str) -> str:
        """A sysctl's value; empty when it was not read."""
        return dict(self.sysctls).get(name, "")

    def interface(self, name: str) -> Interface | None:
        """The device of that name."""
        return next((i for i in self.interfaces if i.name == name), None)

    def neighbour(self, address: str) -> Neighbour | None:
        """The neighbour entry of an address."""
        return next((n for n in self.neighbours if n.address == address), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDecision(Finding):
    """What ``ip route get`` answers in a namespace."""

    place: Place
    address: str
    kind: str = ""
    """unicast, local, broadcast, blackhole, unreachable, prohibit; empty: no route.

    For a packet to be forwarded also ``source refused`` (rp_filter), and unreachable
    where the input device does not forward."""
    device: str = ""
    gateway: str = ""
    source: str = ""
    destination: str = ""
    """The route that decided: CIDR or ``default``; empty where it is not told."""
    table: int = 0
    """Number of the table that it stands in (254: main); 0 where it is not told."""


@dataclass(frozen=True, slots=True)
class AddressHolder:
    """A namespace that has an address configured."""

    place: Place
    device: str
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressHolders(Finding):
    """Every namespace of this machine in which one address is configured."""

    address: str
    holders: tuple[AddressHolder, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArpAnswers(Finding):
    """Which MACs answered when one namespace asked the wire who has an address."""

    place: Place
    address: str
    macs: tuple[str, ...] = ()
