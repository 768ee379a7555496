"""How the scheduler holds a container back: its cgroup's share of the processors.

Version 1 has cpu.stat with ``throttled_time`` in nanoseconds and the quota in
cpu.cfs_quota_us, version 2 has ``throttled_usec`` and cpu.max (kernel documentation,
scheduler/sched-bwc and admin-guide/cgroup-v2).
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure
from netwiz.probes.facts.load import Pressure
from netwiz.probes.requests import ReadPressure

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

_CGROUPS = Path("/sys/fs/cgroup")
_READ = 4096


async def read_pressure(ground: Ground, request: ReadPressure) -> Pressure:
    """What a container's cgroup has counted so far.

    Raises ProbeError when the container is gone, or its cgroup cannot be found.
    """
    pid = ground.pid_of(request.container_id)
    return await asyncio.to_thread(pressure_of, request.container_id, pid)


def pressure_of(container_id: str, pid: int, root: Path = _CGROUPS) -> Pressure:
    """The pressure on the cgroup of a process."""
    folder = _folder(_text(Path(f"/proc/{pid}/cgroup")), root)
    if folder is None:
        raise ProbeError(Failure.GONE, "the container's cgroup was not found")
    stat = parse_stat(_text(folder / "cpu.stat"))
    throttled_ms = stat.get("throttled_time", 0) / 1e6
    if "throttled_usec" in stat:
        throttled_ms = stat["throttled_usec"] / 1e3
    return Pressure(
        command=f"cat {folder}/cpu.stat",
        container_id=container_id,
        quota=_quota(folder),
        periods=stat.get("nr_periods", 0),
        throttled=stat.get("nr_throttled", 0),
        throttled_ms=throttled_ms,
        host_load=os.getloadavg()[0] / (os.cpu_count() or 1),
    )


def parse_stat(text: str) -> dict[str, int]:
    """``nr_throttled 12`` lines as numbers; whatever else is passed over."""
    rows = (line.split() for line in text.splitlines())
    return {r[0]: int(r[1]) for r in rows if len(r) == 2 and r[1].isdigit()}


def _folder(cgroups: str, root: Path) -> Path | None:
    """Where the cpu controller of a process is, by /proc/PID/cgroup (cgroups(7))."""
    for line in cgroups.splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        named = "cpu" in controllers.split(",")
        if ".." in path or not (named or not controllers):
            continue
        for base in (root / "cpu", root / "cpu,cpuacct", root):
            folder = base / path.lstrip("/")
            if (folder / "cpu.stat").is_file():
                return folder
    return None


def _quota(folder: Path) -> float:
    """Processors that may be used; 0 when there is no limit."""
    words = _text(folder / "cpu.max").split()
    if not words:
        words = [_text(folder / f"cpu.cfs_{w}_us").strip() for w in ("quota", "period")]
    quota, period = (*words, "", "")[:2]
    if quota.isdigit() and period.isdigit() and int(period):
        return int(quota) / int(period)
    return 0.0


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_READ).decode("utf-8", "replace")
    except OSError:
        return ""
