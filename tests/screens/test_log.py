"""The log on the screen: what is in view, what is found, what can be taken away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from netwiz.probes.engine.watch import Resync
from netwiz.probes.facts import LogBroke, LogGap, LogLevel, LogLine
from netwiz.tui.screens.reader import ReaderScreen
from netwiz.tui.screens.wizard import WizardScreen
from netwiz.widgets.line_view import LineView
from netwiz.widgets.log_view import LogView
from tests.screens import machines
from tests.screens.machines import CONTAINERS, NOW, said
from tests.screens.overview_app import OverviewApp, settled, until

SIZE = (80, 24)
ORDER, PG = CONTAINERS[0], CONTAINERS[1]
JSON = '{"level":50,"msg":"order failed","id":7}'


def view(app: OverviewApp) -> LogView:
    return app.overview.live.log_view


def texts(app: OverviewApp) -> list[str]:
    return [line.text for line in view(app).lines.view]


def border(app: OverviewApp) -> str:
    pane: LineView = app.overview.live.current
    return str(pane.border_subtitle)


def grave(name: str, level: LogLevel, text: str) -> LogLine:
    return replace(said(name, 1, text), level=level, read=True)


TRACE = replace(
    said("order", 2, "ERROR cannot reach pg"),
    level=LogLevel.ERROR,
    more=("Traceback (most recent call last):", "  File", "TimeoutError: timed out"),
    telling="TimeoutError: timed out",
    read=True,
)
LINES = (
    grave("order", LogLevel.INFO, "started"),
    grave("order", LogLevel.WARN, "slow"),
    grave("pg", LogLevel.ERROR, "no such table"),
    grave("pg", LogLevel.UNKNOWN, "plain words"),
    TRACE,
    replace(
        grave("pg", LogLevel.ERROR, "order failed  id=7"),
        raw=JSON,
    ),
)


async def test_levels_are_gone_through_and_taken_back() -> None:
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3", "e")
        assert "warnings" in border(app)
        assert set(texts(app)) >= {"slow", "no such table", "order failed  id=7"}
        assert "started" not in texts(app)
        assert "plain words" not in texts(app)
        await pilot.press("e")
        assert "errors" in border(app)
        assert "slow" not in texts(app)
        await pilot.press("escape")
        await until(pilot, lambda: "plain words" in texts(app))
        assert "errors" not in border(app)


async def test_only_these_containers_and_all_again() -> None:
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.overview.containers.select(ORDER.id)
        await pilot.press("l")
        await until(pilot, lambda: "only order" in border(app))
        assert {x.source for x in view(app).lines.view} == {"order"}
        app.overview.containers.select(PG.id)
        await pilot.press("l")
        await until(pilot, lambda: "only order, pg" in border(app))
        assert {x.source for x in view(app).lines.view} == {"order", "pg"}
        app.fake.say(said("mailer", 1, "not wanted"), said("pg", 0, "wanted"))
        await until(pilot, lambda: "wanted" in texts(app))
        assert "not wanted" not in texts(app)
        await pilot.press("escape")
        await until(pilot, lambda: "not wanted" in texts(app))
        assert "only" not in border(app)
        # From the log itself: whoever said this.
        await pilot.press("3", "g", "o")
        assert border(app).count("only") == 1
        await pilot.press("o")
        assert "only" not in border(app)


async def test_a_filter_may_say_what_is_not_wanted() -> None:
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3", "slash", *"!order", "enter")
        await until(pilot, lambda: "/!order" in border(app))
        assert set(texts(app)) == {"no such table", "plain words"}


async def test_search_marks_and_hides_nothing() -> None:
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        count = len(texts(app))
        await pilot.press("3", "ctrl+f", *"timed out")
        await until(pilot, lambda: "“timed out” in 1" in border(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is view(app))
        assert len(texts(app)) == count
        # Also what is folded away is found.
        await until(pilot, lambda: view(app).selected is not None)
        found = view(app).selected
        assert found is not None
        assert found.telling == "TimeoutError: timed out"
        await pilot.press("ctrl+f", *["backspace"] * 9, *"order", "enter")
        await until(pilot, lambda: "“order” in 4" in border(app))
        rows = []
        for _ in range(3):
            await pilot.press("N")
            assert view(app).selected is not None
            rows.append(view(app)._row)
        assert rows == sorted(rows, reverse=True)
        await pilot.press("escape")
        await until(pilot, lambda: "order" not in border(app))


async def test_looking_back_asks_the_engine() -> None:
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3", "a")
        assert "from now" in border(app)
        assert not texts(app)
        assert not app.fake.log.looked_back
        await pilot.press("a")
        assert "last 5 min" in border(app)
        await until(pilot, lambda: app.fake.log.looked_back)
        keys, since = app.fake.log.looked_back[0]
        assert keys == app.fake.log.following
        assert since == NOW - timedelta(minutes=5)
        view(app).choose([(PG.id, "pg")])
        await pilot.press("a", "a")
        await until(pilot, lambda: len(app.fake.log.looked_back) == 3)
        assert app.fake.log.looked_back[-1] == (frozenset({PG.id}), None)


async def test_enter_reads_a_block_whole_and_v_what_could_be_diagnosed() -> None:
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3", "slash", *"cannot", "enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, ReaderScreen))
        assert isinstance(app.screen, ReaderScreen)
        assert app.screen._text == TRACE.whole
        await pilot.press("escape", "escape", "slash", *"failed", "enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, ReaderScreen))
        assert isinstance(app.screen, ReaderScreen)
        assert '\n  "id": 7\n' in app.screen._text


async def test_v_reads_what_enter_would_diagnose() -> None:
    app = OverviewApp(lines=machines.LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3", "n", "v")
        await until(pilot, lambda: isinstance(app.screen, ReaderScreen))
        await pilot.press("escape", "enter")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))


async def test_what_is_in_view_is_saved_and_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3", "slash", *"cannot", "enter", "ctrl+s", "ctrl+s")
        await until(pilot, lambda: len(list(tmp_path.iterdir())) == 2)
        await until(pilot, lambda: len(app._notifications) == 2)
    _two_alike(tmp_path)


def _two_alike(folder: Path) -> None:
    second, first = sorted(folder.iterdir())
    assert first.stem in second.stem
    assert first.stat().st_mode & 0o777 == 0o600
    saved = first.read_text()
    assert saved == second.read_text()
    assert saved.splitlines()[0].endswith(" order ERROR cannot reach pg")
    assert saved.splitlines()[-1] == "TimeoutError: timed out"


async def test_where_nothing_can_be_saved_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        gone.rmdir()
        await pilot.press("3", "ctrl+s")
        await until(pilot, lambda: len(app._notifications) == 1)
        (told,) = app._notifications
        assert told.severity == "error"


async def test_all_in_view_is_copied() -> None:
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3", "slash", *"cannot", "enter", "Y")
        await until(pilot, lambda: app.clipboard)
        assert app.clipboard.endswith("TimeoutError: timed out\n")
        await pilot.press("y")
        assert app.clipboard.endswith("TimeoutError: timed out")


async def test_gaps_and_accidents_are_in_the_time_line() -> None:
    app = OverviewApp(lines=LINES)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.fake.say(
            LogGap(NOW, PG.id, 48_200, 3),
            LogBroke(NOW, "the process that reads the logs ended (status -9)", True),
        )
        await until(pilot, lambda: any("started again" in x for x in texts(app)))
        words = (
            "48 200 lines skipped, too many to show (3 with words of network errors)"
        )
        assert words in texts(app)
        await until(pilot, lambda: "24 100 lines/s skipped" in border(app))
        # They do not pass for what a container said.
        await pilot.press("3", "e")
        assert words in texts(app)
        # ... and the border forgets them when it is over.
        await until(pilot, lambda: "skipped" not in border(app))


async def test_without_an_engine_an_empty_log_says_that_nobody_can_tell() -> None:
    app = OverviewApp(machines.NO_ENGINE, lines=())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        told = "the engine cannot be reached: no logs, no events"
        await until(pilot, lambda: view(app).render_line(0).text.strip() == told)
        # It has come up: now silence means silence.
        app.fake.happen(Resync(NOW, "the engine is there"), now=machines.EMPTY)
        silent = "nothing was said yet"
        await until(pilot, lambda: view(app).render_line(0).text.strip() == silent)
