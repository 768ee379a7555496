"""The engine as a process of this machine: its options, and whether it is here at all.

The API tells neither whether the userland proxy is on nor whether the pids it names are
this machine's. A pid of another machine taken for one of ours would lead a diagnosis
into a stranger's namespace.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from netwiz.probes.engine import fields as js
from netwiz.probes.engine.endpoint import EngineEndpoint
from netwiz.probes.facts.engine import Container
from netwiz.probes.sockets import processes

PROC = processes.PROC
CONFIG = "/etc/docker/daemon.json"
CLOCK_SLACK_S = 60.0
"""Between the engine's word of a start and the kernel's; both round, both may lag."""


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """What the daemon was told; None where neither its options nor a process tell."""

    userland_proxy: bool | None = None
    iptables: bool | None = None
    dns: tuple[str, ...] = ()


def daemon_options(where: EngineEndpoint) -> DaemonOptions:
    """The options of the daemon behind a unix socket of this machine.

    Read from its command line and its configuration file, as it sees that file; both
    are on unless switched off (dockerd(8)). Where neither can be read, a running
    docker-proxy still proves that there is one.
    """
    pid = _daemon_pid(where)
    words = processes.command_of(pid)[1:] if pid else ()
    stored: dict[str, object] | None = None
    if pid:
        stored = _stored(f"{PROC}/{pid}/root{_option(words, 'config-file') or CONFIG}")
    proxy = _switch(words, stored, "userland-proxy")
    if proxy is None and _proxy_runs():
        proxy = True
    iptables = _switch(words, stored, "iptables")
    return DaemonOptions(proxy, iptables, _addresses(words, stored, "dns"))


def confirmed_pid(container: Container) -> int:
    """The container's pid if it is a process of this machine, else 0.

    Its cgroup names the container in every usual set-up. Where it does not (an engine
    without cgroups), the process must have started when the engine says it did.
    """
    pid = container.pid
    if not pid:
        return 0
    told = processes.container_id(pid)
    if told:
        return pid if told == container.id else 0
    started = processes.start_time(pid)
    if not started:
        # Hidden from us (hidepid) or not there; only root can tell these apart.
        return 0 if os.geteuid() == 0 else pid
    if container.started_at is None:
        return pid
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    ours = booted + started / os.sysconf("SC_CLK_TCK")
    near = abs(container.started_at.timestamp() - ours) < CLOCK_SLACK_S
    return pid if near else 0


def _daemon_pid(where: EngineEndpoint) -> int:
    """Pid of the daemon that listens on the socket; 0 when it cannot be told.

    SO_PEERCRED names the process that called listen(): with socket activation that is
    systemd, and the only dockerd there is must be the one.
    """
    pid = _listening_pid(where.path) if where.path else 0
    if not pid or processes.name_of(pid) == "dockerd":
        return pid
    daemons = [p for p in processes.pids() if processes.name_of(p) == "dockerd"]
    return daemons[0] if len(daemons) == 1 else 0


def _listening_pid(path: str) -> int:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            probe.connect(path)
            size = struct.calcsize("3i")
            raw = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except OSError:
        return 0
    pid: int = struct.unpack("3i", raw)[0]
    return max(pid, 0)


def _stored(path: str) -> dict[str, object] | None:
    """The configuration file; empty when there is none, None when it is unreadable."""
    try:
        found = json.loads(_beginning(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _beginning(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(1 << 20)


def _option(words: Iterable[str], name: str) -> str:
    """The value of ``--name=value`` or ``--name value``; empty when not given."""
    given = list(words)
    for place, word in enumerate(given):
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
        if word == f"--{name}":
            return given[place + 1] if place + 1 < len(given) else ""
    return ""


def _addresses(
    words: Iterable[str], stored: dict[str, object] | None, name: str
) -> tuple[str, ...]:
    """An option that may be given several times, each time an address."""
    given = list(words)
    found = [w.partition("=")[2] for w in given if w.startswith(f"--{name}=")]
    found += [b for a, b in pairwise(given) if a == f"--{name}"]
    values = [*found, *js.items((stored or {}).get(name), 16)]
    return tuple(a for a in map(js.address, values) if a)


def _switch(
    words: Iterable[str], stored: dict[str, object] | None, name: str
) -> bool | None:
    """An on-off option that is on by default; None when nothing tells.

    A bare ``--name`` means on. A daemon does not start when both places name it.
    """
    for word in words:
        flag, separator, value = word.partition("=")
        if flag == f"--{name}":
            return not separator or value.lower() in ("1", "t", "true")
    if stored is None:
        return None
    found = stored.get(name)
    return found if isinstance(found, bool) else True


def _proxy_runs() -> bool:
    return any(processes.name_of(pid) == "docker-proxy" for pid in processes.pids())
