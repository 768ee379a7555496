"""What a restart of the engine takes with it, and how to get that back."""

from __future__ import annotations

import shlex

from netwiz.wizard.scene import Scene

RESTART = "sudo systemctl restart docker"


def engine_restart(scene: Scene) -> dict[str, str]:
    """Values for a fix that restarts the engine: `restart_engine`, `restart_stops`.

    Without live-restore every container ends with the engine, and only those with a
    restart policy come back by themselves (dockerd(8)); the others are started again.
    """
    engine = scene.snapshot.engine
    if engine is not None and engine.live_restore:
        return {"restart_engine": RESTART, "restart_stops": ""}
    up = [c for c in scene.snapshot.containers if c.running]
    # A rider needs its owner's namespace, so the owners are started before.
    lost = [
        c.name
        for c in sorted(up, key=lambda c: bool(c.rides_on))
        if c.restart_policy not in ("always", "unless-stopped")
    ]
    again = f"\ndocker start {shlex.join(lost)}" if lost else ""
    return {
        "restart_engine": f"{RESTART}{again}",
        "restart_stops": "every running container" if up else "",
    }
