"""The pane with the verdict."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from netwiz.widgets.document import Block, Document, rows_of
from netwiz.widgets.verdict_blocks import HEADS, essential_blocks, verdict_blocks
from netwiz.wizard.verdict import Diagnosis, Result

MARGINS = 3
"""Padding and scrollbar."""


class VerdictView(VerticalScroll):
    """Says what was found; scrolls by keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="text.down"),
        Binding("k", "scroll_up", "Up", show=False, id="text.up"),
        Binding("g", "scroll_home", "Top", show=False, id="text.first"),
        Binding("G", "scroll_end", "End", show=False, id="text.last"),
        Binding("ctrl+d", "page_down", "Page down", show=False, id="text.page_down"),
        Binding("ctrl+u", "page_up", "Page up", show=False, id="text.page_up"),
    ]
    DEFAULT_CSS = """
    VerdictView {
        padding: 0 1;
        scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._blocks: list[Block] = []
        self._essential: list[Block] = []

    def compose(self) -> ComposeResult:
        yield Document()

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self.show_waiting()

    def show_waiting(self) -> None:
        """The walk is under way."""
        self._essential = []
        self._show("Verdict", "", [Block((("not yet: the walk goes on", "dim"),))])

    def show_diagnosis(
        self, diagnosis: Diagnosis, before: Diagnosis | None = None
    ) -> None:
        """Show what came out, and against what it is to be compared."""
        _, _, heading = HEADS[diagnosis.result]
        blocks = verdict_blocks(diagnosis, before)
        self._essential = essential_blocks(diagnosis, before)
        self._show(heading, f"-{diagnosis.result.value}", blocks)

    def rows_at(self, width: int) -> int:
        """How many rows it would take in so many columns."""
        return rows_of(self._blocks, width - MARGINS)

    def essential_rows_at(self, width: int) -> int:
        """How many of them are the outcome and what it rests on."""
        return rows_of(self._essential, width - MARGINS)

    def _show(self, heading: str, outcome: str, blocks: list[Block]) -> None:
        self._blocks = blocks
        self.border_title = heading
        for result in Result:
            self.set_class(outcome == f"-{result.value}", f"-{result.value}")
        self.query_one(Document).show(blocks)
        self.scroll_home(animate=False)
