"""What one container wrote and nobody has told yet: bounded, and honest about it. Pure.

A program may write faster than a person reads, or than a terminal paints. Then the
newest lines are kept, the others are counted, and of those the ones with a network
error are kept all the same, as far as the bounds below allow.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from netwiz.probes.logs.frames import RawLine
from netwiz.probes.logs.neterror_words import may_tell_of
from netwiz.probes.logs.neterrors import looks_like_network_error

BURST = 3000
"""Lines that a container may write at once and still be told in full."""
RATE = 300
"""Lines a second that are told of it after that, the newest ones."""
FLOOD_S = 0.5
"""So often is told what a flooding container writes."""
MAX_ERRORS = 100
"""Lines with network errors that a flood cannot wash away, per `FLOOD_S`."""
MAX_LOOKS = 400
"""Lines looked at for that; what is beyond is counted as having the words of one."""


@dataclass
class Told:
    """What is to be told of one container now."""

    lines: list[RawLine]
    skipped: int = 0
    skipped_errors: int = 0
    errors: list[RawLine] = field(default_factory=list)
    """Of what was skipped: these are told after all, and not counted as skipped."""


class Intake:
    """Lines that wait, and what was skipped of them."""

    def __init__(self, now: float = 0.0) -> None:
        self._lines: deque[RawLine] = deque()
        self._errors: list[RawLine] = []
        self._skipped = 0
        self._skipped_errors = 0
        self._looks = 0
        self._credit = float(BURST)
        self._at = now
        self._told_at = now - FLOOD_S

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def flooded(self) -> bool:
        """Whether something was skipped that is not told yet."""
        return self._skipped > 0

    def put(self, lines: list[RawLine], now: float) -> None:
        """Take lines in; the oldest go where they are too many."""
        self._lines.extend(lines)
        excess = len(self._lines) - self.allowed(now)
        if excess > 0:
            self._skip([self._lines.popleft() for _ in range(excess)])

    def allowed(self, now: float) -> int:
        """How many lines may wait now: the credit, which comes back with time."""
        self._credit = min(self._credit + (now - self._at) * RATE, BURST)
        self._at = now
        return max(int(self._credit), int(RATE * FLOOD_S))

    def due(self, now: float) -> bool:
        """Whether it is to be told of now; a flood is told of in portions."""
        if not self._lines and not self._skipped:
            return False
        return not self._skipped or now - self._told_at >= FLOOD_S

    def take(self, now: float, limit: int) -> Told:
        """What is to be told now, of its own lines not more than `limit`."""
        if len(self._lines) > limit:
            excess = len(self._lines) - limit
            self._skip([self._lines.popleft() for _ in range(excess)])
        told = Told(
            list(self._lines), self._skipped, self._skipped_errors, self._errors
        )
        self._credit = max(self._credit - len(self._lines), 0.0)
        self._lines.clear()
        self._errors = []
        self._skipped = self._skipped_errors = self._looks = 0
        self._told_at = now
        return told

    def _skip(self, lines: list[RawLine]) -> None:
        self._skipped += len(lines)
        candidates = may_tell_of([line for _, line in lines])
        for place in candidates:
            if self._looks >= MAX_LOOKS or len(self._errors) >= MAX_ERRORS:
                self._skipped_errors += 1
                continue
            self._looks += 1
            stream, line = lines[place]
            if looks_like_network_error(line.decode("utf-8", "replace")):
                self._errors.append((stream, line))
                self._skipped -= 1
