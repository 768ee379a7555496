"""The overview follows the machine, and the person keeps their place in it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.widget import Widget

from netwiz.probes.engine.watch import EngineEvent, Resync
from netwiz.probes.facts import Container, PortMapping, Snapshot, State
from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.help import HelpScreen
from netwiz.tui.screens.reader import ReaderScreen
from netwiz.tui.screens.wizard import WizardScreen
from tests.screens import machines
from tests.screens.machines import BUSY, CONTAINERS, NOW, ident, said
from tests.screens.overview_app import OverviewApp, settled, until

SIZE = (80, 24)
ORDER = CONTAINERS[0]


def event(action: str, container: Container, **attributes: str) -> EngineEvent:
    return EngineEvent(
        NOW, "container", action, container.id, container.name, attributes
    )


def changed(*containers: Container) -> Snapshot:
    """The busy machine with these instead of those of the same id, or besides."""
    known = {c.id: c for c in CONTAINERS} | {c.id: c for c in containers}
    return replace(BUSY, containers=tuple(known.values()))


def names(app: OverviewApp) -> list[str]:
    return [row.name for row in app.overview.containers.items]


def texts(app: OverviewApp) -> list[str]:
    return [line.text for line in app.overview.live.log_view.lines.view]


def opened_with(app: OverviewApp) -> Prefill:
    assert isinstance(app.screen, WizardScreen)
    return app.screen._prefill


async def test_opens_on_what_is_there() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "prod-01 · Docker 28.2 · 5/7 containers" in app.status
        assert "⚠ 4 suspects" in app.status
        assert names(app)[-1] == "cache"
        assert app.focused is app.overview.containers
        row = next(r for r in app.overview.containers.items if r.name == "order")
        assert row.suspect
        assert row.suspect.text == "refused 127.0.0.1:3000"


async def test_a_new_container_appears_and_the_cursor_stays() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.overview.containers.select(CONTAINERS[1].id)
        new = Container(ident("c9"), "aardvark", state=State.RUNNING, pid=9)
        app.fake.happen(event("start", new), now=changed(new))
        await until(pilot, lambda: "aardvark" in names(app))
        assert names(app)[0] == "aardvark"
        assert app.overview.containers.selected_key == CONTAINERS[1].id
        assert app.fake.refreshed == [frozenset({new.id})]
        await until(pilot, lambda: "started" in texts(app))
        assert new.id in app.fake.log.following


async def test_stop_publish_and_connect_are_seen() -> None:
    app = OverviewApp()
    async with app.run_test(size=(200, 60)) as pilot:
        await settled(pilot)
        dead = replace(ORDER, state=State.EXITED, exit_code=3, pid=0)
        app.fake.happen(event("die", ORDER, exitCode="3"), now=changed(dead))
        await until(pilot, lambda: "exited 3" in texts(app))
        row = next(r for r in app.overview.containers.items if r.key == ORDER.id)
        assert row.glyph[0] == "◌"
        assert "exited 3" in row.text
        again = replace(
            ORDER,
            published=(PortMapping(8000, host_ip="0.0.0.0", host_port=9000),),
            attachments=(*ORDER.attachments, CONTAINERS[1].attachments[1]),
        )
        joined = EngineEvent(
            NOW,
            "network",
            "connect",
            machines.BACK,
            "shop_back",
            {"container": ORDER.id},
        )
        app.fake.happen(event("start", ORDER), joined, now=changed(again))
        await until(pilot, lambda: "connected to shop_back" in texts(app))
        row = next(r for r in app.overview.containers.items if r.key == ORDER.id)
        assert row.ports == "9000→8000"
        assert "shop_back" in row.networks


async def test_a_vanished_container_leaves_the_cursor_where_it_was() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        pane = app.overview.containers
        await pilot.press("down", "down")
        gone = pane.selected_key
        left = replace(BUSY, containers=tuple(c for c in CONTAINERS if c.id != gone))
        app.fake.happen(event("destroy", replace(ORDER, id=gone)), now=left)
        await until(pilot, lambda: len(pane.items) == len(CONTAINERS) - 1)
        assert pane.selected_key
        assert pane.selected_key == pane.key_of(pane.items[2])


async def test_the_engine_goes_and_comes_back() -> None:
    app = OverviewApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        app.fake.lose(NOW)
        await until(pilot, lambda: "engine gone" in app.status)
        assert "engine gone since 02:04, retrying" in app.status
        assert len(names(app)) == len(CONTAINERS), "the last state stays"
        assert app.overview.has_class("-gone")
        app.fake.happen(Resync(NOW, "the engine is there"), now=changed())
        await until(pilot, lambda: "engine gone" not in app.status)
        assert not app.overview.has_class("-gone")


async def test_the_engine_comes_for_the_first_time() -> None:
    app = OverviewApp(machines.NO_ENGINE, ())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "no Docker engine" in app.status
        assert names(app) == ["host", "blue", "vpn"]
        notice = app.overview.query_one("#notice", Widget)
        assert notice.display
        app.fake.happen(Resync(NOW, "the engine is there"), now=BUSY)
        await until(pilot, lambda: "Docker 28.2" in app.status)
        assert not notice.display


async def test_not_root_says_what_to_do() -> None:
    app = OverviewApp(machines.NOT_ROOT)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        svg = app.export_screenshot().replace("&#160;", " ")
        assert "Not root" in svg
        assert "sudo netwiz" in svg


async def test_enter_on_a_suspect_opens_the_wizard_with_all_of_it() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3", "enter")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        assert opened_with(app) == Prefill(
            "order",
            "127.0.0.1:3000",
            "refused",
            "Error: connect ECONNREFUSED 127.0.0.1:3000",
        )


async def test_w_takes_the_container_for_the_client() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.overview.containers.select(CONTAINERS[1].id)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        assert opened_with(app) == Prefill(client="pg")


@pytest.mark.parametrize(
    ("keys", "client"),
    [(("1", "w"), ""), (("1", "j", "j", "w"), "edge-proxy")],
)
async def test_w_in_networks(keys: tuple[str, ...], client: str) -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press(*keys)
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        assert opened_with(app) == Prefill(client=client)


async def test_enter_on_a_member_goes_to_its_container() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("1", "j", "j", "enter")
        await pilot.pause()
        assert app.focused is app.overview.containers
        assert app.overview.containers.selected_key == CONTAINERS[4].id


async def test_keys_that_are_typed_ahead_reach_the_pane_they_were_meant_for() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3", "g", "enter")
        await until(pilot, lambda: isinstance(app.screen, ReaderScreen))
        await pilot.press("escape")
        assert app.screen is app.overview


async def test_filter_narrows_and_escape_clears() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"order")
        pane = app.overview.containers
        assert [r.name for r in pane._shown] == ["order", "sidecar"]
        await pilot.press("enter")
        assert app.focused is pane
        assert pane.filter.pattern == "order"
        await pilot.press("escape")
        assert not pane.filter
        assert len(pane._shown) == len(CONTAINERS)


async def test_suspects_only() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s")
        troubled = ["edge-proxy", "mailer", "order"]
        assert [r.name for r in app.overview.containers._shown] == troubled
        assert len(texts(app)) == 2
        await pilot.press("escape")
        assert len(texts(app)) == len(machines.LINES)


async def test_a_held_log_keeps_its_place_and_counts_what_comes() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        live = app.overview.live.log_view
        await pilot.press("3", "k", "k")
        held = live.selected
        app.fake.say(*(said("pg", 1, f"line {n}") for n in range(50)))
        await until(pilot, lambda: live.missed == 50)
        assert live.selected is held
        assert "held · 50 new" in str(live._border_subtitle)
        await pilot.press("p")
        assert live.following
        await pilot.pause()
        assert live.scroll_offset.y == live.max_scroll_y


async def test_an_error_of_long_ago_is_marked_but_no_suspect() -> None:
    old = said("pg", int(timedelta(hours=1).total_seconds()), "ECONNREFUSED 10.0.0.9:1")
    app = OverviewApp(machines.EMPTY, lines=(old,))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        line = app.overview.live.log_view.lines.view[0]
        assert line.suspect
        assert "suspect" not in app.status


def shown(pane: Widget) -> bool:
    return pane.display


async def test_zoom_and_back() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("2", "plus")
        await pilot.pause()
        assert app.overview.containers.outer_size.width == SIZE[0]
        assert not shown(app.overview.live)
        await pilot.press("3")
        await pilot.pause()
        assert app.overview.live.outer_size.height == SIZE[1] - 2
        await pilot.press("escape")
        await pilot.pause()
        assert shown(app.overview.containers)


async def test_the_mouse_chooses_and_opens() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        pane = app.overview.containers
        await pilot.click(pane, offset=(5, 4))
        assert pane.selected_key == ORDER.id
        await pilot.click(pane, offset=(5, 4), times=2)
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))


async def test_help_opens_and_closes() -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        assert [type(s) for s in app.screen_stack[1:]] == [HelpScreen]
        await pilot.press("j", "question_mark")
        assert app.screen_stack == [app.overview]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quit(key: str) -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        if key == "ctrl+c":
            await pilot.press("slash")
        await pilot.press(key)
    assert app.fake.closed
    assert app.return_code == 0


async def test_copy_says_what_was_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    app = OverviewApp()
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.overview.containers.select(CONTAINERS[1].id)
        await pilot.press("y", "3", "y", "1", "y")
    assert copied == [
        "pg 172.18.0.2 10.9.0.2",
        "2026-11-21T02:04:31+0000 order Error: connect ECONNREFUSED 127.0.0.1:3000",
        "edge",
    ]


async def test_a_worker_that_fails_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    app = OverviewApp()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)

        async def break_down(*_: Any) -> None:
            raise ValueError("[red]out of order")

        monkeypatch.setattr(app.session, "relist", break_down)
        await pilot.press("r")
        await until(pilot, lambda: app._notifications)
        assert "out of order" in next(iter(app._notifications)).message
        assert app.is_running
