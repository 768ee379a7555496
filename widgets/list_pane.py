"""A list whose cursor and place stay where they were left when the data change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from netwiz.widgets.filtering import Filter
from netwiz.widgets.line_view import LineView
from netwiz.widgets.lines import Line

Item = TypeVar("Item")

LIST_KEYS = (
    Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
    Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
    Binding("g,home", "first", "To the first", show=False, id="list.first"),
    Binding("G,end", "last", "To the last", show=False, id="list.last"),
    Binding(
        "ctrl+d,pagedown",
        "page(1)",
        "Half a page down",
        show=False,
        id="list.page_down",
    ),
    Binding(
        "ctrl+u,pageup", "page(-1)", "Half a page up", show=False, id="list.page_up"
    ),
)


class ListPane(LineView, Generic[Item], can_focus=True):
    """Rows with a cursor and a filter; subclasses say how an item looks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LIST_KEYS,
        Binding("enter", "open", "Open", show=False, id="list.open"),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on another item."""

        pane: ListPane[Any]
        key: str

    @dataclass
    class Opened(Message):
        """Somebody wants to go into an item."""

        pane: ListPane[Any]
        key: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._items: tuple[Item, ...] = ()
        self._shown: tuple[Item, ...] = ()
        self._drawn: list[Line] = []
        self._drawn_width = -1
        self._row = 0
        self._filter = Filter()
        self.empty: tuple[Line, ...] = ()
        """What stands there when there is nothing to list."""

    # What a subclass says

    def key_of(self, item: Item) -> str:
        """What tells an item from the others, also after an update."""
        raise NotImplementedError

    def text_of(self, item: Item) -> str:
        """What the filter looks at."""
        raise NotImplementedError

    def draw(self, items: Sequence[Item], width: int) -> list[Line]:
        """One line per item."""
        raise NotImplementedError

    def kept(self, items: Sequence[Item], wanted: Filter) -> Sequence[Item]:
        """The items that a filter leaves."""
        return [item for item in items if wanted.matches(self.text_of(item))]

    # What the screen does

    @property
    def items(self) -> tuple[Item, ...]:
        """All items, filtered out or not."""
        return self._items

    @property
    def selected(self) -> Item | None:
        """The item under the cursor."""
        return self._shown[self._row] if self._row < len(self._shown) else None

    @property
    def selected_key(self) -> str:
        """Its key; empty when there is none."""
        item = self.selected
        return "" if item is None else self.key_of(item)

    @property
    def filter(self) -> Filter:
        """What was typed after `/`."""
        return self._filter

    def show(self, items: Sequence[Item]) -> None:
        """Show these instead; the cursor stays on its item, wherever that went."""
        self._items = tuple(items)
        self._settle()

    def set_filter(self, pattern: str) -> None:
        """Leave only the items that match."""
        self._filter = Filter(pattern)
        self._settle()

    def select(self, key: str) -> bool:
        """Put the cursor on an item; False when it is not there."""
        for row, item in enumerate(self._shown):
            if self.key_of(item) == key:
                self._go(row)
                return True
        return False

    # Inside

    def _settle(self) -> None:
        key, before = self.selected_key, self._row
        self._shown = tuple(self.kept(self._items, self._filter))
        keys = [self.key_of(item) for item in self._shown]
        row = keys.index(key) if key in keys else min(before, max(len(keys) - 1, 0))
        # The row moves with its item, and the window with the row: nothing jumps.
        top = self.scroll_offset.y + (row - before if key in keys else 0)
        self._row = row
        self._redraw()
        if row != before:
            self.refresh_row(before)
            self.refresh_row(row)
        if self.is_mounted and self.scroll_offset.y != max(top, 0):
            self.scroll_to(y=max(top, 0), animate=False, immediate=True, force=True)
        if self.selected_key != key:
            self.post_message(self.Moved(self, self.selected_key))

    def _redraw(self) -> None:
        if not self.is_mounted:
            return
        width = self.columns
        old, before = self._drawn, self._drawn_width
        self._drawn = self.draw(self._shown, width) if width > 0 else []
        self._drawn_width = width
        self.set_rows(len(self._drawn) or len(self._nothing()))
        if width != before or not old or not self._drawn:
            self.refresh()
            return
        for row, (was, now) in enumerate(zip_longest(old, self._drawn)):
            if was != now:
                self.refresh_row(row)

    def _nothing(self) -> tuple[Line, ...]:
        if self._filter and self._items:
            return ((("nothing matches ", "dim"), (self._filter.pattern, "strong")),)
        return self.empty

    def render_line(self, y: int) -> Strip:
        row, width = y + self.scroll_offset.y, self.columns
        if self._drawn and row < len(self._drawn):
            return self.strip(self._drawn[row], width, cursor=row == self._row)
        rest = () if self._drawn else self._nothing()
        return self.strip(rest[row] if row < len(rest) else (), width)

    def on_resize(self) -> None:
        if self.columns != self._drawn_width:
            self._drawn = []
            self._redraw()
            self.reveal(self._row)

    def on_mount(self) -> None:
        self._redraw()

    def on_click(self, event: events.Click) -> None:
        """A click chooses, a double click opens."""
        offset = event.get_content_offset(self)
        if offset is None or not self._shown:
            return
        row = offset.y + self.scroll_offset.y
        if row < len(self._shown):
            self._go(row)
            if event.chain == 2:
                self.action_open()

    def _go(self, row: int) -> None:
        if not self._shown:
            return
        row = max(0, min(row, len(self._shown) - 1))
        if row != self._row:
            before, self._row = self._row, row
            self.refresh_row(before)
            self.refresh_row(row)
            self.post_message(self.Moved(self, self.selected_key))
        self.reveal(row)

    def action_move(self, by: int) -> None:
        self._go(self._row + by)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._shown) - 1)

    def action_page(self, direction: int) -> None:
        self._go(self._row + direction * max(self.size.height // 2, 1))

    def action_open(self) -> None:
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected_key))
