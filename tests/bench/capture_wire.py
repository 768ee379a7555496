"""A wire to measure on: a veth pair between two namespaces that nobody else sees.

All of it stands in a mount, a pid and a network namespace of its own, in which the
bench starts itself again. So however the bench ends, also by SIGKILL, the kernel takes
everything away with its last process: nothing is there that could be forgotten.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.sender import Sent
from tests.lab import namespaces
from tests.project import ROOT

INSIDE = "NETWIZ_BENCH_INSIDE"
MODEST = "NETWIZ_BENCH_MODEST"
LEFT, RIGHT = "nwleft", "nwright"
"""Namespaces; the sender is in the left one, who listens is in the right one."""
DEVICE = "wire0"
SOURCE, DESTINATION = "198.18.0.1", "198.18.0.2"
"""Of the range for benchmarks (RFC 2544). Nobody has the second: nobody answers."""
FIRST = -15
"""As nice(2) has it."""
NOWHERE = "unix:///nonexistent/docker.sock"


def shut_in(module: str, words: Sequence[str], *, first: bool = True) -> None:
    """Start this module again in namespaces of its own; returns only in there."""
    if os.environ.get(INSIDE) == "1":
        Path("/run/netns").mkdir(exist_ok=True)
        namespaces.run(["mount", "-t", "tmpfs", "nwbench", "/run/netns"])
        namespaces.run(["ip", "link", "set", "lo", "up"])
        if first:
            come_first()
        else:
            os.environ[MODEST] = "1"
        return
    apart = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    argv = ["unshare", *apart, "--propagation", "private", "--"]
    os.environ[INSIDE] = "1"
    os.environ["DOCKER_HOST"] = NOWHERE
    os.chdir(ROOT)
    os.execvp(argv[0], [*argv, sys.executable, "-m", module, *words])


def come_first() -> None:
    """Let what is measured, all of it alike, go before whatever else is running.

    The scheduler weighs sessions (sched(7), autogroup) before processes: on a machine
    with other work a sender would not reach its rate, and a reader would be measured
    by what the others do.
    """
    with suppress(PermissionError):
        os.setsid()
    prefer([os.getpid()])


def prefer(pids: Iterable[int]) -> None:
    """The same for processes that are in sessions of their own."""
    if os.environ.get(MODEST):
        return
    for pid in pids:
        with suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(FIRST))


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent."""

    size: int
    """Bytes of a frame."""
    rate: int
    """Packets per second."""
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.size} B at {self.rate // 1000 or self.rate / 1000:g}k/s"


class Wire:
    """The pair, and what has gone over it."""

    def __init__(self) -> None:
        for name in (LEFT, RIGHT):
            namespaces.add(name)
            for key in ("all", "default"):
                # No neighbour discovery: what is counted is what was sent.
                namespaces.set_sysctl(name, f"net.ipv6.conf.{key}.disable_ipv6", "1")
        pair = ["type", "veth", "peer", "name", DEVICE, "netns", RIGHT]
        _ip(LEFT, "link", "add", DEVICE, *pair)
        for name in (LEFT, RIGHT):
            _ip(name, "link", "set", DEVICE, "up")
        mac = str(self._right()["address"])
        _ip(LEFT, "addr", "add", f"{SOURCE}/24", "dev", DEVICE)
        fixed = ["lladdr", mac, "dev", DEVICE, "nud", "permanent"]
        _ip(LEFT, "neigh", "add", DESTINATION, *fixed)
        # Else the packets of one call would cross as one.
        segmenting = ["ethtool", "-K", DEVICE, "tx-udp-segmentation", "off"]
        namespaces.run([*within(LEFT), *segmenting])

    def _right(self) -> dict[str, object]:
        words = ["ip", "-n", RIGHT, "-j", "-s", "link", "show", DEVICE]
        (told,) = json.loads(namespaces.run(words))
        if not isinstance(told, dict):
            raise TypeError(f"ip told {told!r}")
        return told

    def arrived(self) -> int:
        """Packets that have come to the right end since the wire was made."""
        stats = self._right()["stats64"]
        if not isinstance(stats, dict):
            raise TypeError(f"ip told {stats!r}")
        return int(stats["rx"]["packets"])

    def start(self, load: Load) -> subprocess.Popen[str]:
        """A sender, in a process of its own."""
        return subprocess.Popen(
            [*within(LEFT), *sending(DESTINATION, load)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, load: Load) -> Sent:
        """Send all of it; what the sender says that it reached."""
        with self.start(load) as process:
            return reached(process, load)


def within(name: str) -> list[str]:
    """The words before a command that is to run in a namespace."""
    return ["nsenter", f"--net=/run/netns/{name}", "--"]


def sending(address: str, load: Load) -> list[str]:
    """The sender's command."""
    options = {"rate": load.rate, "size": load.size, "seconds": load.seconds}
    words = [f"--{key}={value}" for key, value in options.items()]
    return [sys.executable, "-m", "tests.bench.sender", address, *words]


def reached(process: subprocess.Popen[str], load: Load) -> Sent:
    """What a sender reached, once it has ended."""
    out, _ = process.communicate(timeout=load.seconds + 60)
    if process.returncode:
        raise RuntimeError(f"the sender ended with {process.returncode}")
    return Sent(**json.loads(out))


def _ip(name: str, *words: str) -> None:
    namespaces.run(["ip", "-n", name, *words])
