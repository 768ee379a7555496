"""Packets in the Live pane: started by one key, followed, held, filtered, told."""

from dataclasses import replace

import pytest

from netwiz.probes.capture.batch import Batch
from netwiz.probes.engine.watch import EngineEvent
from netwiz.probes.facts import HOST
from netwiz.probes.facts.packets import CaptureEnded, CaptureTapGone
from netwiz.tui.screens.capture_dialog import CaptureDialog
from netwiz.tui.screens.wizard import WizardScreen
from netwiz.widgets.packets import pane
from netwiz.widgets.packets.store import PacketStore
from tests.screens import machines, packet_rows
from tests.screens.packet_rows import counts
from tests.screens.packets_app import opened, running

# Starting and stopping


async def test_one_key_and_enter_capture_what_the_cursor_is_on() -> None:
    async with opened() as on:
        await on.start(target="pg")
        wanted = on.capture.wanted
        assert [tap.name for tap in wanted.taps] == ["pg"]
        assert wanted.taps[0].place.label == "pg"
        assert wanted.names["172.18.0.3"] == "order"
        assert wanted.file is None
        assert on.app.overview.live.tab == "Packets"
        assert on.app.focused is on.view
        await on.rows(packet_rows.rows())
        assert len(on.numbers) == 20
        assert "SYN" in "\n".join(on.painted())
        assert on.painted()[0].startswith("pg · keeps 100 000")


async def test_a_network_is_captured_at_its_bridge_and_the_host_at_its_uplink() -> None:
    async with opened() as on:
        await on.press("1", "g")
        networks = on.app.overview.networks
        networks.select(machines.NET)
        await on.press("c", "enter")
        await on.until(lambda: on.app.fake.captures)
        tap = on.capture.wanted.taps[0]
        known = next(n for n in machines.BUSY.networks if n.id == machines.NET)
        assert (tap.place, tap.name, tap.device) == (HOST, "shop_default", known.device)
        networks.select("host")
        await on.press("1", "c", "enter")
        await on.until(lambda: len(on.app.fake.captures) == 2)
        assert {tap.place for tap in on.capture.wanted.taps} == {HOST}


async def test_all_at_once() -> None:
    async with opened() as on:
        await on.press("C", "enter")
        await on.until(lambda: on.app.fake.captures)
        names = [tap.name for tap in on.capture.wanted.taps]
        assert {"order", "pg", "edge-proxy"} <= set(names)


async def test_filter_and_file_go_along() -> None:
    async with opened() as on:
        row = on.app.overview.containers.items[0]
        on.app.overview.containers.select(row.key)
        await on.press(
            "c", *"port", "space", *"3000", "down", *"/tmp/x.pcapng", "enter"
        )
        await on.until(lambda: on.app.fake.captures)
        assert on.capture.wanted.filter == "port 3000"
        assert on.capture.wanted.file
        assert on.capture.wanted.file.path == "/tmp/x.pcapng"


async def test_a_bad_filter_is_said_at_once_with_its_place() -> None:
    async with opened() as on:
        await on.press("c", *"port", "space", *"3000", "space", *"an")
        dialog = on.app.screen
        assert isinstance(dialog, CaptureDialog)
        below = dialog.query_one("#filter-below")
        await on.until(lambda: "^^" in _shown(below))
        said = _shown(below).splitlines()
        assert said[0] == " " * len("port 3000 ") + "^^"
        assert "`an`" in said[1]
        await on.press("enter")
        await on.pilot.pause()
        assert on.app.screen is dialog
        assert not on.app.fake.captures
        await on.press(*("backspace",) * 3)
        await on.until(lambda: "^" not in _shown(below))
        await on.press("enter")
        await on.until(lambda: on.app.fake.captures)


def _shown(widget: object) -> str:
    return str(getattr(widget, "content", ""))


@pytest.mark.parametrize(
    ("keys", "field", "words"),
    [
        (("up", *"ordr"), "targets", "is named 'ordr': did you mean order?"),
        (("down", *"/nowhere/x"), "path", "there is no folder /nowhere"),
        (("down", *"/tmp"), "path", "that is a folder"),
    ],
)
async def test_what_cannot_be_is_said_below_its_answer(
    keys: tuple[str, ...], field: str, words: str
) -> None:
    async with opened() as on:
        on.app.overview.containers.select(machines.ident("b1"))
        await on.press("c", *keys, "enter")
        below = on.app.screen.query_one(f"#{field}-below")
        await on.until(lambda: words in _shown(below))
        assert not on.app.fake.captures
        await on.press("escape")
        assert on.app.screen is on.app.overview


async def test_without_rights_the_dialog_says_so() -> None:
    async with opened(snapshot=machines.NOT_ROOT) as on:
        await on.press("c", "enter")
        below = on.app.screen.query_one("#targets-below")
        await on.until(lambda: "needs root" in _shown(below))


async def test_stopping_leaves_what_came() -> None:
    async with running() as on:
        await on.press("x")
        await on.until(lambda: on.capture.left)
        await on.until(lambda: "■ stopped" in on.head)
        assert len(on.numbers) == 20


async def test_another_capture_ends_the_first() -> None:
    async with running() as on:
        first = on.capture
        await on.press("c")
        await on.until(lambda: isinstance(on.app.screen, CaptureDialog))
        hints = on.app.screen.query_one(".hints")
        assert "running: order" in _shown(hints)
        await on.press("enter")
        await on.until(lambda: len(on.app.fake.captures) == 2 and on.capture.open)
        assert first.left
        assert on.numbers == []
        first.say(Batch.of(packet_rows.rows()))
        on.capture.say(packet_rows.started(on.capture.wanted))
        await on.until(lambda: on.view.standing.started)
        assert on.numbers == []


async def test_the_dialog_stops_a_capture() -> None:
    async with running() as on:
        await on.press("c", "ctrl+x")
        await on.until(lambda: on.capture.left)
        assert len(on.app.fake.captures) == 1


async def test_leaving_netwiz_leaves_the_capture() -> None:
    async with running() as on:
        capture = on.capture
    assert capture.left


async def test_why_there_is_no_capture_is_one_clear_line() -> None:
    async with opened() as on:
        gone = OSError(2, "No such file or directory", "/proc/4012/ns/net")
        on.app.fake.capture_refused = gone
        await on.press("c", "enter")
        await on.until(lambda: on.view.standing.wrong)
        assert "/proc/4012/ns/net: No such file or directory" in on.nothing
        assert "✗ failed" in on.head


async def test_a_capture_that_breaks_off_keeps_its_packets() -> None:
    async with running() as on:
        on.capture.say(RuntimeError("the pipe broke"))
        await on.until(lambda: on.view.standing.wrong == "the pipe broke")
        assert len(on.numbers) == 20
        assert on.capture.left
        await on.press("c")
        assert isinstance(on.app.screen, CaptureDialog)


# What is told


async def test_zero_packets_are_explained() -> None:
    async with opened() as on:
        await on.start(*"port", "space", *"3000")
        assert 'nothing has passed yet: filter "port 3000" on order' in on.nothing
        assert 'filter "port 3000" on order' in on.painted()[1]


async def test_counts_are_on_the_screen_and_sampling_is_said() -> None:
    async with running() as on:
        await on.say(counts(412_000, dropped=7, read=20_000))
        await on.until(lambda: "412 000 seen" in on.counts)
        assert on.counts.startswith(
            "412 000 seen · 7 dropped · 20 000 read (sampled) · ✗ 6 problems"
        )
        border = on.view._border_subtitle
        assert border is not None
        assert border.plain == on.counts


async def test_a_tap_that_is_gone_and_an_end_are_said() -> None:
    async with running(size=(140, 30)) as on:
        await on.say(CaptureTapGone(tap=0, why="the container has stopped"))
        await on.until(lambda: "order gone: the container has stopped" in on.head)
        await on.say(CaptureEnded(why="nothing is left to listen to", wrong=True))
        await on.until(lambda: "✗ the container has stopped" in on.head)
        assert "order · c starts another capture" in on.head


# Following and holding


async def test_it_follows_until_somebody_looks_back() -> None:
    async with running(rows=200) as on:
        assert on.at == 220
        await on.press("k", "k")
        assert on.at == 218
        top = on.view.scroll_offset.y
        painted = on.painted()[1:]
        await on.rows(packet_rows.rows(221, more=100))
        await on.until(lambda: "held · 120 new" in on.head)
        assert on.at == 218
        assert on.view.scroll_offset.y == top
        assert on.painted()[1:] == painted
        await on.press("G")
        assert on.at == 340
        assert "● live" in on.head


async def test_what_is_held_stays_while_the_oldest_go() -> None:
    async with opened() as on:
        on.view.store = PacketStore(600)
        on.view.sieve._store = on.view.store
        await on.start()
        for first in range(1, 600, 200):
            await on.rows(packet_rows.rows(first, more=180))
        await on.press("p")
        await on.press(*("k",) * 30)
        painted, at = on.painted()[1:], on.at
        for first in range(601, 900, 200):
            await on.rows(packet_rows.rows(first, more=180))
            await on.pilot.pause(pane.BEAT_S)
        assert on.view.store.evicted
        assert on.at == at
        assert on.painted()[1:] == painted
        await on.press("g")
        assert on.at == on.numbers[0] > 1


async def test_keys_that_move() -> None:
    async with running(rows=200) as on:
        await on.press("g")
        assert on.at == 1
        await on.press("j", "j", "k")
        assert on.at == 2
        await on.press("ctrl+d")
        assert on.at > 4
        await on.press("ctrl+u", "ctrl+u")
        assert on.at == 1
        await on.press("space")
        assert on.view.following
        assert on.at == 220


async def test_a_flood_repaints_a_few_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as on:
        clock = [1000.0]
        monkeypatch.setattr(pane, "monotonic", lambda: clock[0])
        on.view._painted_at = clock[0]
        beats: list[float] = []
        settle = on.view._settle

        def counted(*, whole: bool = False) -> None:
            beats.append(clock[0])
            settle(whole=whole)

        monkeypatch.setattr(on.view, "_settle", counted)
        for number in range(1000):
            clock[0] += 0.001
            on.view.take([Batch.of(packet_rows.rows(21 + number * 20)[:20])])
        # No timer has run: all of it waits for the next beat.
        assert beats == []
        on.view.catch_up()
        assert len(beats) == 1
        assert len(on.view.store) == 20_020


# From here to elsewhere


async def test_a_problem_opens_the_wizard_filled_in() -> None:
    async with running() as on:
        await on.press("g", *("j",) * 14, "w")
        await on.until(lambda: isinstance(on.app.screen, WizardScreen))
        assert isinstance(on.app.screen, WizardScreen)
        prefill = on.app.screen._prefill
        assert prefill.client == "order"
        assert prefill.target == "172.18.0.2:3000"
        assert prefill.symptom == "refused"


async def test_without_packets_w_is_the_overviews() -> None:
    async with opened() as on:
        await on.start()
        await on.press("w")
        await on.until(lambda: isinstance(on.app.screen, WizardScreen))


async def test_who_is_gone_keeps_its_name_on_what_it_said() -> None:
    async with running() as on:
        others = tuple(c for c in machines.BUSY.containers if c.name != "order")
        on.app.fake.happen(_event(), now=replace(machines.BUSY, containers=others))
        panes = on.app.overview.containers
        await on.until(lambda: "order" not in [row.name for row in panes.items])
        assert on.view.ends.names["172.18.0.3"] == "order"


async def test_new_names_are_used_when_a_container_is_renamed() -> None:
    async with running() as on:
        renamed = replace(machines.CONTAINERS[1], name="postgres")
        others = tuple(c for c in machines.CONTAINERS if c.name != "pg")
        on.app.fake.happen(
            _event(), now=replace(machines.BUSY, containers=(*others, renamed))
        )
        await on.until(lambda: any("postgres:5432" in x for x in on.painted()))


def _event() -> EngineEvent:
    one = machines.CONTAINERS[1]
    return EngineEvent(machines.NOW, "container", "rename", one.id, "postgres", {})
