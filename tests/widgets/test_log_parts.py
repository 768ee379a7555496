"""How the log is drawn, filtered and told of: pure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts import LogLevel
from netwiz.widgets.filtering import Filter
from netwiz.widgets.lines import cells, plain_text
from netwiz.widgets.log_line import COLOURS, colour_of, draw_line
from netwiz.widgets.log_standing import Standing, standing_line
from netwiz.widgets.suspects import Suspect
from netwiz.widgets.timeline import LiveKind, LiveLine
from tests.screens.machines import NOW

LINE = LiveLine(NOW, "order", "started", container_id="a")
SUSPECT = Suspect("a", "order", "refused", "pg:3000")
TRACE = replace(
    LINE,
    text="Traceback (most recent call last):",
    more=("  File", "app.errors.DatabaseError: gone"),
    telling="app.errors.DatabaseError: gone",
    level=LogLevel.ERROR,
)


def drawn(line: LiveLine, width: int = 80, *, cursor: bool = False) -> str:
    return plain_text([draw_line(line, width, cursor=cursor)])[9:]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (LINE, "order          started"),
        (replace(LINE, level=LogLevel.WARN), "order        ! started"),
        (replace(LINE, level=LogLevel.ERROR), "order        ✗ started"),
        (replace(LINE, level=LogLevel.FATAL), "order        ✗ started"),
        (replace(LINE, kind=LiveKind.EVENT), "order        · started"),
        (replace(LINE, kind=LiveKind.GAP, cut=7), "order        … started"),
        (replace(LINE, suspect=SUSPECT), "order        ⚠ started"),
        (
            replace(LINE, text="2024-01-05 10:00:00,123 [main] up"),
            "order          [main] up",
        ),
        (replace(LINE, text="2024/01/05 10:00:00 x"), "order          x"),
        (replace(LINE, text="2024-01-05T10:00:00Z x"), "order          x"),
        (
            replace(LINE, text="2024-01-05T10:00:00Z"),
            "order          2024-01-05T10:00:00Z",
        ),
        (TRACE, "order        ✗ Traceback ⋯ DatabaseError: gone (+2 lines)"),
        (replace(LINE, more=("x",)), "order          started (+1 line)"),
        (replace(LINE, more=("x",), cut=9), "order          started (+10 lines)"),
    ],
)
def test_a_line_says_what_it_is_without_colour(line: LiveLine, text: str) -> None:
    assert drawn(line) == text


def test_the_cursors_line_says_what_enter_does() -> None:
    line = replace(LINE, suspect=SUSPECT)
    assert "diagnose" not in drawn(line)
    assert drawn(line, cursor=True).endswith("⏎ diagnose")
    assert drawn(line, 120).endswith("⏎ diagnose")


def test_what_is_searched_for_is_marked() -> None:
    line = replace(LINE, text="GET /a then GET /b")
    pieces = draw_line(line, 80, cursor=False, search=Filter("get"))
    assert [text for text, style in pieces if style == "found"] == ["GET", "GET"]
    assert plain_text([pieces]) == plain_text([draw_line(line, 80, cursor=False)])


@given(st.text(max_size=400), st.text(max_size=400), st.integers(40, 200))
def test_no_line_is_wider_than_the_pane(text: str, more: str, width: int) -> None:
    line = replace(LINE, text=text, more=(more,), telling=more, suspect=SUSPECT)
    for shift in (0, 16, 300):
        for cursor in (True, False):
            assert cells(draw_line(line, width, shift, cursor=cursor)) <= width


def test_a_name_keeps_its_colour_and_others_differ() -> None:
    assert colour_of("order") == colour_of("order")
    names = [f"service-{number}" for number in range(60)]
    assert len({colour_of(name) for name in names}) == COLOURS


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("!get", "GET /", False),
        ("!get", "POST /", True),
        ("!GET", "get /", True),
        ("!", "a ! b", True),
        ("!", "a b", False),
        ("\\!get", "say !get", True),
        ("\\!get", "get", False),
        ("![", "a [ b", False),
        ("!^a.c$", "abc", False),
    ],
)
def test_a_filter_may_be_negative(pattern: str, text: str, matches: bool) -> None:
    assert Filter(pattern).matches(text) is matches


@pytest.mark.parametrize(
    ("pattern", "text", "spans"),
    [
        ("", "abc", []),
        ("b", "abcb", [(1, 2), (3, 4)]),
        ("B", "abc", []),
        ("[bc]+", "abcab", [(1, 3), (4, 5)]),
        ("x*", "abc", []),
        ("!b", "abc", []),
    ],
)
def test_where_a_pattern_is(
    pattern: str, text: str, spans: list[tuple[int, int]]
) -> None:
    assert Filter(pattern).spans(text) == spans


@given(st.text(max_size=30), st.text(max_size=60))
def test_any_pattern_can_be_typed(pattern: str, text: str) -> None:
    found = Filter(pattern)
    assert found.matches(text) in (True, False)
    assert all(0 <= start < end <= len(text) + 9 for start, end in found.spans(text))


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (Standing(), ""),
        (Standing(only=("order", "pg")), "only order, pg"),
        (
            Standing(only=tuple(f"service-{n}" for n in range(9))),
            "only 9 containers",
        ),
        (
            Standing(
                only=("order",),
                suspects=True,
                least=LogLevel.ERROR,
                since="last 5 min",
                filter="!get",
                held=True,
                missed=7,
            ),
            "only order · suspects only · errors · last 5 min · /!get · held · 7 new",
        ),
        (
            Standing(least=LogLevel.WARN, search="x", found=3, skipped=48_200),
            "warnings · “x” in 3 · 48 200 lines/s skipped",
        ),
    ],
)
def test_the_border_says_what_is_left_out(now: Standing, text: str) -> None:
    assert plain_text([standing_line(now, 76)]) == text
    assert cells(standing_line(now, 30)) <= 30
