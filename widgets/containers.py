"""The Containers pane: state, addresses, ports, listeners, and who is in trouble."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.message import Message

from netwiz.widgets.container_row import NOWHERE, Row
from netwiz.widgets.filtering import Filter
from netwiz.widgets.lines import Line, cells, clip
from netwiz.widgets.list_pane import ListPane

GAP = 2
NARROW_NAME = 10
LEAST_COLUMN = 14
MOST_NOTE = 44


class ContainersPane(ListPane[Row]):
    """One line per container; the columns that fit, the most telling first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Its log only", show=False, id="containers.log"),
    ]

    @dataclass
    class LogWanted(Message):
        """Somebody wants to see the log of a container, with others or alone."""

        key: str
        name: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.suspects_only = False

    def action_log(self) -> None:
        row = self.selected
        if row is not None and row.key != "host" and not row.key.startswith("netns:"):
            self.post_message(self.LogWanted(row.key, row.name))

    def key_of(self, item: Row) -> str:
        return item.key

    def text_of(self, item: Row) -> str:
        return item.text

    def kept(self, items: Sequence[Row], wanted: Filter) -> Sequence[Row]:
        return [
            row
            for row in super().kept(items, wanted)
            if row.suspect or not self.suspects_only
        ]

    def show_suspects_only(self, only: bool) -> None:
        """Leave only the containers whose log complains."""
        self.suspects_only = only
        self.show(self.items)

    def draw(self, items: Sequence[Row], width: int) -> list[Line]:
        return draw_rows(items, width)


def draw_rows(rows: Sequence[Row], width: int) -> list[Line]:
    """Aligned columns where there is room for them, else each row by itself."""
    if not rows:
        return []
    room = width - 2
    # The gravest note is never cut for the sake of a column.
    note = max(cells(_joined(row.notes[:1])) for row in rows)
    longest = max(cell_len(row.name) for row in rows)
    name = min(longest, max(NARROW_NAME, min(room // 3, 48)))
    left = room - name - (min(note, MOST_NOTE) + GAP if note else 0)
    columns = _chosen(rows, left)
    if not columns:
        return [_flowing(row, name, room) for row in rows]
    return [
        _draw(row, name, [(column[i], w) for column, w in columns], room)
        for i, row in enumerate(rows)
    ]


def _chosen(rows: Sequence[Row], left: int) -> list[tuple[list[Line], int]]:
    """The columns that fit, with their widths, the most telling first."""
    chosen: list[tuple[list[Line], int]] = []
    for column in _columns(rows, short=left < 70):
        wide = max(cells(cell) for cell in column)
        if not wide:
            continue
        if wide + GAP > left:
            if not chosen or left < LEAST_COLUMN + GAP:
                break
            # Half a list of ports says more than none: an ellipsis tells of the rest.
            wide = left - GAP
        chosen.append((column, wide))
        left -= wide + GAP
    return chosen


def _flowing(row: Row, name: int, room: int) -> Line:
    """What is wrong with it first, then where it is: no column is kept empty."""
    where = () if row.addresses == (NOWHERE,) else _addresses(row, short=True)
    parts = (*row.notes, where, _ports(row))
    first, *more = [part for part in parts if cells(part)] or [()]
    left = room - name - GAP
    told = _clip_line(first, left)
    for part in more:
        # Half an address is worth nothing: it is there in full or not at all.
        if cells(told) + GAP + cells(part) <= left:
            told += [(" " * GAP, ""), *part]
    return (*_head(row, name), (" " * GAP, ""), *told)


def _columns(rows: Sequence[Row], *, short: bool) -> list[list[Line]]:
    return [
        [_addresses(row, short=short) for row in rows],
        [_ports(row) for row in rows],
        [_listens(row, short=short) for row in rows],
        [((row.networks, "dim"),) for row in rows],
    ]


def _addresses(row: Row, *, short: bool) -> Line:
    if short and len(row.addresses) > 1:
        return ((row.addresses[0], ""), (f" +{len(row.addresses) - 1}", "dim"))
    return ((" ".join(row.addresses), "" if row.running else "dim"),)


def _listens(row: Row, *, short: bool) -> Line:
    """Where room is short the addresses go without their word."""
    if short and len(row.listens) > 1:
        first, *more = row.listens[1:]
        return ((first[0].lstrip(), first[1]), *more)
    return row.listens


def _ports(row: Row) -> Line:
    return ((row.ports, "code" if row.running else "dim"),)


def _joined(parts: Iterable[Line]) -> Line:
    line: list[tuple[str, str]] = []
    for part in parts:
        line += [(" " * GAP, "")] if line else []
        line += part
    return tuple(line)


def _head(row: Row, name: int) -> Line:
    tone = "strong" if row.suspect else "" if row.running else "dim"
    return (row.glyph, (" ", ""), (_fit(row.name, name), tone))


def _draw(row: Row, name: int, columns: list[tuple[Line, int]], room: int) -> Line:
    line = list(_head(row, name))
    used = name
    for cell, wide in columns:
        line.append((" " * GAP, ""))
        line += _fit_line(cell, wide)
        used += wide + GAP
    note = _joined(row.notes)
    if note and room - used > GAP:
        line.append((" " * GAP, ""))
        line += _clip_line(note, room - used - GAP)
    return tuple(line)


def _fit(text: str, width: int) -> str:
    text = clip(text, width)
    return text + " " * (width - cell_len(text))


def _clip_line(line: Line, width: int) -> list[tuple[str, str]]:
    """A line cut to a number of columns, with an ellipsis where something is gone."""
    if cells(line) <= width:
        return list(line)
    kept: list[tuple[str, str]] = []
    room = width
    for text, style in line:
        taken = cell_len(text)
        if taken >= room:
            kept.append((clip(text + " …", room), style))
            break
        kept.append((text, style))
        room -= taken
    return kept


def _fit_line(line: Line, width: int) -> list[tuple[str, str]]:
    kept = _clip_line(line, width)
    return [*kept, (" " * (width - cells(kept)), "")]
