"""The line of keys: what does not fit is left out whole, help never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets._footer import FooterKey

from netwiz.widgets.key_line import BETWEEN, KeyLine, left_out
from tests.screens.packets_app import Capturing, running

ACTIONS = ("stream", "wizard", "topology", "copy", "capture", "app.help", "app.quit")
WIDTHS = (8, 8, 5, 6, 9, 6, 6)
SPARE = ("topology", "copy")


def test_what_can_be_spared_goes_first_and_then_the_last() -> None:
    whole = sum(WIDTHS) + BETWEEN * (len(WIDTHS) - 1)
    assert left_out(ACTIONS, WIDTHS, whole, SPARE) == set()
    assert left_out(ACTIONS, WIDTHS, whole - 1, SPARE) == {2}
    assert left_out(ACTIONS, WIDTHS, whole - 7, SPARE) == {2, 3}
    assert left_out(ACTIONS, WIDTHS, whole - 14, SPARE) == {2, 3, 6}
    assert left_out(ACTIONS, WIDTHS, whole - 22, SPARE) == {2, 3, 4, 6}


@given(st.lists(st.integers(2, 20), max_size=12), st.integers(0, 200))
def test_what_stays_fits_and_help_stays(widths: list[int], room: int) -> None:
    actions = [f"a{n}" for n in range(len(widths))]
    actions[3:4] = ["app.help"] if len(widths) > 3 else []
    gone = left_out(actions, widths[: len(actions)], room, ("a2",))
    stay = [width for n, width in enumerate(widths) if n not in gone]
    others = [n for n in range(len(actions)) if actions[n] != "app.help"]
    assert gone <= set(others)
    assert sum(stay) + BETWEEN * (len(stay) - 1) <= room or gone == set(others)


def shown(on: Capturing) -> list[FooterKey]:
    keys = on.app.screen.query_one(KeyLine).query(FooterKey)
    return [key for key in keys if key.display]


@pytest.mark.parametrize("width", [120, 80, 72, 60, 40])
async def test_no_key_of_the_packets_is_cut(width: int) -> None:
    async with running(size=(120, 24)) as on:
        await on.until(lambda: any(key.description == "Stream" for key in shown(on)))
        await on.pilot.resize_terminal(width, 24)
        await on.until(lambda: on.app.screen.query_one(KeyLine).size.width == width)
        await on.until(lambda: all(key.region.right <= width for key in shown(on)))
        words = [key.description for key in shown(on)]
        assert "Help" in words
        assert ("Map" in words) == (width == 120)
        assert ("Quit" in words) == (width >= 72)
        # What was left out comes back.
        await on.pilot.resize_terminal(120, 24)
        await on.until(lambda: "Map" in [key.description for key in shown(on)])
