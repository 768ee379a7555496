"""A capture's beginning and end stand in the time line, a line each."""

from __future__ import annotations

from netwiz.probes.facts.packets import CaptureEnded
from netwiz.widgets.timeline import LiveKind
from tests.screens import packet_rows
from tests.screens.packet_rows import counts
from tests.screens.packets_app import Capturing, opened


def _notes(on: Capturing) -> list[str]:
    lines = on.app.overview.live.log_view.lines.all
    found = [line.text for line in lines if line.kind is LiveKind.NOTE]
    return [text for text in found if text.startswith("capture of ")]


async def test_begin_and_end_are_told_with_counts_and_drops() -> None:
    async with opened() as on:
        await on.start()
        await on.until(lambda: len(_notes(on)) == 1)
        assert _notes(on) == ["capture of order begun"]
        await on.say(counts(1204, dropped=7))
        on.capture.say(CaptureEnded(why="stopped"))
        await on.until(lambda: len(_notes(on)) == 2)
        last = _notes(on)[-1]
        assert last == "capture of order over: stopped · 1 204 seen · 7 dropped"


async def test_a_filter_is_told_and_a_break_says_why() -> None:
    async with opened() as on:
        await on.start(*"port", "space", *"3000")
        await on.until(lambda: len(_notes(on)) == 1)
        assert _notes(on)[0].endswith("begun · port 3000")
        on.capture.say(OSError(5, "Input/output error"))
        await on.until(lambda: len(_notes(on)) == 2)
        assert "over: Input/output error" in _notes(on)[-1]


async def test_many_packets_make_no_line() -> None:
    async with opened() as on:
        await on.start()
        await on.say(*packet_rows.batches(2000), counts(2000))
        assert len(_notes(on)) == 1
