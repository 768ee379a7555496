"""The same connection attempt many times over, a few at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from netwiz.probes.connect.dial import connect
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Connection
from netwiz.probes.facts.kernel import KernelCounters
from netwiz.probes.facts.load import Repeated
from netwiz.probes.firewall.kernel import read_counters, rises
from netwiz.probes.requests import ReadCounters, Repeat

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

AT_ONCE = 8
"""Few enough not to fill an accept queue or to look like a flood."""
APART_S = 0.01
LONGEST_S = 25.0
"""Then no further attempt is begun: what was gathered by then is the answer."""


async def repeat(ground: Ground, request: Repeat) -> Repeated:
    """Make `count` attempts, at most eight at a time, each from a port of its own.

    No more are begun after 25 s: `attempts` may hold fewer than were asked for. Raises
    ProbeError when the client's namespace is gone.
    """
    before = await _counters(ground, request.counters)
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST_S
    few = asyncio.Semaphore(AT_ONCE)

    async def one(nth: int) -> Connection | None:
        await asyncio.sleep(nth * APART_S)
        async with few:
            if loop.time() > end:
                return None
            return await connect(
                ground,
                request.place,
                request.address,
                request.port,
                request.protocol,
                budget_ms=request.budget_ms,
            )

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(nth)) for nth in range(request.count)]
    made = tuple(a for task in tasks if (a := task.result()) is not None)
    after = await _counters(ground, tuple(before))
    shown = made[0].command if made else ""
    return Repeated(
        command=f"for i in $(seq {request.count}); do time {shown}; done",
        place=request.place,
        address=request.address,
        port=request.port,
        attempts=made,
        kernel=tuple(
            rise for place, now in after.items() for rise in rises(before[place], now)
        ),
    )


async def _counters(
    ground: Ground, places: tuple[Place, ...]
) -> dict[Place, KernelCounters]:
    """The kernel's counters of these places; one that cannot be read is left out."""
    found: dict[Place, KernelCounters] = {}
    for place in places:
        try:
            with mapped(f"the counters of {place.label}"):
                found[place] = await read_counters(ground, ReadCounters(place))
        except ProbeError:
            continue
    return found
