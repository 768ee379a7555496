"""The session turns what happens into messages; nothing is asked for in vain."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from textual.message import Message

from netwiz.probes.engine.watch import EngineEvent, EngineLost, Resync
from netwiz.probes.facts import (
    HOST,
    Container,
    Failed,
    Failure,
    Listener,
    Process,
    Snapshot,
    SocketTable,
    State,
)
from netwiz.probes.requests import ReadSockets, TakeSnapshot
from netwiz.tui.event_words import event_line
from netwiz.tui.messages import (
    EngineGone,
    LinesArrived,
    ListenersRead,
    SnapshotTaken,
    WorkFailed,
)
from netwiz.tui.session import Session
from netwiz.tui.suspect_book import LATELY, SuspectBook, suspect_of
from tests.screens import machines
from tests.screens.fake_feed import FakeFeed
from tests.screens.machines import BUSY, CONTAINERS, NOW, said

ORDER = CONTAINERS[0]


def event(kind: str, action: str, **attributes: str) -> EngineEvent:
    name = attributes.pop("name", "")
    return EngineEvent(NOW, kind, action, ORDER.id, name, attributes)


async def follow(
    feed: FakeFeed,
    then: Callable[[Callable[[type], Awaitable[Message]]], Awaitable[None]],
) -> list[Message]:
    """Run a session while `then` waits for messages of the types it wants."""
    told: list[Message] = []
    came = asyncio.Condition()

    async def tell() -> None:
        async with came:
            came.notify_all()

    tasks: set[asyncio.Task[None]] = set()

    def post(message: Message) -> None:
        told.append(message)
        task = asyncio.ensure_future(tell())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    seen = 0

    async def wait(kind: type) -> Message:
        nonlocal seen
        async with asyncio.timeout(60), came:
            while True:
                for message in told[seen:]:
                    seen += 1
                    if isinstance(message, kind):
                        return message
                await came.wait()

    running = asyncio.ensure_future(Session(feed, post).run())
    try:
        await then(wait)
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    return told


async def test_a_snapshot_comes_first_then_listeners() -> None:
    feed = FakeFeed(BUSY, answers=machines.LISTENERS)

    async def then(wait: Callable[[type], Awaitable[Message]]) -> None:
        first = await wait(SnapshotTaken)
        assert isinstance(first, SnapshotTaken)
        assert first.snapshot is BUSY
        read = await wait(ListenersRead)
        assert isinstance(read, ListenersRead)
        assert [x.text for x in read.listeners[ORDER.id]] == ["0.0.0.0:8000"]

    await follow(feed, then)
    assert feed.log.following == {c.id for c in CONTAINERS}


async def test_without_rights_no_namespace_is_entered() -> None:
    feed = FakeFeed(machines.NOT_ROOT, machines.LINES[:1], machines.LISTENERS)

    async def then(wait: Callable[[type], Awaitable[Message]]) -> None:
        await wait(LinesArrived)

    await follow(feed, then)
    assert feed.machine.asked == [TakeSnapshot(fresh=True)]


async def test_a_container_that_died_at_once_is_read_all_the_same() -> None:
    feed = FakeFeed(BUSY)
    short = Container(machines.ident("d1"), "short", state=State.EXITED, exit_code=1)

    async def then(wait: Callable[[type], Awaitable[Message]]) -> None:
        await wait(SnapshotTaken)
        start = EngineEvent(NOW, "container", "start", short.id, "short")
        now = replace(BUSY, containers=(*CONTAINERS, short))
        feed.happen(start, replace(start, action="die"), now=now)
        await wait(SnapshotTaken)
        await wait(LinesArrived)

    await follow(feed, then)
    assert short.id in feed.log.following


async def test_a_removed_container_is_not_followed_any_more() -> None:
    feed = FakeFeed(BUSY)

    async def then(wait: Callable[[type], Awaitable[Message]]) -> None:
        await wait(SnapshotTaken)
        left = replace(BUSY, containers=CONTAINERS[1:])
        feed.happen(event("container", "destroy", name="order"), now=left)
        await wait(SnapshotTaken)
        await wait(LinesArrived)

    await follow(feed, then)
    assert ORDER.id not in feed.log.following


async def test_the_last_state_is_not_replaced_by_nothing() -> None:
    feed = FakeFeed(BUSY)

    async def then(wait: Callable[[type], Awaitable[Message]]) -> None:
        await wait(SnapshotTaken)
        # The daemon kills its containers, then goes: the events come first.
        feed.snapshot = replace(BUSY, engine=None, containers=(), networks=())
        feed.happen(event("container", "die", name="order", exitCode="0"))
        feed.happen(EngineLost(NOW, "the engine ended its events"))
        gone = await wait(EngineGone)
        assert isinstance(gone, EngineGone)
        assert gone.because == "the engine ended its events"
        feed.happen(Resync(NOW, "the engine is there"), now=BUSY)
        await wait(SnapshotTaken)

    told = await follow(feed, then)
    assert all(m.snapshot.engine for m in told if isinstance(m, SnapshotTaken))


async def test_an_engine_that_hangs_is_told_of() -> None:
    feed = FakeFeed(BUSY)
    hung = Failed(kind=Failure.BUDGET, what="TakeSnapshot: no answer in time")
    feed.machine.instead = hung

    async def then(wait: Callable[[type], Awaitable[Message]]) -> None:
        failed = await wait(WorkFailed)
        assert isinstance(failed, WorkFailed)
        assert failed.what == "TakeSnapshot: no answer in time (r looks again)"

    await follow(feed, then)


async def test_of_the_hosts_listeners_only_the_containers_own() -> None:
    exporter = CONTAINERS[5]
    mine = Listener("0.0.0.0", 9100, process=Process(7, "exporter", exporter.id))
    other = Listener("0.0.0.0", 22, process=Process(8, "sshd"))
    table = SocketTable(place=HOST, listeners=(mine, other))
    feed = FakeFeed(BUSY, answers={ReadSockets(HOST): table})

    async def then(wait: Callable[[type], Awaitable[Message]]) -> None:
        read = await wait(ListenersRead)
        assert isinstance(read, ListenersRead)
        assert read.listeners == {exporter.id: (mine,)}

    await follow(feed, then)


async def test_a_burst_of_lines_is_one_message() -> None:
    feed = FakeFeed(BUSY, [said("pg", 1, f"line {n}") for n in range(500)])

    async def then(wait: Callable[[type], Awaitable[Message]]) -> None:
        arrived = await wait(LinesArrived)
        assert isinstance(arrived, LinesArrived)
        assert len(arrived.lines) == 500

    await follow(feed, then)


@pytest.mark.parametrize(
    ("told", "source", "text"),
    [
        (event("container", "die", name="order", exitCode="3"), "order", "exited 3"),
        (event("container", "die", name="order"), "order", "exited"),
        (event("container", "oom", name="order"), "order", "out of memory"),
        (
            event("container", "rename", name="b", oldName="/a"),
            "b",
            "renamed from a",
        ),
        (
            event("container", "health_status: unhealthy", name="order"),
            "order",
            "health: unhealthy",
        ),
        (event("network", "create", name="shop"), "shop", "network created"),
        (event("network", "destroy", name="shop"), "shop", "network removed"),
        (
            event("network", "connect", name="shop", container=ORDER.id),
            "order",
            "connected to shop",
        ),
        (event("daemon", "reload"), "engine", "reload"),
    ],
)
def test_events_in_words(told: EngineEvent, source: str, text: str) -> None:
    line = event_line(told, lambda key: {ORDER.id: "order"}[key])
    assert (line.source, line.text) == (source, text)


def test_a_suspect_has_what_the_wizard_asks_for() -> None:
    line = said("order", 1, "dial tcp [fd00:9::2]:3000: connect: connection refused")
    found = suspect_of(line, "order")
    assert found
    assert (found.symptom, found.target) == ("refused", "[fd00:9::2]:3000")
    assert suspect_of(said("order", 1, "all is well"), "order") is None


def test_the_newest_error_marks_a_container_and_not_for_ever() -> None:
    book = SuspectBook()
    new = suspect_of(said("order", 5, "ECONNREFUSED 10.0.0.1:1"), "order")
    old = suspect_of(said("order", 50, "ECONNREFUSED 10.0.0.2:2"), "order")
    assert new
    assert old
    book.note([new, old])
    marked = book.current(NOW)
    assert [(key, one.text) for key, one in marked.items()] == [(ORDER.id, new.text)]
    assert len(book.all(NOW)) == 2
    assert book.current(NOW + LATELY + timedelta(seconds=1)) == {}


async def test_what_happens_is_known_while_the_engine_is_looked_at() -> None:
    """A refresh may take seconds: who goes down meanwhile is not to be suspected."""
    looking, forever = asyncio.Event(), asyncio.Event()

    class SlowFeed(FakeFeed):
        async def refresh(self, ids: Iterable[str]) -> Snapshot:
            looking.set()
            await forever.wait()
            return await super().refresh(ids)

    feed = SlowFeed(BUSY)
    looked, heard = asyncio.Event(), asyncio.Event()

    def post(message: Message) -> None:
        if isinstance(message, SnapshotTaken):
            looked.set()

    session = Session(feed, post)
    happened = session.suspects.happened

    def hear(events: Iterable[EngineEvent]) -> None:
        told = list(events)
        happened(told)
        if "kill" in {one.action for one in told}:
            heard.set()

    session.suspects.happened = hear  # type: ignore[method-assign]
    lives = session.suspects._book._book.lives
    running = asyncio.ensure_future(session.run())
    try:
        async with asyncio.timeout(60):
            await looked.wait()
            feed.happen(event("container", "update", name="order"))
            await looking.wait()
            feed.happen(event("container", "kill", name="order", signal="15"))
            await heard.wait()
        assert lives.in_transition(ORDER.id, NOW)
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
