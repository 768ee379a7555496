"""What a running capture adds: counts by the ends of its packets, cheaply kept."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.flows import Captured
from netwiz.probes.facts.packets import Level, PacketKind, PacketRow

MOST_PAIRS = 4096
MOST_ROWS = 20_000
"""Rows that are counted between two looks; a capture that brings more is sampled."""
_STREAMS = (PacketKind.TCP, PacketKind.UDP, PacketKind.DNS, PacketKind.TLS)
_KINDS = frozenset((*_STREAMS, PacketKind.HTTP))
_UDP = frozenset((PacketKind.UDP, PacketKind.DNS))
_LOOPBACK = ("127.", "[::1]:")

Pair = tuple[str, str]


@dataclass(slots=True)
class Tally:
    """Packets between two ends, as one tap saw them."""

    source: str
    """Who sent the first one that was seen: most often the client."""
    destination: str
    udp: bool
    tap: int
    first: float
    last: float
    packets: int = 0
    bytes: int = 0
    odd: int = 0

    @property
    def captured(self) -> Captured:
        """As a finding."""
        return Captured(self.packets, self.bytes, self.odd)


class CapturedPairs:
    """Counts by pair of ends, however the packets went between them."""

    def __init__(self) -> None:
        self._waiting: deque[Batch] = deque(maxlen=256)
        self.pairs: dict[Pair, Tally] = {}

    def note(self, batch: Batch) -> None:
        """Keep a batch until the next look. May be called from the event loop."""
        self._waiting.append(batch)

    def count(self, now: float) -> None:
        """Count what waits; at most MOST_ROWS of it."""
        left = MOST_ROWS
        while self._waiting and left > 0:
            batch = self._waiting.popleft()
            left -= len(batch)
            for row in batch:
                if row.kind in _KINDS and row.size and not _inside(row):
                    self._add(row, now)
        self._waiting.clear()
        while len(self.pairs) > MOST_PAIRS:
            del self.pairs[min(self.pairs, key=lambda pair: self.pairs[pair].last)]

    def _add(self, row: PacketRow, now: float) -> None:
        pair = pair_of(row.source, row.destination)
        tally = self.pairs.get(pair)
        if tally is None:
            udp = row.kind in _UDP
            tally = Tally(row.source, row.destination, udp, row.tap, now, now)
            self.pairs[pair] = tally
        tally.last = now
        # Several taps may see the same packet: the first one counts.
        if row.tap == tally.tap:
            tally.packets += 1
            tally.bytes += row.size
            tally.odd += row.level >= Level.ODD

    def find(self, *pairs: Pair) -> Captured | None:
        """The counts of the first pair that is known."""
        found = next((self.pairs[p] for p in pairs if p in self.pairs), None)
        return found.captured if found else None


def _inside(row: PacketRow) -> bool:
    """Whether it never left its namespace.

    127.0.0.11 is another one in each of them, and a row's ends do not say in which.
    """
    return row.source.startswith(_LOOPBACK) or row.destination.startswith(_LOOPBACK)


def pair_of(one: str, other: str) -> Pair:
    """The same for both directions."""
    return (one, other) if one < other else (other, one)
