"""Looks at the flows while they are in view, and not at all while they are not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from netwiz.tui.messages import WorkFailed

if TYPE_CHECKING:
    from netwiz.probes.capture.batch import Batch
    from netwiz.probes.facts.flows import FlowTable
    from netwiz.tui.feed import Feed, Flows


@dataclass
class FlowsRead(Message):
    """The flows as they are now; only the newest table matters."""

    table: FlowTable

    def can_replace(self, message: Message) -> bool:
        """A newer look makes one that still waits worthless."""
        return isinstance(message, FlowsRead)


class FlowPoll:
    """Posts a `FlowsRead` per look, as often as costs under one per cent of a core.

    What was learned (rates, histories) stays while the tab is out of view, so that
    coming back shows them at once; only the looking stops.
    """

    def __init__(self, feed: Feed, post: Callable[[Message], object]) -> None:
        self._feed = feed
        self._post = post
        self._seen, self._came = asyncio.Event(), asyncio.Event()
        self._flows: Flows | None = None

    def show(self, in_view: bool) -> None:
        """Say whether anybody looks."""
        if in_view and not self._seen.is_set():
            self._seen.set()
            self._came.set()
        elif not in_view:
            self._seen.clear()

    def note_rows(self, batch: Batch) -> None:
        """Give on what a capture saw, if flows were ever looked at."""
        if self._flows is not None and self._seen.is_set():
            self._flows.note_rows(batch)

    async def run(self) -> None:
        """Look for ever, until cancelled; what goes wrong is told, once."""
        await self._seen.wait()
        try:
            await self._look()
        except Exception as error:  # noqa: BLE001 - the rest of the screen goes on
            self._post(WorkFailed(f"flows are not looked at any more: {error!r}"))

    async def _look(self) -> None:
        async with self._feed.flows() as flows:
            self._flows = flows
            while True:
                await self._seen.wait()
                self._came.clear()
                table = await flows.sweep()
                self._post(FlowsRead(table))
                # Whoever comes back does not wait for the end of a pause. Not by
                # wait_for: of Python 3.11 it may lose a cancellation, and go on.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(table.pause_s):
                        await self._came.wait()
