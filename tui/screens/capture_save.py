"""The line that asks into which file the kept packets are to be written."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from netwiz.tui.screens.capture_dialog import BadAnswerError, check_path, full_path
from netwiz.widgets.lines import content


class SaveDialog(ModalScreen[str | None]):
    """Hands back the path, or None when nothing is to be written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Back", id="save.close"),
    ]
    DEFAULT_CSS = """
    SaveDialog .dialog { width: 92%; max-width: 100; }
    SaveDialog Input {
        border: none; height: 1; padding: 0; background: $primary 30%;
        &:focus { border: none; background-tint: transparent; }
    }
    SaveDialog .below { height: auto; min-height: 1; }
    SaveDialog .hints { color: $text-muted; }
    """

    def __init__(self, count: int, path: str) -> None:
        super().__init__()
        self._count = count
        self._path = path

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = f"Write the {self._count} packets that are kept"
            line = Input(self._path, compact=True, select_on_focus=False)
            line.cursor_blink = False
            yield line
            yield Static("", classes="below", markup=False)
            yield Static("enter writes   esc back", classes="hints", markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.run_worker(self._check(event.value.strip()), exclusive=True)

    async def _check(self, path: str) -> None:
        if not path:
            return
        try:
            await asyncio.to_thread(check_path, path)
        except BadAnswerError as error:
            self.query_one(".below", Static).update(content(error.lines))
        else:
            self.dismiss(str(full_path(path)))

    def action_close(self) -> None:
        """Write nothing."""
        self.dismiss(None)
