"""The overview's part in capturing: what the cursor is on, and where packets show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from netwiz.tui.messages import SnapshotTaken
from netwiz.tui.screens.capture_host import CaptureScreen
from netwiz.widgets.containers import ContainersPane
from netwiz.widgets.live import LivePane
from netwiz.widgets.log_view import LogView
from netwiz.widgets.network_rows import NETNS_KEY, Head, Member
from netwiz.widgets.networks import NetworksPane

if TYPE_CHECKING:
    from netwiz.probes.facts import Snapshot
    from netwiz.tui.captures import Captures
    from netwiz.tui.prefill import Prefill
    from netwiz.tui.session import Session
    from netwiz.widgets.packets.view import PacketsView

TAB = "Packets"


class CapturingOverview(CaptureScreen):
    """What `OverviewScreen` adds to a screen with a packet list."""

    _snapshot: Snapshot | None = None

    @property
    def _session(self) -> Session | None:
        raise NotImplementedError

    @property
    def packets(self) -> PacketsView:
        """The packet list, which is loaded after the first paint."""
        return self.query_one(LivePane).packets

    @property
    def captures(self) -> Captures | None:
        """The session's; there is none before the first paint."""
        session = self._session
        return session.captures if session is not None else None

    @property
    def capture_snapshot(self) -> Snapshot | None:
        """The machine as it is on the screen."""
        return self._snapshot

    @on(SnapshotTaken)
    def _rename_packets(self, event: SnapshotTaken) -> None:
        if self.packets.standing.wanted is not None:
            from netwiz.tui.capture_names import shown_names

            # Who is gone has still said what was captured: the name stays, until
            # somebody else gets the address.
            known = dict(self.packets.ends.names)
            self.packets.set_names(known | dict(shown_names(event.snapshot)))

    def capture_target(self) -> str:
        """A name as `netwiz capture` takes it: of a container, a network, the host."""
        pane = self.focused
        if isinstance(pane, NetworksPane):
            return _network_target(pane)
        if isinstance(pane, LogView) and (line := pane.selected) and line.client:
            return line.client
        if pane is self.packets and (wanted := self.packets.standing.wanted):
            return " ".join(dict.fromkeys(tap.name for tap in wanted.taps))
        row = self.query_one(ContainersPane).selected
        return row.name if row else ""

    def diagnose(self, prefill: Prefill) -> None:
        """Open the wizard with what is known."""
        self._open_wizard(prefill)

    def _open_wizard(self, prefill: Prefill) -> None:
        raise NotImplementedError

    def bring_packets(self) -> None:
        """Open the tab; whoever asked for packets wants to see them."""
        live = self.query_one(LivePane)
        live.show_tab(TAB)
        self.set_focus(self.packets)


def _network_target(pane: NetworksPane) -> str:
    row = pane.selected
    if isinstance(row, Member):
        return row.client or row.name
    owner = row if isinstance(row, Head) else pane.head
    if owner is None or owner.key == NETNS_KEY:
        return ""
    return owner.client or owner.name
