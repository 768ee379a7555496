"""Log lines and engine events as one bounded sequence in order of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from netwiz.widgets.filtering import Filter
from netwiz.widgets.suspects import Suspect

LIMIT = 20_000
"""Lines that are kept; the oldest go first."""


class LiveKind(Enum):
    """Where a line comes from."""

    LOG = "log"
    EVENT = "event"
    NOTE = "note"
    """netwiz itself says something."""


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

    @property
    def client(self) -> str:
        """Whom the wizard would take for the client."""
        return self.source if self.container_id else ""


class Timeline:
    """All lines, and those of them that are in view."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.all: deque[LiveLine] = deque(maxlen=limit)
        self.view: deque[LiveLine] = deque()
        self.filter = Filter()
        self.events_only = False
        self.suspects_only = False

    def __len__(self) -> int:
        return len(self.view)

    def shows(self, line: LiveLine) -> bool:
        """Whether a line is in view."""
        if self.events_only and line.kind is LiveKind.LOG:
            return False
        if self.suspects_only and line.suspect is None:
            return False
        return not self.filter or self.filter.matches(f"{line.source} {line.text}")

    def extend(self, lines: Sequence[LiveLine]) -> tuple[int, bool]:
        """Take lines in.

        Returns:
            How many lines left the beginning of the view, and whether the order of
            those that stayed was kept (else rows have to be looked up anew).
        """
        lines = sorted(lines, key=_at)
        if lines and self.all and lines[0].at < self.all[-1].at:
            # The tail of a log that was just opened belongs between older lines.
            later: list[LiveLine] = []
            while self.all and self.all[-1].at > lines[0].at:
                later.append(self.all.pop())
            self.all.extend(sorted([*reversed(later), *lines], key=_at))
            self.sift()
            return 0, False
        gone = 0
        for line in lines:
            if len(self.all) == self.all.maxlen:
                oldest = self.all[0]
                if self.view and self.view[0] is oldest:
                    self.view.popleft()
                    gone += 1
            self.all.append(line)
            if self.shows(line):
                self.view.append(line)
        return gone, True

    def sift(self) -> None:
        """Choose the lines in view anew, after what is wanted has changed."""
        self.view = deque(line for line in self.all if self.shows(line))

    def row_of(self, line: LiveLine | None) -> int:
        """Row of a line, or of the next one in view that is not older; -1 for none."""
        if line is None:
            return -1
        for row, other in enumerate(self.view):
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


def _at(line: LiveLine) -> datetime:
    return line.at
