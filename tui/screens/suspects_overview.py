"""The overview's part in suspects: show them, mark their rows, open the wizard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from netwiz.tui.messages import SuspectsSeen
from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.flows_overview import FlowsOverview
from netwiz.tui.screens.overview_words import prefill_of
from netwiz.widgets.live import LivePane

if TYPE_CHECKING:
    from netwiz.widgets.suspects import Suspect
    from netwiz.widgets.suspects_view import SuspectsView


class SuspectsOverview(FlowsOverview):
    """What `OverviewScreen` adds to a screen with a Suspects tab."""

    def __init__(self) -> None:
        super().__init__()
        self._suspects: dict[str, Suspect] = {}
        """By container id: the gravest one that still fails."""
        self._failing = 0
        """How many fail, of the host and of strangers as well."""

    @property
    def suspects(self) -> SuspectsView:
        """The list of suspects."""
        return self.query_one(LivePane).suspects

    @on(SuspectsSeen)
    def _suspects_seen(self, event: SuspectsSeen) -> None:
        from netwiz.tui.suspect_book import by_container

        self.suspects.show_suspects(event.suspects, event.blind)
        self._failing = sum(one.active for one in event.suspects)
        self._suspects = by_container(event.suspects)
        self._show_containers()
        self._tell()

    # By its name and not by `@on`: the view is loaded after the first paint.
    def on_suspects_view_suspect_opened(
        self, event: SuspectsView.SuspectOpened
    ) -> None:
        """Walk what is under the cursor."""
        self._open_wizard(prefill_of(event.suspect))

    def _show_containers(self) -> None:
        raise NotImplementedError

    def _tell(self) -> None:
        raise NotImplementedError

    def _open_wizard(self, prefill: Prefill) -> None:
        raise NotImplementedError
