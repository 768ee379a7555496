"""The overview's part in flows: look while they are in view, open what is chosen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from netwiz.tui.screens.capture_overview import CapturingOverview
from netwiz.widgets.live import LivePane

if TYPE_CHECKING:
    from netwiz.tui.captures import CaptureSaid
    from netwiz.tui.flow_watch import FlowsRead
    from netwiz.widgets.flows_view import FlowsView


class FlowsOverview(CapturingOverview):
    """What `OverviewScreen` adds to a screen with a Flows tab."""

    @property
    def flows(self) -> FlowsView:
        """The list of flows."""
        return self.query_one(LivePane).flows

    # Handlers by their names and not by `@on`: the view, and what looks at flows, are
    # loaded after the first paint.

    def on_flows_read(self, event: FlowsRead) -> None:
        """Show a new look."""
        from netwiz.widgets.sparkline import blocks

        self.flows.heights = blocks(os.environ)
        self.flows.show_table(event.table)

    def on_snapshot_taken(self) -> None:
        """Who came into view before there was a session is looked at now."""
        self._look_at_flows(self.is_current and self.flows.in_view)

    def on_flows_view_seen(self, event: FlowsView.Seen) -> None:
        """Look while somebody sees it."""
        self._look_at_flows(event.in_view and self.is_current)

    def on_capture_said(self, event: CaptureSaid) -> None:
        """Packets tell of flows, too."""
        session = self._session
        wanted = session.captures.wanted if session is not None else None
        # Packets of a file say nothing of what is going on now.
        if session is None or wanted is None or wanted.source:
            return
        from netwiz.probes.capture.batch import Batch

        for said in event.said:
            if isinstance(said, Batch):
                session.flows.note_rows(said)

    def on_screen_suspend(self) -> None:
        """Nobody looks at what another screen covers."""
        self._look_at_flows(False)

    def on_screen_resume(self) -> None:
        """Look again, if that is what is in view."""
        live = self.query_one(LivePane)
        # The first time comes before the first paint.
        self._look_at_flows(live.has("flows") and live.flows.in_view)

    def _look_at_flows(self, in_view: bool) -> None:
        if self._session is not None:
            self._session.flows.show(in_view)

    def on_flows_view_flow_opened(self, event: FlowsView.FlowOpened) -> None:
        """Capture its packets."""
        snapshot = self.capture_snapshot
        place = event.flow.client.place or event.flow.server.place
        if snapshot is None or place is None:
            self.notify("its socket is gone: there is no namespace to listen in")
            return
        from netwiz.probes.capture.wanted import CaptureWanted, TapWanted
        from netwiz.tui.capture_names import shown_names

        tap = TapWanted(place, place.label)
        names = shown_names(snapshot)
        self.start_capture(CaptureWanted((tap,), event.filter, names=names))
