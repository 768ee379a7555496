from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts import Failed, Failure, LogErrors, LogLine
from netwiz.probes.logs.follow import read_log_errors
from netwiz.probes.logs.follower import LogFollower
from netwiz.probes.logs.frames import (
    LINE_LIMIT,
    Demultiplexer,
    RawLine,
    log_line,
)
from netwiz.probes.machine import Ground, Machine
from netwiz.probes.requests import ReadLogErrors
from tests.probes.fake_engine import FakeEngine, Request, key

STAMP = b"2024-01-05T10:00:00.%09dZ "


def line(text: bytes, number: int = 0) -> bytes:
    return STAMP % number + text + b"\n"


def framed(data: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def cut(data: bytes, size: int = 0) -> list[RawLine]:
    made = Demultiplexer()
    pieces = (
        [data] if not size else [data[i : i + size] for i in range(0, len(data), size)]
    )
    found = [raw for piece in pieces for raw in made.feed(piece)]
    return found + made.rest()


def shown(raw: list[RawLine]) -> list[tuple[str, str]]:
    lines = (log_line(key(1), one) for one in raw)
    return [(one.stream, one.text) for one in lines]


# -- frames ---------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 3, 8, 9, 50])
def test_streams_are_told_apart_wherever_the_pieces_end(size: int) -> None:
    data = framed(line(b"out")) + framed(line(b"err"), 2) + framed(line(b"more"))
    assert shown(cut(data, size)) == [
        ("stdout", "out"),
        ("stderr", "err"),
        ("stdout", "more"),
    ]


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_tty_has_no_frames(size: int) -> None:
    data = line(b"one\r") + line(b"\x1b[31mtwo\x1b[0m\r") + line(b"three\r")[:-2]
    assert [text for _, text in shown(cut(data, size))] == ["one", "two", "three"]


def test_a_long_line_comes_in_parts_and_is_one_line() -> None:
    parts = (
        framed(STAMP % 1 + b"ab") + framed(STAMP % 2 + b"cd") + framed(line(b"ef", 3))
    )
    assert shown(cut(parts)) == [("stdout", "abcdef")]


def test_parts_of_two_streams_do_not_mix() -> None:
    parts = framed(STAMP % 1 + b"out ") + framed(STAMP % 1 + b"err ", 2)
    parts += framed(line(b"end", 2)) + framed(line(b"end", 2), 2)
    assert shown(cut(parts)) == [("stdout", "out end"), ("stderr", "err end")]


def test_a_line_is_cut_at_its_limit() -> None:
    for data in (framed(line(b"x" * 100_000)), line(b"x" * 100_000)):
        ((_, text),) = shown(cut(data, 1000))
        assert len(text) in (LINE_LIMIT, LINE_LIMIT + 1)


def test_a_frame_that_lies_about_its_length_keeps_nothing_back() -> None:
    made = Demultiplexer()
    data = bytes([1, 0, 0, 0]) + b"\xff\xff\xff\xff" + line(b"x") * 3
    assert len(made.feed(data)) == 3
    for _ in range(100):
        made.feed(b"y" * 10_000)
    assert len(made.rest()[0][1]) < 2 * LINE_LIMIT


@given(st.binary(max_size=300), st.integers(1, 60))
def test_no_octets_break_the_cutting(data: bytes, size: int) -> None:
    assert cut(data) == cut(data, size)
    for stream, text in shown(cut(data)):
        assert stream in ("stdin", "stdout", "stderr")
        assert text.isprintable()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"no stamp", "no stamp"),
        (b"", ""),
        (b"2024-01-05T10:00:00Z", ""),
        (b"2024-99-05T10:00:00Z x", "2024-99-05T10:00:00Z x"),
        (b"\xff\xfe x", "\ufffd\ufffd x"),
        (STAMP % 0 + b"\x1b]0;title\x07\x1b[2Jx", "\\x1b]0;title\\x07\\x1b[2Jx"),
        (STAMP % 0 + "a\u202eb".encode(), "a\\u202eb"),
    ],
)
def test_a_line_without_a_time_or_with_controls_is_shown(raw: bytes, text: str) -> None:
    assert log_line(key(1), ("stdout", raw)).text == text


def test_a_time_is_taken_as_it_is() -> None:
    found = log_line(key(1), ("stderr", line(b"x", 123_456_789).rstrip()))
    assert found == LogLine(
        datetime(2024, 1, 5, 10, 0, 0, 123456, UTC), key(1), "x", "stderr"
    )


# -- against an engine ----------------------------------------------------


class Log:
    """The log of one container: what is put is sent, None ends it."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[bytes | None] = queue.Queue()
        self.asked: list[str] = []

    def __call__(self, request: Request) -> None:
        self.asked.append(request.path)
        request.begin_stream()
        while not request.server.over.is_set():
            try:
                data = self.waiting.get(timeout=0.01)
            except queue.Empty:
                continue
            request.chunk(data or b"")
            if data is None:
                return


def serve_log(engine: FakeEngine, number: int) -> Log:
    made = engine.routes[f"/containers/{key(number)}/logs"] = Log()
    return made


async def read(logs: LogFollower, count: int) -> list[LogLine]:
    found: list[LogLine] = []
    async for one in logs:
        assert isinstance(one, LogLine)
        found.append(one)
        if len(found) == count:
            break
    return found


@asynccontextmanager
async def following(
    engine: FakeEngine, stage: Ground, said: bytes
) -> AsyncIterator[tuple[LogFollower, Log]]:
    """Follow the log of container 1, which has said this line, and it was read."""
    log = serve_log(engine, 1)
    async with LogFollower(stage) as logs:
        logs.add([key(1)])
        log.waiting.put(framed(said))
        await read(logs, 1)
        yield logs, log


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - a fake in another thread has no event
        await asyncio.sleep(0.001)


async def test_only_lines_with_network_errors_are_kept(
    engine: FakeEngine, stage: Ground
) -> None:
    lines = [b"listening", b"connect ECONNREFUSED 127.0.0.1:3000", b"GET / 200"]
    body = b"".join(framed(line(text), 2) for text in lines)
    engine.routes[f"/containers/{key(1)}/logs"] = body
    found = await read_log_errors(stage, ReadLogErrors(key(1), lines=7))
    assert [one.text for one in found.lines] == ["connect ECONNREFUSED 127.0.0.1:3000"]
    assert "tail=7" in engine.seen[-1]
    assert found.command == f"docker logs --timestamps --tail 7 {key(1)[:12]}"


async def test_the_newest_of_many_errors_are_kept(
    engine: FakeEngine, stage: Ground
) -> None:
    body = b"".join(framed(line(b"i/o timeout %d" % n)) for n in range(1000))
    engine.routes[f"/containers/{key(1)}/logs"] = body
    found = await read_log_errors(stage, ReadLogErrors(key(1), lines=10**9))
    assert len(found.lines) == 200
    assert found.lines[-1].text == "i/o timeout 999"
    assert "tail=10000" in engine.seen[-1]


@pytest.mark.parametrize("body", [b"", b"\x01", b"\x01\0\0\0\0\0\0\0", b"\xff" * 100])
async def test_an_odd_log_has_no_errors(engine: FakeEngine, body: bytes) -> None:
    engine.routes[f"/containers/{key(1)}/logs"] = body
    machine = Machine(engine.gate())
    found = await machine.perform(ReadLogErrors(key(1)))
    machine.close()
    assert isinstance(found, LogErrors)
    assert found.lines == ()


async def test_a_log_that_cannot_be_read_says_why(engine: FakeEngine) -> None:
    def no_reader(request: Request) -> None:
        request.give('{"message": "configured logging driver does not support"}', 501)

    engine.routes[f"/containers/{key(1)}/logs"] = no_reader
    machine = Machine(engine.gate())
    found = await machine.perform(ReadLogErrors(key(1)))
    gone = await machine.perform(ReadLogErrors(key(2)))
    machine.close()
    assert isinstance(found, Failed)
    assert "logging driver" in found.what
    assert isinstance(gone, Failed)
    assert gone.kind is Failure.GONE


async def test_many_logs_become_one_stream(engine: FakeEngine, stage: Ground) -> None:
    first, second = serve_log(engine, 1), serve_log(engine, 2)
    async with LogFollower(stage, tail=3) as logs:
        logs.add([key(1), key(2), key(1)])
        assert logs.following == {key(1), key(2)}
        first.waiting.put(framed(line(b"a", 1)))
        (one,) = await read(logs, 1)
        assert (one.container_id, one.text) == (key(1), "a")
        second.waiting.put(framed(line(b"b", 1)) + framed(line(b"c", 2), 2))
        found = await read(logs, 2)
        assert [(x.container_id, x.text) for x in found] == [
            (key(2), "b"),
            (key(2), "c"),
        ]
    assert "follow=1" in first.asked[0]
    assert "tail=3" in first.asked[0]
    assert len(first.asked) == 1


async def test_a_log_that_was_left_is_taken_up_where_it_was(
    engine: FakeEngine, stage: Ground
) -> None:
    log = serve_log(engine, 1)
    async with LogFollower(stage) as logs:
        logs.add([key(1)])
        log.waiting.put(framed(line(b"a", 1)) + framed(line(b"b", 2)))
        await read(logs, 2)
        logs.remove([key(1), key(9)])
        assert not logs.following
        log = serve_log(engine, 1)
        logs.add([key(1)])
        log.waiting.put(framed(line(b"b", 2)) + framed(line(b"c", 3)))
        assert [one.text for one in await read(logs, 1)] == ["c"]
        # What a second stream writes a little late is not lost.
        log.waiting.put(framed(line(b"e", 5)) + framed(line(b"d", 4), 2))
        assert [one.text for one in await read(logs, 2)] == ["e", "d"]


async def test_when_nobody_reads_the_oldest_go_and_are_counted(
    engine: FakeEngine, stage: Ground
) -> None:
    log = serve_log(engine, 1)
    async with LogFollower(stage, queue=10) as logs:
        logs.add([key(1)])
        log.waiting.put(b"".join(framed(line(b"%d" % n, n + 1)) for n in range(25)))
        log.waiting.put(None)
        await until(lambda: not logs.following)
        assert logs.dropped == 15
        assert [one.text for one in logs.take() if isinstance(one, LogLine)] == [
            str(n) for n in range(15, 25)
        ]
        assert logs.take() == []


async def test_a_log_that_ends_is_followed_no_longer(
    engine: FakeEngine, stage: Ground
) -> None:
    log = serve_log(engine, 1)
    async with LogFollower(stage) as logs:
        logs.add([key(1), key(2), "../../info"])
        assert logs.following == {key(1), key(2)}
        log.waiting.put(framed(STAMP % 1 + b"last words without an end"))
        log.waiting.put(None)
        assert [x.text for x in await read(logs, 1)] == ["last words without an end"]
        await until(lambda: not logs.following)
        assert list(logs.errors) == [key(2)]
        assert "No such thing" in logs.errors[key(2)]
    assert "/info" not in engine.seen


async def test_an_engine_that_stops_ends_its_logs(
    engine: FakeEngine, stage: Ground
) -> None:
    async with following(engine, stage, line(b"a", 1)) as (logs, log):
        await asyncio.to_thread(engine.stop)
        await until(lambda: not logs.following)
        await asyncio.to_thread(engine.start)
        logs.add([key(1)])
        log.waiting.put(framed(line(b"b", 2)))
        assert [one.text for one in await read(logs, 1)] == ["b"]


async def test_leaving_ends_everything_at_once(
    engine: FakeEngine, stage: Ground
) -> None:
    for number in range(20):
        serve_log(engine, number)
    tasks = asyncio.all_tasks()
    async with LogFollower(stage) as logs:
        logs.add([key(number) for number in range(20)])
        await until(lambda: sum("/logs" in path for path in engine.seen) == 20)
    assert asyncio.all_tasks() == tasks
    assert not logs.following
