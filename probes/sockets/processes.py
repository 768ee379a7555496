"""Which process holds a socket: /proc/PID/fd, no further than needed (proc(5)).

What cannot be read (another user's process, one that just ended) is passed over: a
socket then has no known owner, which is an answer as well.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from netwiz.probes.facts.sockets import Process
from netwiz.probes.text import plain

PROC = Path("/proc")

MAX_PROCESSES = 65_536
MAX_DESCRIPTORS = 16_384
"""Per process; a proxy with more of them has had its listeners early on."""

_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def read_small(path: str | Path, limit: int = 65_536) -> bytes:
    """The beginning of a file, in one read; empty when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.read(fd, limit)
    except OSError:
        return b""
    finally:
        os.close(fd)


def pids() -> Iterator[int]:
    """Every process there is, at most MAX_PROCESSES."""
    with contextlib.suppress(OSError), os.scandir(PROC) as entries:
        names = (entry.name for entry in entries if entry.name.isdecimal())
        yield from map(int, itertools.islice(names, MAX_PROCESSES))


def namespace_inode(pid: int | str) -> int:
    """Inode of a process's network namespace; 0 when it cannot be seen."""
    try:
        return Path(f"{PROC}/{pid}/ns/net").stat().st_ino
    except OSError:
        return 0


def container_id(pid: int) -> str:
    """Full id of the container a process runs in, by its cgroup; empty if in none.

    The innermost of nested ones counts; cgroup v1, v2 and systemd's
    ``docker-<id>.scope`` all carry the 64 digits.
    """
    found = _CONTAINER_ID.findall(
        read_small(f"{PROC}/{pid}/cgroup").decode("ascii", "replace")
    )
    return found[-1] if found else ""


def start_time(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 when it is gone.

    With the pid it names one process for good: pids are used again.
    """
    text = read_small(f"{PROC}/{pid}/stat", 4096).decode("ascii", "replace")
    fields = text.rpartition(")")[2].split()
    # Field 22 of proc(5); two came before the parenthesis closed.
    return int(fields[19]) if len(fields) > 19 and fields[19].isdecimal() else 0


def command_of(pid: int) -> tuple[str, ...]:
    """A process's arguments, as it was started; empty for a kernel thread."""
    raw = read_small(f"{PROC}/{pid}/cmdline")
    return tuple(plain(part, 1024) for part in raw.rstrip(b"\0").split(b"\0") if part)


def name_of(pid: int) -> str:
    """``/proc/PID/comm``."""
    return plain(read_small(f"{PROC}/{pid}/comm", 64).rstrip(b"\n"), 64)


def owners(
    wanted: Collection[int], namespaces: Collection[int], *, budget_s: float = 2.0
) -> dict[int, Process]:
    """Socket inode to the process that holds it, for those that were found.

    Only processes in one of the `namespaces` (inodes) are searched. When several hold
    the same socket (a server and its forked workers), the lowest pid is named.

    Args:
        wanted: socket inodes.
        namespaces: inodes of network namespaces.
        budget_s: after so long the rest is left without an owner.
    """
    missing = {inode for inode in wanted if inode}
    found: dict[int, Process] = {}
    end = time.monotonic() + budget_s
    for pid in sorted(pids()):
        if not missing or time.monotonic() > end:
            break
        if namespace_inode(pid) in namespaces:
            held = missing.intersection(_sockets(pid))
            if held:
                missing -= held
                found.update(dict.fromkeys(held, _describe(pid)))
    return found


def holds(pid: int, inode: int) -> bool:
    """Whether a process has this socket open."""
    return inode in _sockets(pid)


def _sockets(pid: int) -> Iterator[int]:
    folder = f"{PROC}/{pid}/fd"
    try:
        numbers = os.listdir(folder)  # noqa: PTH208 - thousands of entries
    except OSError:
        return
    for number in numbers[:MAX_DESCRIPTORS]:
        try:
            target = os.readlink(f"{folder}/{number}")  # noqa: PTH115 - same
        except OSError:
            continue
        if target.startswith("socket:["):
            digits = target[8:-1]
            if digits.isdecimal():
                yield int(digits)


def _describe(pid: int) -> Process:
    return Process(
        pid=pid,
        name=name_of(pid),
        container_id=container_id(pid),
        command=plain(" ".join(command_of(pid)), 1024),
    )
