"""How one packet looks: time, who to whom by name, and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.cells import cell_len

from netwiz.probes.facts.packets import Level, PacketRow
from netwiz.widgets.lines import Line, cells, clip
from netwiz.widgets.packets.ends import Ends

TINY, NARROW, WIDE = 60, 100, 130
"""Columns below which the minutes go, below which hours and clients' ports go, and
from which number and size have room."""
NUMBER_WIDTH = 7
SIZE_WIDTH = 6
LEAST_TEXT = 16

SIGNS = {
    Level.PROBLEM: ("✗", "bad"),
    Level.ODD: ("!", "odd"),
    Level.NOTE: ("·", "label"),
    Level.PLAIN: (" ", "dim"),
}
"""A level is told by its sign; the colour only repeats it."""
TEXT_STYLES = {
    Level.PROBLEM: "bad",
    Level.ODD: "odd",
    Level.NOTE: "",
    Level.PLAIN: "dim",
}
MARK = "◆"


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide each part of a line is; a part without width is left out."""

    width: int
    time: int
    tap: int
    ends: int
    number: int = 0
    size: int = 0

    @property
    def ports(self) -> bool:
        """Whether clients' own ports are told."""
        return self.width >= NARROW


def columns_for(width: int, ends: int, tap: int) -> Columns:
    """The parts for a width, given what the widest ends and tap names take."""
    time = 6 if width < TINY else 9 if width < NARROW else 12 if width < WIDE else 15
    number, size = (NUMBER_WIDTH, SIZE_WIDTH) if width >= WIDE else (0, 0)
    if tap:
        tap = min(tap, 8 if width < NARROW else 24)
        tap = 0 if width < TINY else tap
    most = max(width * 3 // 10, 12) if width < NARROW else min(width // 3, 56)
    taken = time + 3 + (tap + 1 if tap else 0) + (number + size + 2 if number else 0)
    most = min(most, max(width - taken - LEAST_TEXT, 0))
    return Columns(width, time, tap, min(ends, most), number, size)


def draw_row(
    row: PacketRow,
    columns: Columns,
    ends: Ends,
    taps: Sequence[str] = (),
    *,
    marked: bool = False,
    since_ns: int | None = None,
    shift: int = 0,
) -> Line:
    """``04:31.123 ✗ order → pg:3000  refused by pg``.

    With `since_ns` the time is told as the distance from there. `shift` moves the text
    to the left, for what does not fit.
    """
    if since_ns is None:
        at = time_text(row.at_ns, columns.time)
    else:
        at = lag_text(row.at_ns - since_ns)
    # As few pieces as there are styles: over SSH each costs forty bytes of colour.
    time = f"{clip(at, columns.time):>{columns.time}}"
    sign, style = SIGNS[row.level]
    line: list[tuple[str, str]] = (
        [(time, "dim"), (MARK, "label")] if marked else [(time + " ", "dim")]
    )
    line.append((sign + " ", style))
    if columns.number:
        line.append((f"{row.number:>{columns.number}} ", "dim"))
    if columns.tap:
        name = taps[row.tap] if row.tap < len(taps) else ""
        line.append((_padded(name, columns.tap) + " ", "label"))
    text = row.text
    if shift:
        text = "…" + text[shift + 1 :] if len(text) > shift else "…"
    if columns.ends:
        whole = _ends(row, columns, ends)
        gap = columns.ends - cell_len(whole)
        if not columns.size:
            # What is said comes first: a long text takes the blanks before it.
            room = columns.width - cells(line) - columns.ends - 2
            gap -= min(max(cell_len(text) - room, 0), gap)
        line.append((whole + " " * (gap + 2), _tone(row)))
    if columns.size:
        size = f"{row.size} B" if row.size and row.size < 10_000 else ""
        line.append((f"{size:>{columns.size}}  ", "dim"))
    line.append((text, TEXT_STYLES[row.level]))
    return tuple(line)


def _tone(row: PacketRow) -> str:
    return "dim" if row.level is Level.PLAIN else ""


def _ends(row: PacketRow, columns: Columns, ends: Ends) -> str:
    whole = ends.pair(row.source, row.destination, ports=columns.ports)
    if cell_len(whole) <= columns.ends:
        return whole
    return ends.fitted(row.source, row.destination, columns.ends)


def _padded(text: str, width: int) -> str:
    text = clip(text, width)
    return text + " " * (width - cell_len(text))


def local_time(at_ns: int) -> datetime:
    """When a packet was seen, as a time of this machine's zone."""
    try:
        return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).astimezone()
    except (OverflowError, OSError, ValueError):
        # A file may claim any time.
        return datetime.fromtimestamp(0, UTC).astimezone()


def time_text(at_ns: int, width: int) -> str:
    """``12:04:31.123456`` as far as the width goes: milliseconds always stay."""
    at, fraction = local_time(at_ns), at_ns % 1_000_000_000
    if width >= 15:
        return f"{at:%H:%M:%S}.{fraction // 1000:06}"
    shape = "%H:%M:%S" if width >= 12 else "%M:%S" if width >= 9 else "%S"
    return f"{at.strftime(shape)}.{fraction // 1_000_000:03}"


def lag_text(ns: int) -> str:
    """``+0.12 ms``, ``+1.204 s``, ``+3 min``: three or four digits that count."""
    sign = "-" if ns < 0 else "+"
    us = abs(ns) / 1000
    if us < 1000:
        return f"{sign}{us:.0f} µs"
    if us < 100_000:
        return f"{sign}{us / 1000:.1f} ms"
    if us < 1_000_000:
        return f"{sign}{us / 1000:.0f} ms"
    if us < 100_000_000:
        return f"{sign}{us / 1_000_000:.2f} s"
    return f"{sign}{us / 60_000_000:.0f} min"
