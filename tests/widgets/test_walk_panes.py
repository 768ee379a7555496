"""How walk and verdict share their rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.widgets.walk_panes import walk_rows


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param((30, 8, 20, 8), (8, 8), id="both fit"),
        pytest.param((24, 8, 22, 8), (8, 8), id="a tall terminal, a long verdict"),
        pytest.param((24, 20, 22, 8), (10, 20), id="many steps get their share"),
        pytest.param((13, 11, 20, 7), (5, 10), id="80x24"),
        pytest.param((13, 11, 20, 9), (4, 10), id="the evidence stays in sight"),
        pytest.param((13, 11, 20, 13), (4, 10), id="evidence longer than the screen"),
        pytest.param((6, 11, 20, 9), (2, 3), id="next to no room"),
        pytest.param((13, 3, 1, 0), (12, 12), id="the walk goes on"),
    ],
)
def test_rows(wanted: tuple[int, int, int, int], expected: tuple[int, int]) -> None:
    got = tuple(walk_rows(*wanted, on_walk=on_walk) for on_walk in (False, True))
    assert got == expected


@given(
    st.integers(3, 100), st.integers(1, 80), st.integers(1, 200), st.integers(1, 200)
)
def test_neither_is_ever_left_without_a_row(
    room: int, walk: int, verdict: int, essential: int
) -> None:
    essential = min(essential, verdict)
    for on_walk in (False, True):
        rows = walk_rows(room, walk, verdict, essential, on_walk=on_walk)
        assert 1 <= rows < room
        assert rows <= walk
