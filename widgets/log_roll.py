"""Lines that roll by: painted as they come, held when somebody looks back.

Only those in sight are ever drawn, and a busy log is painted no more often than a
slow line bears.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from netwiz.widgets.filtering import Filter
from netwiz.widgets.line_view import LineView
from netwiz.widgets.lines import Line
from netwiz.widgets.log_line import draw_line
from netwiz.widgets.timeline import LIMIT, LiveLine, Timeline

SHIFT = 16
"""Columns by which a long line is moved sideways."""
PAINT_RATE = 24 * 1024
"""Octets a second that following a busy log may send to the terminal."""
CELL_COST = 1.6
"""Octets of a cell on its way to the terminal, with its colours (measured)."""
MAX_PAINT_S = 0.5


class LogRoll(LineView):
    """A time line on the screen that follows its end, or stands still."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("line--who0", "line--who1", "line--who2"),
        *("line--who3", "line--who4", "line--who5", "line--found"),
    }
    DEFAULT_CSS = """
    LogRoll {
        & > .line--who0 { color: $text-primary; }
        & > .line--who1 { color: $text-success; }
        & > .line--who2 { color: $text-accent; }
        & > .line--who3 { color: $text-secondary; }
        & > .line--who4 { color: $foreground; text-style: bold; }
        & > .line--who5 { color: $text-primary 70%; }
        & > .line--found { text-style: reverse; }
    }
    """

    @dataclass
    class Changed(Message):
        """Following, filter or what is in view changed."""

        pane: LogRoll

    def __init__(self, *, limit: int = LIMIT, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines = Timeline(limit)
        self._row = 0
        self._shift = 0
        self._missed = 0
        self._unpainted: int | None = None
        self._painted_at = 0.0
        self._later: Timer | None = None
        self.search = Filter()
        """What is marked."""
        self.following = True
        self._unheard = ""

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

    @property
    def unheard(self) -> str:
        """Why nothing can be heard; empty when nobody may just have spoken yet."""
        return self._unheard

    @unheard.setter
    def unheard(self, why: str) -> None:
        if why != self._unheard:
            self._unheard = why
            if not self._lines:
                self.refresh_row(0)

    def extend(self, lines: Sequence[LiveLine]) -> None:
        """Take lines in; the view moves only while it follows."""
        held, count = self.selected, len(self._lines)
        gone, ordered = self._lines.extend(lines)
        self._missed += len(self._lines) - count + gone
        if self.following:
            if gone or not ordered or len(self._lines) != count:
                self._paint_end(count if ordered and not gone else 0)
            return
        if not ordered:
            self._place(held)
        elif gone or len(self._lines) != count:
            self._grow()
            if gone:
                self._row = max(self._row - gone, 0)
                top = max(self.scroll_offset.y - gone, 0)
                if top == self.scroll_offset.y:
                    self.refresh()
                self.scroll_to(y=top, animate=False, immediate=True, force=True)
            elif count < self.scroll_offset.y + self.size.height:
                self.refresh()
        self.post_message(self.Changed(self))

    def follow(self, on: bool = True) -> None:
        """Run with the newest line, or stand still."""
        self.following = on
        self._missed = 0
        if on:
            self._to_end()
        self.post_message(self.Changed(self))

    # Painting

    def _paint_end(self, known: int) -> None:
        """Show the newest lines, but no more often than a slow line bears."""
        waits = known if self._unpainted is None else min(known, self._unpainted)
        self._unpainted = waits
        if self._later is not None:
            return
        cells = self.size.width * self.size.height
        least = min(cells * CELL_COST / PAINT_RATE, MAX_PAINT_S)
        left = self._painted_at + least - time.monotonic()
        if left <= 0 or not self.is_mounted:
            self._catch_up()
        else:
            self._later = self.set_timer(left, self._catch_up)

    def _catch_up(self) -> None:
        known, self._unpainted, self._later = self._unpainted, None, None
        if known is not None and self.following:
            self._painted_at = time.monotonic()
            self._to_end(min(known, len(self._lines)))

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
        self._grow()
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
        line = draw_line(
            self._lines.view[row],
            width,
            self._shift,
            cursor=cursor,
            search=self.search,
        )
        return self.strip(line, width, cursor=cursor)

    def _nothing(self) -> str:
        if self._lines.all:
            return "no line matches (esc shows all)"
        return self._unheard or "nothing was said yet"

    # Hands

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

    def action_open(self) -> None:
        """A subclass says what opening a line means."""
