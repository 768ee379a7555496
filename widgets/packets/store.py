"""The ring of packet rows: kept packed, bounded in rows and in bytes.

A row's *place* counts from 0 over all rows that ever came and never changes, so a
cursor, a mark or a filter's result stays right while the oldest rows go.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.packets import Level, PacketRow

ROWS = 100_000
BYTES = 32 * 1024 * 1024
SMALL_ROWS = 256
SMALL_BYTES = 64 * 1024
"""Batches below both are joined: on a quiet wire each would be a single row."""


class PacketStore:
    """Rows in the order in which they came; whole batches go when it is full."""

    def __init__(self, rows: int = ROWS, size: int = BYTES) -> None:
        self.limit = rows
        """How many rows are kept, as it is told to the person."""
        self.bytes_limit = size
        self._batches: list[Batch] = []
        self._starts: list[int] = []
        self._bytes = 0
        self.first = 0
        """Place of the oldest row that is kept."""
        self.end = 0
        """Place of the next row that comes."""
        self._began = 0
        self._odd = array("Q")
        self._problems = array("Q")

    def __len__(self) -> int:
        return self.end - self.first

    @property
    def size(self) -> int:
        """Bytes that the rows take."""
        return self._bytes

    @property
    def evicted(self) -> int:
        """Rows that have gone already."""
        return self.first - self._began

    @property
    def odd(self) -> array[int]:
        """Places of the rows that are odd or worse; some may have gone already."""
        return self._odd

    @property
    def problems(self) -> int:
        """How many of the kept rows say that something failed."""
        return len(self._problems) - bisect_left(self._problems, self.first)

    def add(self, batch: Batch) -> None:
        """Take rows in; as many old ones go as there is no room for."""
        if not len(batch):
            return
        for index in range(len(batch)):
            level = batch.level(index)
            if level >= Level.ODD:
                self._odd.append(self.end + index)
                if level >= Level.PROBLEM:
                    self._problems.append(self.end + index)
        self.end += len(batch)
        self._bytes += batch.size
        if self._batches and _small(self._batches[-1]) and _small(batch):
            self._batches[-1] = Batch(self._batches[-1].data + batch.data)
        else:
            self._batches.append(batch)
            self._starts.append(self.end - len(batch))
        self._make_room()

    def _make_room(self) -> None:
        gone = 0
        # The newest batch stays even if it is too large alone: it is what is looked at.
        while gone < len(self._batches) - 1 and (
            self.end - self._starts[gone] > self.limit or self._bytes > self.bytes_limit
        ):
            self._bytes -= self._batches[gone].size
            gone += 1
        if not gone:
            return
        del self._batches[:gone]
        del self._starts[:gone]
        self.first = self._starts[0]
        for places in (self._odd, self._problems):
            del places[: bisect_left(places, self.first)]

    def clear(self) -> None:
        """Forget all rows; places go on counting."""
        self._batches.clear()
        self._starts.clear()
        self._bytes = 0
        self.first = self._began = self.end
        del self._odd[:]
        del self._problems[:]

    def row(self, place: int) -> PacketRow:
        """The row at a place; raises IndexError when it is not kept."""
        batch, index = self._find(place)
        return batch.row(index)

    def words(self, place: int) -> tuple[int, str, str, str]:
        """Tap, source, destination and text of a row; raises IndexError."""
        batch, index = self._find(place)
        return batch.words(index)

    def level(self, place: int) -> int:
        """Its level, without unpacking the rest; raises IndexError."""
        batch, index = self._find(place)
        return batch.level(index)

    def number(self, place: int) -> int:
        """Its number, without unpacking the rest; raises IndexError."""
        batch, index = self._find(place)
        return batch.number(index)

    def rows(self, start: int, end: int) -> list[PacketRow]:
        """The kept rows of this range of places."""
        return [self.row(p) for p in range(max(start, self.first), min(end, self.end))]

    @property
    def batches(self) -> tuple[Batch, ...]:
        """All that is kept; a batch is never changed, so a thread may have them."""
        return tuple(self._batches)

    def place_of(self, number: int) -> int:
        """Where the packet of a number is; -1 when it is not kept.

        Numbers are counted by the reader, so they grow from row to row.
        """
        low, high = self.first, self.end
        while low < high:
            middle = (low + high) // 2
            if self.number(middle) < number:
                low = middle + 1
            else:
                high = middle
        return low if low < self.end and self.number(low) == number else -1

    def next_odd(self, place: int, step: int, least: int = Level.ODD) -> int:
        """The next place in a direction with a row of this level at least; else -1."""
        places = self._problems if least >= Level.PROBLEM else self._odd
        found = (
            bisect_right(places, place) if step > 0 else bisect_left(places, place) - 1
        )
        if 0 <= found < len(places) and places[found] >= self.first:
            return places[found]
        return -1

    def _find(self, place: int) -> tuple[Batch, int]:
        if not self.first <= place < self.end:
            raise IndexError(place)
        at = bisect_right(self._starts, place) - 1
        return self._batches[at], place - self._starts[at]


def _small(batch: Batch) -> bool:
    return len(batch) < SMALL_ROWS and batch.size < SMALL_BYTES
