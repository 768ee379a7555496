"""The segments of one TCP connection, seen in several namespaces at once.

A connection is followed by its sequence numbers: address translation changes ports and
addresses, never those. What a proxy says on a connection of its own is not followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.talk import Segment
from netwiz.probes.witness.decode import RST, SYN, SYN_ACK, TCP, Frame
from netwiz.probes.witness.filter import program
from netwiz.probes.witness.tap import Event, Tap

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

_WRAP = 1 << 32
_WINDOW = 1 << 21
"""Bytes that a conversation of ours can be long; another flow's numbers fall into it
once in two thousand times, and then its acknowledgements would have to as well."""
MOST_SEGMENTS = 200


@dataclass(slots=True)
class _Numbers:
    """The first sequence numbers of both sides."""

    client: int
    server: int = -1


class Overheard:
    """Taps around one conversation. Close it, come what may."""

    def __init__(self, ground: Ground, places: Sequence[Place]) -> None:
        self._ground = ground
        self._places = places
        self._taps: list[Tap] = []
        self._closed = False
        self.blind: list[str] = []

    @property
    def tapped(self) -> tuple[Place, ...]:
        """The places that are under watch."""
        return tuple(tap.place for tap in self._taps)

    async def open(self, ports: Iterable[int]) -> None:
        """Open a tap in every namespace; one that fails becomes a line in `blind`."""
        code = program(socket.IPPROTO_TCP, ports, segments=True)
        await asyncio.gather(*(self._tap(p, code) for p in self._distinct()))
        loop = asyncio.get_running_loop()
        for tap in self._taps:
            tap.start(loop, _ignore)

    def _distinct(self) -> list[Place]:
        by_inode: dict[int, Place] = {}
        for place in self._places:
            try:
                by_inode.setdefault(self._ground.namespaces.inode(place), place)
            except ProbeError as error:
                self.blind.append(error.what)
        return list(by_inode.values())

    async def _tap(self, place: Place, code: bytes) -> None:
        def make() -> None:
            tap = Tap(place, code)
            if self._closed:
                tap.stop()
            else:
                self._taps.append(tap)

        try:
            with mapped(f"a tap in {place.label}"):
                await self._ground.namespaces.call(place, make)
        except ProbeError as error:
            self.blind.append(error.what)

    def close(self) -> None:
        """Close every tap; what was heard stays."""
        self._closed = True
        for tap in self._taps:
            with contextlib.suppress(OSError):
                tap.stop()

    def segments(self, source_port: int, ports: Iterable[int]) -> tuple[Segment, ...]:
        """Everything of the conversation that was heard, in time order."""
        heard = sorted((e for t in self._taps for e in t.events), key=lambda e: e.at_ns)
        return of_conversation(heard, source_port, frozenset(ports))


def _ignore(_: Event) -> None:
    """Nothing to do while it is heard."""


def of_conversation(
    heard: Sequence[Event], source_port: int, ports: frozenset[int]
) -> tuple[Segment, ...]:
    """The segments among `heard` that belong to the connection from `source_port`."""
    first = next(
        (
            e
            for e in heard
            if e.frame.kind == SYN
            and e.frame.source_port == source_port
            and e.frame.destination_port in ports
        ),
        None,
    )
    if first is None:
        return ()
    numbers = _Numbers(first.frame.sequence)
    found: dict[tuple[object, ...], Segment] = {}
    for event in heard:
        frame = event.frame
        side = _side(frame, numbers, ports)
        if side is None:
            continue
        if frame.kind == SYN_ACK and numbers.server < 0:
            numbers.server = frame.sequence
        seen = (event.place, event.device, event.inbound)
        key = (*seen, frame.kind, side, frame.sequence, frame.size)
        known = found.get(key)
        if known is not None:
            found[key] = replace(known, times=known.times + 1)
        elif len(found) < MOST_SEGMENTS:
            found[key] = _segment(event, first.at_ns, from_client=side)
    return tuple(found.values())


def _side(frame: Frame, numbers: _Numbers, ports: frozenset[int]) -> bool | None:
    """True: from the client; False: from the server; None: of another connection."""
    if frame.kind not in (SYN, SYN_ACK, RST, TCP):
        return None
    to_server = frame.destination_port in ports
    if to_server and _within(frame.sequence, numbers.client):
        if numbers.server < 0 or frame.acknowledged < 0 or frame.kind == RST:
            return True
        return True if _within(frame.acknowledged, numbers.server) else None
    if frame.source_port not in ports:
        return None
    if frame.kind == SYN_ACK:
        return False if frame.acknowledged == (numbers.client + 1) % _WRAP else None
    if numbers.server >= 0 and _within(frame.sequence, numbers.server):
        if frame.acknowledged < 0 or frame.kind == RST:
            return False
        return False if _within(frame.acknowledged, numbers.client) else None
    return None


def _within(number: int, start: int) -> bool:
    return (number - start) % _WRAP < _WINDOW


def _segment(event: Event, start: int, *, from_client: bool) -> Segment:
    frame = event.frame
    return Segment(
        place=event.place,
        device=event.device,
        inbound=event.inbound,
        kind=frame.kind,
        from_client=from_client,
        size=frame.size,
        ttl=frame.ttl,
        at_us=(event.at_ns - start) / 1000,
        packet=frame.length,
    )
