"""Whether the scheduler kept the server from running while it was asked."""

from __future__ import annotations

from netwiz.probes.facts import Pressure
from netwiz.probes.requests import ReadPressure
from netwiz.wizard.scene import Scene
from netwiz.wizard.trees.words import server_name

THROTTLED_SHARE = 0.2
"""Of the scheduler's periods: less is felt by nobody."""


def pressure(scene: Scene, nth: int = 1) -> Pressure | None:
    """A reading of the server's cgroup; the first of a walk is the one before."""
    server = scene.focus.server
    if server is None:
        return None
    return scene.try_look(ReadPressure(server.id, nth), Pressure)


def throttling(scene: Scene, nth: int) -> tuple[str, dict[str, str]] | None:
    """Evidence and values, if it was throttled for much of the time since."""
    before = pressure(scene)
    if before is None or not before.quota:
        return None
    after = pressure(scene, nth)
    if after is None or after.periods <= before.periods:
        return None
    periods = after.periods - before.periods
    times = after.throttled - before.throttled
    lost = after.throttled_ms - before.throttled_ms
    if times < max(2, THROTTLED_SHARE * periods):
        return None
    throttle = f"{server_name(scene)} was throttled in {times} of {periods} periods"
    text = (
        f"{throttle} of the scheduler while it was asked (cpu.stat nr_throttled), for "
        f"{lost:.0f} ms; it may use {before.quota:g} processors"
    )
    return text, {
        "throttle": throttle,
        "quota": f"{before.quota:g}",
        "more_cpus": f"{max(1.0, before.quota * 4):g}",
    }
