"""The work behind the screen: owns the machine, turns what happens into messages.

Runs on the application's event loop from the first paint until the end. The senses
leave the loop by themselves where they block.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from textual.message import Message

from netwiz.probes import facts
from netwiz.probes.engine.watch import EngineEvent, EngineLost, Happening, Resync
from netwiz.probes.facts import Place, Snapshot, SocketTable
from netwiz.probes.requests import ReadSockets, TakeSnapshot
from netwiz.tui.captures import Captures
from netwiz.tui.event_words import event_line
from netwiz.tui.feed import Feed, Logs, Performs, Watcher
from netwiz.tui.flow_watch import FlowPoll
from netwiz.tui.log_lines import live_line
from netwiz.tui.messages import (
    EngineGone,
    LinesArrived,
    ListenersRead,
    SnapshotTaken,
    WorkFailed,
)
from netwiz.tui.suspect_watch import SuspectWatch
from netwiz.widgets.timeline import LiveKind, LiveLine

Post = Callable[[Message], object]

BATCH_S = 0.1
"""Log lines are shown so often; one by one they would cost a paint each."""
AT_ONCE = 500
"""Lines that are shown in one turn of the event loop: 3 ms of work."""
TURN_S = 0.01
CALM_S = 0.15
"""Between two looks at the engine while events keep coming."""
SETTLE_S = 1.5
"""A server that was just started listens after so long, as a rule."""
MAX_NEWS = 2000
"""Events that wait while the engine is looked at."""
MAX_LOOKS = 64
"""Containers whose sockets are read without being asked for."""


class Session:
    """One run of netwiz on one machine."""

    def __init__(
        self,
        feed: Feed,
        post: Post,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._feed = feed
        self._post = post
        self.captures = Captures(feed.capture, post, now)
        self.flows = FlowPoll(feed, post)
        self.suspects = SuspectWatch(feed, post, now)
        self._snapshot: Snapshot | None = None
        self._news: list[Happening] = []
        self._came = asyncio.Event()
        self._looked = asyncio.Event()
        self._lines: list[LiveLine] = []
        self._flush: asyncio.TimerHandle | None = None
        self._logs: Logs | None = None
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def machine(self) -> Performs:
        """Answers requests; the wizard asks it too."""
        return self._feed.machine

    async def run(self) -> None:
        """Look, then follow what happens, until cancelled."""
        async with (
            self._feed.watch() as watcher,
            self._feed.logs() as logs,
            asyncio.TaskGroup() as tasks,
        ):
            self._tasks = tasks
            tasks.create_task(self._read_logs(logs))
            tasks.create_task(self.flows.run())
            tasks.create_task(self.suspects.run())
            tasks.create_task(self._hear(watcher))
            await self._follow(logs)

    async def relist(self) -> None:
        """Look at everything anew."""
        snapshot = await self._whole()
        if snapshot is not None:
            await self.look(snapshot)

    async def look(self, snapshot: Snapshot, keys: Iterable[str] = ()) -> None:
        """Read who listens, of these rows or of as many as is cheap."""
        places = _places(snapshot, tuple(keys))
        read: dict[str, tuple[facts.Listener, ...]] = {}
        for key, place in places:
            found = await self.machine.perform(ReadSockets(place))
            if isinstance(found, SocketTable):
                read[key] = _own(found, snapshot, key)
        if read:
            self._post(ListenersRead(read))

    # What happens

    async def _hear(self, watcher: Watcher) -> None:
        """Take what happens at once, however long a look at the engine takes.

        That a server is told to end has to be known before it is missed.
        """
        while True:
            happened = await watcher.batch()
            self.suspects.happened(h for h in happened if isinstance(h, EngineEvent))
            self._news += happened
            if len(self._news) > MAX_NEWS:
                because = "more events than could be followed"
                self._news = [Resync(datetime.now(UTC), because), self._news[-1]]
            self._came.set()

    async def _follow(self, logs: Logs) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            happened, self._news = self._news, []
            events = [h for h in happened if isinstance(h, EngineEvent)]
            if any(isinstance(h, Resync) for h in happened):
                snapshot = await self._whole()
                self._spawn_look(snapshot)
            else:
                snapshot = await self._changed(events)
            self._say(events)
            started = {e.container_id for e in events if e.action == "start"}
            if snapshot is not None:
                self._follow_logs(logs, snapshot, started)
            last = happened[-1]
            if isinstance(last, EngineLost):
                await self._lost(last)
            await asyncio.sleep(CALM_S)

    async def _whole(self) -> Snapshot | None:
        found = await self.machine.perform(TakeSnapshot(fresh=True))
        if isinstance(found, facts.SnapshotTaken):
            self._publish(found.snapshot)
            return found.snapshot
        if isinstance(found, facts.Failed):
            self._post(WorkFailed(f"{found.what} (r looks again)"))
        return None

    async def _changed(self, events: Sequence[EngineEvent]) -> Snapshot | None:
        # That it was sent a signal changes nothing yet.
        telling = [e for e in events if e.action != "kill"]
        ids = {e.container_id for e in telling} - {""}
        if not telling:
            return None
        snapshot = await self._feed.refresh(ids)
        if snapshot.engine is None:
            # The event that says so is on its way; until then the last state stands.
            return None
        self._publish(snapshot)
        self._spawn_look(snapshot, ids)
        return snapshot

    async def _lost(self, event: EngineLost) -> None:
        if self._snapshot is None or self._snapshot.engine is None:
            snapshot = await self._whole()
            self._spawn_look(snapshot)
            return
        self._post(EngineGone(event.at, event.because))
        self._put([_note(event.at, f"engine gone: {event.because}")])

    def _publish(self, snapshot: Snapshot) -> None:
        self._looked.set()
        self._snapshot = snapshot
        self._post(SnapshotTaken(snapshot))
        self.suspects.know(snapshot)

    def _spawn_look(self, snapshot: Snapshot | None, ids: Iterable[str] = ()) -> None:
        if snapshot is None or self._tasks is None:
            return
        self._tasks.create_task(self._look_twice(snapshot, tuple(ids)))

    async def _look_twice(self, snapshot: Snapshot, ids: tuple[str, ...]) -> None:
        await self.look(snapshot, ids)
        if ids:
            await asyncio.sleep(SETTLE_S)
            await self.look(self._snapshot or snapshot, ids)

    # Logs

    def _follow_logs(self, logs: Logs, now: Snapshot, started: set[str]) -> None:
        known = set(now.by_id)
        logs.remove(logs.following - known)
        lost = set(logs.errors)
        silent = known - logs.following - lost
        first = not logs.following and not lost
        # A stopped one is read once, at the beginning: its last words explain it.
        running = {c.id for c in now.containers if c.running}
        logs.add((silent if first else silent & running) | (started & known))

    async def _read_logs(self, logs: Logs) -> None:
        # Before the first look nobody knows who is called what.
        await self._looked.wait()
        self._logs = logs
        async for said in logs:
            self._put([live_line(said, self._name)])

    async def look_back(self, keys: Iterable[str], since: datetime | None) -> None:
        """Have the engine tell again what these containers said before."""
        if self._logs is not None:
            await self._logs.past(keys or self._logs.following, since)

    def _say(self, events: Sequence[EngineEvent]) -> None:
        self._put([event_line(event, self._name) for event in events])

    def _name(self, container_id: str) -> str:
        known = self._snapshot.by_id.get(container_id) if self._snapshot else None
        return known.name if known else container_id[:12]

    def _put(self, lines: Sequence[LiveLine]) -> None:
        self._lines += lines
        if self._lines and self._flush is None:
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(BATCH_S, self._send)

    def _send(self) -> None:
        self._flush = None
        lines, self._lines = self._lines[:AT_ONCE], self._lines[AT_ONCE:]
        self._post(LinesArrived(tuple(lines)))
        if self._lines:
            # Keys are heard between two portions, however much there is to tell.
            self._flush = asyncio.get_running_loop().call_later(TURN_S, self._send)
        self.suspects.heard([line.suspect for line in lines if line.suspect])


def _note(at: datetime, text: str) -> LiveLine:
    return LiveLine(at.astimezone(UTC), "netwiz", text, LiveKind.NOTE)


def _places(snapshot: Snapshot, keys: tuple[str, ...]) -> list[tuple[str, Place]]:
    """Rows and where their sockets are; none without the rights to look there."""
    if not snapshot.host.root:
        return []
    found = {
        c.id: snapshot.place(c)
        for c in snapshot.containers
        if c.pid and c.running and (not keys or c.id in keys)
    }
    if snapshot.engine is None:
        found |= {f"netns:{n}": Place.netns(n) for n in snapshot.host.namespaces}
        found["host"] = facts.HOST
    return list(found.items())[:MAX_LOOKS]


def _own(
    table: SocketTable, snapshot: Snapshot, key: str
) -> tuple[facts.Listener, ...]:
    """Of a namespace that is shared with the host, only what the container holds."""
    container = snapshot.by_id.get(key)
    if container is None or not container.on_host_network:
        return table.listeners
    return tuple(
        x for x in table.listeners if x.process and x.process.container_id == key
    )
