from __future__ import annotations

import asyncio
import json
import queue
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.engine import watch as engine_watch
from netwiz.probes.engine.watch import (
    EngineEvent,
    EngineLost,
    EngineWatcher,
    Happening,
    Resync,
    parse_event,
)
from netwiz.probes.errors import ProbeError
from netwiz.probes.machine import Ground
from tests.probes.fake_engine import FakeEngine, Request, close, key
from tests.probes.little_net import NoEngine


class Events:
    """The events of a fake engine: what is put here is sent; None ends the stream."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[bytes | None] = queue.Queue()

    def __call__(self, request: Request) -> None:
        request.begin_stream()
        while not request.server.over.is_set():
            try:
                data = self.waiting.get(timeout=0.01)
            except queue.Empty:
                continue
            if data is None:
                request.chunk(b"")
                return
            request.chunk(data)

    def put(self, data: bytes | None) -> None:
        self.waiting.put(data)


@pytest.fixture
def events(engine: FakeEngine) -> Events:
    made = Events()
    engine.routes["/events"] = made
    return made


def quick(stage: Ground) -> EngineWatcher:
    return EngineWatcher(stage, first_pause_s=0.01, longest_pause_s=0.02)


def event(action: str = "start", number: int = 1, **more: Any) -> bytes:
    raw = {
        "Type": "container",
        "Action": action,
        "Actor": {"ID": key(number), "Attributes": {"name": f"c{number}"}},
        "timeNano": 1_700_000_000_500_000_000,
        **more,
    }
    return json.dumps(raw).encode() + b"\n"


async def some(watcher: EngineWatcher, count: int) -> list[Happening]:
    found: list[Happening] = []
    while len(found) < count:
        found += await watcher.batch()
    return found


async def test_events_come_as_they_happen(stage: Ground, events: Events) -> None:
    async with quick(stage) as watcher:
        (first,) = await some(watcher, 1)
        assert isinstance(first, Resync)
        whole = event("start") + event("die", 2)
        events.put(whole[:40])
        events.put(whole[40:])
        start, died = await some(watcher, 2)
        assert isinstance(start, EngineEvent)
        assert (start.kind, start.action, start.id, start.name) == (
            "container",
            "start",
            key(1),
            "c1",
        )
        assert start.at == datetime.fromtimestamp(1_700_000_000.5, UTC)
        assert start.container_id == key(1)
        assert isinstance(died, EngineEvent)
        assert died.action == "die"


async def test_only_what_concerns_connections_is_asked_for(
    engine: FakeEngine, stage: Ground, events: Events
) -> None:
    async with quick(stage) as watcher:
        await some(watcher, 1)
    (asked,) = [path for path in engine.seen if path.startswith("/events")]
    assert "health_status" in asked
    assert "exec" not in asked


async def test_a_stream_that_ends_is_taken_up_again(
    stage: Ground, events: Events
) -> None:
    async with quick(stage) as watcher:
        await some(watcher, 1)
        events.put(None)
        lost, again = await some(watcher, 2)
        assert isinstance(lost, EngineLost)
        assert isinstance(again, Resync)
        events.put(event())
        (found,) = await some(watcher, 1)
        assert isinstance(found, EngineEvent)


async def test_a_daemon_that_stops_is_lost_once_and_found_again(
    engine: FakeEngine, stage: Ground, events: Events
) -> None:
    async with quick(stage) as watcher:
        await some(watcher, 1)
        await asyncio.to_thread(engine.stop)
        (lost,) = await some(watcher, 1)
        assert isinstance(lost, EngineLost)
        await asyncio.to_thread(engine.start)
        (back,) = await some(watcher, 1)
        assert isinstance(back, Resync)


async def test_without_an_engine_it_waits_for_one(engine: FakeEngine) -> None:
    engine.routes["/events"] = Events()
    await asyncio.to_thread(engine.stop)
    stage = engine.ground()
    try:
        async with quick(stage) as watcher:
            (lost,) = await some(watcher, 1)
            assert isinstance(lost, EngineLost)
            assert "nobody answers" in lost.because
            assert "start it" in lost.remedy
            await asyncio.to_thread(engine.start)
            (back,) = await some(watcher, 1)
            assert isinstance(back, Resync)
    finally:
        close(stage)


@pytest.mark.parametrize(
    "bad",
    [
        b"garbage\n",
        b"\n\n",
        b"[]\n",
        b"[" * 100_000 + b"\n",
        b'{"Type":"container"}\n',
        b'{"Type":"container","Action":"start","Actor":{"ID":"../x"}}\n',
        b"\xff\xfe\n",
    ],
)
async def test_what_is_no_event_is_passed_over(
    stage: Ground, events: Events, bad: bytes
) -> None:
    async with quick(stage) as watcher:
        await some(watcher, 1)
        events.put(bad + event())
        (found,) = await some(watcher, 1)
        assert isinstance(found, EngineEvent)


async def test_a_line_without_end_is_passed_over(
    stage: Ground, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_watch, "LINE_LIMIT", 1000)
    async with quick(stage) as watcher:
        await some(watcher, 1)
        events.put(b"x" * 100_000)
        events.put(b"x" * 100_000)
        events.put(b"\n" + event())
        (found,) = await some(watcher, 1)
        assert isinstance(found, EngineEvent)


@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"x" * 200_000,
        b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\nabc",
        b"",
    ],
)
async def test_an_answer_that_is_no_stream_loses_the_engine(
    engine: FakeEngine, stage: Ground, head: bytes
) -> None:
    def answer(request: Request) -> None:
        request.wfile.write(head)
        request.cut()

    engine.routes["/events"] = answer
    async with quick(stage) as watcher:
        found = await some(watcher, 1)
        while not any(isinstance(h, EngineLost) for h in found):
            found += await some(watcher, 1)


async def test_more_events_than_can_be_kept_mean_a_new_list(
    stage: Ground, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_watch, "QUEUE", 10)
    async with quick(stage) as watcher:
        await some(watcher, 1)
        # One piece, handled without a turn of the loop in between.
        events.put(event() * 25)
        found = await some(watcher, 1)
        assert isinstance(found[0], Resync)
        assert "more events" in found[0].because
        assert len(found) <= 10


async def test_iteration_gives_them_one_by_one(stage: Ground, events: Events) -> None:
    events.put(event() * 3)
    found: list[Happening] = []
    async with quick(stage) as watcher:
        async for happening in watcher:
            found.append(happening)
            if len(found) == 4:
                break
    assert [type(h) for h in found] == [Resync, *[EngineEvent] * 3]


async def test_it_ends_at_once_and_leaves_nothing(
    engine: FakeEngine, stage: Ground, events: Events
) -> None:
    await stage.engine.call("x", lambda c: c.api_version)
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    before = {t for t in threads if "engine" in t.name}

    async def watch_and_break() -> None:
        async with quick(stage) as watcher:
            await some(watcher, 1)
            raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        await watch_and_break()
    assert asyncio.all_tasks() == tasks
    after = {t for t in threading.enumerate() if "engine" in t.name}
    # The gate's own pool may grow to its size; nothing else may.
    assert len(after - before) <= 4


def test_a_gate_that_cannot_stream_is_refused() -> None:
    stage = Ground(NoEngine())
    with pytest.raises(ProbeError, match="cannot be followed"):
        EngineWatcher(stage)
    close(stage)


def test_a_network_event_names_its_container() -> None:
    raw = {
        "Type": "network",
        "Action": "connect",
        "Actor": {"ID": "f" * 64, "Attributes": {"container": key(3), "name": "app"}},
        "time": 1_700_000_000,
    }
    found = parse_event(json.dumps(raw).encode())
    assert found is not None
    assert (found.container_id, found.name) == (key(3), "app")
    assert found.at == datetime.fromtimestamp(1_700_000_000, UTC)


@given(st.binary(max_size=200))
def test_no_line_breaks_the_reading(line: bytes) -> None:
    assert parse_event(line) is None or line.startswith(b"{")


@given(st.text(max_size=60), st.text(max_size=60), st.integers() | st.floats())
def test_an_event_is_made_harmless(action: str, name: str, at: float) -> None:
    raw = {
        "Type": "container",
        "Action": action,
        "Actor": {"ID": key(1), "Attributes": {"name": name, name: name}},
        "timeNano": at,
    }
    found = parse_event(json.dumps(raw).encode())
    if found is not None:
        assert found.action.isprintable()
        assert found.name.isprintable()
