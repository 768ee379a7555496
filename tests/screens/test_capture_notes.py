"""A capture's beginning and end stand in the time line, a line each."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts.packets import CaptureEnded, CaptureTapGone
from netwiz.widgets.timeline import LiveKind
from tests.screens import packet_rows
from tests.screens.packet_rows import counts
from tests.screens.packets_app import Capturing, opened


def _notes(on: Capturing) -> list[str]:
    lines = on.app.overview.live.log_view.lines.all
    found = [line.text for line in lines if line.kind is LiveKind.NOTE]
    return [text for text in found if text.startswith("capture ")]


async def test_begin_and_end_are_told_with_counts_and_drops() -> None:
    async with opened() as on:
        await on.start()
        await on.until(lambda: len(_notes(on)) == 1)
        assert _notes(on) == ["capture of order begun"]
        await on.say(counts(1204, dropped=7))
        on.capture.say(CaptureEnded(why="stopped"))
        await on.until(lambda: len(_notes(on)) == 2)
        last = _notes(on)[-1]
        assert last == "capture over: 1 204 seen · 7 dropped · order · stopped"


async def test_a_filter_is_told_and_a_break_says_why() -> None:
    async with opened() as on:
        await on.start(*"port", "space", *"3000")
        await on.until(lambda: len(_notes(on)) == 1)
        assert _notes(on)[0].endswith("begun · port 3000")
        on.capture.say(OSError(5, "Input/output error"))
        await on.until(lambda: len(_notes(on)) == 2)
        assert _notes(on)[-1].endswith("order · Input/output error")


async def test_a_long_reason_hides_no_drops_at_eighty_columns() -> None:
    why = "the process that captures was killed, perhaps for want of memory"
    async with opened(size=(80, 24)) as on:
        await on.start()
        await on.say(counts(4_120_000, dropped=70_012))
        on.capture.say(CaptureEnded(why=why, wrong=True))
        await on.until(lambda: len(_notes(on)) == 2)
        await on.press("left_square_bracket")
        log = on.app.overview.live.log_view
        await on.until(lambda: log.display and log.size.height)
        painted = [log.render_line(y).text for y in range(log.size.height)]
        assert any("4 120 000 seen · 70 012 dropped" in line for line in painted)
        assert not any(why in line for line in painted)


async def test_a_place_that_ends_is_told_and_the_others_go_on() -> None:
    async with opened() as on:
        await on.press("C", "enter")
        await on.until(lambda: on.app.fake.captures and on.capture.open)
        asked = replace(on.capture.wanted, taps=packet_rows.TAPS)
        await on.say(packet_rows.started(asked), counts(5))
        gone = CaptureTapGone(tap=1, why="pg: the container stopped")
        on.capture.say(gone)
        words = "goes on without pg (the container stopped) · c starts another"
        await on.until(lambda: _notes(on)[-1] == f"capture {words}")
        on.capture.say(CaptureTapGone(tap=0, why="order: the container stopped"))
        why = "nothing is left to listen to: order: the container stopped"
        on.capture.say(CaptureEnded(why=why, wrong=True))
        await on.until(lambda: "over: " in _notes(on)[-1])
        assert _notes(on)[-1].endswith("order, pg · all 2 places are gone")
        assert len(_notes(on)) == 3
        await on.until(lambda: "✗ all 2 places are gone" in on.head)


async def test_of_the_only_place_it_is_not_told_that_anything_goes_on() -> None:
    async with opened() as on:
        await on.start()
        await on.say(counts(5))
        on.capture.say(CaptureTapGone(tap=0, why="order: the container stopped"))
        await on.until(lambda: "order gone" in on.head)
        why = "nothing is left to listen to: order: the container stopped"
        on.capture.say(CaptureEnded(why=why, wrong=True))
        await on.until(lambda: "over: " in _notes(on)[-1])
        assert _notes(on)[0] == "capture of order begun"
        end = "capture over: 5 seen · 0 dropped · order · the container stopped"
        assert _notes(on)[1:] == [end]


async def test_many_packets_make_no_line() -> None:
    async with opened() as on:
        await on.start()
        await on.say(*packet_rows.batches(2000), counts(2000))
        assert len(_notes(on)) == 1
