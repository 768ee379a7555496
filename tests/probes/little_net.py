"""Namespaces of our own to look at: a miniature Docker host without an engine."""

from __future__ import annotations

import itertools
import os
import subprocess
from typing import Any, cast

import pytest

from netwiz.probes.facts.base import Place
from netwiz.probes.machine import EngineGate, Ground
from netwiz.probes.namespaces import NETNS_DIR

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")

_count = itertools.count()


def sh(line: str) -> str:
    """Run a shell line that must succeed."""
    done = subprocess.run(
        ["/bin/sh", "-ec", line],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, f"{line}: {done.stderr or done.stdout}"
    return done.stdout


class Namespace:
    """A throw-away namespace; `run` runs a shell line in it."""

    def __init__(self, role: str) -> None:
        self.name = f"nwt-{os.getpid()}-{next(_count)}-{role}"
        sh(f"ip netns add {self.name} && ip -n {self.name} link set lo up")
        self.place = Place.netns(self.name)

    def run(self, line: str) -> str:
        # Not "ip netns exec": it makes mounts of its own, which takes longer.
        quoted = line.replace("'", "'\\''")
        return sh(f"nsenter --net={NETNS_DIR / self.name} /bin/sh -ec '{quoted}'")

    def close(self) -> None:
        sh(f"ip netns del {self.name}")


class NoEngine:
    """An engine gate for senses that never ask the engine."""

    endpoint = "unix:///nowhere"

    async def call(self, what: str, do: Any) -> Any:
        raise AssertionError(f"the engine was asked: {what}, {do}")

    def close(self) -> None:
        pass


def ground() -> Ground:
    return Ground(cast("EngineGate", NoEngine()))
