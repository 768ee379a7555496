"""The overview's part in the log: whose it is, search, looking back, taking it away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on

from netwiz.tui.messages import SnapshotTaken
from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.overview_words import fuller, prefill_of
from netwiz.tui.screens.suspects_overview import SuspectsOverview
from netwiz.widgets.containers import ContainersPane
from netwiz.widgets.filter_bar import FilterBar
from netwiz.widgets.log_view import LogView
from netwiz.widgets.timeline import LiveLine

if TYPE_CHECKING:
    from netwiz.tui.session import Session
    from netwiz.widgets.suspects import Suspect

NO_ENGINE = "the engine cannot be reached: no logs, no events"


class LogOverview(SuspectsOverview):
    """What `OverviewScreen` adds to a screen with a log."""

    _now: Callable[[], datetime]

    def __init__(self) -> None:
        super().__init__()
        self._searched: LogView | None = None
        """The log that is being searched while somebody types."""

    def on_mount(self) -> None:
        """One clock for all."""
        self.log_view.now = self._now

    @property
    def log_view(self) -> LogView:
        """The time line."""
        return self.query_one(LogView)

    @property
    def _session(self) -> Session | None:
        raise NotImplementedError

    def _open_wizard(self, prefill: Prefill) -> None:
        raise NotImplementedError

    @on(SnapshotTaken)
    def _heard_of_the_engine(self, event: SnapshotTaken) -> None:
        """An empty log means something else where nobody can tell of one."""
        self.log_view.unheard = "" if event.snapshot.engine else NO_ENGINE

    @on(LogView.Opened)
    def _line_opened(self, event: LogView.Opened) -> None:
        line = event.line
        if line.suspect and not event.whole:
            self._open_wizard(self._prefill_of_line(line.suspect))
            return
        from netwiz.tui.screens.reader import ReaderScreen

        title = f"{line.at.astimezone():%Y-%m-%d %H:%M:%S} {line.source}"
        self.app.push_screen(ReaderScreen(title, readable(line)))

    def _prefill_of_line(self, suspect: Suspect) -> Prefill:
        seen = self._session.suspects.suspects if self._session else ()
        return prefill_of(fuller(suspect, seen))

    @on(ContainersPane.LogWanted)
    def _log_wanted(self, event: ContainersPane.LogWanted) -> None:
        """Its log alone, or with the ones chosen before; again takes it away."""
        self.log_view.toggle(event.key, event.name)

    @on(LogView.PastWanted)
    def _past_wanted(self, event: LogView.PastWanted) -> None:
        if self._session is None:
            return
        span = event.past.span
        since = self._now() - span if span is not None else None
        self.run_worker(
            self._session.look_back(tuple(event.pane.only), since),
            group="look back",
            exclusive=True,
            exit_on_error=False,
            description="what the logs said before",
        )

    @on(LogView.Wanted)
    def _wanted(self, event: LogView.Wanted) -> None:
        if event.what == "search":
            self._searched = event.pane
            bar = self.query_one(FilterBar)
            bar.open("log", event.pane.search.pattern, verb="search")
        elif event.what == "save":
            self.run_worker(
                self._save(tuple(event.pane.lines.view)),
                group="save log",
                exit_on_error=False,
                description="save the log",
            )
        elif event.what == "copy":
            self._copy_all(tuple(event.pane.lines.view))

    async def _save(self, lines: tuple[LiveLine, ...]) -> None:
        from netwiz.tui.log_save import SaveError, save_log

        if not lines:
            self.notify("nothing is in view", timeout=3)
            return
        try:
            path = await asyncio.to_thread(save_log, Path.cwd(), lines, self._now())
        except (SaveError, OSError) as error:
            self.notify(str(error), severity="error", timeout=10, markup=False)
        else:
            self.notify(f"{len(lines)} lines saved to {path}", timeout=8, markup=False)

    def _copy_all(self, lines: tuple[LiveLine, ...]) -> None:
        from netwiz.tui.log_save import log_text

        if lines:
            self.app.copy_to_clipboard(log_text(lines))
            self.notify(f"copied: {len(lines)} lines", timeout=2)

    @on(FilterBar.Typed)
    def _search_typed(self, event: FilterBar.Typed) -> None:
        if self._searched is not None:
            self._searched.set_search(event.pattern)

    @on(FilterBar.Closed)
    def _search_closed(self, event: FilterBar.Closed) -> None:
        view, self._searched = self._searched, None
        if view is not None:
            view.set_search(event.pattern)
            self.set_focus(view)
            if event.pattern:
                view.to_match()


def readable(line: LiveLine) -> str:
    """All of an entry for the reader: JSON laid out, further lines as they were."""
    from netwiz.probes.logs.structured import pretty

    if line.raw and not line.more:
        laid = pretty(line.raw)
        return f"{line.text}\n\n{laid}" if laid != line.raw else line.raw
    return line.whole
