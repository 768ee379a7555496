"""Text in sections that fold: the layers of a packet, the turns of a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from rich.cells import chop_cells
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip

from netwiz.widgets.line_view import LineView
from netwiz.widgets.lines import Line, cells, plain_text
from netwiz.widgets.list_pane import LIST_KEYS

INDENT = "  "
LONG_WORD = 24
"""What is longer is broken anywhere: an address, a line without blanks."""


@dataclass
class Section:
    """A head that is always seen, and lines below it that may be folded away."""

    head: Line
    lines: Sequence[Line] = ()
    folded: bool = False
    key: str = ""
    """What it stands for; `DetailView.selected` tells it."""


@dataclass(frozen=True, slots=True)
class _Row:
    section: int
    line: Line
    head: bool = False


@dataclass
class _Shown:
    rows: list[_Row] = field(default_factory=list)
    width: int = -1


class DetailView(LineView, can_focus=True):
    """Sections with a cursor; what is too long goes on in the next line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LIST_KEYS,
        Binding("enter,space", "fold", "Fold", show=False, id="detail.fold"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.sections: Sequence[Section] = ()
        self._shown = _Shown()
        self._row = 0

    def show(self, sections: Sequence[Section], *, keep: bool = False) -> None:
        """Show these; from the top, or with the cursor where it is."""
        self.sections = sections
        if not keep:
            self._row = 0
        self._lay_out()
        if not keep and self.is_mounted:
            self.scroll_to(y=0, animate=False, immediate=True, force=True)

    @property
    def selected(self) -> Section | None:
        """The section that the cursor is in."""
        if self._row < len(self._shown.rows):
            return self.sections[self._shown.rows[self._row].section]
        return None

    @property
    def text(self) -> str:
        """All of it, folded or not, as one would paste it elsewhere."""
        lines: list[Line] = []
        for section in self.sections:
            lines.append(section.head)
            lines += [((INDENT, ""), *line) for line in section.lines]
        return plain_text(lines)

    def select(self, key: str) -> None:
        """Put the cursor on the section with this key, if there is one."""
        for number, row in enumerate(self._shown.rows):
            if row.head and self.sections[row.section].key == key:
                self._go(number)
                return

    def _lay_out(self) -> None:
        if not self.is_mounted or self.columns <= 0:
            return
        width = self.columns
        self._shown = _Shown(list(self._rows(width)), width)
        self._row = min(self._row, max(len(self._shown.rows) - 1, 0))
        self.set_rows(len(self._shown.rows))
        self.refresh()

    def _rows(self, width: int) -> Iterator[_Row]:
        for number, section in enumerate(self.sections):
            sign = "  " if not section.lines else "▸ " if section.folded else "▾ "
            head = (((sign, "dim")), *section.head)
            for part, line in enumerate(broken(head, width, INDENT * 2)):
                yield _Row(number, line, head=not part)
            if section.folded:
                continue
            for line in section.lines:
                for piece in broken(((INDENT, ""), *line), width, INDENT):
                    yield _Row(number, piece)

    def render_line(self, y: int) -> Strip:
        row, width = y + self.scroll_offset.y, self.columns
        if row >= len(self._shown.rows):
            return self.strip((), width)
        cursor = row == self._row
        return self.strip(self._shown.rows[row].line, width, cursor=cursor)

    def on_mount(self) -> None:
        """Lay out what was given before there was a width."""
        self._lay_out()

    def on_resize(self) -> None:
        """Lines break elsewhere now."""
        if self.columns != self._shown.width:
            self._lay_out()
        self.reveal(self._row)

    def on_click(self, event: events.Click) -> None:
        """A click chooses, a double click folds."""
        offset = event.get_content_offset(self)
        if offset is not None:
            self._go(offset.y + self.scroll_offset.y)
            if event.chain == 2:
                self.action_fold()

    def _go(self, row: int) -> None:
        before = self._row
        self._row = max(0, min(row, len(self._shown.rows) - 1))
        self.refresh_row(before)
        self.refresh_row(self._row)
        self.reveal(self._row)

    def action_move(self, by: int) -> None:
        self._go(self._row + by)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._shown.rows) - 1)

    def action_page(self, direction: int) -> None:
        self._go(self._row + direction * max(self.size.height // 2, 1))

    def action_fold(self) -> None:
        """Fold the section that the cursor is in, or open it again."""
        section = self.selected
        if section is None or not section.lines:
            return
        section.folded = not section.folded
        number = self._shown.rows[self._row].section
        self._lay_out()
        rows = enumerate(self._shown.rows)
        self._go(next(n for n, row in rows if row.section == number))


def broken(line: Line, width: int, indent: str = "") -> Iterator[Line]:
    """A line in parts that fit, between words where it can; later parts indented."""
    if cells(line) <= width:
        yield line
        return
    room, full = width, False
    part: list[tuple[str, str]] = []
    for text, style in line:
        rest = text
        while rest:
            piece = _fitting(rest, room, full=full)
            if piece:
                part.append((piece, style))
                room -= cells(((piece, ""),))
                rest, full = rest[len(piece) :], True
            if rest:
                yield tuple(part)
                rest = rest.lstrip(" ")
                part, full = [(indent, "")], False
                room = max(width - len(indent), 4)
    yield tuple(part)


def _fitting(text: str, room: int, *, full: bool) -> str:
    """As much of a text as fits, up to a blank if there is one not far back.

    Where something stands before it (`full`), a word goes to the next line as a whole.
    """
    piece: str = chop_cells(text, room)[0] if room > 0 else ""
    if len(piece) == len(text) or text[len(piece)] == " ":
        return piece
    blank = piece.rfind(" ")
    if blank < len(piece) - LONG_WORD or (blank < 0 and not full):
        return piece
    return piece[: blank + 1]
