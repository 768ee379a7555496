"""Logs that come too fast, or from a child that dies: counted, told, survived."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.engine.chunks import Dechunker
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import ErrorSeen, Failure, LogBroke, LogGap, LogLevel, LogLine
from netwiz.probes.logs import wire
from netwiz.probes.logs.follower import LogFollower, status_of
from netwiz.probes.logs.frames import RawLine
from netwiz.probes.logs.intake import BURST, FLOOD_S, MAX_ERRORS, RATE, Intake
from netwiz.probes.logs.neterror_words import may_tell, may_tell_of
from netwiz.probes.machine import Ground
from tests.probes.fake_engine import FakeEngine, key
from tests.probes.test_logs import following, framed, line, read, serve_log, until
from tests.probes.test_neterrors import SEEN


def raw(*texts: str) -> list[RawLine]:
    return [("stdout", line(text.encode(), n).rstrip()) for n, text in enumerate(texts)]


def texts(told: list[RawLine]) -> list[str]:
    return [one.partition(b" ")[2].decode() for _, one in told]


# -- the cheap look -------------------------------------------------------


@pytest.mark.parametrize("text", [text for text, symptom, *_ in SEEN if symptom])
def test_the_cheap_look_passes_every_error(text: str) -> None:
    assert may_tell(text)
    first = text.replace("\n", " ")
    assert may_tell_of([b"x", first.encode(), b"y"]) == [1]


def test_of_many_lines_only_those_with_a_word() -> None:
    assert may_tell_of([]) == []
    assert may_tell_of([b"host=shop addr=1", b"error: no", b"connected"]) == []
    assert may_tell_of([b"a\nb", b"i/o TIMEOUT"]) == [1]


# -- what waits -----------------------------------------------------------


def test_a_burst_is_told_in_full() -> None:
    intake = Intake()
    lines = raw(*map(str, range(BURST)))
    intake.put(lines, 0.0)
    assert intake.due(0.0)
    told = intake.take(0.0, BURST)
    assert (told.lines, told.skipped, told.errors) == (lines, 0, [])
    assert not intake.due(0.0)


def test_of_a_flood_the_newest_are_told_and_the_others_counted() -> None:
    intake = Intake()
    total, told_lines, skipped = 0, 0, 0
    for tick in range(100):
        now = tick / 10
        intake.put(raw(*(f"{total + n}" for n in range(5000))), now)
        total += 5000
        assert len(intake) <= BURST
        if intake.due(now):
            told = intake.take(now, BURST)
            assert texts(told.lines)[-1] == str(total - 1)
            told_lines += len(told.lines)
            skipped += told.skipped
    last = intake.take(10.0, 0)
    assert told_lines + skipped + last.skipped == total
    assert told_lines <= BURST + RATE * 11


def test_nothing_is_lost_between_told_and_counted() -> None:
    intake = Intake()
    given_, seen = 0, 0
    for tick in range(50):
        intake.put(raw(*map(str, range(tick * 40))), tick / 10)
        given_ += tick * 40
        if intake.due(tick / 10):
            told = intake.take(tick / 10, 100)
            seen += len(told.lines) + told.skipped + len(told.errors)
    last = intake.take(99.0, 0)
    assert seen + last.skipped + len(last.errors) == given_


def test_network_errors_are_not_washed_away() -> None:
    intake = Intake()
    for _ in range(40):
        noise = [f"tick {n}" for n in range(1000)]
        noise[500] = "connect ECONNREFUSED 127.0.0.1:3000"
        noise[600] = "timeout=30 is only a setting"
        intake.put(raw(*noise), 0.0)
    told = intake.take(0.0, BURST)
    # Those of the newest lines are among them.
    kept = sum("ECONNREFUSED" in text for text in texts(told.lines))
    assert len(told.errors) + kept == 40
    assert told.skipped == 40_000 - len(told.lines) - len(told.errors)
    assert told.skipped_errors == 0


def test_a_flood_of_network_errors_is_bounded_and_counted() -> None:
    intake = Intake()
    for _ in range(20):
        intake.put(raw(*["connection refused"] * 1000), 0.0)
    told = intake.take(0.0, BURST)
    assert len(told.errors) == MAX_ERRORS
    assert told.skipped == told.skipped_errors == 20_000 - BURST - MAX_ERRORS


def test_a_flood_is_told_of_in_portions() -> None:
    intake = Intake()
    intake.put(raw(*map(str, range(BURST + 1))), 0.0)
    assert intake.due(0.0)
    intake.take(0.0, BURST)
    intake.put(raw(*map(str, range(BURST))), 0.1)
    assert intake.flooded
    assert not intake.due(0.2)
    assert intake.due(0.1 + FLOOD_S)


# -- the wire -------------------------------------------------------------


def test_what_is_told_arrives_as_it_was() -> None:
    at = datetime(2024, 1, 5, 10, 0, 0, 123456, UTC)
    error = ErrorSeen("dns", "pg", None, "ENOTFOUND", program="Node")
    said = LogLine(
        at,
        key(1),
        "a",
        "stderr",
        LogLevel.WARN,
        ("b", "c"),
        3,
        "raw",
        "c",
        read=True,
        error=error,
    )
    (size,) = wire.LENGTH.unpack(wire.packed(("x", wire.from_line(said)))[:4])
    packed = wire.packed(("x", wire.from_line(said)))
    assert size == len(packed) - 4
    assert wire.to_said(key(1), wire.unpacked(packed[4:])[1]) == said
    gap = LogGap(at, key(1), 48_200, 3)
    assert wire.to_said(key(1), wire.from_gap(gap)) == gap


@pytest.mark.parametrize("data", [b"", b"\xff", b"N", b"i\1\0\0\0", b"("])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"message|marshal"):
        wire.unpacked(data)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=20), st.integers(1, 50))
def test_chunks_are_undone_wherever_the_pieces_end(
    parts: list[bytes], size: int
) -> None:
    coded = b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in parts)
    coded += b"0\r\n\r\n"
    undo = Dechunker()
    pieces = [coded[i : i + size] for i in range(0, len(coded), size)]
    assert b"".join(map(undo.feed, pieces)) == b"".join(parts)
    assert undo.done


@pytest.mark.parametrize("coded", [b"zz\r\n", b"-1\r\n", b"1" * 5000])
def test_what_is_not_coded_so_is_said(coded: bytes) -> None:
    with pytest.raises(ValueError, match=r"chunk|literal|negative"):
        Dechunker().feed(coded)


# -- the child ------------------------------------------------------------


def runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def test_a_flood_leaves_a_gap_and_the_newest(
    engine: FakeEngine, stage: Ground
) -> None:
    log = serve_log(engine, 1)
    count = 50_000
    async with LogFollower(stage) as logs:
        logs.add([key(1)])
        for begin in range(0, count, 1000):
            part = (framed(line(b"%d" % n, n)) for n in range(begin, begin + 1000))
            log.waiting.put(b"".join(part))
        log.waiting.put(framed(line(b"i/o timeout", count)))
        log.waiting.put(None)
        await until(lambda: not logs.following)
        found = logs.take()
    lines = [x for x in found if isinstance(x, LogLine)]
    gaps = [x for x in found if isinstance(x, LogGap)]
    assert gaps
    assert len(lines) + sum(gap.lines for gap in gaps) == count + 1
    assert lines[-1].text == "i/o timeout"
    assert lines[-1].error == ErrorSeen("timeout", matched="i/o timeout", program="Go")


async def test_a_child_that_dies_is_told_of_and_replaced(
    engine: FakeEngine, stage: Ground
) -> None:
    async with following(engine, stage, line(b"a", 1)) as (logs, _):
        first = logs.child
        log = serve_log(engine, 1)
        os.kill(first, signal.SIGKILL)
        await until(lambda: logs.child not in (0, first))
        (broke,) = logs.take()
        assert isinstance(broke, LogBroke)
        assert broke.again
        # What was told is not told again.
        log.waiting.put(framed(line(b"a", 1)) + framed(line(b"b", 2)))
        assert [one.text for one in await read(logs, 1)] == ["b"]
        os.kill(logs.child, signal.SIGKILL)
        await until(lambda: not logs.following)
        last = logs.take()[-1]
        assert isinstance(last, LogBroke)
        assert not last.again
        assert logs.errors == {key(1): last.because}
        # Whoever asks anew gets a new one.
        log = serve_log(engine, 1)
        logs.add([key(1)])
        log.waiting.put(framed(line(b"c", 3)))
        assert [one.text for one in await read(logs, 1)] == ["c"]


async def test_leaving_ends_the_child(engine: FakeEngine, stage: Ground) -> None:
    serve_log(engine, 1)
    async with LogFollower(stage) as logs:
        logs.add([key(1)])
        await until(lambda: logs.child > 0)
        child = logs.child
        assert runs(child)
    assert not runs(child)


async def test_the_past_is_told_once_and_only_what_was_not(
    engine: FakeEngine, stage: Ground
) -> None:
    async with following(engine, stage, line(b"new", 5000)) as (logs, _):
        body = b"".join(framed(line(b"old %d" % n, n)) for n in (1000, 2000, 5000))
        engine.routes[f"/containers/{key(1)}/logs"] = body
        since = datetime(2024, 1, 5, 9, 0, tzinfo=UTC)
        await logs.past([key(1), key(2)], since, 7)
        found = [x.text for x in logs.take() if isinstance(x, LogLine)]
        assert found == ["old 1000", "old 2000"]
    asked = engine.seen[-1]
    assert "tail=7" in asked
    assert f"since={since.timestamp():.6f}" in asked
    assert "until=1704448800.0" in asked
    assert "follow" not in asked


async def test_without_an_engine_it_is_said_once(
    engine: FakeEngine, stage: Ground
) -> None:
    await asyncio.to_thread(engine.stop)
    async with LogFollower(stage) as logs:
        logs.add([key(1)])
        await until(lambda: not logs.following)
        assert "engine" in logs.errors[key(1)]
        assert logs.take() == []
        await asyncio.to_thread(engine.start)
        serve_log(engine, 1).waiting.put(framed(line(b"a", 1)))
        logs.add([key(1)])
        assert [one.text for one in await read(logs, 1)] == ["a"]


def test_a_gate_that_opens_no_streams_is_said() -> None:
    class Closed:
        endpoint = "nowhere"

        async def call(self, what: str, do: Callable[[Any], Any]) -> Any:
            raise ProbeError(Failure.ENGINE, f"{what} {do}")

        def close(self) -> None: ...

    with pytest.raises(ProbeError, match="nowhere cannot be followed"):
        LogFollower(Ground(Closed()))


async def test_a_child_with_unread_output_is_not_waited_for_in_vain() -> None:
    """More than its pipe and its reader hold: the end of it is never seen."""
    script = "import os\nwhile True: os.write(1, bytes(65536))"
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script), stdout=asyncio.subprocess.PIPE, limit=1024
    )
    await until(lambda: getattr(child.stdout, "_paused", False))
    child.kill()
    assert await status_of(child) == -signal.SIGKILL
