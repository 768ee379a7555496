"""A feed without an engine: tests say what happens, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import datetime

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.wanted import CaptureWanted
from netwiz.probes.engine.watch import EngineLost, Happening, Resync
from netwiz.probes.facts import Finding, LogSaid, Snapshot, SnapshotTaken
from netwiz.probes.facts.flows import FlowTable
from netwiz.probes.facts.signs import Awaited, Sign, Signs
from netwiz.probes.machine import FakeMachine
from netwiz.probes.requests import Request, TakeSnapshot
from netwiz.tui.feed import Flows, Logs, Patrols, Watcher
from tests.screens.fake_capture import FakeCapture


class FeedMachine(FakeMachine):
    """Answers every request for a snapshot with the feed's newest."""

    def __init__(self, feed: FakeFeed, answers: dict[Request, Finding]) -> None:
        super().__init__(answers)
        self._feed = feed
        self.instead: Finding | None = None

    async def perform(self, request: Request) -> Finding:
        if isinstance(request, TakeSnapshot):
            self.asked.append(request)
            return self.instead or SnapshotTaken(snapshot=self._feed.snapshot)
        return await super().perform(request)

    def wanted(self, snapshot: Snapshot) -> int:
        """How many sockets are read of themselves."""
        if not snapshot.host.root:
            return 0
        if snapshot.engine is None:
            return 1 + len(snapshot.host.namespaces)
        return sum(bool(c.running and c.pid) for c in snapshot.containers)


class FakeWatcher:
    """Happenings from a queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Happening] = asyncio.Queue()

    async def batch(self) -> Sequence[Happening]:
        found = [await self.queue.get()]
        while not self.queue.empty():
            found.append(self.queue.get_nowait())
        return found


class FakeLogs:
    """Lines from a queue; remembers who is followed."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[LogSaid] = asyncio.Queue()
        self.looked_back: list[tuple[frozenset[str], datetime | None]] = []
        self.errors: dict[str, str] = {}
        self.added: set[str] = set()

    @property
    def following(self) -> frozenset[str]:
        return frozenset(self.added)

    def add(self, container_ids: Iterable[str]) -> None:
        self.added |= set(container_ids)

    def remove(self, container_ids: Iterable[str]) -> None:
        self.added -= set(container_ids)

    async def past(self, container_ids: Iterable[str], since: datetime | None) -> None:
        self.looked_back.append((frozenset(container_ids), since))

    async def __aiter__(self) -> AsyncIterator[LogSaid]:
        while True:
            yield await self.queue.get()


class FakeFlows:
    """Looks at a table that a test may change; counts how often it is asked."""

    def __init__(self) -> None:
        self.table = FlowTable(at=0.0)
        self.looks = 0
        self.noted: list[Batch] = []

    async def sweep(self) -> FlowTable:
        self.looks += 1
        return replace(self.table, number=self.looks)

    def note_rows(self, batch: Batch) -> None:
        self.noted.append(batch)


class FakePatrol:
    """Signs from a queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Signs] = asyncio.Queue()
        self.changes = 0
        self.awaited: tuple[Awaited, ...] = ()

    def place_changed(self, snapshot: Snapshot) -> None:  # noqa: ARG002
        self.changes += 1

    def awaits(self, awaited: Iterable[Awaited]) -> None:
        self.awaited = tuple(awaited)

    async def __aiter__(self) -> AsyncIterator[Signs]:
        while True:
            yield await self.queue.get()


class FakeFeed:
    """A machine that stands still until a test moves it."""

    def __init__(
        self,
        snapshot: Snapshot,
        lines: Sequence[LogSaid] = (),
        answers: dict[Request, Finding] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.machine = FeedMachine(self, answers or {})
        self.watcher = FakeWatcher()
        self.log = FakeLogs()
        self.flow = FakeFlows()
        self.patrols = FakePatrol()
        self.closed = False
        self.capture_refused: Exception | None = None
        """What opening a capture raises."""
        self.captures: list[FakeCapture] = []
        """Every capture that was asked for, in order."""
        self.refreshed: list[frozenset[str]] = []
        first: Happening
        if snapshot.engine:
            first = Resync(snapshot.taken_at, "the engine is there")
        else:
            first = EngineLost(snapshot.taken_at, snapshot.missing)
        self.watcher.queue.put_nowait(first)
        self.say(*lines)

    def watch(self) -> AbstractAsyncContextManager[Watcher]:
        return nullcontext(self.watcher)

    def logs(self) -> AbstractAsyncContextManager[Logs]:
        return nullcontext(self.log)

    def capture(self, wanted: CaptureWanted) -> FakeCapture:
        self.captures.append(FakeCapture(wanted))
        self.captures[-1].refused = self.capture_refused
        return self.captures[-1]

    def flows(self) -> AbstractAsyncContextManager[Flows]:
        return nullcontext(self.flow)

    def patrol(self) -> AbstractAsyncContextManager[Patrols]:
        return nullcontext(self.patrols)

    async def refresh(self, ids: Iterable[str]) -> Snapshot:
        self.refreshed.append(frozenset(ids))
        return self.snapshot

    def close(self) -> None:
        self.closed = True

    # What tests do

    def see(self, *signs: Sign) -> None:
        """The patrol tells of these."""
        self.patrols.queue.put_nowait(Signs(at=signs[-1].at, signs=signs))

    def say(self, *lines: LogSaid) -> None:
        for line in lines:
            self.log.queue.put_nowait(line)

    def happen(self, *happenings: Happening, now: Snapshot | None = None) -> None:
        """Change the machine, then tell of it."""
        self.snapshot = now or self.snapshot
        for happening in happenings:
            self.watcher.queue.put_nowait(happening)

    def lose(self, at: datetime) -> None:
        """The engine goes away."""
        gone = replace(self.snapshot, engine=None, containers=(), networks=())
        self.happen(EngineLost(at, "the engine ended its events"), now=gone)
