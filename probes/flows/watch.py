"""The flows of this machine for as long as somebody looks at them.

Not a request with a sense: a request is a hashable question whose answer depends on
nothing that was asked before, while rates, closed flows and histories live from one
look to the next. So this is a thing that is held open, as `EngineWatcher` is:

    async with FlowWatch(ground) as watch:
        while somebody_looks:
            table = await watch.sweep()
            ...show it...
            await asyncio.sleep(table.pause_s)

Nothing runs between two sweeps, nothing is kept open in any namespace, and leaving the
block ends it.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Self

from netwiz.probes.capture.batch import Batch
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import HOST
from netwiz.probes.facts.flows import FlowTable
from netwiz.probes.flows.holders import Holders
from netwiz.probes.flows.join import join
from netwiz.probes.flows.nat import Translations
from netwiz.probes.flows.sweep import Sweeper
from netwiz.probes.flows.tracker import Tracker
from netwiz.probes.flows.world import World
from netwiz.probes.machine import Ground

PAUSE_S = 2.0
LONGEST_PAUSE_S = 30.0
SHARE = 0.008
"""Of a core, at most. Drawing the table takes some as well, so not the whole of 1 %."""


class FlowWatch:
    """Sweeps when asked to, and remembers what rates and histories need."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._sweeper = Sweeper(ground)
        self._tracker = Tracker()
        self._holders = Holders()
        self._nat = Translations(ground)
        self._world = World(None)
        self._world_of: object = None
        # A sweep whose caller was cancelled goes on in its thread.
        self._lock = threading.Lock()

    async def __aenter__(self) -> Self:
        """Learn which containers there are, unless that is known."""
        if self._ground.snapshot is None:
            from netwiz.probes.engine.senses import take_snapshot
            from netwiz.probes.requests import TakeSnapshot

            await take_snapshot(self._ground, TakeSnapshot())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing stays behind: every socket was closed by the sweep that made it."""

    def note_rows(self, batch: Batch) -> None:
        """Count what a running capture saw; costs nothing until the next sweep."""
        self._tracker.note_rows(batch)

    async def sweep(self) -> FlowTable:
        """All flows as they are now; `pause_s` says when to come back.

        What cannot be seen (a namespace that has just gone, missing rights) is a line
        in `unseen`; the rest is told all the same.
        """
        try:
            return await self._ground.namespaces.call(HOST, self._sweep)
        except ProbeError as error:
            return FlowTable(at=time.time(), unseen=(error.what,))

    def _sweep(self) -> FlowTable:
        with self._lock:
            cpu, begun = time.thread_time(), time.monotonic()
            swept = self._sweeper.sweep()
            world = self._newest_world()
            pairs = join(swept.spaces, self._nat.turned)
            if self._nat.learn(pairs, world):
                pairs = join(swept.spaces, self._nat.turned)
            table = self._tracker.look(
                pairs,
                world,
                self._holders.known.get,
                names=(world.number, self._holders.found),
                now=time.monotonic(),
                clock=time.time(),
            )
            if table.number > 1:
                # Not before the first picture: all of /proc is searched for them.
                self._holders.find(self._tracker.missing_holders)
            cost_s = time.thread_time() - cpu
        return dataclasses.replace(
            table,
            command="ss -tuni state connected  # in every namespace",
            namespaces=len(swept.spaces),
            unseen=swept.unseen,
            ms=(time.monotonic() - begun) * 1000,
            cost_ms=cost_s * 1000,
            pause_s=_pause(table.number, cost_s),
        )

    def _newest_world(self) -> World:
        snapshot = self._ground.snapshot
        if snapshot is not self._world_of:
            self._world, self._world_of = World(snapshot), snapshot
        return self._world


def _pause(number: int, cost_s: float) -> float:
    # The first look walks everything; it says nothing of what the next ones cost.
    if number == 1:
        return PAUSE_S
    return min(max(PAUSE_S, cost_s / SHARE), LONGEST_PAUSE_S)
