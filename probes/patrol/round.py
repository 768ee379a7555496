"""One round through all namespaces, in a worker thread: cheap reads, few looks.

A counter file is read with one system call, wherever the thread stands. Only where it
moved in a telling way does the thread enter the namespace to dump sockets.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import HOST, Place
from netwiz.probes.patrol import neighbours, sockets
from netwiz.probes.patrol.counters import Counts, Layout
from netwiz.probes.patrol.post import Look, Post, Reading

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

SNMP = "/proc/thread-self/net/snmp"
_SIZE = 8192
SPARE = 6
"""Looks of a round at namespaces that connect, though nothing tells of trouble."""
_SYN_SENT = 1 << sockets.SYN_SENT
_TRACKED = Path("/proc/sys/net/netfilter/nf_conntrack_count")
_MOST_TRACKED = Path("/proc/sys/net/netfilter/nf_conntrack_max")


@dataclass(slots=True)
class Round:
    """What one round brought."""

    readings: list[Reading] = field(default_factory=list)
    gone: list[Post] = field(default_factory=list)
    tracked: int = 0
    tracked_max: int = 0
    cost_s: float = 0.0


def register(ground: Ground, place: Place) -> Post:
    """A post at a place; raises ProbeError, or OSError, when it cannot be entered."""

    def there() -> tuple[int, int]:
        inode = Path("/proc/thread-self/ns/net").stat().st_ino
        return os.open(SNMP, os.O_RDONLY | os.O_CLOEXEC), inode

    fd, inode = ground.namespaces.call_here(place, there)
    return Post(place, inode, fd)


def go_round(ground: Ground, posts: Iterable[Post], layout: Layout) -> Round:
    """Read every post's counters, and look where they give a reason."""
    begun = time.thread_time()
    now = time.monotonic()
    made = Round()
    spare = SPARE
    for post in posts:
        try:
            raw = os.pread(post.fd, _SIZE, 0)
        except OSError:
            made.gone.append(post)
            continue
        within, post.read_at = now - post.read_at, now
        quiet = not (post.half_open or post.queued or post.asking)
        if raw == post.raw and quiet and now >= post.hot_until:
            continue
        counts = layout.read(raw)
        if counts is None:
            continue
        rise = post.take(raw, counts)
        look = post.wanted(rise, now)
        if rise.opened and spare and Look.CONNECTS not in look:
            look |= Look.CONNECTS
            spare -= 1
        reading = Reading(post, rise, within, look)
        if look:
            with contextlib.suppress(ProbeError, OSError):
                ground.namespaces.call_here(post.place, _look, reading, now)
        if look or rise != Counts():
            made.readings.append(reading)
    made.tracked, made.tracked_max = _number(_TRACKED), _number(_MOST_TRACKED)
    made.cost_s = time.thread_time() - begun
    return made


def _look(reading: Reading, now: float) -> None:
    """The dumps that are wanted, in the namespace of the reading."""
    post, look = reading.post, reading.looked
    if Look.QUEUES in look:
        listening = sockets.connections(1 << sockets.LISTEN)
        reading.queues = [one for one in listening if one.received]
        post.queued = bool(reading.queues)
        post.stuck = post.stuck and post.queued
    if Look.CONNECTS in look or reading.queues:
        reading.wide = post.wide(now) or bool(reading.queues)
        states = _SYN_SENT | (sockets.CONNECTED if reading.wide else 0)
        found = sockets.connections(states)
        reading.connects = [s for s in found if s.state == sockets.SYN_SENT]
        reading.connected = [s for s in found if s.state != sockets.SYN_SENT]
        post.stuck = bool(reading.queues) and any(
            s.state in sockets.WAITING and not s.inode for s in reading.connected
        )
        post.found(half_open=bool(reading.connects))
        if any(s.syn_age_s > 0.5 for s in reading.connects):
            reading.strangers = neighbours.unanswered()
    if Look.NAMES in look:
        reading.names = sockets.asking()
        post.asking = bool(reading.names)


def _number(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return 0


def places_of(ground: Ground) -> tuple[Place, ...]:
    """Everywhere that is to be patrolled; only the host before the first snapshot."""
    return ground.places() if ground.snapshot else (HOST,)
