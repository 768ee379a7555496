"""One text in full, over the screen it came from."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from netwiz.tui.keys import READER_KEYS


class ReaderScreen(ModalScreen[None]):
    """Shows a line that was too long to be read where it stood."""

    BINDINGS: ClassVar[list[BindingType]] = list(READER_KEYS)

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content("y copy · esc back")
            yield Static(Content(self._text), markup=False)

    def action_close(self) -> None:
        """Back to where it stood."""
        self.dismiss(None)

    def action_copy(self) -> None:
        """The whole text."""
        self.app.copy_to_clipboard(self._text)
        self.notify("copied", timeout=2)
