"""The Flows tab on the overview: when it looks, and where its keys lead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.packets import Level, PacketKind, PacketRow
from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.flow_prefill import prefill_of_flow
from netwiz.tui.screens.wizard import WizardScreen
from netwiz.widgets.flows_view import FlowsView
from tests.screens.overview_app import OverviewApp, settled, until
from tests.widgets.flow_samples import FLOWS, TABLE

BUSY, UNANSWERED, FROM_OUTSIDE = FLOWS[47:50]


@asynccontextmanager
async def flows_tab() -> AsyncIterator[tuple[OverviewApp, Pilot[Any], FlowsView]]:
    """The overview with the tab in view and the keys in it."""
    app = OverviewApp()
    app.fake.flow.table = replace(TABLE, pause_s=0.1)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.fake.flow.looks == 0
        app.overview.live.show_tab("Flows")
        app.screen.set_focus(app.overview.flows)
        await until(pilot, lambda: app.overview.flows.selected)
        yield app, pilot, app.overview.flows


async def still(app: OverviewApp, pilot: Pilot[Any]) -> bool:
    """Whether nobody looks any more, for far longer than a pause."""
    await pilot.pause(0.1)
    before = app.fake.flow.looks
    await pilot.pause(0.6)
    return app.fake.flow.looks == before


async def test_flows_are_looked_at_only_while_they_are_in_view() -> None:
    async with flows_tab() as (app, pilot, view):
        looks = app.fake.flow.looks
        await until(pilot, lambda: app.fake.flow.looks > looks + 2)
        app.overview.live.show_tab("Log")
        assert await still(app, pilot)
        app.overview.live.show_tab("Flows")
        looks = app.fake.flow.looks
        await until(pilot, lambda: app.fake.flow.looks > looks)
        # Another pane over the whole screen hides them as well.
        app.screen.set_focus(app.overview.containers)
        await pilot.press("plus")
        assert await still(app, pilot)
        await pilot.press("plus")
        await until(pilot, lambda: app.fake.flow.looks > looks + 3)
        assert view.in_view


async def test_another_screen_covers_them() -> None:
    async with flows_tab() as (app, pilot, _view):
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen is not app.overview)
        assert await still(app, pilot)
        await pilot.press("escape")
        looks = app.fake.flow.looks
        await until(pilot, lambda: app.fake.flow.looks > looks)


async def test_enter_captures_the_packets_of_a_flow_where_its_client_is() -> None:
    async with flows_tab() as (app, pilot, view):
        assert view.select(view.items[3].key)
        await pilot.press("enter")
        await until(pilot, lambda: app.fake.captures)
        wanted = app.fake.captures[0].wanted
        assert [tap.place for tap in wanted.taps] == [BUSY.client.place]
        assert wanted.filter == (
            "tcp and host 172.18.0.2 and port 5432 and host 172.18.0.3"
        )
        assert app.overview.live.tab == "Packets"


async def test_what_a_capture_sees_is_counted_for_the_flows() -> None:
    async with flows_tab() as (app, pilot, _view):
        await pilot.press("enter")
        await until(pilot, lambda: app.fake.captures and app.fake.captures[0].open)
        app.overview.live.show_tab("Flows")
        looks = app.fake.flow.looks
        await until(pilot, lambda: app.fake.flow.looks > looks)
        row = PacketRow(
            1, 1, 0, PacketKind.TCP, Level.PLAIN, 60, "10.0.0.1:1", "10.0.0.2:2", "SYN"
        )
        app.fake.captures[0].say(Batch.of([row]))
        await until(pilot, lambda: app.fake.flow.noted)
        assert [r.source for r in app.fake.flow.noted[0]] == ["10.0.0.1:1"]


async def test_w_takes_the_flow_into_the_wizard() -> None:
    async with flows_tab() as (app, pilot, view):
        line = next(x for x in view.items if x.flow == UNANSWERED)
        view.select(line.key)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))


def test_a_flow_is_a_case_with_everything_filled_in() -> None:
    assert prefill_of_flow(UNANSWERED) == Prefill(
        client="order", target="172.18.0.9:6379", symptom="timeout"
    )
    assert prefill_of_flow(FROM_OUTSIDE) == Prefill(
        client="outside", target="172.18.0.4:80", symptom="slow"
    )
    assert prefill_of_flow(replace(BUSY, dialled="10.99.0.1:8080")) == Prefill(
        client="order", target="10.99.0.1:8080"
    )


async def test_the_filter_and_suspects_keys_reach_them() -> None:
    async with flows_tab() as (app, pilot, view):
        await pilot.press("slash", *"redis", "enter")
        await until(pilot, lambda: view.filter.pattern == "redis")
        assert [x.flow for x in view._shown] == [UNANSWERED]
        await pilot.press("escape")
        await until(pilot, lambda: not view.filter)
        await pilot.press("s")
        assert len(view._shown) == 3
        assert app.focused is view
