"""What should come and has not: told when its time is over.

Each thing that is waited for says itself what to say, and when to be asked again.
A flood of them is folded: netwiz says once that nobody there answers, not a thousand
times.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Protocol

from netwiz.probes.facts.packets import Level

MOST_WAITS = 10_000
_MOST_LINES = 40
"""Lines of one call; what is beyond them is counted in the last one."""


@dataclass(frozen=True, slots=True)
class Absence:
    """What did not come: between whom, in words, and about which packet."""

    tap: int
    source: str
    destination: str
    text: str
    about: int
    what: str
    """The kind of thing, for folding many: ``connections``."""
    level: Level = Level.PROBLEM


class Waited(Protocol):
    """Something that is waited for."""

    def due(self, now_ns: int) -> tuple[Absence | None, int]:
        """What is to be said, and when to ask again (0: never)."""


class Waits:
    """All that is waited for, by when its time is over."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Waited]] = []
        self._count = 0

    def add(self, due_ns: int, thing: Waited) -> None:
        """Ask it then. In a flood some are not waited for."""
        if len(self._heap) < MOST_WAITS:
            self._count += 1
            heapq.heappush(self._heap, (due_ns, self._count, thing))

    def clear(self) -> None:
        """Wait for nothing."""
        self._heap = []

    def only(self, kind: type) -> None:
        """Wait for nothing but things of this kind."""
        self._heap = [waits for waits in self._heap if isinstance(waits[2], kind)]
        heapq.heapify(self._heap)

    def overdue(self, now_ns: int) -> list[Absence]:
        """What did not come until now, many of a kind folded into one."""
        heap = self._heap
        found: list[Absence] = []
        while heap and heap[0][0] <= now_ns:
            _, _, thing = heapq.heappop(heap)
            said, again_ns = thing.due(now_ns)
            if said is not None:
                found.append(said)
            if again_ns > now_ns:
                self.add(again_ns, thing)
        return _folded(found)


def _folded(found: list[Absence]) -> list[Absence]:
    """No more than a screen of lines: the same target's many in one."""
    if len(found) <= 3:
        return found
    groups: dict[tuple[int, str, str], list[Absence]] = {}
    for said in found:
        groups.setdefault((said.tap, said.destination, said.what), []).append(said)
    lines: list[Absence] = []
    for same in groups.values():
        if len(same) <= 3:
            lines += same
        else:
            lines.append(_many(same, same[-1].destination))
    if len(lines) > _MOST_LINES:
        rest = lines[_MOST_LINES - 1 :]
        lines[_MOST_LINES - 1 :] = [_many(rest, "")]
    return lines


def _many(same: list[Absence], destination: str) -> Absence:
    last = same[-1]
    sources = {said.source for said in same}
    source = last.source if len(sources) == 1 else ""
    text = f"the same of {len(same)} {last.what}; the last: {last.text}"
    return Absence(
        last.tap, source, destination, text, last.about, last.what, last.level
    )
