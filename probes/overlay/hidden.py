"""Where the engine keeps an overlay network's own namespace.

It has no name of ``ip netns`` and no process. The engine mounts it as
``<exec-root>/netns/<epoch>-<first ten digits of the network's id>``; where the engine
has a mount namespace of its own (snap, a lab), from outside that is an empty file, and
only the way through the engine's root leads there. So the engine's mounts are asked.
"""

from __future__ import annotations

import re
from pathlib import Path

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure
from netwiz.probes.sockets import processes

_MOUNT = re.compile(r"^\d+ \d+ \S+ \S+ (\S*/netns/(\d+)-([0-9a-z]{10})) ", re.MULTILINE)
_LENGTH = 10
"""Digits of the network's id in the file's name (libnetwork, overlay.go)."""


def namespace_of(network_id: str) -> Path:
    """The namespace of an overlay network as a file.

    Raises ProbeError (gone) when no engine of this machine has it, which is so as long
    as no container of this node is on the network.
    """
    if not re.fullmatch(r"[0-9a-z]{10,64}", network_id):
        raise ProbeError(Failure.GONE, "no overlay network has such an id")
    for pid in processes.pids():
        if processes.name_of(pid) != "dockerd":
            continue
        found = _mounted(pid, network_id[:_LENGTH])
        if found is not None:
            return found
    what = f"the namespace of overlay network {network_id[:12]} is not on this node"
    raise ProbeError(Failure.GONE, what)


def _mounted(pid: int, digits: str) -> Path | None:
    try:
        text = Path(f"/proc/{pid}/mountinfo").read_text(errors="replace")
    except OSError:
        return None
    # After a network was given up and taken up again, a later epoch is the live one.
    found = [(int(e), path) for path, e, d in _MOUNT.findall(text) if d == digits]
    if not found:
        return None
    return Path(f"/proc/{pid}/root{max(found)[1]}")
