"""The line in which a filter is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label


class FilterBar(Horizontal):
    """Narrows as one types; Enter keeps the filter, Escape drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", "Clear", id="filter.drop"),
        Binding("down", "keep", "To the list", show=False, id="filter.keep"),
    ]
    DEFAULT_CSS = """
    FilterBar {
        height: 1;
        display: none;
        padding: 0 1;
        & > Label { width: auto; color: $text-muted; }
        & > Input {
            border: none; height: 1; padding: 0; width: 1fr; background: transparent;
            &:focus { border: none; background-tint: transparent; }
        }
        &.-open { display: block; }
    }
    """

    @dataclass
    class Typed(Message):
        """The pattern changed."""

        pattern: str

    @dataclass
    class Closed(Message):
        """Done; an empty pattern means that everything is wanted again."""

        pattern: str

    def compose(self) -> ComposeResult:
        yield Label("", markup=False)
        yield Input(compact=True, select_on_focus=False)

    def open(self, what: str, pattern: str, *, verb: str = "filter") -> None:
        """Ask for a filter of `what`, or whatever else the verb says."""
        self.query_one(Label).update(f"{verb} {what} / ")
        box = self.query_one(Input)
        with self.prevent(Input.Changed):
            box.value = pattern
        box.cursor_position = len(pattern)
        self.add_class("-open")
        self.screen.set_focus(box)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close(event.value)

    def action_drop(self) -> None:
        self._close("")

    def action_keep(self) -> None:
        self._close(self.query_one(Input).value)

    def _close(self, pattern: str) -> None:
        self.remove_class("-open")
        self.post_message(self.Closed(pattern))
