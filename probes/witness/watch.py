"""One probe packet watched in several namespaces at once.

`Watch` opens the taps when the probe's source port is known, tells of progress while
the probe is under way, and works out at the end where its packets were seen and where
they should have been.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import HOST, Place, PlaceKind
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.facts.witness import Hop, Sighting
from netwiz.probes.links.senses import route_to
from netwiz.probes.netlink import rtnetlink
from netwiz.probes.overlay.tunnel import vxlan_devices
from netwiz.probes.requests import Attempt
from netwiz.probes.witness.filter import program
from netwiz.probes.witness.links import Device
from netwiz.probes.witness.match import Matcher
from netwiz.probes.witness.path import Ways
from netwiz.probes.witness.probe import Probe
from netwiz.probes.witness.stamps import Stamps
from netwiz.probes.witness.tap import Event, Tap

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground


class Watch:
    """The taps of one attempt. Close it, come what may."""

    def __init__(self, ground: Ground, request: Attempt) -> None:
        self._ground = ground
        self._request = request
        self.probe = Probe(
            request.place,
            request.address,
            request.port,
            request.protocol,
            server=request.server,
            server_ports=_behind(ground, request),
        )
        self._matcher = Matcher(self.probe)
        self._progress: Callable[[], None] = lambda: None
        self._taps: list[Tap] = []
        self._aliases: dict[Place, Place] = {}
        self._closed = False
        self._lock = threading.Lock()
        self.blind: list[str] = []
        self._stamps = Stamps()
        self._tunnels: frozenset[int] = frozenset()
        self._asked_before: set[bytes] = set()

    @property
    def tapped(self) -> tuple[Place, ...]:
        """The requested places that are under watch, by all their names."""
        open_now = {tap.place for tap in self._taps}
        names = (p for p in self._request.taps if self._aliases.get(p, p) in open_now)
        return tuple(dict.fromkeys(names))

    async def ready(self) -> None:
        """Make sure that packets will be stamped; sends a datagram to ourselves.

        So it comes before rule counters are read.
        """
        if self._request.taps and not await self._stamps.proved():
            self.blind.append("packets may be shown out of order: no time stamps")

    async def open(self, source_port: int, progress: Callable[[], None]) -> None:
        """Open every tap; `progress` is called whenever the probe got on.

        A place that cannot be tapped becomes a line in `blind`.
        """
        self.probe.source_port = source_port
        self._progress = progress
        protocol = self._request.protocol
        number = socket.IPPROTO_TCP if protocol is Protocol.TCP else socket.IPPROTO_UDP
        ports = {source_port, self._request.port, *self.probe.server_ports}
        places = self._distinct()
        self._tunnels = await self._tunnel_ports(places)
        code = program(number, ports, tunnels=self._tunnels)
        own = dict(await asyncio.gather(*(self._tap(place, code) for place in places)))
        self._place_server(own)
        await self._learn_next_hops()
        for place in places:
            with contextlib.suppress(ProbeError, OSError):
                self._asked_before |= self.probe.asked & (
                    await self._ground.namespaces.call(place, rtnetlink.asked_for)
                )
        self.probe.client_tapped = any(
            tap.place == self.probe.place for tap in self._taps
        )
        loop = asyncio.get_running_loop()
        for tap in self._taps:
            tap.start(loop, self._seen)

    async def _tunnel_ports(self, places: list[Place]) -> frozenset[int]:
        """The UDP ports of the tunnels in the overlay namespaces among these places."""
        found: set[int] = set()
        for place in places:
            if place.kind is PlaceKind.OVERLAY:
                with contextlib.suppress(ProbeError, OSError):
                    devices = await self._ground.namespaces.call(place, vxlan_devices)
                    found |= {device.port for device in devices}
        return frozenset(found)

    def _place_server(self, own: dict[Place, frozenset[bytes]]) -> None:
        """Call the server by the name its tap goes by, and learn its addresses."""
        probe, wanted = self.probe, self._request.server
        probe.asked.add(self._matcher.target)
        if wanted is None:
            return
        probe.server = self._aliases.get(wanted, wanted)
        probe.server_addresses = own.get(probe.server, frozenset())
        probe.asked |= probe.server_addresses
        probe.shared = probe.server == probe.place != wanted
        if probe.shared:
            probe.server = wanted

    async def _learn_next_hops(self) -> None:
        """Whoever is the way on from a place must answer who-has as well.

        An entry that is being asked for already is asked for again within a second,
        and not in the breath in which our packet came.
        """
        for place in self._request.taps:
            with contextlib.suppress(ProbeError, OSError, ValueError):
                kind, _, gateway, _ = await self._ground.namespaces.call(
                    place, route_to, self.probe.address
                )
                if kind == "unicast" and gateway:
                    self.probe.asked.add(ipaddress.ip_address(gateway).packed)

    def _distinct(self) -> list[Place]:
        """Each namespace once; the client's goes by the name that was asked from."""
        by_inode: dict[int, Place] = {}
        order = sorted(self._request.taps, key=lambda p: p != self._request.place)
        for place in order:
            try:
                inode = self._ground.namespaces.inode(place)
            except ProbeError as error:
                self.blind.append(f"{place.label}: {error.what}")
                continue
            self._aliases[place] = by_inode.setdefault(inode, place)
        return list(by_inode.values())

    async def _tap(self, place: Place, code: bytes) -> tuple[Place, frozenset[bytes]]:
        """Tap a place, and say which addresses it has."""

        def make() -> frozenset[bytes]:
            own = frozenset(a.packed for a in rtnetlink.addresses() if not a.loopback)
            tap = Tap(place, code, self._tunnels)
            with self._lock:
                if not self._closed:
                    self._taps.append(tap)
                    return own
            # The attempt was cancelled while this thread was at work.
            tap.stop()
            return own

        try:
            with mapped(f"a tap in {place.label}"):
                return place, await self._ground.namespaces.call(place, make)
        except ProbeError as error:
            self.blind.append(error.what)
            return place, frozenset()

    def _seen(self, event: Event) -> None:
        if self._matcher.add(event):
            self._progress()

    @property
    def asks_in_vain(self) -> bool:
        """Whether a neighbour on the way has not answered so far.

        One that was asked for before, on another packet's account, will be asked for
        again within a second: until then no question is to be seen.
        """
        again = self._asked_before - self._matcher.told
        return bool(again or self._matcher.unanswered())

    @property
    def answered(self) -> bool:
        """Whether anything has come back so far."""
        return self._matcher.answered

    @property
    def arrived(self) -> bool:
        """Whether the probe has come into the server's namespace."""
        return self._matcher.arrived

    @property
    def is_here(self) -> bool:
        """Whether the probe or the answer to it has only hops of this machine to go.

        It was kept from leaving it, or something was sent back and has been seen. False
        where the client or the host is not watched, or a tap missed a packet.
        """
        host = self._aliases.get(HOST, HOST)
        watched = self.probe.client_tapped and any(t.place == host for t in self._taps)
        if not watched or any(tap.lost for tap in self._taps):
            return False
        return self._matcher.came_back or self._matcher.held_back(host)

    def close(self) -> None:
        """Stop watching; what was seen stays."""
        self._stamps.close()
        with self._lock:
            self._closed = True
        for tap in self._taps:
            tap.stop()
            if tap.lost:
                self.blind.append(
                    f"{tap.place.label}: {tap.lost} packets too many for the tap"
                )
                tap.lost = 0

    async def told(self) -> tuple[tuple[Sighting, ...], tuple[Hop, ...]]:
        """What was seen, in order, and the hops that were to be expected.

        Only after `close`, which fetches the last packets.
        """
        devices = {tap.place: tap.devices for tap in self._taps}
        events = [
            event
            for tap in self._taps
            for event in tap.events
            if not _flooded_copy(event, tap.devices)
        ]
        sightings = self._matcher.sightings(events)

        def work() -> tuple[tuple[Sighting, ...], tuple[Hop, ...]]:
            ways = Ways(self._ground, devices, self.probe)
            hops = ways.expected(sightings)
            return ways.without_floods(sightings), hops

        with contextlib.suppress(ProbeError, OSError):
            return await self._ground.namespaces.call(HOST, work)
        return sightings, ()


def _flooded_copy(event: Event, devices: dict[str, Device]) -> bool:
    """Whether a bridge sent somebody else's packet to a container's device.

    At a bridge port such a packet is no copy but on its way (PACKET_OTHERHOST).
    """
    device = devices.get(event.device)
    return bool(
        event.strange and device and device.kind == "veth" and not device.master
    )


def _behind(ground: Ground, request: Attempt) -> frozenset[int]:
    """The container ports that the engine publishes at the port dialled."""
    snapshot = ground.snapshot
    if snapshot is None or request.server is None:
        return frozenset()
    return frozenset(
        mapping.container_port
        for container in snapshot.containers
        if snapshot.place(container) == request.server
        for mapping in container.published
        if mapping.host_port == request.port
        and mapping.protocol == request.protocol.value
    )
