"""Did netwiz leave anything behind? The state of every place, before and after."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import fingerprint, state
from tests.lab.fingerprint import Fingerprint

if TYPE_CHECKING:
    from tests.lab.engine import Lab

PART = "netwiz"
"""The control group netwiz runs in: whoever is in it later was left behind."""
_ENGINE_OWN = re.compile(r"\bveth[0-9a-f]{7}\b|chain (DOCKER|POSTROUTING)$")
RUNS = "runs"
"""The section that tells each container's first process, and its namespace.

The number of a namespace that is gone is soon given to another (ida_alloc).
"""
CONTAINER_SECTIONS = (
    "rules",
    "legacy",
    "links",
    "addresses",
    "routes",
    "policies",
    "queues",
)


def look(lab: Lab) -> Fingerprint:
    """Everything that netwiz could have changed, with names to tell where."""
    found: Fingerprint = {}
    for place in ("host", "outside"):
        for section, facts in fingerprint.take(lab.netns_of(place)).items():
            found[f"{place} {section}"] = facts
    if _restless(lab):
        # The engine makes and removes that container's link and mapping all the time.
        for facts in found.values():
            for name in [n for n in facts if _ENGINE_OWN.search(n)]:
                del facts[name]
    for name in lab.docker("ps", "--format", "{{.Names}}").split():
        with suppress(FileNotFoundError, state.LabError):
            netns = lab.netns_of(name)
            found.setdefault(RUNS, {})[name] = f"{netns} {netns.stat().st_ino}"
            inside = fingerprint.take(netns, *CONTAINER_SECTIONS)
            for section, content in inside.items():
                found[f"{name} {section}"] = content
    found["containers"] = _containers(lab)
    found["namespaces"] = dict.fromkeys(_named_namespaces(lab), "")
    found["files"] = dict.fromkeys(_files(lab), "")
    members = state.group_members(lab.names, PART)
    found["processes"] = {f"pid {pid}": _command(pid) for pid in members}
    return found


def _restless(lab: Lab) -> bool:
    """Whether a container is being restarted by the engine over and over."""
    ids = lab.docker("ps", "-aq").split()
    counts = lab.docker("inspect", "-f", "{{.RestartCount}}", *ids) if ids else ""
    return any(int(count) for count in counts.split())


def differences(before: Fingerprint, after: Fingerprint) -> list[str]:
    """What is new, gone or changed; a place that itself ended is not judged.

    Nor is a container that was started anew meanwhile: its namespace is another one.
    """
    runs = before.get(RUNS, {}).items() & after.get(RUNS, {}).items()
    other = before.get(RUNS, {}).keys() - dict(runs)
    both = {
        key
        for key in before.keys() & after.keys() - {RUNS}
        if key.partition(" ")[0] not in other
    }
    return fingerprint.differences(
        {key: before[key] for key in sorted(both)}, {key: after[key] for key in both}
    )


def _containers(lab: Lab) -> dict[str, str]:
    """Names and images; not the state, which a restart loop changes itself."""
    rows = lab.docker("ps", "-a", "--format", "{{.Names}}\t{{.Image}}").splitlines()
    found = dict(row.split("\t", 1) for row in rows)
    for name in lab.docker("network", "ls", "--format", "{{.Name}}").split():
        found[f"network {name}"] = ""
    return found


def _named_namespaces(lab: Lab) -> list[str]:
    return _names(Path(f"/proc/{lab.engine_pid()}/root/run/netns"))


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208


def _of_engine(path: str) -> bool:
    """What runc writes for each `docker exec`, and removes when it gets round to it."""
    return path.startswith("runc-process")


OWNER = ".of-"
"""Before a lab's label, in the name of a file that its own test makes on purpose."""


def _files(lab: Lab) -> list[str]:
    """Files in the lab host's own /tmp and home, and new ones in /run.

    What is shared with this machine changes for other reasons as well; there
    only a name that gives netwiz away counts.
    """
    root = Path(f"/proc/{lab.engine_pid()}/root")
    found = [f"home/{path}" for path in _walk(lab.names.folder / "home")]
    shared = ["run", "dev/shm", "var/tmp"]
    if lab.has_private_tmp:
        found += [f"tmp/{path}" for path in _walk(root / "tmp") if not _of_engine(path)]
    else:
        shared.append("tmp")
    for place in shared:
        # Another lab on this machine comes and goes as it likes.
        names = (
            name
            for name in _names(root / place)
            if "netwiz" in name
            and not name.startswith("netwiz-lab")
            and (OWNER not in name or name.endswith(OWNER + lab.names.label))
        )
        found += [f"{place}/{name}" for name in names]
    return found


def _walk(top: Path) -> list[str]:
    return [
        os.path.relpath(os.path.join(folder, name), top)  # noqa: PTH118
        for folder, folders, files in os.walk(top)
        for name in (*folders, *files)
    ]


def _command(pid: int) -> str:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "(ended)"
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()
