"""The pane with the verdict."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from netwiz.widgets.document import Block, Document
from netwiz.widgets.verdict_blocks import HEADS, verdict_blocks
from netwiz.wizard.verdict import Diagnosis, Result


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

    def compose(self) -> ComposeResult:
        yield Document()

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self.show_waiting()

    def show_waiting(self) -> None:
        """The walk is under way."""
        self._show("Verdict", "", [Block((("not yet: the walk goes on", "dim"),))])

    def show_diagnosis(
        self, diagnosis: Diagnosis, before: Diagnosis | None = None
    ) -> None:
        """Show what came out, and against what it is to be compared."""
        _, _, heading = HEADS[diagnosis.result]
        blocks = verdict_blocks(diagnosis, before)
        self._show(heading, f"-{diagnosis.result.value}", blocks)

    def _show(self, heading: str, outcome: str, blocks: list[Block]) -> None:
        self.border_title = heading
        for result in Result:
            self.set_class(outcome == f"-{result.value}", f"-{result.value}")
        self.query_one(Document).show(blocks)
        self.scroll_home(animate=False)
