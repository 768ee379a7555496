"""The map on the screen: a list whose rows are the map's, with live marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netwiz.widgets.filtering import Filter
from netwiz.widgets.lines import Line
from netwiz.widgets.list_pane import ListPane
from netwiz.widgets.topology.drawing import Drawing, Spark
from netwiz.widgets.topology.numbers import both_ways
from netwiz.widgets.topology.plan import MapRow, RowKind
from netwiz.widgets.topology.pulse import Pulses

if TYPE_CHECKING:
    from netwiz.probes.facts.traffic import Traffic


class TopologyView(ListPane[MapRow]):
    """Rows of the map; fed with a plan now and then, with readings all the time."""

    def __init__(self, spark: Spark, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._pulses = Pulses()
        self._drawing = Drawing(self._pulses, spark)

    def note(self, traffic: Traffic) -> None:
        """Take a reading in; only rows that look different are painted."""
        self._pulses.note(traffic)
        self._redraw()

    def key_of(self, item: MapRow) -> str:
        return f"{item.kind.value}/{item.key}"

    def text_of(self, item: MapRow) -> str:
        return item.text

    def kept(self, items: Sequence[MapRow], wanted: Filter) -> Sequence[MapRow]:
        """A network stays as long as one of its containers does."""
        stations = [
            row
            for row in items
            if row.kind is RowKind.CONTAINER and wanted.matches(row.text)
        ]
        used = {stop.line for row in stations for stop in row.stops}
        left = {row.key for row in stations}
        return [
            row
            for row in items
            if not wanted
            or row.key in (used if row.kind is RowKind.NETWORK else left)
            or (row.kind is not RowKind.CONTAINER and wanted.matches(row.text))
        ]

    def draw(self, items: Sequence[MapRow], width: int) -> list[Line]:
        return self._drawing.draw(items, width)

    def picture(self, width: int = 140) -> list[Line]:
        """The whole map, for a file."""
        return self._drawing.draw(self._shown, width)

    def about(self, row: MapRow) -> str:
        """All that is known of a row, for the border."""
        pulse = self._drawing.pulse_of(row)
        words = [row.name, row.words, row.trouble, *row.ports]
        if pulse is not None:
            words.append(both_ways(pulse.into, pulse.out) or "quiet")
            words += [f"{pulse.errors} errors", f"{pulse.dropped} dropped"]
        return " · ".join(word for word in words if word)
