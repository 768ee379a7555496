"""One registry: every key that works is told of, once, and can be changed."""

from functools import partial
from typing import Any

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from netwiz.tui.config import Config
from netwiz.tui.keys import actions, sections, shown
from netwiz.tui.screens.help import HelpScreen, section_lines
from netwiz.tui.screens.reader import ReaderScreen
from netwiz.tui.screens.wizard import WizardScreen
from netwiz.widgets.lines import plain_text
from tests.screens.overview_app import OverviewApp, settled, until

OURS = "netwiz."


def own_bindings(node: DOMNode) -> list[Binding]:
    """What classes of netwiz bind, not what Textual brings."""
    return [
        binding
        for owner in type(node).__mro__
        if owner.__module__.startswith(OURS)
        for binding in vars(owner).get("BINDINGS", ())
    ]


def shows(app: OverviewApp, screen: type) -> bool:
    return isinstance(app.screen, screen)


def test_an_id_means_the_same_wherever_it_stands() -> None:
    met: dict[str, Binding] = {}
    for section in sections():
        for binding in section.bindings:
            assert binding.id, binding
            known = met.setdefault(binding.id, binding)
            # Lists differ in their inside, but to a person they are one kind of thing.
            assert known is binding or binding.id.startswith("list."), binding.id
            assert set(known.key.split(",")) & set(binding.key.split(","))


def test_no_key_means_two_things_in_one_place() -> None:
    for section in sections():
        keys = [key for b in section.bindings for key in b.key.split(",")]
        assert len(keys) == len(set(keys)), section.title


def test_no_pane_hides_a_key_of_its_screen() -> None:
    by_title = {section.title: section for section in sections()}
    everywhere = {
        key
        for title in ("Everywhere", "Overview")
        for b in by_title[title].bindings
        for key in b.key.split(",")
    }
    for title in ("In a list or the log", "Networks", "Live"):
        for binding in by_title[title].bindings:
            assert not everywhere & set(binding.key.split(",")), binding.id


def test_every_action_has_words() -> None:
    for name, binding in actions().items():
        assert binding.description, name


@pytest.mark.parametrize(
    ("keys", "read"),
    [("question_mark,f1", "? f1"), ("up,k", "↑ k"), ("ctrl+d,pagedown", "ctrl+d pgdn")],
)
def test_keys_as_people_read_them(keys: str, read: str) -> None:
    assert shown(keys) == read


async def test_whatever_can_be_pressed_is_in_the_registry() -> None:
    known = actions()
    app = OverviewApp()
    met: list[Binding] = []

    def look() -> None:
        nodes: list[Any] = [app, app.screen, *app.screen.query("*")]
        met.extend(binding for node in nodes for binding in own_bindings(node))

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        look()
        for key, screen in (
            ("question_mark", HelpScreen),
            ("w", WizardScreen),
        ):
            await pilot.press(key)
            await until(pilot, partial(shows, app, screen))
            look()
            app.pop_screen()
        app.push_screen(ReaderScreen("title", "text"))
        await until(pilot, partial(shows, app, ReaderScreen))
        look()
    missing = {(b.key, b.action, b.id) for b in met if b.id not in known}
    assert not missing


async def test_a_changed_key_works_and_help_tells_it() -> None:
    app = OverviewApp(config=Config(keys={"overview.suspects": "X,f5"}))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        states = []
        for key in ("s", "X", "f5"):
            await pilot.press(key)
            states.append(app.overview.containers.suspects_only)
        assert states == [False, True, False]
        section = next(s for s in sections() if s.title == "Overview")
        lines = section_lines(section, app._keymap)
        told = next(x for x in plain_text(lines).splitlines() if "suspects" in x)
        assert told.split()[:2] == ["X", "f5"]
