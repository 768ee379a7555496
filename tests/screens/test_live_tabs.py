"""Views of the Live pane that are not there yet: nothing that reaches them is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from netwiz.probes.capture.wanted import CaptureWanted
from netwiz.tui.flow_watch import FlowsRead
from netwiz.tui.messages import SuspectsSeen
from netwiz.widgets.live import TABS
from netwiz.widgets.suspects import Suspect
from tests.screens import machines
from tests.screens.overview_app import OverviewApp, settled, until
from tests.screens.packet_rows import TAPS
from tests.widgets.flow_samples import TABLE

LATER = ("packets", "flows", "suspects")
SUSPECT = Suspect("a", "order", "refused", "pg:3000", key="a pg:3000")
WANTED = CaptureWanted(TAPS)


class EarlyApp(OverviewApp):
    """Does something before the first paint, when only the log is there."""

    def __init__(self, early: Callable[[OverviewApp], None]) -> None:
        super().__init__(machines.BUSY)
        self._early = early
        self.there: list[str] = []
        """What was there when the screen was painted."""

    def on_mount(self) -> None:
        self._overview.call_next(self._begin)

    def _begin(self) -> None:
        self.there = [name for name in LATER if self.overview.live.has(name)]
        self._early(self)


async def test_what_is_out_of_sight_is_mounted_after_the_first_paint() -> None:
    app = EarlyApp(lambda _: None)
    async with app.run_test(size=(120, 40)) as pilot:
        live = app.overview.live
        await until(pilot, lambda: all(live.has(name) for name in LATER))
        assert app.there == []
        assert [v.display for v in live.children] == [True, False, False, False]
        assert live.tab == "Log"
        assert len(live.children) == len({tab.view for tab in TABS})


async def test_what_is_told_before_a_view_is_there_is_in_it_afterwards() -> None:
    def early(app: OverviewApp) -> None:
        app.overview.post_message(FlowsRead(TABLE))
        app.overview.post_message(SuspectsSeen((SUSPECT,)))
        app.overview.packets.begin(WANTED, {})

    app = EarlyApp(early)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await until(pilot, lambda: app.overview.suspects.suspects)
        assert app.there == []
        assert app.overview.flows.table == TABLE
        assert app.overview.packets.standing.wanted == WANTED
        for name in ("Packets", "Flows", "Suspects"):
            app.overview.live.show_tab(name)
            await until(pilot, lambda: app.overview.live.current.size.height)
            shown = [v for v in app.overview.live.children if v.display]
            assert shown == [app.overview.live.current]


async def test_a_tab_opened_before_its_view_is_there_gets_keys_and_flows() -> None:
    def early(app: OverviewApp) -> None:
        app.overview.set_focus(app.overview.live.current)
        app.overview.live.action_tab(1)
        app.overview.live.action_tab(1)

    app = EarlyApp(early)
    app.fake.flow.table = replace(TABLE, pause_s=0.1)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.overview.live.tab == "Flows")
        assert app.there == []
        flows = app.overview.flows
        assert app.focused is flows
        # It was in view before there was anybody who could look.
        await until(pilot, lambda: flows.table)
        usual = flows.order
        await pilot.press("o")
        await until(pilot, lambda: flows.order != usual)
