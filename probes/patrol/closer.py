"""Closer looks: a tap inside a namespace for some seconds, where counters ask for it.

What fails on a container's own loopback, or at its resolver, passes no device of the
host. Few of these taps stand at once, none for long, and one that saw nothing of use is
not soon opened again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Flag, auto
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError
from netwiz.probes.patrol.ears import Ears
from netwiz.probes.patrol.program import of_a_namespace
from netwiz.probes.patrol.tap import Tap

if TYPE_CHECKING:
    from netwiz.probes.facts.base import Place
    from netwiz.probes.facts.signs import Sign
    from netwiz.probes.machine import Ground

MOST_OPEN = 4
LAST_S = 4.0
"""A look ends so long after it was last asked for."""
LONGEST_S = 20.0
MOST_PACKETS = 8000
"""Of one look; a namespace as busy as that is not looked at any closer."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 4.0, 120.0


class Why(Flag):
    """What a look is for."""

    CONNECTS = auto()
    NAMES = auto()


def _program(why: Why) -> bytes:
    return of_a_namespace(connects=Why.CONNECTS in why, names=Why.NAMES in why)


@dataclass(slots=True)
class _Open:
    tap: Tap
    ears: Ears
    since: float
    until: float
    why: Why
    packets: int = 0
    told: int = 0


class Closer:
    """Opens, reads and closes them."""

    def __init__(self, ground: Ground, tell: Callable[[list[Sign]], None]) -> None:
        self._ground = ground
        self._tell = tell
        self._open: dict[Place, _Open | None] = {}
        """None while one is being opened."""
        self._not_before: dict[Place, tuple[float, float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost = 0

    def ask(self, place: Place, why: Why) -> None:
        """Look closer at a place, if that is not done already and may be done."""
        now = time.monotonic()
        known = self._open.get(place)
        if known is not None:
            known.until = min(now + LAST_S, known.since + LONGEST_S)
            if why not in known.why:
                known.why |= why
                with contextlib.suppress(OSError):
                    known.tap.refilter(_program(known.why))
            return
        if place in self._open or len(self._open) >= MOST_OPEN:
            return
        if self._not_before.get(place, (0.0, 0.0))[0] > now:
            return
        self._open[place] = None
        task = asyncio.get_running_loop().create_task(self._look(place, why))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def tick(self, at: datetime) -> None:
        """Tell of silences, and end what has stood long enough."""
        now = time.monotonic()
        for place, known in list(self._open.items()):
            if known is None:
                continue
            self._say(known, known.ears.silence(at))
            if now > known.until or known.packets > MOST_PACKETS:
                self._end(place, known, now)
        self._not_before = {
            place: (when, pause)
            for place, (when, pause) in self._not_before.items()
            if when + pause > now
        }

    async def close(self) -> None:
        """End all of them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for place, known in list(self._open.items()):
            if known is not None:
                self._end(place, known, time.monotonic())

    async def _look(self, place: Place, why: Why) -> None:
        try:
            program = _program(why)
            tap = await self._ground.namespaces.call(
                place, lambda: Tap(program, outgoing=True)
            )
        except (ProbeError, OSError, asyncio.CancelledError):
            self._open.pop(place, None)
            return
        now = time.monotonic()
        known = _Open(tap, Ears(place), now, now + LAST_S, why)
        self._open[place] = known
        asyncio.get_running_loop().add_reader(tap.fileno(), self._read, known)

    def _read(self, known: _Open) -> None:
        at = datetime.now(UTC)
        for packet in known.tap.packets():
            known.packets += 1
            self._say(known, known.ears.hear(packet, at))
        if known.packets > MOST_PACKETS:
            self._deafen(known)

    def _say(self, known: _Open, signs: list[Sign]) -> None:
        if signs:
            known.told += len(signs)
            self._tell(signs)

    def _deafen(self, known: _Open) -> None:
        with contextlib.suppress(RuntimeError, ValueError):
            asyncio.get_running_loop().remove_reader(known.tap.fileno())

    def _end(self, place: Place, known: _Open, now: float) -> None:
        self._deafen(known)
        self.lost += known.tap.count_lost()
        del self._open[place]
        pause = 0.0
        if not known.told or known.packets > MOST_PACKETS:
            before = self._not_before.get(place, (0.0, 0.0))[1]
            pause = min(max(before * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        self._not_before[place] = (now + pause, pause)
        try:
            asyncio.get_running_loop().run_in_executor(None, known.tap.close)
        except RuntimeError:  # the loop is closing down and starts no more threads
            known.tap.close()
