"""A listener's accept queue over time, and whether its processes run at all.

A queue with connections in it says little: every busy server has one for a moment. One
that never gets shorter, while connections wait, belongs to a service that does not
accept. Why not is in /proc: stopped by a signal, frozen by its cgroup, or out of
descriptors (accept(2), EMFILE).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import time
from dataclasses import dataclass
from pathlib import Path

from netwiz.probes.errors import mapped
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.sockets import Listener
from netwiz.probes.facts.talk import Holder, QueueWatch
from netwiz.probes.machine import Ground
from netwiz.probes.netlink import sockdiag
from netwiz.probes.netlink.dump import Dumper
from netwiz.probes.requests import WatchQueue
from netwiz.probes.sockets import processes, sockraw

POLL_S = 0.1
WATCH_LIMIT_MS = 6000
MOST_HOLDERS = 16
_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Look:
    listener: Listener | None
    dropped: int
    namespace: int


async def watch_queue(ground: Ground, request: WatchQueue) -> QueueWatch:
    """Look at the queue until it is empty or shorter than before, or the budget ends.

    Raises:
        ProbeError: the place cannot be entered, or went away meanwhile.
    """
    place, start = request.place, time.monotonic()
    end = start + min(max(request.budget_ms, 0), WATCH_LIMIT_MS) / 1000
    first = await ground.namespaces.call(place, _look, place, request)
    held = first.listener
    before: tuple[Holder, ...] = ()
    if held is not None:
        before = await asyncio.to_thread(_holders, held.inode, first.namespace)
    queued = [held.queued] if held is not None else []
    last = first
    while held is not None and queued[-1] > 0 and not _shorter(queued):
        if time.monotonic() + POLL_S > end:
            break
        await asyncio.sleep(POLL_S)
        last = await ground.namespaces.call(place, _look, place, request)
        if last.listener is None:
            break
        queued.append(last.listener.queued)
    after = await asyncio.to_thread(_again, before)
    return QueueWatch(
        command=f"{ground.namespaces.enter(place)}watch -n 1 "
        f"ss -ltnp 'sport = :{request.port}'",
        place=place,
        port=request.port,
        listener=held.text if held is not None else "",
        backlog=held.backlog if held is not None else 0,
        queued=tuple(queued),
        watched_ms=(time.monotonic() - start) * 1000,
        overflows=max(0, last.dropped - first.dropped),
        holders=after,
    )


def _shorter(queued: list[int]) -> bool:
    return len(queued) > 1 and queued[-1] < queued[-2]


def _look(place: Place, request: WatchQueue) -> _Look:
    """One look, from a thread that stands in the place."""
    with mapped(f"the listeners of {place.label}"), Dumper(4) as dumper:
        raw = list(sockdiag.read_raw(dumper, "tcp", sockraw.TCP_LISTENING))
    found = sockraw.listeners(r for r in raw if r.local_port == request.port)
    fits = [s for s in found if not request.address or s.accepts(request.address)]
    # Several sockets may share a port (SO_REUSEPORT); the fullest one tells most.
    fullest = max(fits, key=lambda s: s.queued, default=None)
    inode = processes.namespace_inode("thread-self")
    return _Look(fullest, _listen_drops(), inode)


def _listen_drops() -> int:
    """TcpExtListenDrops of the thread's namespace; 0 when it cannot be read."""
    try:
        rows = Path("/proc/thread-self/net/netstat").read_text().splitlines()
    except OSError:
        return 0
    for names, values in zip(rows[::2], rows[1::2], strict=False):
        if names.startswith("TcpExt:"):
            fields = dict(zip(names.split(), values.split(), strict=False))
            with contextlib.suppress(ValueError):
                return int(fields.get("ListenDrops", "0"))
    return 0


def _holders(inode: int, namespace: int) -> tuple[Holder, ...]:
    """Every process that holds the socket: a master and the workers it forked."""
    found: list[Holder] = []
    for pid in sorted(processes.pids()):
        if len(found) >= MOST_HOLDERS:
            break
        if processes.namespace_inode(pid) != namespace:
            continue
        if processes.holds(pid, inode):
            found.append(_describe(pid))
    return tuple(found)


def _again(before: tuple[Holder, ...]) -> tuple[Holder, ...]:
    """The same processes now, with the processor time that they used since."""
    found = []
    for holder in before:
        now = _describe(holder.pid)
        if now.state:
            used = max(0.0, now.cpu_ms - holder.cpu_ms)
            found.append(dataclasses.replace(now, cpu_ms=used))
    return tuple(found)


def _describe(pid: int) -> Holder:
    """A process by proc(5); one that has gone has no state."""
    text = processes.read_small(f"/proc/{pid}/stat", 4096).decode("ascii", "replace")
    fields = text.rpartition(")")[2].split()
    if len(fields) < 13:
        return Holder(pid, processes.name_of(pid), "")
    return Holder(
        pid=pid,
        name=processes.name_of(pid),
        state=fields[0],
        container_id=processes.container_id(pid),
        open_files=_open_files(pid),
        max_files=_max_files(pid),
        # utime and stime, fields 14 and 15, in clock ticks.
        cpu_ms=(int(fields[11]) + int(fields[12])) * _TICK_MS,
    )


def _open_files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - thousands
    except OSError:
        return 0


def _max_files(pid: int) -> int:
    """The soft limit on open files, by /proc/PID/limits."""
    text = processes.read_small(f"/proc/{pid}/limits").decode("ascii", "replace")
    for line in text.splitlines():
        if line.startswith("Max open files"):
            words = line.split()
            return int(words[3]) if words[3].isdecimal() else 0
    return 0
