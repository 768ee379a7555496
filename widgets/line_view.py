"""Scrolling lines drawn one by one: only what is visible is ever laid out.

A changed line repaints itself alone (FACTS: a table repaints whole for one cell, ten
times the bytes), which is what keeps a screen over SSH calm.
"""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from netwiz.widgets.lines import Line, line_content

Title = str | Line


class LineView(ScrollView):
    """Base of the panes: turns lines of pieces into strips of the terminal."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--good",
        "line--bad",
        "line--odd",
        "line--dim",
        "line--strong",
        "line--code",
        "line--label",
        "line--cursor",
    }
    DEFAULT_CSS = """
    LineView {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-color: $foreground 20%;
        & > .line--good { color: $text-success; }
        & > .line--bad { color: $text-error; text-style: bold; }
        & > .line--odd { color: $text-warning; }
        & > .line--dim { color: $text-muted; }
        & > .line--strong { text-style: bold; }
        & > .line--code { color: $text-accent; }
        & > .line--label { color: $text-primary; text-style: bold; }
        & > .line--cursor { background: $foreground 8%; }
        &:focus > .line--cursor { background: $primary 40%; }
        &:nocolor > .line--cursor { text-style: underline; }
        &:focus:nocolor > .line--cursor { text-style: reverse; }
    }
    """

    def strip(self, line: Line, width: int, *, cursor: bool = False) -> Strip:
        """A line as the terminal gets it: cut with an ellipsis, padded to the width."""
        base = self.rich_style
        over = self._part("cursor") if cursor else Style()
        segments: list[Segment] = []
        room = width
        for text, name in line:
            if not text:
                continue
            # A piece keeps its own colour on the cursor's ground.
            style = base + self._part(name) + over if name else base + over
            taken = cell_len(text)
            if taken > room:
                segments.append(Segment(_cut(text, room), style))
                break
            segments.append(Segment(text, style))
            room -= taken
        return Strip(segments).extend_cell_length(width, base + over)

    def set_title(self, line: Line) -> None:
        """Put styled text, never markup, into the upper border."""
        self.border_title = line_content(line)

    def set_subtitle(self, line: Line) -> None:
        """Put styled text, never markup, into the lower border."""
        new = line_content(line)
        old = self._border_subtitle
        if old is not None and old.plain == new.plain:
            return
        # By the public name the whole pane would be painted, for each step of a cursor.
        self._border_subtitle = new
        width = self.outer_size.width
        self.refresh(Region(-self.gutter.left, self.size.height, width, 1))

    def refresh_row(self, row: int) -> None:
        """Repaint one line, if it is in sight."""
        if 0 <= row - self.scroll_offset.y < self.size.height:
            self.refresh_line(row)

    @property
    def columns(self) -> int:
        """How many columns a line has, scrollbar or not."""
        return self.scrollable_content_region.width

    def set_rows(self, count: int) -> None:
        """Say how many lines there are.

        Assigning `virtual_size` would lay out and repaint the whole screen for every
        new line of a log. Lines are cut to the width and the scrollbar has its own
        column, so nothing but the scrollbar depends on their number.
        """
        size = Size(1, count)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            self._refresh_scrollbars()
            self._scroll_update(size)

    def reveal(self, row: int) -> None:
        """Scroll as little as possible until a line is in sight."""
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        if row < top:
            self.scroll_to(y=row, animate=False, immediate=True, force=True)
        elif height and row >= top + height:
            self.scroll_to(
                y=row - height + 1, animate=False, immediate=True, force=True
            )

    def _part(self, name: str) -> Style:
        """What a name adds to the style of the line."""
        found = self.get_component_rich_style(f"line--{name}")
        ground = name == "cursor"
        return Style(
            # Blended with what is behind it; as such it is a colour of its own.
            color=None if ground else found.color,
            bgcolor=found.bgcolor if ground else None,
            bold=found.bold or None,
            underline=found.underline or None,
            reverse=found.reverse or None,
        )


def _cut(text: str, room: int) -> str:
    """The beginning of a text with an ellipsis, exactly as wide as the room."""
    if room <= 0:
        return ""
    kept = text[: room - 1]
    while cell_len(kept) > room - 1:
        kept = kept[:-1]
    return kept + "…" + " " * (room - 1 - cell_len(kept))
