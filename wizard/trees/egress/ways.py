"""Ways out of this machine: by which device a packet leaves, and by which it should."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from netwiz.probes.facts import (
    HOST,
    ArpAnswers,
    Attachment,
    Attempted,
    Connection,
    IcmpError,
    Interface,
    LinkTable,
    Network,
    Outcome,
    PolicyRule,
    Route,
    RouteDecision,
    Sighting,
)
from netwiz.probes.requests import AskArp, AskRoute, Attempt, ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.trees.attempts import counted

MAIN_TABLES = (0, 253, 254, 255)
"""default, main and local (linux/rtnetlink.h); 0 where the kernel does not tell."""
TUNNELS = ("tun", "wireguard", "ppp", "gre", "ipip", "sit", "vti", "xfrm", "ip6tnl")
"""Kinds of devices that put packets into other packets (IFLA_INFO_KIND)."""
_BESIDE = 20
_FAILING = ("FAILED", "INCOMPLETE")
_ANSWERS = (Outcome.CONNECTED, Outcome.REFUSED, Outcome.RESET)


@dataclass(frozen=True)
class Exit:
    """How the probe of the scene's focus was to leave this machine, and how it did."""

    scene: Scene
    found: Attempted
    links: LinkTable
    """The host's."""

    @property
    def address(self) -> str:
        """The target."""
        return self.scene.focus.address

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.address else 4

    @cached_property
    def bridges(self) -> dict[str, Network]:
        """The engine's networks by their device on this host."""
        return {n.device: n for n in self.scene.snapshot.networks if n.device}

    @cached_property
    def inner(self) -> frozenset[str]:
        """Devices that lead to containers: the engine's bridges and their ports."""
        known = {i.index for i in self.links.interfaces if i.name in self.bridges}
        ports = {i.name for i in self.links.interfaces if i.master in known}
        return frozenset(self.bridges) | ports

    @property
    def packets(self) -> tuple[Sighting, ...]:
        """The probe itself on this host; nothing of the loopback."""
        return tuple(
            s
            for s in self.found.forward
            if s.place == HOST and s.device != "lo" and s.packet.kind != "ARP"
        )

    @cached_property
    def entered(self) -> Sighting | None:
        """Where the probe came into this host, by the device that routes it."""
        came = [s for s in self.packets if s.inbound]
        return came[-1] if came else None

    @cached_property
    def entry(self) -> str:
        """The device by which it came in: the bridge, not its port; empty: our own."""
        if self.entered is None:
            return ""
        device = self.links.interface(self.entered.device)
        if device is None or not device.master:
            return self.entered.device
        masters = (i.name for i in self.links.interfaces if i.index == device.master)
        return next(masters, self.entered.device)

    @cached_property
    def left(self) -> Sighting | None:
        """Where the probe left by a device that leads to no container of ours."""
        gone = (s for s in self.packets if not s.inbound and s.device not in self.inner)
        return next(gone, None)

    @cached_property
    def back(self) -> Sighting | None:
        """What came back from beyond, where it came into this host."""
        came = (
            s
            for s in self.found.replies
            if s.place == HOST and s.inbound and s.device not in {*self.inner, "lo"}
        )
        return next(came, None)

    @property
    def told(self) -> str:
        """The ICMP error that came back, in words."""
        if self.back is None or self.back.packet.icmp is None:
            return ""
        return IcmpError(*self.back.packet.icmp, self.back.packet.source).text

    def network_of(self, source: str) -> Network | None:
        """The engine's network on which the client has a source address."""
        for net in attached(self.scene):
            if source in net.addresses:
                return self.scene.snapshot.networks_by_id.get(net.network_id)
        return None

    @cached_property
    def asked(self) -> Sighting | None:
        """This host's question for a neighbour that nobody answered."""
        questions = (
            s
            for s in self.found.forward
            if s.packet.kind == "ARP" and s.place == HOST and not s.inbound
        )
        return next(questions, None)

    @cached_property
    def silent_hop(self) -> tuple[str, str] | None:
        """(device, address) of the next hop, if nobody answers for it on the wire.

        A question that was under way when the probe came is not asked again for it, so
        where none was seen and the neighbour is not known, it is asked for here.
        """
        if self.asked is not None:
            return self.asked.device, self.asked.packet.destination
        hop = self.route.gateway or self.address
        known = self.links.neighbour(hop)
        there = known is not None and known.mac and known.state not in _FAILING
        if self.route.kind != "unicast" or self.family == 6 or there:
            return None
        device = self.device
        if device is None or self.leads_astray(device):
            return None
        found = self.scene.try_look(AskArp(HOST, hop), ArpAnswers)
        return None if found is None or found.macs else (device.name, hop)

    @cached_property
    def route(self) -> RouteDecision:
        """How this host routes it: as it came in, or as its own."""
        source = self.entered.packet.source if self.entered else ""
        asked = AskRoute(HOST, self.address, source, self.entry if source else "")
        return self.scene.look(asked, RouteDecision)

    @property
    def device(self) -> Interface | None:
        """The device that the route names."""
        return self.links.interface(self.route.device)

    def routes(self) -> Iterator[Route]:
        """Routes of the main table that cover the target, the best first."""
        target = ipaddress.ip_address(self.address.partition("%")[0])
        found = [
            r
            for r in self.links.routes
            if r.family == self.family and r.kind != "local" and _covers(r, target)
        ]
        yield from sorted(found, key=lambda r: (-length(r), r.metric))

    @cached_property
    def others(self) -> tuple[Route, ...]:
        """Routes to the target by other devices that lead out, each device once."""
        by_device: dict[str, Route] = {}
        for route in self.routes():
            device = self.links.interface(route.device)
            out = device is not None and not self.leads_astray(device)
            if route.kind == "unicast" and route.device != self.route.device and out:
                by_device.setdefault(route.device, route)
        return tuple(by_device.values())

    def leads_astray(self, device: Interface) -> bool:
        """Whether a device is no way out of this machine by its kind."""
        return (
            device.name in self.inner
            or device.kind in TUNNELS
            or self.to_container(device)
            or not device.up
        )

    def to_container(self, device: Interface) -> bool:
        """Whether its other end is in a container, or it is a port of a bridge."""
        if device.kind != "veth":
            return False
        peer = device.peer
        inside = peer is not None and peer.key in self.scene.snapshot.by_id
        return inside or device.name in self.inner

    def rule(self) -> PolicyRule | None:
        """The rule of ``ip rule`` that chose the table of the route."""
        source = self.entered.packet.source if self.entered else ""
        for rule in self.links.rules:
            if rule.family != self.family or rule.table != self.route.table:
                continue
            if rule.action == "lookup" and self._selects(rule, source):
                return rule
        return None

    def _selects(self, rule: PolicyRule, source: str) -> bool:
        fits = (
            (not rule.source or (bool(source) and within(source, rule.source)))
            and (not rule.destination or within(self.address, rule.destination))
            and rule.in_device in ("", self.entry)
            # The probe has no mark of its own, nor had the kernel's answer.
            and not rule.mark
            and not rule.more
        )
        return fits is not rule.inverted


def attached(scene: Scene) -> tuple[Attachment, ...]:
    """The networks of the client, or of the container whose namespace it shares."""
    client = scene.client
    owner = scene.snapshot.find(client.rides_on) if client else ()
    home = owner[0] if owner else client
    return home.attachments if home else ()


def exit_of(scene: Scene) -> Exit:
    """The way out of the scene's probe, counted once more around its rules."""
    request = counted(scene, scene.focus)
    scene.together(request, ReadLinks(HOST))
    found = scene.look(request, Attempted)
    return Exit(scene, found, scene.look(ReadLinks(HOST), LinkTable))


def by_host(scene: Scene, device: str = "") -> Attempt:
    """An attempt of this host's own at the target; by one device, if it is named."""
    return Attempt(
        HOST,
        scene.focus.address,
        scene.focus.port,
        scene.case.target.protocol,
        nth=_BESIDE,
        device=device,
    )


def from_host(scene: Scene, device: str = "") -> Connection:
    """What this host itself meets at the target; by one device, if it is named."""
    return scene.look(by_host(scene, device), Attempted).connection


def answered(link: Connection) -> bool:
    """Whether somebody at the target answered, be it by a refusal."""
    itself = link.icmp is None or link.icmp.source == link.address
    return link.outcome in _ANSWERS and itself


def said(link: Connection) -> str:
    """What the host met, in words."""
    if link.outcome is Outcome.CONNECTED:
        return f"connected in {link.connect_ms:.1f} ms"
    return f"{link.outcome.value} {link.errno_name}".strip()


def within(address: str, network: str) -> bool:
    """Whether a network (CIDR, or ``default``) covers an address."""
    if network == "default":
        return True
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
        return ip in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def length(route: Route) -> int:
    """The prefix length of a route; 0 for the default route."""
    return int(route.destination.partition("/")[2] or 0)


def _covers(
    route: Route, target: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> bool:
    return within(str(target), route.destination)


def route_text(route: Route) -> str:
    """``203.0.113.0/24 via 10.99.0.222 dev h0``: as ``ip route`` takes it."""
    kind = "" if route.kind == "unicast" else route.kind
    words = (
        kind,
        route.destination,
        f"via {route.gateway}" if route.gateway else "",
        f"dev {route.device}" if route.device and not kind else "",
        f"metric {route.metric}" if route.metric and route.family == 4 else "",
    )
    return " ".join(filter(None, words))


def ip(family: int) -> str:
    """The command for routes of a family."""
    return "ip -6" if family == 6 else "ip"
