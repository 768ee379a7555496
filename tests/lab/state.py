"""Where a lab lives, who holds it, and how to find every process of it.

A test run can be killed at any moment. So nothing here relies on an orderly
end: every process of the lab is born inside a control group of its own, and
the kernel keeps that list for us. Whatever is in the group is ours; nothing
else is ever signalled.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEEDED_BYTES = 1 << 30
CGROUPS = Path("/sys/fs/cgroup")


class LabError(RuntimeError):
    """The lab could not do what was asked; the text says what and why."""


class LabBusyError(LabError):
    """Somebody else holds the lab."""


PATIENCE_SECONDS = 60.0
"""Met only where something is broken: what takes 0.5 s on an idle machine may take ten
on one with five labs to two processors."""
COMMAND_SECONDS = 2 * PATIENCE_SECONDS
"""For one command, which may itself wait for facts."""


def wait_until(
    fact: Callable[[], object],
    what: str,
    seconds: float = PATIENCE_SECONDS,
    step: float = 0.01,
) -> None:
    """Poll until `fact()` is true: tests wait for facts, never for a time."""
    end = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s in vain until {what}")
        time.sleep(step)


def _roomy_parent() -> Path:
    """/run is the place for run time state, unless it is a small tmpfs."""
    free = shutil.disk_usage("/run").free
    return Path("/run") if free >= NEEDED_BYTES else Path("/var/tmp")


@dataclass(frozen=True)
class Names:
    """Every name a lab uses. `NETWIZ_LAB=b` makes a second lab beside it."""

    label: str
    folder: Path

    @classmethod
    def from_environment(cls) -> Names:
        suffix = os.environ.get("NETWIZ_LAB", "")
        label = f"netwiz-lab-{suffix}" if suffix else "netwiz-lab"
        return cls(label, _roomy_parent() / label)

    @property
    def _netns_prefix(self) -> str:
        return self.label.replace("netwiz-lab", "nwlab")

    @property
    def host_netns(self) -> str:
        return f"{self._netns_prefix}-host"

    @property
    def outside_netns(self) -> str:
        return f"{self._netns_prefix}-out"

    @property
    def second_netns(self) -> str:
        return f"{self._netns_prefix}-host2"

    @property
    def hostname(self) -> str:
        """What the engine's machine calls itself; empty: as this one does."""
        return ""

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def holder(self) -> Path:
        return self.folder / "holder.json"

    @property
    def lock(self) -> Path:
        return self.folder.with_suffix(".lock")


class Lock:
    """One lab of a name at a time, across processes."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._fd: int | None = None

    def take(self, wait_seconds: float, say: Callable[[str], None]) -> None:
        """Wait for it, saying once for whom; give up with the holder's name."""
        end = time.monotonic() + wait_seconds
        said = False
        while not self._try():
            who = describe_holder(self._names)
            if time.monotonic() > end:
                raise LabBusyError(f"the lab is held by {who}")
            if not said:
                say(f"waiting for the lab, held by {who}")
                said = True
            time.sleep(0.1)

    def _try(self) -> bool:
        path = self._names.lock
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last holder removes the file: a lock on that one is worthless.
            current = path.exists() and path.stat().st_ino == os.fstat(fd).st_ino
        except BlockingIOError:
            current = False
        if current:
            self._fd = fd
        else:
            os.close(fd)
        return current

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def read_holder(names: Names) -> dict[str, Any]:
    """Who raised the lab: pid, kind ("test run" or "by hand"), scenario."""
    try:
        found = json.loads(names.holder.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_holder(names: Names, **facts: object) -> None:
    names.holder.write_text(json.dumps({"pid": os.getpid(), **facts}) + "\n")


def describe_holder(names: Names) -> str:
    holder = read_holder(names)
    if not holder:
        return "a process that is just starting it"
    facts = ", ".join(f"{key} {value}" for key, value in holder.items())
    return f"{facts} ({names.folder})"


def cgroup_roots() -> list[Path]:
    """The roots of all hierarchies: one (v2), or one per controller (v1)."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return sorted(p for p in CGROUPS.iterdir() if (p / "cgroup.procs").exists())


def _process_root() -> Path:
    for name in ("pids", "freezer", "systemd", ""):
        if (CGROUPS / name / "cgroup.procs").exists():
            return CGROUPS / name
    raise LabError("no writable control group hierarchy below /sys/fs/cgroup")


def group(names: Names, part: str) -> Path:
    """The control group for one kind of process, made when first asked for."""
    path = _process_root() / names.label / part
    path.mkdir(parents=True, exist_ok=True)
    return path


def into_group(names: Names, part: str, argv: list[str]) -> list[str]:
    """`argv`, started so that it and all its children are in that group."""
    procs = str(group(names, part) / "cgroup.procs")
    return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', procs, *argv]


def _group_folders(names: Names, part: str) -> Iterator[Path]:
    for root in cgroup_roots():
        top = root / names.label / part if part else root / names.label
        if top.is_dir():
            for folder, _, _ in os.walk(top, topdown=False):
                yield Path(folder)


def group_members(names: Names, part: str = "") -> set[int]:
    pids: set[int] = set()
    for folder in _group_folders(names, part):
        with suppress(OSError):
            pids.update(int(p) for p in (folder / "cgroup.procs").read_text().split())
    return pids


def kill_group(names: Names, part: str = "") -> None:
    """Kill every process in our group; a frozen one must be thawed to die."""

    def empty() -> bool:
        for folder in _group_folders(names, part):
            for file, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                if (folder / file).exists():
                    with suppress(OSError):
                        (folder / file).write_text(value)
        members = group_members(names, part)
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not members

    wait_until(empty, f"the processes in group {names.label}/{part} are gone")


def remove_groups(names: Names) -> None:
    """Remove the empty folders; the kernel may need a moment to let go."""

    def gone() -> bool:
        for folder in _group_folders(names, ""):
            with suppress(OSError):
                folder.rmdir()
        return not list(_group_folders(names, ""))

    wait_until(gone, f"the control groups of {names.label} are gone")
