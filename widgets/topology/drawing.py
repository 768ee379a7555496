"""The map as lines of text: each network a line downwards, each container a station.

Drawn like the graph of a version history, because that survives 80 columns: a network
costs two columns wherever its members are, and who sits on several of them is seen at
once.

    enp1s0  192.0.2.10                              ↓ 1.2 MB/s ↑ 300 kB/s
    host    prod-01   8080→80 web
    ┌ back      bridge 172.19.0.0/16 internal
    │ ┌ shop    bridge 172.18.0.0/16                ↓ 12 kB/s ↑ 9 kB/s
    │ ●  web    .2      8080→80                     ↓ 12 kB/s ↑ 9 kB/s
    ●─●  order  .3 .3                               ✗ 12 dropped
    ○    cache  .4
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.cells import cell_len

from netwiz.widgets.lines import Line, Piece, cells, clip
from netwiz.widgets.topology.numbers import both_ways
from netwiz.widgets.topology.plan import HOST_LINE, MapRow, RowKind, Stop
from netwiz.widgets.topology.pulse import Pulse, Pulses

LEGEND: Line = (
    ("● ", "good"),
    ("traffic  ", "dim"),
    ("○ ", ""),
    ("quiet  ", "dim"),
    ("✗ ", "bad"),
    ("errors or drops  ", "dim"),
    ("◌ ", "dim"),
    ("not running", "dim"),
)
MOST_LINES = 12
"""Networks drawn as lines at 80 columns; more in a wider terminal."""
WIDE = 110
WIDEST = 140
"""A line that is longer is not followed from one end to the other at a glance."""

Spark = Callable[[Sequence[float], int], str]


class Drawing:
    """Draws rows of one map; `spark` makes a sparkline of so many columns."""

    def __init__(self, pulses: Pulses, spark: Spark) -> None:
        self._pulses = pulses
        self._spark = spark

    def draw(self, rows: Sequence[MapRow], width: int) -> list[Line]:
        """One line per row."""
        width = min(width, WIDEST)
        most = MOST_LINES + max(width - 80, 0) // 4
        lines = [r.key for r in rows if r.kind is RowKind.NETWORK][:most]
        column = {key: number for number, key in enumerate(lines)}
        spans = _spans(rows, column)
        graph = 2 * len(column) if column else 0
        tab = graph + 1 + _name_width(rows, width) + 2
        found: list[Line] = []
        for number, row in enumerate(rows):
            open_ = {k for k, (top, end) in spans.items() if top < number < end}
            head = self._graph(row, column, open_, graph)
            found.append(self._line(row, head, tab, width, column))
        return found

    def pulse_of(self, row: MapRow) -> Pulse | None:
        """What passes at a row; of a container all its stops together."""
        if row.kind is RowKind.CONTAINER:
            own = [p for stop in row.stops if (p := self._at(row, stop))]
            return _sum(own) if own else None
        return self._pulses.of_device(row.device) if row.device else None

    def _at(self, row: MapRow, stop: Stop) -> Pulse | None:
        if stop.line == HOST_LINE or not stop.mac:
            return None
        return self._pulses.of_stop(row.key, stop.mac)

    # The graph at the left

    def _graph(
        self, row: MapRow, column: Mapping[str, int], open_: set[str], width: int
    ) -> Line:
        if row.kind in (RowKind.UPLINK, RowKind.HOST):
            return ()
        if row.kind is RowKind.NETWORK:
            return self._branch(row, column, open_)
        stops = {stop.line: stop for stop in row.stops if stop.line in column}
        at = [column[line] for line in stops]
        first, last = (min(at), max(at)) if at else (-1, -1)
        pieces: list[Piece] = []
        for line, number in column.items():
            inside = first < number < last
            if line in stops:
                pieces.append(self._station(row, stops[line]))
            elif line in open_:
                pieces.append(("┼" if inside else "│", "dim"))
            else:
                pieces.append(("─" if inside else " ", "dim"))
            pieces.append(("─" if first <= number < last else " ", "dim"))
        return (*pieces, (" " * (width - 2 * len(column)), ""))

    def _branch(self, row: MapRow, column: Mapping[str, int], open_: set[str]) -> Line:
        own = column.get(row.key)
        if own is None:
            return ()
        before = ["│ " if key in open_ else "  " for key in list(column)[:own]]
        return (("".join(before), "dim"), ("┌ ", "dim"))

    def _station(self, row: MapRow, stop: Stop) -> Piece:
        if not row.running:
            return ("◌", "dim")
        pulse = self._at(row, stop)
        if pulse is not None and pulse.hurt:
            return ("✗", "bad")
        if pulse is not None and pulse.moves:
            return ("●", "good")
        return ("○", "")

    # The words beside it

    def _line(
        self,
        row: MapRow,
        head: Line,
        tab: int,
        width: int,
        column: Mapping[str, int],
    ) -> Line:
        least = min(cell_len(row.name) + 3, max(tab - cells(head), 8))
        tail = _fitting(self._tail(row, width), width - cells(head) - least)
        room = width - (cells(tail) + 1 if tail else 0)
        words = _words(row, cells(head), tab, room, column)
        gap = width - cells(head) - cells(words) - cells(tail)
        return (*head, *words, (" " * max(gap, 0), ""), *tail)

    def _tail(self, row: MapRow, width: int) -> Line:
        """What happens there: trouble first, then rates and their history."""
        pulse = self.pulse_of(row)
        pieces: list[Piece] = []
        if row.trouble:
            mark = "⚠ " if row.alarm else ""
            most = width // 3
            pieces.append((clip(mark + row.trouble, most), "bad" if mark else "dim"))
        if pulse is None:
            return tuple(pieces)
        if pulse.hurt:
            bad = [
                f"{count} {what}"
                for count, what in (
                    (pulse.errors, "errors"),
                    (pulse.dropped, "dropped"),
                )
                if count
            ]
            pieces.append((("  " if pieces else "") + "✗ " + " ".join(bad), "bad"))
        moving = both_ways(pulse.into, pulse.out)
        if moving and not (row.trouble and width < WIDE):
            pieces.append((("  " if pieces else "") + moving, ""))
        if width >= WIDE:
            drawn = self._spark(pulse.history, 12) if pulse.history else ""
            pieces.append((f"  {drawn:>12}", "code"))
        return tuple(pieces)


def _words(
    row: MapRow, start: int, tab: int, room: int, column: Mapping[str, int]
) -> tuple[Piece, ...]:
    """Name, then from column `tab` on what is known of it, as far as there is room."""
    own = row.kind is RowKind.CONTAINER
    lead = "  └ " if row.rides_on else " " if own else ""
    style = "label" if not own else "strong" if row.running else "dim"
    name = lead + clip(row.name, max(tab - start - len(lead) - 2, 6))
    pieces: list[Piece] = [(name, style)]
    rest = [row.words, *row.ports]
    if row.rides_on:
        rest = [f"in the namespace of {row.rides_on}"]
    elif row.kind is RowKind.NETWORK and row.key not in column:
        rest = [*rest, "(not drawn: too many networks)"]
    hidden = [stop.line for stop in row.stops if stop.line not in column]
    if hidden and column:
        rest.insert(0, f"+{len(hidden)} networks")
    text = "  ".join(part for part in rest if part)
    at = start + cell_len(name)
    if text and room > max(tab, at) + 3:
        pad = " " * max(tab - at, 1)
        pieces.append((pad + clip(text, room - at - len(pad)), "dim"))
    return tuple(pieces)


def _fitting(line: Line, room: int) -> Line:
    """The pieces that there is room for; what comes first matters most."""
    kept: list[Piece] = []
    for piece in line:
        if cells(kept) + cell_len(piece[0]) > room:
            break
        kept.append(piece)
    return tuple(kept)


def _name_width(rows: Sequence[MapRow], width: int) -> int:
    longest = max((cell_len(row.name) for row in rows), default=4)
    return min(longest, 16 if width < WIDE else 32)


def _spans(
    rows: Sequence[MapRow], column: Mapping[str, int]
) -> dict[str, tuple[int, int]]:
    """The row at which each line begins, and that of its last station."""
    begun = {r.key: n for n, r in enumerate(rows) if r.kind is RowKind.NETWORK}
    last = {stop.line: n for n, row in enumerate(rows) for stop in row.stops}
    return {key: (begun[key], last.get(key, -1)) for key in column}


def _sum(pulses: Sequence[Pulse]) -> Pulse:
    longest = max(len(p.history) for p in pulses)
    padded = [(0.0,) * (longest - len(p.history)) + p.history for p in pulses]
    return Pulse(
        into=sum(p.into for p in pulses),
        out=sum(p.out for p in pulses),
        errors=sum(p.errors for p in pulses),
        dropped=sum(p.dropped for p in pulses),
        history=tuple(map(sum, zip(*padded, strict=True))),
    )
