"""The packet's path as lines of text: nodes, what was seen at each, where it ended.

    order eth0 ──▶ veth1a2 ──▶ br-4f1 ──▶ veth9f0 ──▶ pg eth0
      SYN ✓          ✓           ✓          ✓           ✓
        ✓    ◀──     ✓    ◀──    ✓   ◀──    ✓    ◀──  ✗ RST

A pure function of the path and of the width. What nobody saw is dotted; a way that does
not fit goes on in a further row; a rewrite of addresses stands on the arrow where it
happened and is spelled out below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from netwiz.widgets.lines import Line, clip
from netwiz.widgets.path_reading import UNSEEN, Crossing, PathRead, read_path
from netwiz.wizard.verdict import Path, PathHop

MAX_NODE = 26
MAX_STRETCH = 6
MARGIN = 1
TURN = "   ╰─▶ "
"""Leads from one row to the next."""


@dataclass(frozen=True, slots=True)
class Column:
    """A node and all that stands above and below it."""

    name: tuple[str, str]
    there: tuple[str, str]
    back: tuple[str, str]
    arrow: tuple[str, str] = ("", "")
    """Leads to this node from the one before."""
    arrow_back: tuple[str, str] = ("", "")

    @property
    def width(self) -> int:
        """Columns of the terminal without the arrow."""
        return max(cell_len(text) for text, _ in (self.name, self.there, self.back))


def draw_path(path: Path, width: int) -> list[Line]:
    """The drawing for a pane of this many columns."""
    if not path.forward and not path.backward:
        return [(((" " * MARGIN) + (path.verdict or "no packet was sent yet"), "dim"),)]
    width -= MARGIN
    read = read_path(path, timed=True)
    columns = _columns(path.forward, read)
    if len(list(_rows(columns, width))) > 1:
        read = read_path(path)
        columns = _columns(path.forward, read)
    else:
        columns = _stretched(columns, width)
    lines: list[Line] = []
    for number, row in enumerate(_rows(columns, width)):
        lines.extend(_draw_row(row, TURN if number else " " * MARGIN))
    lines.extend(_draw_stray(read.stray, width))
    lines.extend(_draw_crossings(read.crossings, width))
    if path.verdict:
        mark, style = read.ending
        lines.append(((f" {mark} " if mark else " ", style), (path.verdict, style)))
    return lines


def _name(hop: PathHop, before: PathHop | None) -> str:
    """Whose device it is (once per stretch; the host in between needs no name)."""
    fresh = before is None or hop.where not in (before.where, "host")
    name = f"{hop.where} {hop.device}" if fresh else hop.device
    return clip(name.strip(), MAX_NODE)


def _columns(hops: Sequence[PathHop], read: PathRead) -> list[Column]:
    columns: list[Column] = []
    for number, hop in enumerate(hops):
        name = _name(hop, hops[number - 1] if number else None)
        columns.append(
            Column(
                name=(name, "strong" if hop.seen else "dim"),
                there=read.there[number],
                back=read.back.get(number, ("", "")),
                arrow=_arrow(number, read) if number else ("", ""),
                arrow_back=_arrow_back(number, read) if number else ("", ""),
            )
        )
    return columns


def _stretched(columns: list[Column], width: int) -> list[Column]:
    """Longer arrows where there is room, so that a wide screen is not left empty."""
    taken = MARGIN + sum(c.width + cell_len(c.arrow[0]) for c in columns)
    more = min((width - taken) // max(len(columns) - 1, 1), MAX_STRETCH)
    return [
        replace(column, arrow=(_longer(arrow, more), style))
        for column in columns
        for arrow, style in [column.arrow]
    ]


def _longer(arrow: str, more: int) -> str:
    """The same arrow with more dashes, shared out before and behind its label."""
    labelled = "─▶" in arrow and "──▶" not in arrow
    behind = more // 2 if labelled else 0
    arrow = arrow.replace("─", "─" * (more - behind + 1), 1)
    return arrow.replace("─▶", "─" * (behind + 1) + "▶") if behind else arrow


def _arrow(number: int, read: PathRead) -> tuple[str, str]:
    if number == read.died_before:
        return " ──✗┄▷ ", "bad"
    if not read.seen[number]:
        return " ┄┄▷ ", "dim"
    crossing = next((c for c in read.crossings if c.number == number), None)
    if crossing:
        return f" ─{crossing.kind}─▶ ", "code"
    return " ──▶ ", "dim"


def _arrow_back(number: int, read: PathRead) -> tuple[str, str]:
    if number in read.back and number - 1 in read.back:
        lost = read.back[number - 1][0].startswith("✗")
        return ("◁┄✗──", "bad") if lost else ("◀──", "dim")
    return "", ""


def _rows(columns: Sequence[Column], width: int) -> Iterator[list[Column]]:
    row: list[Column] = []
    used = MARGIN
    for column in columns:
        needed = column.width + cell_len(column.arrow[0])
        if row and used + needed > width:
            yield row
            row, used = [], cell_len(TURN)
            needed = column.width
        row.append(column)
        used += needed
    if row:
        yield row


def _draw_row(row: Sequence[Column], lead: str) -> Iterator[Line]:
    blank = " " * cell_len(lead)
    names: list[tuple[str, str]] = [(lead, "dim")]
    there: list[tuple[str, str]] = [(blank, "")]
    back: list[tuple[str, str]] = [(blank, "")]
    for number, column in enumerate(row):
        if number:
            gap = cell_len(column.arrow[0])
            names.append(column.arrow)
            there.append((" " * gap, ""))
            back.append(_centred(*column.arrow_back, gap))
        names.append(_centred(*column.name, column.width))
        there.append(_centred(*column.there, column.width))
        back.append(_centred(*column.back, column.width))
    yield tuple(names)
    for line in (there, back):
        if any(text.strip() for text, _ in line):
            yield tuple(line)


def _centred(text: str, style: str, width: int) -> tuple[str, str]:
    free = max(width - cell_len(text), 0)
    left = free // 2
    return " " * left + text + " " * (free - left), style


def _draw_stray(hops: Sequence[PathHop], width: int) -> Iterator[Line]:
    """The way back where it leads over devices that the way there did not touch."""
    if not hops:
        return
    columns = []
    for number, hop in enumerate(hops):
        name = _name(hop, hops[number - 1] if number else None)
        arrow = (" ──▶ ", "dim") if hop.seen else (" ┄┄▷ ", "dim")
        fate = _kind(hop) if not number else "✓" if hop.seen else UNSEEN
        style = ("strong", "") if hop.seen else ("dim", "dim")
        columns.append(
            Column(
                name=(name, style[0]),
                there=(fate, style[1]),
                back=("", ""),
                arrow=arrow if number else ("", ""),
            )
        )
    for number, row in enumerate(_rows(columns, width - 5)):
        yield from _draw_row(row, TURN if number else " back ")


def _kind(hop: PathHop) -> str:
    return hop.packet.partition(" ")[0] if hop.seen else UNSEEN


def _draw_crossings(crossings: Iterable[Crossing], width: int) -> Iterator[Line]:
    for crossing in crossings:
        text = f"{crossing.kind} {crossing.words}"
        yield ((" ⇢ ", "dim"), (clip(text, width - 3), "code"))
