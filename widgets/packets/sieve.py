"""Which rows of the ring are in view: a filter that works in small slices.

A filter over a hundred thousand rows takes half a second or more. It is given a few
milliseconds at a time, so that keys are answered meanwhile; rows that come in the
meantime are looked at by the same pass, after the older ones.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from netwiz.probes.facts.packets import Level
from netwiz.widgets.filtering import Filter
from netwiz.widgets.packets.ends import Ends, split_end
from netwiz.widgets.packets.store import PacketStore

STRIDE = 64
"""Rows between two looks at the clock."""

Words = tuple[int, str, str, str]
"""Tap, source, destination and text of a row."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to stay in view; all of it has to hold."""

    errors: bool = False
    """Only what is odd or worse."""
    pattern: str = ""
    """Words, or a regular expression, over ends, names and text."""
    stream: tuple[str, str] | None = None
    """Only what goes between these two ends, and what is said about it."""
    tap: int | None = None
    """Only what this tap saw."""

    def __bool__(self) -> bool:
        return bool(self.errors or self.pattern or self.stream or self.tap is not None)


class Sieve:
    """The places of the rows in view, in order."""

    def __init__(self, store: PacketStore, ends: Ends) -> None:
        self._store = store
        self._ends = ends
        self.taps: Sequence[str] = ()
        """Names of the taps: they can be looked for as well."""
        self.wanted = Wanted()
        self._filter = Filter()
        self._found = array("Q")
        self._numbers: set[int] = set()
        self._looked = 0

    def __len__(self) -> int:
        return len(self._found) if self.wanted else self._store.end - self._base

    def __getitem__(self, index: int) -> int:
        """The place of the row with this index in view."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._found[index] if self.wanted else self._base + index

    @property
    def _base(self) -> int:
        return self._store.first

    @property
    def left(self) -> int:
        """Rows that were not looked at yet."""
        return self._store.end - self._looked if self.wanted else 0

    @property
    def progress(self) -> float:
        """How much of the ring was looked at, from 0 to 1."""
        kept = len(self._store)
        return 1.0 - self.left / kept if kept else 1.0

    def set(self, wanted: Wanted) -> None:
        """Choose anew; nothing is in view until `work` has looked."""
        self.wanted = wanted
        self._filter = Filter(wanted.pattern)
        self._found = array("Q")
        self._numbers.clear()
        self._looked = self._store.first
        if wanted == Wanted(errors=True):
            # The ring knows these by heart.
            self._found = array("Q", self._store.odd)
            self._looked = self._store.end

    def again(self) -> None:
        """The same, after names have changed."""
        self.set(self.wanted)

    def index_of(self, place: int) -> int:
        """Index in view of a place, or of the next one in view."""
        if self.wanted:
            return bisect_left(self._found, place)
        return min(max(place - self._base, 0), len(self))

    def trim(self) -> int:
        """Leave out what is not kept any more; how many rows left the view."""
        first = self._store.first
        self._looked = max(self._looked, first)
        gone = bisect_left(self._found, first)
        if gone:
            del self._found[:gone]
        if len(self._numbers) > self._store.limit:
            oldest = self._store.number(first) if len(self._store) else 0
            self._numbers = {number for number in self._numbers if number >= oldest}
        return gone

    def work(self, seconds: float) -> bool:
        """Look at more rows, at most so long; True when all were looked at."""
        if not self.wanted:
            return True
        until = perf_counter() + seconds
        while self._looked < self._store.end:
            stop = min(self._looked + STRIDE, self._store.end)
            for place in range(self._looked, stop):
                if self._passes(place):
                    self._found.append(place)
            self._looked = stop
            if perf_counter() >= until:
                break
        return self._looked >= self._store.end

    def _passes(self, place: int) -> bool:
        wanted = self.wanted
        if wanted.errors and self._store.level(place) < Level.ODD:
            return False
        if not (wanted.pattern or wanted.stream or wanted.tap is not None):
            return True
        words = self._store.words(place)
        if wanted.tap is not None and words[0] != wanted.tap:
            return False
        if wanted.stream and not self._of_stream(place, words[1:3], wanted.stream):
            return False
        return not wanted.pattern or self.matches(words, self._filter)

    def _of_stream(
        self, place: int, between: tuple[str, str], ends: tuple[str, str]
    ) -> bool:
        if between not in (ends, ends[::-1]):
            # What has no ports may still speak of a packet that is in view.
            bare = not split_end(between[0])[1]
            row = self._store.row(place) if bare else None
            if row is None or row.about not in self._numbers:
                return False
        self._numbers.add(self._store.number(place))
        return True

    def matches(self, words: Words, pattern: Filter) -> bool:
        """Whether a row has a pattern in what is shown of it, or in its addresses."""
        number, source, destination, text = words
        tap = self.taps[number] if number < len(self.taps) else ""
        ends = self._ends.words(source, destination)
        return pattern.matches(f"{ends} {tap} {text}")

    def find(self, index: int, step: int, pattern: Filter, seconds: float) -> int:
        """The next row in view from `index` on that has a pattern.

        Returns:
            Its index; -1 when there is none; where it got to, as ``-2 - index``, when
            the time was over before.
        """
        until = perf_counter() + seconds
        while 0 <= index < len(self):
            if self.matches(self._store.words(self[index]), pattern):
                return index
            index += step
            if index % STRIDE == 0 and perf_counter() >= until:
                return -2 - index if 0 <= index < len(self) else -1
        return -1
