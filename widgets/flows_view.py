"""The Flows tab: who talks to whom, how much, how well.

Rows stay where they are while a person is among them: for `HOLD_S` after the last key
numbers change in place, what is new comes at the end of its part, what has gone turns
dim. Sorting anew under the cursor would make a list that changes every two seconds
unreadable, and Enter would open what has just slid there. Left alone, the list sorts
itself, and the cursor goes with its flow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from netwiz.widgets.flows_draw import details, draw_flow
from netwiz.widgets.flows_rows import (
    ORDERS,
    FlowLine,
    capture_filter,
    grouped,
    held_order,
    in_order,
)
from netwiz.widgets.list_pane import ListPane
from netwiz.widgets.sparkline import EIGHTHS

if TYPE_CHECKING:
    from netwiz.probes.facts.flows import Flow, FlowTable
    from netwiz.widgets.filtering import Filter
    from netwiz.widgets.lines import Line, Piece

HOLD_S = 6.0
"""After so long without a key the rows may change places again."""


class FlowsView(ListPane[FlowLine]):
    """Flows by line, repainted row by row; only what is in sight is drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "order(1)", "Sort", show=False, id="flows.order"),
        Binding("O", "reverse", "Sort the other way", show=False, id="flows.reverse"),
        Binding("right,l", "fold(False)", "Each flow of a line", False, id="flows.all"),
        Binding("left,h", "fold(True)", "As one line again", False, id="flows.one"),
        Binding("p,space", "pause", "Pause", show=False, id="flows.pause"),
        Binding("n", "problem(1)", "Next problem", show=False, id="flows.next"),
        Binding("N", "problem(-1)", "Previous problem", False, id="flows.previous"),
    ]

    @dataclass
    class FlowOpened(Message):
        """Somebody wants to see the packets of a flow, or of all of a line."""

        pane: FlowsView
        flow: Flow
        flows: tuple[Flow, ...]
        """All that the line stands for; the most telling one is `flow`."""

        @property
        def filter(self) -> str:
            """Their packets in tcpdump's words."""
            return capture_filter(self.flows)

    @dataclass
    class Changed(Message):
        """Order, filter, pause or what is under the cursor changed."""

        pane: FlowsView

    @dataclass
    class Seen(Message):
        """It came into view, or went out of it: nobody need look any more."""

        pane: FlowsView
        in_view: bool

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._touched = -HOLD_S
        self._table: FlowTable | None = None
        self._newest: FlowTable | None = None
        self._order = 0
        self._reverse = False
        self._unfolded: frozenset[str] = frozenset()
        self._painted: dict[int, Line] = {}
        self.heights: Sequence[str] = EIGHTHS
        """The blocks that the terminal has, for sparklines; set by whoever knows."""
        self.paused = False
        self.in_view = self._has_keys = False
        self._troubled_only = False
        self.empty = ((("looking at all namespaces …", "dim"),),)

    # What the screen does

    @property
    def table(self) -> FlowTable | None:
        """What it shows; None before the first look."""
        return self._table

    @property
    def order(self) -> str:
        """By what the rows are sorted."""
        return ORDERS[self._order].name

    @property
    def flow(self) -> Flow | None:
        """The flow under the cursor."""
        line = self.selected
        return line.flow if line else None

    def show_table(self, table: FlowTable) -> None:
        """Show a new look, unless the picture is held."""
        self._newest = table
        if not self.paused:
            self._take(table)

    def show_troubled_only(self, only: bool) -> None:
        """Leave out whatever is well."""
        self._troubled_only = only
        self._again()

    def on_show(self) -> None:
        """It is on the screen now."""
        self.in_view = True
        self.post_message(self.Seen(self, True))

    def on_hide(self) -> None:
        """It is not."""
        self.in_view = False
        self.post_message(self.Seen(self, False))

    # What the list asks for

    def key_of(self, item: FlowLine) -> str:
        return item.key

    def text_of(self, item: FlowLine) -> str:
        return item.text

    def kept(self, items: Sequence[FlowLine], wanted: Filter) -> Sequence[FlowLine]:
        return [
            line
            for line in super().kept(items, wanted)
            if line.gravity or not self._troubled_only
        ]

    # Inside

    @property
    def _held(self) -> bool:
        return self._clock() - self._touched < HOLD_S

    def _take(self, table: FlowTable, *, sort: bool = False) -> None:
        self._table = table
        self.empty = (((_nothing(table), "dim"),),)
        lines = grouped(table.flows, self._unfolded)
        lines = in_order(lines, ORDERS[self._order], reverse=self._reverse)
        if self._held and not sort:
            lines = held_order(lines, [line.key for line in self.items])
        self.show([line for group in lines for line in group])
        self._tell()

    def _again(self, *, sort: bool = False) -> None:
        """The same flows in another way."""
        if self._table is not None:
            self._take(self._table, sort=sort)

    def set_filter(self, pattern: str) -> None:
        super().set_filter(pattern)
        self._tell()

    def on_focus(self) -> None:
        """What is under the cursor is told while the pane has the keys."""
        self._has_keys = True
        self._tell()

    def on_blur(self) -> None:
        """And not any more."""
        self._has_keys = False
        self._tell()

    def _tell(self) -> None:
        line = self.selected
        parts: list[Line] = [((text, "odd"),) for text in self._marks()]
        if self._has_keys and line is not None:
            parts.append(details(line, self.heights))
        elif self._table is not None:
            parts += [(piece,) for piece in _counted(self._table, self.items)]
            way = " reversed" if self._reverse else ""
            parts.append(((f"by {self.order}{way}", "dim"),))
        self.set_subtitle(_joined(parts))
        self.post_message(self.Changed(self))

    def _marks(self) -> list[str]:
        """What makes the picture other than all there is."""
        filtered = [f"/{self.filter.pattern}"] if self.filter else []
        only = ["in trouble only"] if self._troubled_only else []
        return [*only, *filtered, *(["held"] if self.paused else [])]

    def _redraw(self) -> None:
        """Repaint the rows in sight that have changed, and draw no others."""
        if not self.is_mounted:
            return
        width = self.columns
        self.set_rows(len(self._shown) or len(self._nothing()))
        before, self._painted = self._painted, {}
        if width != self._drawn_width or not before or not self._shown:
            self._drawn_width = width
            self.refresh()
            return
        top = self.scroll_offset.y
        for row in range(top, top + self.size.height):
            now = self._line(row, width)
            if before.get(row) != now:
                self.refresh_row(row)
            if now is not None:
                self._painted[row] = now

    def _line(self, row: int, width: int) -> Line | None:
        if row >= len(self._shown):
            return None
        return draw_flow(self._shown[row], width, self.heights)

    def render_line(self, y: int) -> Strip:
        row, width = y + self.scroll_offset.y, self.columns
        line = self._line(row, width)
        if line is None:
            rest = () if self._shown else self._nothing()
            return self.strip(rest[row] if row < len(rest) else (), width)
        self._painted[row] = line
        return self.strip(line, width, cursor=row == self._row)

    def _go(self, row: int) -> None:
        self._touched = self._clock()
        super()._go(row)
        self._tell()

    def on_mouse_scroll_up(self) -> None:
        """Whoever looks around wants the rows to stay."""
        self._touched = self._clock()

    def on_mouse_scroll_down(self) -> None:
        """Likewise."""
        self._touched = self._clock()

    # Keys

    def action_order(self, step: int) -> None:
        """Sort by the next of the ways there are."""
        self._order = (self._order + step) % len(ORDERS)
        self._again(sort=True)

    def action_reverse(self) -> None:
        """The same the other way round."""
        self._reverse = not self._reverse
        self._again(sort=True)

    def action_fold(self, fold: bool) -> None:
        """Show every flow of a line, or all as one again."""
        line = self.selected
        if line is None or self._table is None:
            return
        self._touched = self._clock()
        head = self._head_of(line)
        if fold:
            self._unfolded -= {head.key}
        elif head.count > 1:
            self._unfolded |= {head.key}
        self._again()
        if fold and line.member:
            self.select(head.key)

    def _head_of(self, line: FlowLine) -> FlowLine:
        if not line.member:
            return line
        heads = (x for x in self.items if not x.member)
        return next((x for x in heads if line.flow in x.flows), line)

    def action_pause(self) -> None:
        """Hold the picture, or go on with the newest."""
        self.paused = not self.paused
        if not self.paused and self._newest is not None:
            self._take(self._newest)
        self._tell()

    def action_problem(self, step: int) -> None:
        """To the next line with a trouble, round the end if need be."""
        count = len(self._shown)
        for away in range(1, count + 1):
            row = (self._row + step * away) % count
            if self._shown[row].gravity and not self._shown[row].closed:
                self._go(row)
                return

    def action_open(self) -> None:
        line = self.selected
        if line is not None:
            self.post_message(self.FlowOpened(self, line.flow, line.flows))


def _nothing(table: FlowTable) -> str:
    """An empty list is no good news where only a part could be looked at."""
    if not table.unseen:
        return "no connection is open"
    return f"no connection is open where netwiz may look; {table.unseen[0]}"


def _joined(parts: Sequence[Line]) -> Line:
    line: list[Piece] = []
    for part in parts:
        line += [(" · ", "dim"), *part] if line else part
    return tuple(line)


def _counted(table: FlowTable, lines: Sequence[FlowLine]) -> list[Piece]:
    flows = "1 flow" if table.total == 1 else f"{table.total} flows"
    if table.left_out > 0:
        flows += f", the {table.total - table.left_out} busiest shown"
    parts: list[Piece] = [(flows, "")]
    troubled = sum(x.troubled for x in lines if not (x.member or x.closed))
    if troubled:
        parts.append((f"{troubled} in trouble", "bad"))
    if table.unseen:
        many = len(table.unseen)
        parts.append((f"{many} not seen" if many > 1 else table.unseen[0], "odd"))
    return parts
