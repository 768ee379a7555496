"""The map of networks and containers, with what passes there now."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from netwiz.probes.facts.base import HOST, Place
from netwiz.probes.facts.traffic import Traffic
from netwiz.probes.requests import ReadTraffic
from netwiz.tui.keys import TOPOLOGY_KEYS
from netwiz.tui.prefill import Prefill
from netwiz.widgets.filter_bar import FilterBar
from netwiz.widgets.key_line import KeyLine
from netwiz.widgets.lines import clip, plain_text
from netwiz.widgets.list_pane import ListPane
from netwiz.widgets.sparkline import blocks, sparkline
from netwiz.widgets.topology.drawing import LEGEND
from netwiz.widgets.topology.plan import MapRow, RowKind, rows_of
from netwiz.widgets.topology.view import TopologyView

if TYPE_CHECKING:
    from netwiz.probes.facts import Snapshot
    from netwiz.tui.feed import Performs

EVERY_S = 2.0
"""Between two readings of the counters; 300 namespaces take some 30 ms."""
MAX_PLACES = 512


class TopologyScreen(Screen[Prefill | None]):
    """Closes with what the wizard is to be opened for, or with nothing."""

    BINDINGS: ClassVar[list[BindingType]] = list(TOPOLOGY_KEYS)
    AUTO_FOCUS = "TopologyView"
    KEYS_OF: ClassVar[str] = "topology"

    def __init__(
        self,
        machine: Performs,
        snapshot: Snapshot,
        suspects: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._machine = machine
        self._snapshot = snapshot
        self._suspects = dict(suspects or {})

    def compose(self) -> ComposeResult:
        yield TopologyView(partial(sparkline, heights=blocks(os.environ)), id="map")
        yield FilterBar()
        yield KeyLine()

    def on_mount(self) -> None:
        """Draw what is known, then follow the counters."""
        self.map.set_title((("Map  ", ""), *LEGEND))
        self.map.empty = ((("nothing to draw", "dim"),),)
        self._show()
        self.run_worker(
            self._follow(),
            group="traffic",
            exit_on_error=False,
            description="read the traffic counters",
        )

    @property
    def map(self) -> TopologyView:
        """The map."""
        return self.query_one(TopologyView)

    def update(
        self, snapshot: Snapshot, suspects: Mapping[str, str] | None = None
    ) -> None:
        """Draw another state of the machine."""
        self._snapshot = snapshot
        if suspects is not None:
            self._suspects = dict(suspects)
        self._show()

    def _show(self) -> None:
        self.map.show(rows_of(self._snapshot, self._suspects))
        self._tell()

    async def _follow(self) -> None:
        while True:
            found = await self._machine.perform(ReadTraffic(self._places()))
            if isinstance(found, Traffic):
                self.map.note(found)
                self._tell()
            await asyncio.sleep(EVERY_S)

    def _places(self) -> tuple[Place, ...]:
        if not self._snapshot.host.root:
            return (HOST,)
        own = [
            c.place
            for c in self._snapshot.containers
            if c.pid and c.running and c.attachments and not c.on_host_network
        ]
        return (HOST, *own[:MAX_PLACES])

    @on(ListPane.Moved)
    def _moved(self) -> None:
        self._tell()

    def _tell(self) -> None:
        row = self.map.selected
        only = self.map.filter.pattern
        about = self.map.about(row) if row else ""
        room = max(self.map.size.width - len(only) - 6, 10)
        lead = ((f"/{only}  ", "odd"),) if only else ()
        self.map.set_subtitle((*lead, (clip(about, room), "dim")))

    # Keys

    @on(ListPane.Opened)
    def _opened(self) -> None:
        self.action_wizard()

    def action_wizard(self) -> None:
        """Diagnose from the row under the cursor."""
        row: MapRow | None = self.map.selected
        if row is not None and row.client:
            self.dismiss(Prefill(client=row.client))
        elif row is not None and row.kind is RowKind.NETWORK:
            self.notify("choose a container of this network first", timeout=3)

    def action_filter(self) -> None:
        """Leave only some of it."""
        self.query_one(FilterBar).open("map", self.map.filter.pattern)

    @on(FilterBar.Typed)
    def _filter_typed(self, event: FilterBar.Typed) -> None:
        self.map.set_filter(event.pattern)
        self._tell()

    @on(FilterBar.Closed)
    def _filter_closed(self, event: FilterBar.Closed) -> None:
        self.map.set_filter(event.pattern)
        self.set_focus(self.map)
        self._tell()

    def action_close(self) -> None:
        """Undo the filter, or go back."""
        if self.map.filter:
            self.map.set_filter("")
            self._tell()
        else:
            self.dismiss(None)

    def action_copy(self) -> None:
        """The whole map as text."""
        width = max(self.map.columns, 80)
        self.app.copy_to_clipboard(plain_text(self.map.picture(width)))
        self.notify("copied the map", timeout=2)

    async def action_export(self) -> None:
        """The whole map as a picture in a file."""
        from netwiz.tui.app import NetwizApp
        from netwiz.tui.clipboard import save
        from netwiz.widgets.topology.svg import svg

        app = self.app
        if not isinstance(app, NetwizApp):
            return
        now = app.now()
        title = f"netwiz map · {self._snapshot.host.hostname} · {now:%Y-%m-%d %H:%M}"
        text = svg(title, [*self.map.picture(), (), LEGEND])
        try:
            path = await asyncio.to_thread(save, text, now, name="map", suffix=".svg")
        except OSError as error:
            problem = f"not saved: {error.strerror}"
            self.notify(problem, severity="error", markup=False)
        else:
            self.notify(f"saved to {path}", timeout=8, markup=False)
