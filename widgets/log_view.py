"""The timeline on the screen: follows, can be held, and loses nobody's place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from netwiz.widgets.filtering import Filter
from netwiz.widgets.line_view import LineView
from netwiz.widgets.lines import Line
from netwiz.widgets.list_pane import LIST_KEYS
from netwiz.widgets.log_line import draw_line
from netwiz.widgets.timeline import LIMIT, LiveLine, Timeline

SHIFT = 16
"""Columns by which a long line is moved sideways."""


class LogView(LineView, can_focus=True):
    """Lines as they come; only those in sight are ever drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LIST_KEYS,
        Binding("enter", "open", "Diagnose", show=False, id="log.open"),
        Binding("p,space", "pause", "Pause", id="log.pause"),
        Binding("n", "suspect(1)", "Next suspect", show=False, id="log.next"),
        Binding("N", "suspect(-1)", "Previous suspect", show=False, id="log.previous"),
        Binding("right,l", "shift(1)", "Rest of a line", show=False, id="log.right"),
        Binding("left,h", "shift(-1)", "Start of a line", show=False, id="log.left"),
    ]

    @dataclass
    class Opened(Message):
        """Somebody wants to go into a line."""

        pane: LogView
        line: LiveLine

    @dataclass
    class Changed(Message):
        """Following, filter or what is in view changed."""

        pane: LogView

    def __init__(self, *, limit: int = LIMIT, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines = Timeline(limit)
        self._row = 0
        self._shift = 0
        self._missed = 0
        self.following = True

    @property
    def lines(self) -> Timeline:
        """What it shows."""
        return self._lines

    @property
    def missed(self) -> int:
        """Lines that came while it was held."""
        return 0 if self.following else self._missed

    @property
    def selected(self) -> LiveLine | None:
        """The line under the cursor."""
        return self._lines.view[self._row] if self._row < len(self._lines) else None

    def extend(self, lines: Sequence[LiveLine]) -> None:
        """Take lines in; the view moves only while it follows."""
        held, count = self.selected, len(self._lines)
        gone, ordered = self._lines.extend(lines)
        self._missed += len(self._lines) - count + gone
        if not ordered:
            self._place(held)
            return
        if not gone and len(self._lines) == count:
            return
        self._grow()
        if self.following:
            self._to_end(count if not gone else 0)
        elif gone:
            self._row = max(self._row - gone, 0)
            top = max(self.scroll_offset.y - gone, 0)
            if top == self.scroll_offset.y:
                self.refresh()
            self.scroll_to(y=top, animate=False, immediate=True, force=True)
        elif count < self.scroll_offset.y + self.size.height:
            self.refresh()
        if not self.following:
            self.post_message(self.Changed(self))

    def set_filter(self, pattern: str) -> None:
        """Leave only the lines that match."""
        self._sift(lambda lines: setattr(lines, "filter", Filter(pattern)))

    def show_only(
        self, *, events: bool | None = None, suspects: bool | None = None
    ) -> None:
        """Leave out the logs, or whatever does not complain."""

        def change(lines: Timeline) -> None:
            lines.events_only = lines.events_only if events is None else events
            lines.suspects_only = lines.suspects_only if suspects is None else suspects

        self._sift(change)

    def follow(self, on: bool = True) -> None:
        """Run with the newest line, or stand still."""
        self.following = on
        self._missed = 0
        if on:
            self._to_end()
        self.post_message(self.Changed(self))

    # Inside

    def _sift(self, change: Callable[[Timeline], None]) -> None:
        held = self.selected
        change(self._lines)
        self._lines.sift()
        self._place(held)
        self.post_message(self.Changed(self))

    def _place(self, held: LiveLine | None) -> None:
        """Find the cursor's line again after the rows were chosen anew."""
        before = self._row - self.scroll_offset.y
        self._grow()
        self.refresh()
        if self.following:
            self._to_end()
            return
        self._row = max(self._lines.row_of(held), 0)
        top = max(self._row - before, 0)
        self.scroll_to(y=top, animate=False, immediate=True, force=True)
        self.reveal(self._row)

    def _grow(self) -> None:
        self.set_rows(len(self._lines))

    def _to_end(self, known: int = 0) -> None:
        """Show the newest lines; `known` of them are painted already."""
        before, self._row = self._row, max(len(self._lines) - 1, 0)
        top = max(len(self._lines) - self.scrollable_content_region.height, 0)
        if known and top == self.scroll_offset.y:
            for row in (before, *range(known, len(self._lines))):
                self.refresh_row(row)
            return
        self.scroll_to(y=top, animate=False, immediate=True, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        row, width = y + self.scroll_offset.y, self.columns
        if row >= len(self._lines):
            blank: Line = ()
            if row == 0:
                blank = ((self._nothing(), "dim"),)
            return self.strip(blank, width)
        cursor = row == self._row and (self.has_focus or not self.following)
        line = draw_line(self._lines.view[row], width, self._shift, cursor=cursor)
        return self.strip(line, width, cursor=cursor)

    def _nothing(self) -> str:
        if self._lines.all:
            return "no line matches"
        return "nothing was said yet"

    def on_focus(self) -> None:
        """The cursor's line shows while the view has the keys."""
        self.refresh_row(self._row)

    def on_blur(self) -> None:
        """And not any more."""
        self.refresh_row(self._row)

    def on_resize(self) -> None:
        self._grow()
        if self.following:
            self._to_end()
        else:
            self.reveal(self._row)

    def on_click(self, event: events.Click) -> None:
        """A click chooses and holds, a double click opens."""
        offset = event.get_content_offset(self)
        if offset is not None:
            row = offset.y + self.scroll_offset.y
            if row < len(self._lines):
                self._go(row)
                if event.chain == 2:
                    self.action_open()

    def on_mouse_scroll_up(self) -> None:
        """Looking back holds the view, or it would run away."""
        if self.following and len(self._lines) > self.size.height:
            self.follow(on=False)

    def _go(self, row: int) -> None:
        if not self._lines:
            return
        row = max(0, min(row, len(self._lines) - 1))
        before, self._row = self._row, row
        last = len(self._lines) - 1
        if self.following and row < last:
            self.follow(on=False)
        self.refresh_row(before)
        self.refresh_row(row)
        self.reveal(row)

    def action_move(self, by: int) -> None:
        self._go(self._row + by)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self.follow()

    def action_page(self, direction: int) -> None:
        self._go(self._row + direction * max(self.size.height // 2, 1))

    def action_pause(self) -> None:
        self.follow(on=not self.following)

    def action_shift(self, direction: int) -> None:
        self._shift = max(self._shift + direction * SHIFT, 0)
        self.refresh()

    def action_suspect(self, step: int) -> None:
        """To the next line that carries a network error."""
        row = self._lines.find(self._row + step, step, lambda x: x.suspect is not None)
        if row >= 0:
            self._go(row)

    def action_open(self) -> None:
        line = self.selected
        if line is not None:
            self.post_message(self.Opened(self, line))
