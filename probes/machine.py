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
from netwiz.probes.facts.engine import Container, Snapshot
from netwiz.probes.namespaces import Namespaces

Sense = Callable[["Ground", Any], Awaitable[Finding]]


@dataclasses.dataclass(frozen=True, slots=True)
class SenseEntry:
    """Where a sense is, and how long it may take at most, whatever happens."""

    module: str
    name: str
    """A coroutine function of `(ground, request)`."""
    budget_s: float


def _entry(module: str, name: str, budget_s: float) -> SenseEntry:
    return SenseEntry(f"netwiz.probes.{module}", name, budget_s)


A_WEEK_S = 7 * 86400.0
"""For what waits as long as the person wants."""

SENSES: dict[type, SenseEntry] = {
    ask.TakeSnapshot: _entry("engine.senses", "take_snapshot", 10.0),
    ask.FindElsewhere: _entry("engine.elsewhere", "find_elsewhere", 6.0),
    ask.CountRestarts: _entry("engine.senses", "count_restarts", 5.0),
    ask.ReadLogErrors: _entry("logs.follow", "read_log_errors", 5.0),
    ask.Resolve: _entry("names.resolve", "resolve", 10.0),
    ask.ReadResolver: _entry("names.resolve", "read_resolver", 6.0),
    ask.AskServer: _entry("names.ask_server", "ask_server", 10.0),
    ask.ReadSockets: _entry("sockets.senses", "read_sockets", 6.0),
    ask.FindListeners: _entry("sockets.senses", "find_listeners", 6.0),
    ask.WatchListener: _entry("sockets.senses", "watch_listener", 6.0),
    ask.ReadLinks: _entry("links.senses", "read_links", 6.0),
    ask.AskRoute: _entry("links.senses", "ask_route", 5.0),
    ask.FindAddress: _entry("links.senses", "find_address", 6.0),
    ask.ReadRights: _entry("ping.senses", "read_rights", 5.0),
    ask.Echo: _entry("ping.senses", "echo", 6.0),
    ask.AskArp: _entry("links.arp", "ask_arp", 6.0),
    ask.ReadRules: _entry("firewall.senses", "read_rules", 10.0),
    ask.ReadCounters: _entry("firewall.kernel", "read_counters", 5.0),
    ask.Attempt: _entry("witness.attempt", "attempt", 10.0),
    ask.TalkTls: _entry("tls.senses", "talk_tls", 6.0),
    ask.AskProxy: _entry("tls.proxy", "ask_proxy", 5.0),
    ask.FetchIssuer: _entry("tls.issuer", "fetch_issuer", 5.0),
    ask.Converse: _entry("connect.converse", "converse", 10.0),
    ask.WatchQueue: _entry("sockets.queue", "watch_queue", 8.0),
    ask.MeasurePath: _entry("links.path_mtu", "measure_path", 5.0),
    ask.ReadConntrack: _entry("conntrack.senses", "read_conntrack", 5.0),
    ask.ReadTraffic: _entry("links.traffic", "read_traffic", 4.0),
    ask.ReadOverlay: _entry("overlay.senses", "read_overlay", 6.0),
    ask.WatchUplink: _entry("witness.uplink", "watch_uplink", A_WEEK_S),
    ask.IdentifyNamespace: _entry("sockets.identity", "identify_namespace", 5.0),
    ask.Repeat: _entry("load.repeat", "repeat", 35.0),
    ask.ReadQueues: _entry("load.queues", "read_queues", 6.0),
    ask.WatchAsking: _entry("load.asking", "watch_asking", 10.0),
    ask.ReadPressure: _entry("load.pressure", "read_pressure", 5.0),
}
"""The sense that answers each type of request."""


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
    enough: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    """Set when the person has waited long enough: what waits ends with what it has."""

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
            raise self._unreachable(found)
        return found.pid

    def _unreachable(self, container: Container) -> ProbeError:
        engine = self.snapshot.engine if self.snapshot else None
        if container.running and engine is not None and not engine.local:
            return ProbeError(
                Failure.ENGINE,
                f"container {container.name} runs on another machine",
                f"run netwiz there: the engine is at {engine.endpoint}",
            )
        return ProbeError(Failure.GONE, f"container {container.name} is not running")

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
                sense, budget_s = self._sense(request)
                # wait_for of Python 3.11 may lose a cancellation, and its caller
                # would go on for ever.
                async with asyncio.timeout(budget_s):
                    finding = await sense(self.ground, request)
        except ProbeError as error:
            finding = error.finding()
        ms = (time.perf_counter() - start) * 1000
        return dataclasses.replace(finding, ms=ms)

    def enough(self) -> None:
        """Let a probe that waits for the world end now, with what it has."""
        self.ground.enough.set()

    def close(self) -> None:
        """Give back threads, sockets and the engine's connections."""
        self.ground.namespaces.close()
        self.ground.engine.close()

    @staticmethod
    def _sense(request: ask.Request) -> tuple[Sense, float]:
        entry = SENSES[type(request)]
        module = importlib.import_module(entry.module)
        return cast("Sense", getattr(module, entry.name)), entry.budget_s


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
