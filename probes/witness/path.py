"""The way a packet should take, by the links and routes of the namespaces tapped.

Which hops were passed is for the taps to say; this says which there are, so that the
one where a packet is missing has a name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.witness import Hop, Sighting
from netwiz.probes.links.senses import route_to
from netwiz.probes.witness.links import Device, Numbers, numbers
from netwiz.probes.witness.probe import Probe

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

MAX_LEGS = 8

Devices = Mapping[Place, Mapping[str, Device]]


class Ways:
    """The tapped namespaces with what connects them. Blocks: use it in a worker."""

    def __init__(self, ground: Ground, devices: Devices, probe: Probe) -> None:
        self._ground = ground
        self._devices = devices
        self._probe = probe
        self._numbers: Numbers = numbers(ground, tuple(devices))
        self._hops: list[Hop] = []

    def expected(self, sightings: Sequence[Sighting]) -> tuple[Hop, ...]:
        """Device after device from the client to the server, or to where we see.

        What was seen decides where the links leave a choice (a server on several
        networks; a rewritten target that never touches the loopback).
        """
        self._hops = []
        here, target = self._probe.place, self._probe.address
        handed_on = False
        for _ in range(MAX_LEGS):
            kind, device, gateway = self._route(here, target)
            if kind == "local":
                if here == self._probe.place and not handed_on:
                    self._hops.append(Hop(here, "lo"))
                inner = self._inner(here, target, sightings)
                if handed_on or not inner:
                    break
                handed_on, target = True, inner
                continue
            if kind != "unicast" or device not in self._devices.get(here, {}):
                break
            onward = self._leave(here, self._devices[here][device], target, gateway)
            if onward is None:
                break
            here = onward
        passed = {(s.place, s.device) for s in sightings if not s.reply}
        return tuple(
            hop
            # A proxied connection may leave by the bridge that it came by.
            for hop in dict.fromkeys(self._hops)
            if hop.device != "lo" or not passed or (hop.place, "lo") in passed
        )

    def _route(self, here: Place, target: str) -> tuple[str, str, str]:
        if here not in self._devices:
            return "", "", ""
        try:
            found = self._ground.namespaces.call_here(here, route_to, target)
        except (OSError, ProbeError):
            return "", "", ""
        return found[0], found[1], found[2]

    def _inner(self, here: Place, target: str, seen: Sequence[Sighting]) -> str:
        """The server's own address behind an address of `here`; empty when none."""
        server = self._probe.server
        if server is None or server == here:
            return ""
        version = ipaddress.ip_address(target.partition("%")[0]).version
        arrived = [s.packet.destination for s in seen if s.place == server]
        own = [str(ipaddress.ip_address(a)) for a in self._probe.server_addresses]
        for address in [a for a in arrived if a in own] + own:
            if ipaddress.ip_address(address).version != version:
                continue
            if self._route(here, address)[0] == "unicast":
                return address
        return ""

    def _leave(
        self, here: Place, device: Device, target: str, gateway: str
    ) -> Place | None:
        """Note the hops from one routing decision to the next; None at the end."""
        self._hops.append(Hop(here, device.name))
        if device.kind == "bridge":
            self._hops += self._port(here, device, target)
            return None
        across = self._peer(here, device)
        if across is None:
            return None
        there, entry = across
        self._hops.append(Hop(there, entry.name))
        if there == self._probe.server:
            return None
        if not entry.master:
            return there
        bridge = self._at(there, entry.master)
        next_address = gateway or target
        if self._route(there, next_address)[0] != "local":
            # Switched, not routed: the bridge itself never shows such a packet.
            if bridge is not None:
                known = self._port(there, bridge, target)
                self._hops += known or self._tunnel(there, bridge)
            return None
        if bridge is not None:
            self._hops.append(Hop(there, bridge.name))
        return there

    def _peer(self, here: Place, device: Device) -> tuple[Place, Device] | None:
        if device.kind != "veth" or not device.other:
            return None
        where = here
        if device.namespace >= 0:
            known = self._numbers.get((here, device.namespace))
            if known is None:
                return None
            where = known
        other = self._at(where, device.other)
        return (where, other) if other else None

    def _at(self, place: Place, index: int) -> Device | None:
        found = self._devices.get(place, {}).values()
        return next((d for d in found if d.index == index), None)

    def _port(self, here: Place, bridge: Device, target: str) -> list[Hop]:
        """The bridge's port to the server, and the server's end of it."""
        server = self._probe.server
        if server is None:
            server = self._holder(here, target)
        if server is None or server == here or not self._own(server, target):
            return []
        for device in self._devices.get(server, {}).values():
            across = self._peer(server, device)
            if across and across[0] == here and across[1].master == bridge.index:
                return [Hop(here, across[1].name), Hop(server, device.name)]
        return []

    def _tunnel(self, here: Place, bridge: Device) -> list[Hop]:
        """The bridge's port to other nodes, where it has one (an overlay network)."""
        ports = self._devices.get(here, {}).values()
        return [
            Hop(here, d.name)
            for d in ports
            if d.kind == "vxlan" and d.master == bridge.index
        ][:1]

    def _own(self, server: Place, target: str) -> bool:
        own = self._probe.server_addresses
        packed = ipaddress.ip_address(target.partition("%")[0]).packed
        return server != self._probe.server or not own or packed in own

    def _holder(self, here: Place, target: str) -> Place | None:
        """The tapped namespace that takes the target for its own."""
        for place in self._devices:
            if place != here and self._route(place, target)[0] == "local":
                return place
        return None

    def without_floods(self, sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
        """Sightings less the copies that a bridge flooded to uninvolved ports.

        A port counts as involved when it is on the way or something of ours came in
        by it. Where the way through a bridge is not known, nothing is left out.
        """
        known = tuple(sightings)
        way = {(hop.place, hop.device) for hop in self._hops}
        way |= {(s.place, s.device) for s in known if s.inbound}
        charted = {
            (hop.place, port.master)
            for hop in self._hops
            if (port := self._devices.get(hop.place, {}).get(hop.device)) is not None
            and port.master
        }

        def flood(sighting: Sighting) -> bool:
            if sighting.inbound or (sighting.place, sighting.device) in way:
                return False
            port = self._devices.get(sighting.place, {}).get(sighting.device)
            return port is not None and (sighting.place, port.master) in charted

        return tuple(s for s in known if not flood(s))
