"""The command line, run here and as a process; a machine and a walk made up for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from netwiz.probes.facts import (
    Container,
    Engine,
    Failed,
    Finding,
    HostFacts,
    Snapshot,
    SnapshotTaken,
    State,
)
from netwiz.probes.machine import FakeMachine
from netwiz.probes.requests import Request, TakeSnapshot
from netwiz.wizard.case import Case
from netwiz.wizard.verdict import Diagnosis, Progress
from tests.wizard.report_samples import HEALTHY

ROOT = Path(__file__).parents[2]
NOWHERE = "unix:///nonexistent/docker.sock"


def container(name: str, digit: str, **more: str) -> Container:
    """A running container whose id is one digit over and over."""
    return Container(
        id=digit * 64,
        name=name,
        state=State.RUNNING,
        pid=4000,
        network_mode=more.get("network_mode", "shop_default"),
    )


SNAPSHOT = Snapshot(
    taken_at=datetime(2026, 11, 21, tzinfo=UTC),
    host=HostFacts(hostname="prod-01", root=True, namespaces=("blue",)),
    engine=Engine(endpoint="unix:///var/run/docker.sock"),
    containers=(
        container("order", "a"),
        container("pg", "b"),
        replace(container("pgbouncer", "b"), id="b" * 60 + "cafe"),
        container("edge", "c", network_mode="host"),
    ),
)
NO_ENGINE = replace(
    SNAPSHOT, engine=None, containers=(), missing="no engine listens: start it"
)
NO_RIGHTS = replace(SNAPSHOT, host=replace(SNAPSHOT.host, root=False))

Walk = Callable[[Case, Callable[[Progress], None]], Diagnosis]


def healthy(case: Case, tell: Callable[[Progress], None]) -> Diagnosis:
    """A walk that finds nothing wrong."""
    return replace(HEALTHY, case=case)


@dataclass
class World:
    """What the command finds in place of the machine and of the reasoning."""

    snapshot: Snapshot = SNAPSHOT
    failed: Failed | None = None
    walk: Walk = healthy
    cases: list[Case] = field(default_factory=list)
    closed: int = 0

    @contextlib.contextmanager
    def machine(self) -> Iterator[FakeMachine]:
        """Stands in for the machine, and counts how often it was given back."""
        answers: dict[Request, Finding] = {
            TakeSnapshot(): self.failed or SnapshotTaken(snapshot=self.snapshot)
        }
        try:
            yield FakeMachine(answers)
        finally:
            self.closed += 1

    async def diagnose(
        self, case: Case, _perform: object, *, tell: Callable[[Progress], None]
    ) -> Diagnosis:
        """Stands in for the reasoning."""
        await asyncio.sleep(0)
        self.cases.append(case)
        return self.walk(case, tell)


@contextlib.contextmanager
def service() -> Iterator[int]:
    """A service on the host's loopback that takes what comes; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        worker = threading.Thread(target=take)
        worker.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            worker.join()
            for one in taken:
                one.close()


def command(*arguments: str) -> list[str]:
    """The command as a process of its own."""
    return [sys.executable, "-m", "netwiz", *arguments]


def environment(**more: str) -> dict[str, str]:
    """Without an engine, without colour asked for or against, whatever is set here."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")}
    for name in ("NO_COLOR", "NETWIZ_DEBUG", "COLUMNS"):
        kept.pop(name, None)
    own = {"DOCKER_HOST": NOWHERE, "PYTHONPATH": str(ROOT / "src"), "LC_ALL": "C.UTF-8"}
    return kept | own | more


def netwiz(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(**more),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
