"""The machine as the reasoning sees it: put a request, get a finding.

Senses are looked up by the type of the request and imported when first used, so that
a screen paints before any heavy library is loaded. This is the border: whatever a
sense raises leaves here as a `Failed` finding.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from netwiz.probes import requests as ask
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Failed, Failure, Finding, Place
from netwiz.probes.facts.engine import Snapshot
from netwiz.probes.namespaces import Namespaces

Sense = Callable[["Ground", Any], Awaitable[Finding]]

SENSES: dict[type, tuple[str, str]] = {
    ask.TakeSnapshot: ("netwiz.probes.engine", "take_snapshot"),
    ask.CountRestarts: ("netwiz.probes.engine", "count_restarts"),
    ask.ReadLogErrors: ("netwiz.probes.logs", "read_log_errors"),
    ask.Resolve: ("netwiz.probes.resolve", "resolve"),
    ask.ReadSockets: ("netwiz.probes.sockets", "read_sockets"),
    ask.FindListeners: ("netwiz.probes.sockets", "find_listeners"),
    ask.WatchListener: ("netwiz.probes.sockets", "watch_listener"),
    ask.ReadLinks: ("netwiz.probes.links", "read_links"),
    ask.AskRoute: ("netwiz.probes.links", "ask_route"),
    ask.FindAddress: ("netwiz.probes.links", "find_address"),
    ask.AskArp: ("netwiz.probes.arp", "ask_arp"),
    ask.ReadRules: ("netwiz.probes.firewall", "read_rules"),
    ask.Attempt: ("netwiz.probes.attempt", "attempt"),
    ask.IdentifyNamespace: ("netwiz.probes.identity", "identify_namespace"),
}
"""Request type to (module, coroutine function of `(ground, request)`)."""

BUDGET_S = 10.0
"""No sense may keep anybody waiting longer, whatever its own budget."""


class EngineGate(Protocol):
    """What the senses need of the container engine."""

    endpoint: str

    async def call(self, what: str, do: Callable[[Any], Any]) -> Any:
        """Run `do(client)` (docker SDK's APIClient) off the event loop, mapped."""

    def close(self) -> None:
        """Give the connections back."""


@dataclasses.dataclass
class Ground:
    """What a sense stands on: engine, namespaces, the newest snapshot."""

    engine: EngineGate
    namespaces: Namespaces = dataclasses.field(init=False)
    snapshot: Snapshot | None = None

    def __post_init__(self) -> None:
        """Let the namespaces find pids through whatever snapshot is the newest."""
        self.namespaces = Namespaces(self.pid_of)

    def pid_of(self, container_id: str) -> int:
        """Pid of a container's first process, by the newest snapshot."""
        found = self.snapshot.by_id.get(container_id) if self.snapshot else None
        if found is None:
            short = container_id[:12]
            raise ProbeError(Failure.GONE, f"container {short} is not there any more")
        if not found.pid:
            raise ProbeError(Failure.GONE, f"container {found.name} is not running")
        return found.pid

    def places(self) -> tuple[Place, ...]:
        """The host and the namespace of every running container, each once."""
        from netwiz.probes.facts.base import HOST

        snapshot = self.snapshot
        if snapshot is None:
            return (HOST,)
        own = (
            c.place
            for c in snapshot.containers
            if c.pid and not c.on_host_network and not c.rides_on
        )
        riders = (c.place for c in snapshot.containers if c.pid and c.rides_on)
        return (HOST, *own, *riders, *map(Place.netns, snapshot.host.namespaces))


class Machine:
    """Answers requests. Made once; closed by whoever made it."""

    def __init__(self, engine: EngineGate) -> None:
        self.ground = Ground(engine)

    async def perform(self, request: ask.Request) -> Finding:
        """The finding for a request; never raises but for cancellation."""
        start = time.perf_counter()
        try:
            with mapped(_subject(request)):
                finding = await asyncio.wait_for(
                    self._sense(request)(self.ground, request), BUDGET_S
                )
        except ProbeError as error:
            finding = error.finding()
        ms = (time.perf_counter() - start) * 1000
        return dataclasses.replace(finding, ms=ms)

    def close(self) -> None:
        """Give back threads, sockets and the engine's connections."""
        self.ground.namespaces.close()
        self.ground.engine.close()

    @staticmethod
    def _sense(request: ask.Request) -> Sense:
        module, name = SENSES[type(request)]
        return cast("Sense", getattr(importlib.import_module(module), name))


def _subject(request: ask.Request) -> str:
    place = getattr(request, "place", None)
    where = f" in {place.label}" if isinstance(place, Place) else ""
    return f"{type(request).__name__}{where}"


class FakeMachine:
    """Answers from a prepared table; what is not in it fails as a lost namespace."""

    def __init__(self, answers: dict[ask.Request, Finding]) -> None:
        self.answers = dict(answers)
        self.asked: list[ask.Request] = []

    async def perform(self, request: ask.Request) -> Finding:
        """The prepared finding."""
        self.asked.append(request)
        known = self.answers.get(request)
        return known or Failed(kind=Failure.GONE, what="not in the prepared table")

    def close(self) -> None:
        """Nothing to give back."""
