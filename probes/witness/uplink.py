"""Waiting for a real client's first packet at the uplinks, and following that packet.

All taps are open from the start: the packet is through this machine within 0.1 ms of
its arrival, so there is no time to open them when it comes. Until it has come, what the
taps saw is thrown away again, so that one may wait for hours.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import HOST, Failure, Place, PlaceKind
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.facts.firewall import RuleHit
from netwiz.probes.facts.uplink import UplinkWatch
from netwiz.probes.requests import Attempt, WatchUplink
from netwiz.probes.witness.attempt import ARP_S, PATIENCE_S, Counters
from netwiz.probes.witness.decode import SYN, UDP
from netwiz.probes.witness.tap import Event
from netwiz.probes.witness.watch import Watch

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

AGAIN_S = 1.3
"""A client that got no answer repeats its SYN after 1 s (tcp(7), RFC 6298)."""
KEPT = 512
"""Packets that a tap keeps while nobody has come."""
_OUTSIDE = Place(PlaceKind.NETNS, "", "outside")


async def watch_uplink(ground: Ground, request: WatchUplink) -> UplinkWatch:
    """Wait for a packet to the address and port, and follow the first that comes.

    Ends after `budget_ms` without one (0: never), or when `ground.enough` is set.
    Raises ProbeError when the host itself cannot be watched.
    """
    loop = asyncio.get_running_loop()
    watch = _Watch(ground, request)
    counters = Counters(ground, request.taps)
    began = loop.time()
    ground.enough.clear()
    try:
        await watch.ready()
        await counters.before()
        await watch.open(0, watch.note)
        if HOST not in watch.tapped:
            why = "; ".join(watch.blind) or "no packet socket"
            raise ProbeError(Failure.RIGHTS, f"the uplink cannot be watched: {why}")
        began = loop.time()
        came = await _first_of(
            watch.came, ground.enough, request.budget_ms / 1000 or None
        )
        waited = (loop.time() - began) * 1000
        if came:
            await watch.settled()
    finally:
        watch.close()
    hits: tuple[RuleHit, ...] = ()
    if came:
        sightings, _ = await watch.told()
        hits = await counters.hits()
    else:
        sightings = ()
    first = watch.first
    return UplinkWatch(
        command=_command(request),
        address=request.address,
        port=request.port,
        protocol=request.protocol,
        waited_ms=waited,
        client=str(ipaddress.ip_address(first.frame.source)) if first else "",
        client_port=first.frame.source_port if first else 0,
        device=first.device if first else "",
        sightings=sightings,
        repeated=watch.repeated(),
        tapped=watch.tapped,
        hits=hits,
        counted=counters.counted,
        blind=(*watch.blind, *counters.blind),
    )


async def _first_of(
    came: asyncio.Event, enough: asyncio.Event, budget_s: float | None
) -> bool:
    """Wait for either; whether it was the first."""
    waiting = {asyncio.ensure_future(e.wait()) for e in (came, enough)}
    try:
        await asyncio.wait(
            waiting, timeout=budget_s, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for one in waiting:
            one.cancel()
    return came.is_set()


class _Watch(Watch):
    """Taps that wait for a stranger's packet instead of one of our own."""

    def __init__(self, ground: Ground, request: WatchUplink) -> None:
        as_attempt = Attempt(
            _OUTSIDE,
            request.address,
            request.port,
            request.protocol,
            taps=request.taps,
            server=request.server,
        )
        super().__init__(ground, as_attempt)
        self._wanted = ipaddress.ip_address(request.address).packed
        self._client = (
            ipaddress.ip_address(request.client).packed if request.client else b""
        )
        snapshot = ground.snapshot
        self._inner = {n.device for n in snapshot.networks} if snapshot else set()
        self._kind = SYN if request.protocol is Protocol.TCP else UDP
        self._loop = asyncio.get_running_loop()
        self._moved = 0.0
        self.first: Event | None = None
        """The packet that is followed."""
        self.came = asyncio.Event()

    def note(self) -> None:
        """Something of the followed connection moved."""
        self._moved = self._loop.time()

    def _seen(self, event: Event) -> None:
        if self.first is None:
            if self._is_clients(event):
                self.first = event
                self.probe.source_port = event.frame.source_port
                self.note()
                self.came.set()
            else:
                self._forget()
        super()._seen(event)

    def _is_clients(self, event: Event) -> bool:
        """Whether it is a first packet for us, come in by a device that is no bridge's.

        What a container here sends to the same address is not from outside.
        """
        frame = event.frame
        return (
            event.place == HOST
            and event.inbound
            and not event.strange
            and event.device != "lo"
            and frame.kind == self._kind
            and frame.destination == self._wanted
            and frame.destination_port == self.probe.port
            and (not self._client or frame.source == self._client)
            and not self._is_inner(event.device)
        )

    def _is_inner(self, name: str) -> bool:
        """Whether a device is one of the engine's bridges, or a port of one."""
        if name in self._inner:
            return True
        known = next((t.devices for t in self._taps if t.place == HOST), {})
        device = known.get(name)
        bridges = {d.index for d in known.values() if d.name in self._inner}
        # A container's device that is younger than the tap is not among them.
        return device is None or device.master in bridges

    def _forget(self) -> None:
        for tap in self._taps:
            if len(tap.events) > KEPT:
                del tap.events[: -KEPT // 2]

    async def settled(self) -> None:
        """Wait until nothing moves any more, or the client has asked again."""
        began = self._loop.time()
        while True:
            now = self._loop.time()
            until = self._moved + PATIENCE_S
            if self.asks_in_vain:
                until = max(until, began + ARP_S)
            if self.answered:
                until = max(until, began + AGAIN_S)
            if now >= until:
                return
            await asyncio.sleep(until - now)

    def repeated(self) -> int:
        """How often the followed packet came in again."""
        first = self.first
        if first is None:
            return 0
        key = (first.device, first.frame.ends, first.frame.sequence)
        same = sum(
            e.inbound and (e.device, e.frame.ends, e.frame.sequence) == key
            for tap in self._taps
            if tap.place == HOST
            for e in tap.events
        )
        return max(0, same - 1)


def _command(request: WatchUplink) -> str:
    host = f"src host {request.client} and " if request.client else ""
    syn = ""
    if request.protocol is Protocol.TCP and ":" not in request.address:
        syn = " and tcp[tcpflags] & tcp-syn != 0"
    return (
        f"tcpdump -ni any '{host}dst host {request.address} and "
        f"{request.protocol} dst port {request.port}{syn}'"
    )
