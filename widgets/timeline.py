"""Log lines, engine events and notes as one bounded sequence in order of time."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING

from netwiz.probes.facts.logs import LogLevel
from netwiz.widgets.filtering import Filter

if TYPE_CHECKING:
    from netwiz.widgets.suspects import Suspect

LIMIT = 20_000
"""Lines that are kept; the oldest go first."""
MAX_WEIGHT = 24 << 20
"""Octets that they take, roughly; then the oldest go as well."""
SLACK = 20
"""A twentieth more than the limit may be kept: room is made for many lines at once."""
OVERHEAD = 400
"""Octets of a line besides its texts."""


class LiveKind(Enum):
    """Where a line comes from."""

    LOG = "log"
    EVENT = "event"
    NOTE = "note"
    """netwiz itself says something."""
    GAP = "gap"
    """netwiz says that lines of a log are missing here."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveLine:
    """A line of the Live pane; two lines are the same only if they are one object."""

    at: datetime
    source: str
    """Container name, network name, ``engine`` or ``netwiz``."""
    text: str
    kind: LiveKind = LiveKind.LOG
    container_id: str = ""
    suspect: Suspect | None = None
    level: LogLevel = LogLevel.UNKNOWN
    more: tuple[str, ...] = ()
    """The further lines of a stack trace, say."""
    cut: int = 0
    """Further lines beyond those; of a gap, all that are missing."""
    raw: str = ""
    """As it was written, where `text` is a reading of it."""
    telling: str = ""
    """The one of `more` that says most."""

    @property
    def client(self) -> str:
        """Whom the wizard would take for the client."""
        return self.source if self.container_id else ""

    @property
    def whole(self) -> str:
        """All of it, as it was written."""
        if not self.more and not self.raw:
            return self.text
        lines = [self.raw or self.text, *self.more]
        return "\n".join(lines + [f"… {self.cut} more lines"] * bool(self.cut))

    @property
    def weight(self) -> int:
        """Octets that it takes, roughly."""
        if not self.more and not self.raw:
            return OVERHEAD + len(self.text)
        more = sum(map(len, self.more)) + 60 * len(self.more)
        return OVERHEAD + len(self.text) + len(self.raw) + more


class Timeline:
    """All lines, and those of them that are in view."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.all: deque[LiveLine] = deque()
        self.view: deque[LiveLine] = deque()
        self.filter = Filter()
        self.events_only = False
        self.suspects_only = False
        self.least = LogLevel.UNKNOWN
        """Log lines below this level are left out."""
        self.since: datetime | None = None
        """What is older is left out."""
        self.chosen: Collection[str] = ()
        """Ids of the containers that are wanted; empty: all, and what has none."""
        self._weight = 0

    def __len__(self) -> int:
        return len(self.view)

    def shows(self, line: LiveLine) -> bool:
        """Whether a line is in view."""
        if self.events_only and line.kind in (LiveKind.LOG, LiveKind.GAP):
            return False
        if self.suspects_only and line.suspect is None:
            return False
        if self.chosen and line.container_id not in self.chosen:
            return False
        if self.since is not None and line.at < self.since:
            return False
        grave = line.level >= self.least or line.suspect is not None
        if not grave and line.kind is LiveKind.LOG:
            # What happened, and what is missing, has no level and stands.
            return False
        return not self.filter or self.filter.matches(searched(line))

    def extend(self, lines: Sequence[LiveLine]) -> tuple[int, bool]:
        """Take lines in.

        Returns:
            How many lines left the beginning of the view, and whether the order of
            those that stayed was kept (else rows have to be looked up anew).
        """
        lines = sorted(lines, key=_at)
        if not lines:
            return 0, True
        self._weight += sum(line.weight for line in lines)
        shown = [line for line in lines if self.shows(line)]
        ordered = not (self.all and lines[0].at < self.all[-1].at)
        if ordered:
            self.all.extend(lines)
            self.view.extend(shown)
        else:
            # Logs come a moment apart, and the tail of one that was just opened
            # belongs between older lines; most often only the end is touched.
            _merge(self.all, lines)
            ordered = _merge(self.view, shown)
        thinned = len(self.all) > self.limit + self.limit // SLACK and self._thin()
        return self._shrink(), ordered and not thinned

    def _thin(self) -> bool:
        """Take the room from whoever has the most of it; whether that was done.

        Else one container that writes without end would push out, within a minute,
        what all the others said today.
        """
        excess = len(self.all) - self.limit
        counts = Counter(x.container_id for x in self.all if x.suspect is None)
        who, most = counts.most_common(1)[0] if counts else ("", 0)
        if not who or most < self.limit // 2:
            return False
        loud = (x for x in self.all if x.container_id == who and x.suspect is None)
        gone = {id(line) for line in islice(loud, excess)}
        self._weight -= sum(line.weight for line in self.all if id(line) in gone)
        self.all = deque(line for line in self.all if id(line) not in gone)
        self.view = deque(line for line in self.view if id(line) not in gone)
        return True

    def _shrink(self) -> int:
        gone = 0
        slack = self.limit // SLACK
        while len(self.all) > self.limit + slack or (
            self._weight > MAX_WEIGHT and len(self.all) > 1
        ):
            oldest = self.all.popleft()
            self._weight -= oldest.weight
            if self.view and self.view[0] is oldest:
                self.view.popleft()
                gone += 1
        return gone

    def sift(self) -> None:
        """Choose the lines in view anew, after what is wanted has changed."""
        self.view = deque(line for line in self.all if self.shows(line))

    def row_of(self, line: LiveLine | None) -> int:
        """Row of a line, or of the next one in view that is not older; -1 for none."""
        if line is None:
            return -1
        start = bisect_left(self.view, line.at, key=_at)
        for row, other in enumerate(islice(self.view, start, None), start):
            if other is line or other.at > line.at:
                return row
        return len(self.view) - 1

    def find(self, start: int, step: int, wanted: Callable[[LiveLine], bool]) -> int:
        """The next row from `start` on that is wanted; -1 when there is none."""
        row = start
        while 0 <= row < len(self.view):
            if wanted(self.view[row]):
                return row
            row += step
        return -1


def searched(line: LiveLine) -> str:
    """What filter and search look at: also what is folded away."""
    if not line.more and not line.raw:
        return f"{line.source} {line.text}"
    return "\n".join((f"{line.source} {line.text}", line.raw, *line.more))


def _merge(into: deque[LiveLine], lines: list[LiveLine]) -> bool:
    """Put sorted lines where they belong; whether that was behind all others."""
    if not lines:
        return True
    later: list[LiveLine] = []
    while into and into[-1].at > lines[0].at:
        later.append(into.pop())
    later.reverse()
    # Of equal moments, what was there first stays first.
    into.extend(sorted([*later, *lines], key=_at) if later else lines)
    return not later


def _at(line: LiveLine) -> datetime:
    return line.at
