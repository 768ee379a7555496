"""The Flows tab under a person's hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from netwiz.probes.facts.flows import FlowTable
from netwiz.widgets.flows_draw import draw_flow
from netwiz.widgets.flows_view import HOLD_S, FlowsView
from tests.widgets.flow_samples import BUSY, FLOWS, ORDER, PG, POOL, TABLE, flow
from tests.widgets.flows_app import FlowsApp

SIZES = [(80, 24), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x60"])
@pytest.mark.parametrize(
    ("view", "keys"),
    [
        ("usual", ()),
        ("grave", ("j",)),
        ("group", ("j", "j", "j")),
        ("unfolded", ("j", "j", "j", "right", "j")),
    ],
)
def test_view(
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    view: str,
    keys: tuple[str, ...],
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert snap_compare(FlowsApp(), terminal_size=size, press=keys)


def test_view_without_colour(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert snap_compare(FlowsApp(), terminal_size=(80, 24), press=("j",))


async def test_it_says_that_it_looks_and_then_what_it_found() -> None:
    app = FlowsApp(None)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.rows[0] == "looking at all namespaces …"
        app.view.show_table(FlowTable(at=0.0))
        await pilot.pause()
        assert app.rows[0] == "no connection is open"
        app.view.show_table(FlowTable(at=1.0, unseen=("order: not permitted",)))
        await pilot.pause()
        assert app.rows[0].endswith("where netwiz may look; order: not permitted")


async def test_the_cursor_stays_on_its_flow_while_rows_move() -> None:
    app = FlowsApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "j", "j")
        assert "order → pg:5432" in app.rows[3]
        key = app.view.selected_key
        app.at += HOLD_S + 1
        # Nothing is in trouble any more: the pool is the busiest and goes to the top.
        app.view.show_table(replace(TABLE, flows=(*POOL, BUSY, FLOWS[-1])))
        await pilot.pause()
        assert "order → pg:5432" in app.rows[0]
        assert app.view.selected_key == key


async def test_rows_do_not_change_places_under_a_moving_cursor() -> None:
    one = flow("a", ORDER, PG, sent_rate=50_000.0)
    two = flow("b", replace(ORDER, name="cart"), PG, sent_rate=10.0)
    three = flow("c", replace(ORDER, name="mail"), PG, sent_rate=900_000.0)
    app = FlowsApp(replace(TABLE, flows=(one, two)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j")
        swapped = (replace(one, sent_rate=0.0), replace(two, sent_rate=90_000.0), three)
        app.view.show_table(replace(TABLE, flows=swapped))
        await pilot.pause()
        assert [row.split()[1] for row in app.rows[:3]] == ["order", "cart", "mail"]
        assert "90kB/s" in app.rows[1]
        app.at += HOLD_S + 1
        app.view.show_table(replace(TABLE, flows=swapped))
        await pilot.pause()
        assert [row.split()[1] for row in app.rows[:3]] == ["mail", "cart", "order"]
        assert app.view.flow == swapped[1]


async def test_o_goes_through_the_orders_and_shift_o_turns_them_round() -> None:
    app = FlowsApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.screen.set_focus(None)
        seen = []
        for _ in range(6):
            seen.append(app.view.order)
            app.view.focus()
            await pilot.press("o")
        assert app.view.order == seen[0]
        assert len(set(seen)) == 6
        await pilot.press("o")
        assert app.view.order == "rate"
        assert "order → pg:5432 ×48" in app.rows[0]
        await pilot.press("O")
        assert "order → pg:5432 ×48" in app.rows[6]
        app.screen.set_focus(None)
        await pilot.pause()
        assert "by rate reversed" in subtitle(app.view)


def subtitle(view: FlowsView) -> str:
    found = view._border_subtitle
    return found.plain if found is not None else ""


async def test_a_line_unfolds_into_its_flows_and_back() -> None:
    app = FlowsApp()
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.press("j", "j", "j", "l")
        assert "×48 ▾" in app.rows[3]
        assert app.rows[4].startswith("·   order:40999 → pg:5432")
        await pilot.press("j", "j")
        chosen = app.view.flow
        assert chosen is not None
        # A new look keeps it unfolded, and the cursor on the same flow.
        app.view.show_table(replace(TABLE, number=10))
        await pilot.pause()
        assert app.view.flow == chosen
        await pilot.press("h")
        assert "×48" in app.rows[3]
        assert "▾" not in app.rows[3]
        line = app.view.selected
        assert line is not None
        assert line.count == 48


async def test_enter_asks_for_the_packets_of_all_that_the_line_stands_for() -> None:
    app = FlowsApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "j", "j", "enter")
        await pilot.pause()
        (event,) = app.said
        assert isinstance(event, FlowsView.FlowOpened)
        assert event.flow == BUSY
        assert len(event.flows) == 48
        assert (
            event.filter == "tcp and host 172.18.0.2 and port 5432 and host 172.18.0.3"
        )


async def test_a_filter_leaves_words_and_patterns() -> None:
    app = FlowsApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.view.set_filter("redis|zero window")
        await pilot.pause()
        assert [row[0] for row in app.rows[:3] if row] == ["✗", "✗"]
        app.view.set_filter("nothing like it")
        await pilot.pause()
        assert app.rows[0] == "nothing matches nothing like it"
        app.view.set_filter("")
        app.view.show_troubled_only(True)
        await pilot.pause()
        assert [row[0] for row in app.rows if row] == ["✗", "✗", "!"]
        assert "in trouble only" in subtitle(app.view)


async def test_a_held_picture_stands_still_until_it_is_let_go() -> None:
    app = FlowsApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("p")
        before = app.rows
        assert "held" in subtitle(app.view)
        app.view.show_table(replace(TABLE, flows=(BUSY,)))
        await pilot.pause()
        assert app.rows == before
        await pilot.press("p")
        assert [row for row in app.rows if row] == [app.rows[0]]
        assert "order → pg:5432" in app.rows[0]


async def test_n_goes_to_the_next_problem_and_round() -> None:
    app = FlowsApp()
    async with app.run_test(size=(80, 24)) as pilot:
        rows = []
        for _ in range(4):
            await pilot.press("n")
            rows.append(app.view._row)
        assert rows == [1, 2, 0, 1]
        await pilot.press("N")
        assert app.view._row == 0


async def test_only_rows_that_changed_are_painted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = FlowsApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        painted: list[int] = []
        monkeypatch.setattr(app.view, "refresh_row", painted.append)
        app.view.show_table(replace(TABLE, number=10))
        assert painted == []
        changed = tuple(
            replace(f, sent_rate=95_000.0) if f.key == "out" else f for f in FLOWS
        )
        app.view.show_table(replace(TABLE, flows=changed))
        assert painted == [2]


async def test_only_what_is_in_sight_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []

    def draw(line: Any, width: int, heights: Any) -> Any:
        drawn.append(line.key)
        return draw_flow(line, width, heights)

    monkeypatch.setattr("netwiz.widgets.flows_view.draw_flow", draw)
    many = tuple(
        flow(f"m{n}", replace(ORDER, name=f"c{n:04}"), PG) for n in range(3000)
    )
    app = FlowsApp(replace(TABLE, flows=many))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        drawn.clear()
        app.view.show_table(replace(TABLE, flows=many, number=10))
        await pilot.pause()
        assert len(drawn) <= 2 * 24
        await pilot.press("G")
        await pilot.pause()
        assert "c2999" in app.rows[app.view.size.height - 1]


async def test_what_was_not_seen_is_said() -> None:
    app = FlowsApp(replace(TABLE, unseen=("order: its namespace is gone",)))
    async with app.run_test(size=(120, 24)) as pilot:
        app.screen.set_focus(None)
        await pilot.pause()
        assert "order: its namespace is gone" in subtitle(app.view)
        assert "3 in trouble" in subtitle(app.view)
        app.view.show_table(replace(TABLE, total=70_000))
        await pilot.pause()
        assert "70000 flows, the 54 busiest shown" in subtitle(app.view)


async def test_hostile_names_are_text() -> None:
    evil = replace(ORDER, name="[bold]x[/bold]")
    app = FlowsApp(replace(TABLE, flows=(flow("e", evil, PG),)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "[bold]x[/bold] → pg:5432" in app.rows[0]
