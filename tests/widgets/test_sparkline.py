from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.widgets.sparkline import (
    ASCII,
    CONSOLE,
    EIGHTHS,
    blocks,
    peak,
    sparkline,
    summed,
)

ANY = st.lists(st.floats(), max_size=80)


def test_a_rise_is_drawn_as_one() -> None:
    assert sparkline(range(8), 8) == EIGHTHS
    assert sparkline([0, 7], 2) == "▁█"


def test_the_newest_value_is_at_the_right_edge() -> None:
    assert sparkline([0, 0, 9], 6) == "   ▁▁█"
    assert sparkline([9, 0, 0, 0], 2) == "▁▁"


def test_nothing_and_something_are_never_drawn_alike() -> None:
    assert sparkline([0, 1, 1_000_000], 3) == "▁▂█"
    assert sparkline([0, 0], 2) == "▁▁"


def test_a_scale_can_be_shared() -> None:
    assert sparkline([1, 2], 2, top=8) == "▂▃"
    assert sparkline([99], 1, top=8) == "█"


def test_what_is_not_a_number_is_left_blank() -> None:
    assert sparkline([math.nan, 1.0], 2) == " █"
    assert peak([math.nan], 3) == 0.0


@pytest.mark.parametrize(
    ("term", "encoding", "heights"),
    [
        ("xterm-256color", "utf-8", EIGHTHS),
        ("screen", "UTF8", EIGHTHS),
        ("linux", "utf-8", CONSOLE),
        ("xterm", "ascii", ASCII),
        ("linux", "iso8859-1", ASCII),
        ("", "utf-8", EIGHTHS),
    ],
)
def test_what_the_terminal_has_is_used(term: str, encoding: str, heights: str) -> None:
    assert "".join(blocks({"TERM": term}, encoding)) == heights
    drawn = sparkline(range(9), 9, heights=blocks({"TERM": term}, encoding))
    assert set(drawn) <= set(heights)
    assert drawn[-1] == heights[-1]
    drawn.encode(encoding)


def test_the_consoles_blocks_are_of_its_usual_font() -> None:
    for height in CONSOLE:
        height.encode("cp437")


def test_rows_are_added_from_their_newest_end() -> None:
    assert summed([[1, 2, 3], [10]], 5) == (1, 2, 13)
    assert summed([[1, 2, 3], [10, 20]], 2) == (12, 23)
    assert summed([], 4) == ()


@given(ANY, st.integers(-3, 100), st.one_of(st.none(), st.floats()))
def test_any_values_fill_exactly_the_width(
    values: list[float], width: int, top: float | None
) -> None:
    drawn = sparkline(values, width, top=top)
    assert len(drawn) == max(width, 0)
    assert set(drawn) <= {*EIGHTHS, " "}
