"""What is remembered of TCP connections: per tap, bounded, forgotten oldest first.

A table has two generations. Whoever speaks moves to the young one; when that is full,
the old one is dropped and the young one becomes old. That forgets those who were silent
longest, as an LRU list would, without any work per packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from netwiz.probes.reading.headers import PORTS
from netwiz.probes.reading.packet import Packet
from netwiz.probes.reading.words import ends_of

if TYPE_CHECKING:
    from netwiz.probes.reading.speech import Begin, Speech

MOST_FLOWS = 20_000
M = 0xFFFFFFFF
"""Sequence numbers go round at 32 bits (RFC 9293, 3.4)."""
HALF_OF_ALL = 0x80000000
"""A difference from here on means: it lies behind."""

UNKNOWN, ASKED, ACCEPTED, OPEN, RESET = range(5)
"""A flow's state; UNKNOWN began before the capture did."""


Hole = tuple[int, int, int, int]


class Side:
    """One direction of a connection, on one tap."""

    __slots__ = (
        "acked",
        "base",
        "destination",
        "duplicates",
        "epoch",
        "fin",
        "flow",
        "holes",
        "ident",
        "key",
        "last_ns",
        "left",
        "mss",
        "next",
        "peer",
        "probed",
        "repeats",
        "sent",
        "shut_ns",
        "source",
        "stash",
        "window",
    )
    peer: Side

    def __init__(
        self, flow: Flow, key: bytes, ends: tuple[str, str], base: int
    ) -> None:
        self.flow = flow
        self.key = key
        """Both addresses, then both ports, as they are in the packet."""
        self.source, self.destination = ends
        self.base = base
        """Makes a sequence number unique over all sides: see `Recent`."""
        self.fresh(0)

    def fresh(self, epoch: int) -> None:
        """Know nothing."""
        self.epoch = epoch
        self.next = -1
        """The sequence number that comes next; -1: not known."""
        self.acked = -1
        self.ident = -1
        self.last_ns = 0
        self.sent = 0
        self.fin = False
        self.shut_ns = 0
        """Since when its window is closed; 0: it is not."""
        self.mss = 1400
        self.duplicates = 0
        self.window = -1
        self.repeats = (-1, 0, 0)
        """A sequence number, how often it was sent again, and when last."""
        self.probed = (0, 0, 0)
        """Keep-alives sent without an answer, when the first and the last."""
        self.holes: tuple[Hole, ...] = ()
        """Pieces that did not come: from, to, when missed, identification then."""
        self.left = 0
        """Bytes until the next record begins; -1: not known."""
        self.stash = b""
        """The beginning of a message that is not complete."""

    def learn(self, epoch: int, packet: Packet) -> None:
        """Begin in the middle: from this segment on all is known."""
        self.epoch = epoch
        skipped = (packet.seq - self.next) & M if self.next >= 0 else 0
        if skipped < HALF_OF_ALL:
            self.sent += skipped
        self.next = packet.seq
        self.acked = packet.ack
        self.ident = packet.ident
        self.window = packet.window
        self.duplicates = 0
        self.holes = ()
        self.shut_ns = 0
        self.probed = (0, 0, 0)
        self.repeats = (-1, 0, 0)
        self.lost()

    def lost(self) -> None:
        """Something that it said is missing."""
        self.left = -1
        self.stash = b""
        if self.flow.speech is not None:
            self.flow.speech.lost(self)

    @property
    def address(self) -> bytes:
        """Whose side it is."""
        return self.key[: 4 if len(self.key) == 12 else 16]

    @property
    def port(self) -> int:
        """The port on its own end."""
        return int(PORTS(self.key, len(self.key) - 4)[0])


class Flow:
    """A connection on one tap."""

    __slots__ = (
        "began_ns",
        "client",
        "epoch",
        "expects",
        "first",
        "over",
        "said",
        "speech",
        "state",
        "syn_ns",
        "syn_number",
        "syns",
        "tap",
    )

    def __init__(self, tap: int, key: bytes, base: int) -> None:
        half = 4 if len(key) == 12 else 16
        turned = b"".join(
            (key[half : 2 * half], key[:half], key[-2:], key[2 * half : 2 * half + 2])
        )
        self.tap = tap
        self.expects: Begin | None = None
        """Who may read it by its port, if its first bytes do not tell."""
        ends = ends_of(key)
        self.first = Side(self, key, ends, base)
        self.first.peer = Side(self, turned, ends[::-1], base + (1 << 32))
        self.first.peer.peer = self.first
        self.fresh(UNKNOWN, 0)

    @property
    def untouched(self) -> bool:
        """Whether nothing is known of it yet."""
        return (
            self.state == UNKNOWN and self.first.next < 0 and self.first.peer.next < 0
        )

    def fresh(self, state: int, at_ns: int) -> None:
        """Begin anew: the ends are used by a new connection."""
        self.state = state
        self.client: Side | None = None
        """Who asked for it; None when that was not seen."""
        self.began_ns = at_ns
        self.syn_ns = at_ns
        self.syn_number = 0
        self.syns = 0
        self.said = 0
        """How often it was said that nobody answers."""
        self.epoch = 0
        self.over = False
        """Its end was announced: an alert of TLS."""
        self.speech: Speech | None = None


K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """A dictionary of two generations: never more than about `most` entries."""

    __slots__ = ("_half", "_old", "young")

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self.young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """What is there."""
        found = self.young.get(key)
        return self._old.get(key) if found is None else found

    def put(self, key: K, value: V) -> None:
        """Keep it for at least half as many entries as there may be."""
        self.young[key] = value
        if len(self.young) > self._half:
            self._old = self.young
            self.young = {}

    def pop(self, key: K) -> V | None:
        """What is there, and forget it."""
        old = self._old.pop(key, None)
        found = self.young.pop(key, None)
        return old if found is None else found

    def tables(self) -> tuple[dict[K, V], dict[K, V]]:
        """Both generations, the young one first."""
        return self.young, self._old

    def clear(self) -> None:
        """Forget all."""
        self.young = {}
        self._old = {}

    def __len__(self) -> int:
        return len(self.young) + len(self._old)


class Flows:
    """All connections of all taps."""

    __slots__ = ("_base", "_count", "_half", "_old", "young")

    def __init__(self, most: int = MOST_FLOWS) -> None:
        self._half = max(1, most // 2)
        self._base = 0
        self._count = 0
        self.young: dict[int, dict[bytes, Side]] = {}
        """Of each tap, sides by key: to be looked into directly, for speed."""
        self._old: dict[int, dict[bytes, Side]] = {}

    def __len__(self) -> int:
        """Connections that are remembered (some may be counted twice)."""
        tables = (*self.young.values(), *self._old.values())
        return sum(map(len, tables)) // 2

    def find(self, tap: int, key: bytes) -> Side | None:
        """The side with that key; it counts as having spoken."""
        sides = self.young.get(tap)
        if sides is not None:
            found = sides.get(key)
            if found is not None:
                return found
        older = self._old.get(tap)
        found = older.get(key) if older else None
        if found is not None:
            self._keep(found.flow)
        return found

    def make(self, tap: int, key: bytes) -> Side:
        """A connection that was not known."""
        self._base += 1 << 33
        flow = Flow(tap, key, self._base)
        self._keep(flow)
        return flow.first

    def _keep(self, flow: Flow) -> None:
        sides = self.young.setdefault(flow.tap, {})
        sides[flow.first.key] = flow.first
        peer = flow.first.peer
        sides.setdefault(peer.key, peer)
        self._count += 1
        if self._count > self._half:
            self._count = 0
            self._old = self.young
            self.young = {}


Sent = tuple[int, int, int]
"""Number of a packet, when it was seen, its IP identification."""


class Recent:
    """Which packet brought a piece of data: bounded over all connections together."""

    MOST = 8192
    __slots__ = ("_old", "young")

    def __init__(self) -> None:
        self.young: dict[int, Sent] = {}
        """By side and sequence number (`Side.base` + sequence)."""
        self._old: dict[int, Sent] = {}

    def get(self, key: int) -> Sent | None:
        """Who brought it last."""
        return self.young.get(key) or self._old.get(key)

    def turn(self) -> None:
        """To be called when `young` has more than `MOST` entries."""
        self._old = self.young
        self.young = {}
