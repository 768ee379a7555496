"""The overview: networks, containers and what happens, on one screen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.worker import Worker, WorkerState

from netwiz.tui.keys import OVERVIEW_KEYS, OVERVIEW_SPARE
from netwiz.tui.messages import (
    EngineGone,
    LinesArrived,
    ListenersRead,
    SnapshotTaken,
    WorkFailed,
)
from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.log_overview import LogOverview
from netwiz.tui.screens.overview_words import (
    about_text,
    copied_text,
    notices,
    prefill_of,
    standing,
)
from netwiz.widgets.container_row import Row
from netwiz.widgets.containers import ContainersPane
from netwiz.widgets.filter_bar import FilterBar
from netwiz.widgets.key_line import KeyLine
from netwiz.widgets.line_view import LineView
from netwiz.widgets.list_pane import ListPane
from netwiz.widgets.live import LivePane
from netwiz.widgets.log_view import LogView
from netwiz.widgets.networks import NetworksPane
from netwiz.widgets.notice import Notice
from netwiz.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from netwiz.probes.facts import Listener, Snapshot
    from netwiz.tui.session import Session

PANES = ("networks", "containers", "live")


class OverviewScreen(LogOverview):
    """Owns the state that the session's messages bring, and hands it to the panes."""

    BINDINGS: ClassVar[list[BindingType]] = list(OVERVIEW_KEYS)
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as the base class declares it
        (0, "-stacked"),
        (70, "-narrow"),
        (120, "-wide"),
    ]
    AUTO_FOCUS = "#containers"

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._snapshot: Snapshot | None = None
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self._gone_since = ""
        self._suspects_only = False
        self._filtered: LineView | None = None

    def compose(self) -> ComposeResult:
        # Textual would find out after the first paint, and paint all of it again.
        width = self.app.size.width
        self.add_class(
            [c for least, c in self.HORIZONTAL_BREAKPOINTS if width >= least][-1]
        )
        yield StatusLine()
        yield Notice(id="notice")
        with Container(id="panes"):
            with Container(id="upper"):
                yield NetworksPane(id="networks")
                yield ContainersPane(id="containers")
            yield LivePane(id="live")
        yield FilterBar()
        yield KeyLine(spare=OVERVIEW_SPARE)

    def on_mount(self) -> None:
        """Name the panes and keep the clock right."""
        self.networks.set_title((("Networks", ""),))
        self.containers.set_title((("Containers", ""),))
        self.containers.empty = ((("looking around …", "dim"),),)
        self._tell()
        self._wait_for_minute()

    @property
    def networks(self) -> NetworksPane:
        """The upper left pane."""
        return self.query_one(NetworksPane)

    @property
    def containers(self) -> ContainersPane:
        """The upper right pane."""
        return self.query_one(ContainersPane)

    @property
    def live(self) -> LivePane:
        """The lower pane."""
        return self.query_one(LivePane)

    @property
    def _session(self) -> Session | None:
        """Whoever does the work; nobody before the first paint."""
        from netwiz.tui.app import NetwizApp

        return self.app.session if isinstance(self.app, NetwizApp) else None

    # What the session tells

    @on(SnapshotTaken)
    def _snapshot_taken(self, event: SnapshotTaken) -> None:
        self._snapshot = event.snapshot
        self._gone_since = ""
        self._listeners = {
            key: found
            for key, found in self._listeners.items()
            if key in event.snapshot.by_id or event.snapshot.engine is None
        }
        self.networks.show_snapshot(event.snapshot)
        self.containers.empty = ((("no containers", "dim"),),)
        what = "Containers" if event.snapshot.engine else "Host and namespaces"
        self.containers.set_title(((what, ""),))
        self._show_containers()
        self._tell()
        self._show_map()

    @on(LinesArrived)
    def _lines_arrived(self, event: LinesArrived) -> None:
        self.live.log_view.extend(event.lines)

    @on(ListenersRead)
    def _listeners_read(self, event: ListenersRead) -> None:
        self._listeners |= event.listeners
        self._show_containers()

    @on(EngineGone)
    def _engine_gone(self, event: EngineGone) -> None:
        self._gone_since = f"{event.since.astimezone():%H:%M}"
        self._tell()

    @on(WorkFailed)
    def _work_failed(self, event: WorkFailed) -> None:
        self.notify(event.what, severity="error", timeout=30, markup=False)

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            worker = event.worker
            self._work_failed(WorkFailed(f"{worker.description}: {worker.error!r}"))

    def _show_containers(self) -> None:
        if self._snapshot is None:
            return
        from netwiz.widgets.container_rows import rows_of

        rows = rows_of(self._snapshot, self._suspects, self._listeners)
        self.containers.show(rows)
        self._tell_about()

    def _tell(self) -> None:
        now = self._now()
        self.query_one(StatusLine).standing = standing(
            self._snapshot, self._failing, self._gone_since, f"{now:%H:%M}"
        )
        self.query_one(Notice).show(notices(self._snapshot))
        self.set_class(bool(self._gone_since), "-gone")

    def _tell_about(self) -> None:
        row = self.containers.selected
        parts: list[tuple[str, str]] = []
        if self.containers.filter:
            parts = [(f"/{self.containers.filter.pattern}", "odd"), ("  ", "")]
        if self._suspects_only:
            parts += [("suspects only", "odd"), ("  ", "")]
        room = self.containers.size.width - sum(len(text) for text, _ in parts) - 3
        about = about_text(row, room) if row else ""
        self.containers.set_subtitle((*parts, (about, "dim")))
        only = self.networks.filter.pattern
        self.networks.set_subtitle(((f"/{only}", "odd"),) if only else ())

    def _wait_for_minute(self) -> None:
        """The clock moves once a minute: an idle screen sends next to nothing."""
        now = self._now()
        left = 60 - now.second - now.microsecond / 1e6
        self.set_timer(left + 0.01, self._minute, name="minute")

    def _minute(self) -> None:
        self._show_containers()
        self._tell()
        self._wait_for_minute()

    # What the panes say

    @on(ListPane.Moved)
    def _moved(self, event: ListPane.Moved) -> None:
        if event.pane is not self.containers:
            return
        self._tell_about()
        if self._session and self._snapshot and event.key:
            self.run_worker(
                self._session.look(self._snapshot, (event.key,)),
                group="look",
                exclusive=True,
                exit_on_error=False,
                description="listeners of the container under the cursor",
            )

    @on(ListPane.Opened)
    def _opened(self, event: ListPane.Opened) -> None:
        if event.pane is self.networks:
            key = event.key.rpartition("/")[2]
            if self.containers.select(key):
                self.set_focus(self.containers)
            elif self.networks.client:
                self._open_wizard(Prefill(client=self.networks.client))
            return
        self.action_wizard()

    def action_wizard(self) -> None:
        """Open the wizard with what is under the cursor."""
        from netwiz.widgets.flows_view import FlowsView
        from netwiz.widgets.suspects_view import SuspectsView

        pane = self.focused
        if pane is self.networks:
            self._open_wizard(Prefill(client=self.networks.client))
            return
        if isinstance(pane, FlowsView) and pane.flow:
            from netwiz.tui.screens.flow_prefill import prefill_of_flow

            self._open_wizard(prefill_of_flow(pane.flow))
            return
        if isinstance(pane, SuspectsView) and pane.suspect:
            self._open_wizard(prefill_of(pane.suspect))
            return
        if isinstance(pane, LogView) and (line := pane.selected) and line.client:
            known = self._prefill_of_line(line.suspect) if line.suspect else None
            self._open_wizard(known or Prefill(client=line.client))
            return
        row: Row | None = self.containers.selected
        if row is None:
            self._open_wizard(Prefill())
        elif row.suspect:
            self._open_wizard(prefill_of(row.suspect))
        else:
            self._open_wizard(Prefill(client=row.name))

    def _open_wizard(self, prefill: Prefill) -> None:
        if self._session is None or self._snapshot is None:
            self.notify("still looking around", timeout=3)
            return
        from netwiz.tui.screens.wizard import WizardScreen

        machine = self._session.machine
        self.app.push_screen(WizardScreen(machine, self._snapshot, prefill=prefill))

    def action_topology(self) -> None:
        """Open the map of all of it."""
        if self._session is None or self._snapshot is None:
            self.notify("still looking around", timeout=3)
            return
        from netwiz.tui.screens.topology import TopologyScreen

        def closed(prefill: Prefill | None) -> None:
            if prefill is not None:
                self._open_wizard(prefill)

        words = {key: one.text for key, one in self._suspects.items()}
        screen = TopologyScreen(self._session.machine, self._snapshot, words)
        self.app.push_screen(screen, closed)

    def _show_map(self) -> None:
        """Let a map that is open follow."""
        if len(self.app.screen_stack) < 2:
            return
        from netwiz.tui.screens.topology import TopologyScreen

        for screen in self.app.screen_stack:
            if isinstance(screen, TopologyScreen) and self._snapshot is not None:
                words = {key: one.text for key, one in self._suspects.items()}
                screen.update(self._snapshot, words)

    # Filter, zoom, the rest

    def action_filter(self) -> None:
        """Ask what to leave in the pane that has the keys."""
        pane = self._pane()
        self._filtered = pane
        self.query_one(FilterBar).open(str(pane.id), self._pattern(pane))

    @on(FilterBar.Typed)
    def _filter_typed(self, event: FilterBar.Typed) -> None:
        self._set_filter(event.pattern)

    @on(FilterBar.Closed)
    def _filter_closed(self, event: FilterBar.Closed) -> None:
        self._set_filter(event.pattern)
        if self._filtered:
            self.set_focus(self._filtered)

    def _set_filter(self, pattern: str) -> None:
        from netwiz.widgets.packets.view import PacketsView

        pane = self._filtered
        if isinstance(pane, ListPane | LogView | PacketsView):
            pane.set_filter(pattern)
        self._tell_about()

    def _pattern(self, pane: LineView) -> str:
        from netwiz.widgets.packets.view import PacketsView

        if isinstance(pane, LogView):
            return pane.lines.filter.pattern
        if isinstance(pane, PacketsView):
            return pane.sieve.wanted.pattern
        return pane.filter.pattern if isinstance(pane, ListPane) else ""

    def _pane(self) -> LineView:
        return self.focused if isinstance(self.focused, LineView) else self.containers

    def action_suspects(self) -> None:
        """Leave only what is in trouble, or everything again."""
        self._suspects_only = not self._suspects_only
        self.containers.show_suspects_only(self._suspects_only)
        self.live.log_view.show_only(suspects=self._suspects_only)
        self.flows.show_troubled_only(self._suspects_only)
        self.suspects.show_active_only(self._suspects_only)
        self._tell_about()

    def action_zoom(self) -> None:
        """One pane over the whole screen, or all of them again."""
        pane = self._pane()
        zoomed = f"-zoom-{'live' if self.live in pane.ancestors else pane.id}"
        on_now = not self.has_class(zoomed)
        self.remove_class(*(f"-zoom-{name}" for name in PANES))
        self.set_class(on_now, zoomed)

    def action_pane(self, name: str) -> None:
        """Give a pane the keys; a zoomed screen changes to it."""
        if any(self.has_class(f"-zoom-{other}") for other in PANES):
            self.remove_class(*(f"-zoom-{other}" for other in PANES))
            self.add_class(f"-zoom-{name}")
        # At once: `focus()` would let keys that were typed ahead go to the old pane.
        self.set_focus(
            self.live.current if name == "live" else self.query_one(f"#{name}")
        )

    def action_back(self) -> None:
        """Undo one thing that hides something: zoom, filter, suspects only, held."""
        from netwiz.widgets.packets.view import PacketsView

        pane = self._pane()
        if any(self.has_class(f"-zoom-{name}") for name in PANES):
            self.remove_class(*(f"-zoom-{name}" for name in PANES))
        elif isinstance(pane, PacketsView) and pane.back():
            return
        elif self._pattern(pane):
            self._filtered = pane
            self._set_filter("")
        elif self._suspects_only:
            self.action_suspects()
        elif self.live.log_view.undo():
            pass
        elif not self.live.log_view.following:
            self.live.log_view.follow()

    def action_copy(self) -> None:
        """What is under the cursor, as text."""
        text = copied_text(self._pane())
        if text:
            self.app.copy_to_clipboard(text)
            first = text.partition("\n")[0]
            self.notify(f"copied: {first}", timeout=2, markup=False)

    def action_relist(self) -> None:
        """Look at everything anew."""
        if self._session is None:
            return
        self.run_worker(
            self._session.relist(),
            group="relist",
            exclusive=True,
            exit_on_error=False,
            description="look at everything anew",
        )
