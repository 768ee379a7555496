"""The overview while it captures: how tests start, feed and look at a capture."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.wanted import Said
from netwiz.probes.facts import Snapshot
from netwiz.probes.facts.packets import PacketRow
from netwiz.widgets.lines import plain_text
from netwiz.widgets.packets.detail import DetailView
from netwiz.widgets.packets.nothing import nothing_lines
from netwiz.widgets.packets.standing import counts_line, head_line
from netwiz.widgets.packets.view import PacketsView
from tests.screens import machines, packet_rows
from tests.screens.fake_capture import FakeCapture
from tests.screens.overview_app import OverviewApp, settled, until
from tests.screens.packet_rows import counts

SMALL = (80, 24)


class Capturing:
    """An overview, the pilot that drives it, and the capture that was started last."""

    def __init__(self, pilot: Pilot[Any], app: OverviewApp) -> None:
        self.pilot = pilot
        self.app = app

    @property
    def view(self) -> PacketsView:
        return self.app.overview.packets

    @property
    def capture(self) -> FakeCapture:
        return self.app.fake.captures[-1]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, fact: Callable[[], object]) -> None:
        await until(self.pilot, fact)

    async def start(self, *keys: str, target: str = "order") -> None:
        """Capture what the cursor is on; the capture has begun to tell."""
        row = next(r for r in self.app.overview.containers.items if r.name == target)
        self.app.overview.containers.select(row.key)
        await self.press("c")
        await self.press(*keys, "enter")
        await self.until(lambda: self.app.fake.captures and self.capture.open)
        self.capture.say(packet_rows.started(self.capture.wanted))
        await self.until(lambda: self.view.standing.started)

    async def say(self, *said: Said) -> None:
        """Tell this, and wait until the list has it."""
        before = self.view.store.end + sum(len(b) for b in said if isinstance(b, Batch))
        self.capture.say(*said)
        await self.until(lambda: self.view.store.end >= before)

    async def rows(self, rows: Sequence[PacketRow]) -> None:
        """These packets pass."""
        await self.say(Batch.of(rows))

    @property
    def numbers(self) -> list[int]:
        """Numbers of the packets in view."""
        view = self.view
        return [view.store.number(view.sieve[n]) for n in range(len(view.sieve))]

    @property
    def at(self) -> int:
        """Number of the packet under the cursor."""
        row = self.view.selected
        return row.number if row else 0

    @property
    def head(self) -> str:
        view = self.view
        return plain_text([head_line(view.standing, view.seen, view.columns)])

    @property
    def counts(self) -> str:
        view = self.view
        room = view.outer_size.width - 6
        return plain_text([counts_line(view.standing, view.seen, room)])

    @property
    def nothing(self) -> str:
        return plain_text(nothing_lines(self.view.standing, self.view.seen))

    @property
    def detail(self) -> str:
        """The text of the packet, or of the stream, that is open."""
        return self.app.screen.query_one(DetailView).text

    def painted(self) -> list[str]:
        """The lines of the list as they are on the screen."""
        view = self.view
        return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def capturing(pilot: Pilot[Any]) -> Capturing:
    """The overview has settled; nothing is captured yet."""
    await settled(pilot)
    app = pilot.app
    assert isinstance(app, OverviewApp)
    return Capturing(pilot, app)


@asynccontextmanager
async def opened(
    size: tuple[int, int] = SMALL, snapshot: Snapshot = machines.BUSY
) -> AsyncIterator[Capturing]:
    app = OverviewApp(snapshot)
    async with app.run_test(size=size) as pilot:
        yield await capturing(pilot)


@asynccontextmanager
async def running(
    size: tuple[int, int] = SMALL, *, rows: int = 0
) -> AsyncIterator[Capturing]:
    """A capture at order that has told of so many plain packets, and of all kinds."""
    async with opened(size) as on:
        await on.start()
        await on.say(Batch.of(packet_rows.rows(more=rows)), counts(rows + 20))
        yield on
