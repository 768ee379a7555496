"""The real application on a fake machine, and how to wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from textual.pilot import Pilot

from netwiz.probes.facts import LogLine, Snapshot
from netwiz.tui.app import NetwizApp
from netwiz.tui.config import Config
from netwiz.tui.screens.overview import OverviewScreen
from netwiz.widgets.status_line import StatusLine
from tests.screens import machines
from tests.screens.fake_feed import FakeFeed


class OverviewApp(NetwizApp):
    """At 02:04:33 for ever."""

    def __init__(
        self,
        snapshot: Snapshot = machines.BUSY,
        lines: Sequence[LogLine] = machines.LINES,
        config: Config | None = None,
    ) -> None:
        self.fake = FakeFeed(snapshot, lines, machines.LISTENERS)
        self.told = len(lines)
        super().__init__(self.fake, config, now=lambda: machines.NOW)

    @property
    def overview(self) -> OverviewScreen:
        screen = self.screen_stack[0]
        assert isinstance(screen, OverviewScreen)
        return screen

    @property
    def status(self) -> str:
        return self.overview.query_one(StatusLine).render().plain


async def until(pilot: Pilot[Any], fact: Callable[[], object]) -> None:
    """Wait for something to become true; fails after a while."""
    async with asyncio.timeout(60):
        while not fact():
            await pilot.pause(0.01)
    await pilot.pause()


async def settled(pilot: Pilot[Any]) -> None:
    """All that the fake machine had to tell is on the screen."""
    app = pilot.app
    assert isinstance(app, OverviewApp)
    asked = 1 + app.fake.machine.wanted(app.fake.snapshot)
    await until(
        pilot,
        lambda: (
            app.session is not None
            and len(app.fake.machine.asked) >= asked
            and len(app.overview.live.log_view.lines.all) >= app.told
        ),
    )
