"""A list to choose one line from, laid out anew for every width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.strip import Strip
from textual.widgets import OptionList
from textual.widgets.option_list import Option

REVERSED = Style(reverse=True)
UNDERLINED = Style(underline=True)
WIDEST = 110
MARGINS = 5
"""Of the columns that lists usually stand in."""
Draw = Callable[[int], Content]
"""An entry's text for a width in columns."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line (or a few) of the list."""

    key: str
    draw: Draw
    enabled: bool = True


class ChoiceList(OptionList):
    """An option list with the keys of vi beside the arrows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Choose", id="list.choose"),
        Binding("j", "cursor_down", "Down", show=False, id="list.down"),
        Binding("k", "cursor_up", "Up", show=False, id="list.up"),
        Binding("g", "first", "First", show=False, id="list.first"),
        Binding("G", "last", "Last", show=False, id="list.last"),
        Binding("ctrl+d", "page_down", "Page down", show=False, id="list.page_down"),
        Binding("ctrl+u", "page_up", "Page up", show=False, id="list.page_up"),
    ]
    DEFAULT_CSS = """
    ChoiceList {
        border: none;
        padding: 0;
        background: transparent;
        height: auto;
        scrollbar-size-vertical: 1;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option { padding: 0 1; }
        & > .option-list--option-highlighted {
            color: $foreground;
            background: $foreground 10%;
        }
        &:focus > .option-list--option-highlighted {
            color: $foreground;
            background: $primary 45%;
            text-style: none;
        }
    }
    """

    def __init__(self, *, led: bool = False, id: str | None = None) -> None:  # noqa: A002
        """`led`: the keys come from an input beside it, which has the focus."""
        super().__init__(markup=False, id=id)
        self._led = led
        self._entries: tuple[Entry, ...] = ()
        self._drawn_for = 0

    def show(self, entries: Sequence[Entry], highlight: str | None = None) -> None:
        """Show these entries; keep the cursor where it was unless told otherwise."""
        before = self.chosen if highlight is None else highlight
        self._entries = tuple(entries)
        self._draw(before)

    @property
    def chosen(self) -> str:
        """Key of the entry under the cursor; empty when there is none."""
        index = self.highlighted
        if index is None or index >= len(self._entries):
            return ""
        return self._entries[index].key

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all entries."""
        return tuple(entry.key for entry in self._entries)

    def move_to(self, key: str) -> None:
        """Put the cursor on an entry; on none when there is no such entry."""
        keys = self.keys
        self.highlighted = keys.index(key) if key in keys else None

    def rows_at(self, width: int) -> int:
        """How many rows all entries take in a list of so many columns."""
        room = _room(width)
        return sum(e.draw(room).plain.count("\n") + 1 for e in self._entries)

    def render_line(self, y: int) -> Strip:
        """A line; without colours the cursor is reversed, or nobody would find it."""
        strip = super().render_line(y)
        if self.app.no_color and self.highlighted is not None:
            first = next(iter(strip), None)
            meta = first.style.meta if first and first.style else {}
            if meta.get("option") == self.highlighted:
                listens = self.has_focus or self._led
                return strip.apply_style(REVERSED if listens else UNDERLINED)
        return strip

    def turn_page(self, by: int) -> None:
        """Move the cursor by so many pages."""
        size = max(self.size.height - 1, 1)
        self.highlighted = max((self.highlighted or 0) + by * size, 0)

    def _on_resize(self) -> None:
        if self.size.width != self._drawn_for:
            self._draw(self.chosen)
        self.call_after_refresh(self.scroll_to_highlight)

    def _draw(self, highlight: str) -> None:
        self._drawn_for = self.size.width
        # Before the first layout: what is drawn for no width at all would be seen.
        room = _room(self.size.width or min(self.app.size.width, WIDEST) - MARGINS)
        offset = self.scroll_offset
        self.set_options(
            Option(entry.draw(room), disabled=not entry.enabled)
            for entry in self._entries
        )
        self.move_to(highlight)
        self.scroll_to(y=offset.y, animate=False, immediate=True)


def _room(width: int) -> int:
    """Columns for an entry: beside its padding and the scrollbar."""
    return max(width - 3, 16)
