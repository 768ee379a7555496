"""Small worlds and the causes they lead to: platforms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    After,
    Elsewhere,
    Engine,
    Finding,
    NameOutcome,
    Outcome,
    PortMapping,
    ProcessRights,
    Snapshot,
    State,
    Stranger,
)
from tests.wizard.judge_table import Told
from tests.wizard.world import ORDER, PG, World, case

PUBLISHED = replace(PG, published=(PortMapping(3000, "tcp", "0.0.0.0", 8080),))


@dataclass
class Platform(World):
    """A world whose engine is somewhere else."""

    engine: Engine = field(default_factory=lambda: Engine("unix:///x"))

    @property
    def snapshot(self) -> Snapshot:
        return replace(super().snapshot, engine=self.engine)


def on(system: str = "", os_type: str = "linux", *, rootless: bool = False) -> Platform:
    """The host dials a container's address, in vain."""
    return Platform(
        containers=(ORDER, PUBLISHED),
        names={"172.18.0.2": ("172.18.0.2",)},
        lookup=NameOutcome.LITERAL,
        outcomes={"172.18.0.2": Outcome.TIMEOUT},
        engine=Engine("unix:///x", system=system, os_type=os_type, rootless=rootless),
    )


def filtered(version: str = "19.03.5", *, seccomp: bool = True) -> Platform:
    """It connects from order's namespace, and order was told that it may not."""

    def rights(_: ask.Request) -> Finding:
        return ProcessRights(container_id=ORDER.id, seccomp=seccomp)

    return Platform(
        outcomes={"172.18.0.2": Outcome.CONNECTED},
        connection=lambda link: replace(link, after=After.OPEN),
        answers={ask.ReadRights: rights},
        engine=Engine("unix:///x", version=version),
    )


def elsewhere(*found: Stranger) -> Callable[[ask.Request], Finding]:
    """What other engines have."""

    def answer(_: ask.Request) -> Finding:
        return Elsewhere(wanted="cache", found=found)

    return answer


STRANGER = Stranger("unix:///run/user/1000/docker.sock", "cache", State.RUNNING)
FROM_HOST = case("172.18.0.2", client=None)

TABLE: dict[str, Told] = {
    "Docker Desktop": Told("docker-desktop-vm", on("Docker Desktop"), FROM_HOST),
    "Windows": Told(
        "windows-container", on("Windows Server 2022", "windows"), FROM_HOST
    ),
    "rootless": Told(
        "rootless-slirp-pasta", on("Debian GNU/Linux 12", rootless=True), FROM_HOST
    ),
    "an old filter of system calls": Told(
        "seccomp-old-libseccomp",
        filtered(),
        replace(case(), error="connect: Operation not permitted"),
    ),
    "another engine": Told(
        "wrong-engine-context",
        World(answers={ask.FindElsewhere: elsewhere(STRANGER)}),
        case("cache"),
    ),
}
