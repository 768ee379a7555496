"""One namespace of the patrol: its counters, and what to look at when they move. Pure.

But for the file that it holds open, and gives back.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Flag, auto

from netwiz.probes.facts.base import Place
from netwiz.probes.patrol.counters import Counts
from netwiz.probes.patrol.sockets import Socket

HOT_S = 12.0
"""For so long after a sign the sockets of a namespace are looked at in each round."""
MOST_PAUSE = 8
"""Rounds without a look, at most, where looks found nothing again and again."""


class Look(Flag):
    """What of a namespace's sockets is worth a dump."""

    NOTHING = 0
    CONNECTS = auto()
    """TCP sockets in SYN-SENT; and connected ones, where something failed lately."""
    QUEUES = auto()
    """Listeners with connections that wait."""
    NAMES = auto()
    """UDP sockets that wait for a name server."""


@dataclass(slots=True)
class Post:
    """A namespace, and what is remembered of it from round to round."""

    place: Place
    inode: int
    fd: int
    raw: bytes = b""
    counts: Counts | None = None
    read_at: float = 0.0
    """When the counters were last seen to have moved, or not to."""
    hot_until: float = 0.0
    """Something failed here lately (seconds of the monotonic clock)."""
    awaited_until: float = 0.0
    """A connection that works would be news until then."""
    half_open: bool = False
    queued: bool = True
    """Connections waited at the last look; at first nobody knows."""
    stuck: bool = False
    """Connections wait that nobody has accepted."""
    asking: bool = False
    fruitless: int = 0
    pause: int = 0

    def take(self, raw: bytes, counts: Counts) -> Counts:
        """Remember a reading; gives what rose since the one before."""
        before, self.counts, self.raw = self.counts, counts, raw
        return counts.since(before) if before is not None else Counts()

    def wanted(self, rise: Counts, now: float) -> Look:
        """What to look at, after this rise."""
        look = Look.NOTHING
        deaf = rise.opened > 0 and rise.received == 0
        if now < self.hot_until or self.half_open or deaf:
            look |= Look.CONNECTS
        elif rise.resent:
            # Bulk traffic on a bad path repeats segments all the time.
            if self.pause > 0:
                self.pause -= 1
            else:
                look |= Look.CONNECTS
        if rise.accepted or self.queued:
            look |= Look.QUEUES
        if self.asking or rise.datagrams_out > rise.datagrams_in:
            look |= Look.NAMES
        return look

    def wide(self, now: float) -> bool:
        """Whether a look at connects takes in those that are established."""
        return now < max(self.hot_until, self.awaited_until)

    def restless(self, now: float) -> bool:
        """Whether something is under way, so that a look is soon due again."""
        under_way = self.half_open or self.asking or self.stuck
        return under_way or now < self.hot_until

    def found(self, *, half_open: bool) -> None:
        """Whether the last look at connects met a half-open one."""
        self.half_open = half_open
        self.fruitless = 0 if half_open else self.fruitless + 1
        self.pause = 0 if half_open else min(2**self.fruitless, MOST_PAUSE)

    def close(self) -> None:
        """Give the file back; it would hold the namespace."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@dataclass(slots=True)
class Reading:
    """What one round brought of one namespace."""

    post: Post
    rise: Counts
    within_s: float = 0.0
    """It rose within so many seconds."""
    looked: Look = Look.NOTHING
    wide: bool = False
    """Established connections were looked at as well."""
    connects: list[Socket] = field(default_factory=list)
    """In SYN-SENT."""
    connected: list[Socket] = field(default_factory=list)
    queues: list[Socket] = field(default_factory=list)
    """Listeners with somebody waiting."""
    names: list[Socket] = field(default_factory=list)
    strangers: frozenset[str] = frozenset()
    """Addresses that nobody answers for (ARP, neighbour discovery)."""
