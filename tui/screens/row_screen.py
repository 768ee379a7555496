"""What the screens that are opened from one packet of the list have in common."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen

from netwiz.probes.facts.packets import PacketRow
from netwiz.widgets.key_line import KeyLine
from netwiz.widgets.packets.detail import DetailView
from netwiz.widgets.packets.view import PacketsView


class RowScreen(Screen[None]):
    """One text over the whole screen, about a row of the list that stays behind it."""

    DEFAULT_CSS = """
    RowScreen DetailView {
        height: 1fr;
        border: round $border;
        padding: 0 0 0 1;
        background: $background;
    }
    """

    def __init__(self, view: PacketsView, row: PacketRow) -> None:
        super().__init__()
        self._view = view
        self.row = row

    def compose(self) -> ComposeResult:
        yield DetailView(id="detail")
        yield KeyLine()

    @property
    def detail(self) -> DetailView:
        """The text."""
        return self.query_one(DetailView)

    def copy(self, text: str) -> None:
        """Take it to the clipboard, if there is anything."""
        if text:
            self.app.copy_to_clipboard(text)
            self.notify("copied", timeout=2)

    def action_close(self) -> None:
        """Back to the list."""
        self.dismiss(None)
