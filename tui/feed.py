"""Where the session gets what it shows: the real machine; tests bring their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from netwiz.probes.capture.batch import Batch
    from netwiz.probes.capture.wanted import CaptureStream, CaptureWanted
    from netwiz.probes.engine.watch import Happening
    from netwiz.probes.facts import Finding, LogSaid, Snapshot
    from netwiz.probes.facts.flows import FlowTable
    from netwiz.probes.facts.signs import Awaited, Signs
    from netwiz.probes.machine import Machine
    from netwiz.probes.requests import Request


class Performs(Protocol):
    """Whoever answers requests: the machine, or a fake of it."""

    async def perform(self, request: Request) -> Finding:
        """The finding for a request."""


class Watcher(Protocol):
    """Tells what happened at the engine."""

    async def batch(self) -> Sequence[Happening]:
        """What happened since the last call; waits until there is something."""


class Logs(Protocol):
    """The logs of many containers as one stream."""

    errors: dict[str, str]

    @property
    def following(self) -> frozenset[str]:
        """Ids of the containers whose log is being followed."""

    def add(self, container_ids: Iterable[str]) -> None:
        """Follow these as well."""

    def remove(self, container_ids: Iterable[str]) -> None:
        """Follow these no longer."""

    async def past(self, container_ids: Iterable[str], since: datetime | None) -> None:
        """Have what was said before told again, by the stream; returns once it is."""

    def __aiter__(self) -> AsyncIterator[LogSaid]:
        """Line by line, without end; gaps and accidents as well."""


class Flows(Protocol):
    """Who talks to whom, looked at when asked."""

    async def sweep(self) -> FlowTable:
        """The flows as they are; `pause_s` says when to look again."""

    def note_rows(self, batch: Batch) -> None:
        """Count what a running capture saw."""


class Patrols(Protocol):
    """Goes round all namespaces and tells of signs of trouble."""

    def place_changed(self, snapshot: Snapshot) -> None:
        """Containers came or went."""

    def awaits(self, awaited: Iterable[Awaited]) -> None:
        """Tell when these work; they are forgotten unless it is asked for again."""

    def __aiter__(self) -> AsyncIterator[Signs]:
        """Batch by batch, without end."""


class Feed(Protocol):
    """The machine, and the two streams that come from its engine."""

    @property
    def machine(self) -> Performs:
        """Answers requests."""

    def close(self) -> None:
        """Give everything back."""

    def watch(self) -> AbstractAsyncContextManager[Watcher]:
        """The engine's events."""

    def logs(self) -> AbstractAsyncContextManager[Logs]:
        """The containers' logs."""

    def capture(
        self, wanted: CaptureWanted
    ) -> AbstractAsyncContextManager[CaptureStream]:
        """Packets, until the context is left."""

    def flows(self) -> AbstractAsyncContextManager[Flows]:
        """The flows of all namespaces, for as long as somebody looks."""

    def patrol(self) -> AbstractAsyncContextManager[Patrols]:
        """Signs of trouble, all the time."""

    async def refresh(self, ids: Iterable[str]) -> Snapshot:
        """A new snapshot in which these containers were looked at again."""


class EngineFeed:
    """The machine that netwiz runs on; nothing of it is loaded before it is used."""

    def __init__(self) -> None:
        self._made: Machine | None = None

    @property
    def machine(self) -> Performs:
        """Answers requests."""
        return self._machine

    @property
    def _machine(self) -> Machine:
        if self._made is None:
            from netwiz.probes.engine.gate import open_engine
            from netwiz.probes.machine import Machine

            self._made = Machine(open_engine())
        return self._made

    def close(self) -> None:
        """Give threads, sockets and connections back."""
        if self._made is not None:
            self._made.close()

    def watch(self) -> AbstractAsyncContextManager[Watcher]:
        """The engine's events."""
        from netwiz.probes.engine.watch import EngineWatcher

        return EngineWatcher(self._machine.ground)

    def logs(self) -> AbstractAsyncContextManager[Logs]:
        """The containers' logs, each with its last lines."""
        from netwiz.probes.logs.follower import LogFollower

        return LogFollower(self._machine.ground)

    def capture(
        self, wanted: CaptureWanted
    ) -> AbstractAsyncContextManager[CaptureStream]:
        """Packets of a namespace or of a file, read by a child process."""
        from netwiz.probes.capture.stream import open_capture

        return open_capture(self._machine.ground, wanted)

    def flows(self) -> AbstractAsyncContextManager[Flows]:
        """The flows of all namespaces, by sock_diag."""
        from netwiz.probes.flows.watch import FlowWatch

        return FlowWatch(self._machine.ground)

    def patrol(self) -> AbstractAsyncContextManager[Patrols]:
        """Counters, sockets and packets of all namespaces, as cheaply as can be."""
        from netwiz.probes.patrol.patrol import Patrol

        return Patrol(self._machine.ground)

    async def refresh(self, ids: Iterable[str]) -> Snapshot:
        """A new snapshot in which these containers were looked at again."""
        from netwiz.probes.engine.senses import refresh

        return await refresh(self._machine.ground, ids)
