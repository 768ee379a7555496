"""From the list into a packet, its conversation, a file, and back."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.files import CaptureFile
from netwiz.probes.capture.keep_rows import write_rows
from netwiz.probes.capture.wanted import CaptureWanted
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.packets import CaptureEnded, PacketKind
from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.capture_file import CaptureFileApp
from netwiz.tui.screens.capture_save import SaveDialog
from netwiz.tui.screens.packet import PacketScreen
from netwiz.tui.screens.packet_prefill import prefill_of_row
from netwiz.tui.screens.stream import StreamScreen
from netwiz.tui.screens.wizard import WizardScreen
from netwiz.widgets.packets.view import PacketsView
from tests.screens import packet_rows
from tests.screens.fake_capture import FakeCapture
from tests.screens.overview_app import until
from tests.screens.packet_rows import NAMES, started, wanted
from tests.screens.packets_app import Capturing, running


async def to_packet(on: Capturing, number: int) -> None:
    """Put the list's cursor on a packet."""
    assert on.view.go_to(number)
    await on.pilot.pause()


# One packet


async def test_a_packet_opens_with_its_bytes_and_then_its_layers() -> None:
    async with running(size=(120, 40)) as on:
        await to_packet(on, 15)
        await on.press("enter")
        assert isinstance(on.app.screen, PacketScreen)
        assert "refused: RST from pg (172.18.0.2:3000)" in on.detail
        assert "pg:3000 → order:40314" in on.detail
        assert "0000  02 42 ac 12" in on.detail
        await on.until(lambda: "Ethernet" in on.detail)
        assert "TCP  3000 → 40314  [RA]" in on.detail.replace("hbci", "3000")
        assert "about packet 14" in on.detail
        await on.press("escape")
        await on.until(lambda: not isinstance(on.app.screen, PacketScreen))
        assert on.at == 15


async def test_the_lists_cursor_goes_along() -> None:
    async with running() as on:
        await to_packet(on, 15)
        await on.press("enter", "right")
        assert isinstance(on.app.screen, PacketScreen)
        assert on.app.screen.row.number == 16
        await on.press("left", "left")
        assert on.app.screen.row.number == 14
        await on.press("n")
        assert on.app.screen.row.number == 15
        await on.press("a")
        assert on.app.screen.row.number == 14
        assert on.at == 14


async def test_what_did_not_come_explains_itself_and_leads_to_what_waits() -> None:
    async with running() as on:
        await to_packet(on, 17)
        await on.press("enter")
        assert "No packet: what should have come and did not." in on.detail
        assert "Bytes" not in on.detail
        await on.press("a")
        assert isinstance(on.app.screen, PacketScreen)
        assert on.app.screen.row.number == 16


async def test_layers_fold() -> None:
    async with running() as on:
        await to_packet(on, 3)
        await on.press("enter")
        await on.until(lambda: "Ethernet" in on.detail)
        assert isinstance(on.app.screen, PacketScreen)
        detail = on.app.screen.detail
        before = len(detail._shown.rows)
        await on.press("enter")
        assert len(detail._shown.rows) < before
        await on.press("enter")
        assert len(detail._shown.rows) == before


async def test_a_packet_is_diagnosed_from_where_it_is_open() -> None:
    async with running() as on:
        await to_packet(on, 15)
        await on.press("enter", "w")
        await on.until(lambda: isinstance(on.app.screen, WizardScreen))
        assert isinstance(on.app.screen, WizardScreen)
        assert on.app.screen._prefill.target == "172.18.0.2:3000"


# Conversations


async def test_both_sides_of_a_conversation_in_order() -> None:
    async with running(size=(120, 40)) as on:
        await to_packet(on, 13)
        await on.press("f")
        screen = on.app.screen
        assert isinstance(screen, StreamScreen)
        await on.until(lambda: screen.done)
        asked = on.detail.index("▶ 203.0.113.7:51544")
        told = on.detail.index("◀ edge-proxy:80")
        assert asked < on.detail.index("GET /api/orders?id=17 HTTP/1.1") < told
        assert told < on.detail.index("no upstream :(")
        assert "X-Odd: \\x1b[31mred\\x07" in on.detail
        assert "\x1b" not in on.detail
        await on.press("x")
        assert "47 45 54 20 2f" in on.detail
        await on.press("escape")
        assert on.at == 13


async def test_a_conversation_without_a_word_tells_what_passed() -> None:
    async with running() as on:
        await to_packet(on, 15)
        await on.press("f")
        screen = on.app.screen
        assert isinstance(screen, StreamScreen)
        await on.until(lambda: screen.done)
        assert "Nothing was said in it" in on.detail
        assert "refused: RST from pg" in on.detail


async def test_the_stream_of_what_did_not_come_is_that_of_what_waits() -> None:
    async with running() as on:
        await to_packet(on, 17)
        await on.press("f")
        screen = on.app.screen
        assert isinstance(screen, StreamScreen)
        await on.until(lambda: screen.done)
        assert "no answer to 3 SYNs" in on.detail


async def test_a_conversation_is_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with running() as on:
        await to_packet(on, 12)
        await on.press("f")
        screen = on.app.screen
        assert isinstance(screen, StreamScreen)
        await on.until(lambda: screen.done)
        await on.press("s")
        (saved,) = (tmp_path / "netwiz").glob("stream-*.txt")
        assert "no upstream :(" in saved.read_text()


# Into the wizard


@pytest.mark.parametrize(
    ("number", "prefill"),
    [
        (15, Prefill("order", "172.18.0.2:3000", "refused")),
        (17, Prefill("order", "10.0.0.9:8080", "timeout")),
        (18, Prefill("order", "10.0.0.9:8080", "unreachable")),
        (11, Prefill("", "172.18.0.9:443", "tls")),
        (20, Prefill("order", "172.18.0.2:5432", "reset")),
        (9, Prefill("order", "172.18.0.2:5432", "slow")),
        (3, Prefill("order", "172.18.0.2:5432", "")),
        (19, Prefill("", "", "")),
    ],
)
async def test_a_packet_answers_the_wizards_questions(
    number: int, prefill: Prefill
) -> None:
    async with running() as on:
        view = on.view
        row = view.store.row(view.store.place_of(number))
        found = prefill_of_row(row, view)
        assert (found.client, found.target, found.symptom) == (
            prefill.client,
            prefill.target,
            prefill.symptom,
        )


async def test_an_unanswered_question_names_what_was_asked_for() -> None:
    async with running() as on:
        question = on.view.store.row(0)
        silence = packet_rows.rows()[16]
        await on.rows(
            [
                type(silence)(
                    21,
                    silence.at_ns,
                    0,
                    PacketKind.ABSENCE,
                    silence.level,
                    0,
                    question.source,
                    question.destination,
                    "no answer after 2.0 s to: A db",
                    about=1,
                )
            ]
        )
        row = on.view.store.row(on.view.store.place_of(21))
        assert prefill_of_row(row, on.view) == Prefill(
            "order", "db", "dns", "no answer after 2.0 s to: A db"
        )


# Files


async def test_what_is_kept_is_written_and_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "night.pcapng"
    async with running() as on:
        await on.press("W")
        assert isinstance(on.app.screen, SaveDialog)
        await on.press("ctrl+u", *str(path), "enter")
        await on.until(lambda: path.exists() and path.stat().st_size > 1000)
        await on.until(lambda: _complete(path, 19))


def _complete(path: Path, count: int) -> bool:
    try:
        with CaptureFile(str(path)) as file:
            found = [packet for some in file.packets() for packet in some]
    except ProbeError:
        return False
    names = [interface.name for interface in file.interfaces]
    return len(found) == count and names == ["order"] and not file.cut


def test_a_file_that_is_no_capture_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not packets")
    asked = wanted()
    with pytest.raises(ProbeError, match="does not overwrite"):
        write_rows(
            str(path), [Batch.of(packet_rows.rows())], started(asked).taps, NAMES
        )
    assert path.read_text() == "not packets"


def _written(path: Path) -> None:
    asked = wanted()
    batches = [Batch.of(packet_rows.rows())]
    assert write_rows(str(path), batches, started(asked).taps, NAMES)[0] == 19


async def test_a_file_is_read_into_the_same_view(tmp_path: Path) -> None:
    path = tmp_path / "night.pcapng"
    await asyncio.to_thread(_written, path)
    app = CaptureFileApp(CaptureWanted(source=str(path)))
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.screen_of_file.packets
        await until(pilot, lambda: view.standing.ended)
        await until(pilot, lambda: len(view.store) >= 19)
        assert app.focused is view
        assert view.selected is not None
        assert view.selected.number == 1
        shown = "\n".join(view.render_line(y).text for y in range(view.size.height))
        assert "order → pg:5432" in shown
        assert "end of file" in shown
        await pilot.press("slash", *"pg:3000", "enter")
        await until(pilot, lambda: len(view.sieve) == 2 and app.focused is view)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PacketScreen))
        await pilot.press("escape", "w")
        await pilot.pause()
        assert app.screen is app.screen_of_file


async def test_a_file_that_is_not_there_is_one_clear_line() -> None:
    app = CaptureFileApp(CaptureWanted(source="/nowhere/x.pcap"))
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.screen_of_file.packets
        await until(pilot, lambda: view.standing.wrong)
        assert "/nowhere/x.pcap" in view.standing.wrong


async def test_a_long_file_shows_its_beginning_first() -> None:
    asked = CaptureWanted(source="/tmp/long.pcap", names=NAMES)
    fake = FakeCapture(asked)
    app = CaptureFileApp(asked, open_=lambda _: fake)
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.screen_of_file.packets
        fake.say(started(wanted()), *packet_rows.batches(2000))
        await _told(pilot, view, 2000)
        assert view.selected is not None
        assert view.selected.number == 1
        assert view.scroll_offset.y == 0
        fake.say(CaptureEnded(why="end of file"))
        await until(pilot, lambda: view.standing.ended)


async def _told(pilot: Pilot[Any], view: PacketsView, count: int) -> None:
    await until(pilot, lambda: len(view.store) == count)
