"""One flow over time: its two sockets, its counters, its short history."""

from __future__ import annotations

from array import array

from netwiz.probes.facts.flows import FlowEnd
from netwiz.probes.flows.diag import TCP, Sock
from netwiz.probes.flows.join import Joined, Seen
from netwiz.probes.flows.trouble import EndHistory

SAMPLES = 60
"""Looks that are remembered of each flow."""

SocketId = tuple[int, int]
"""Inode of the namespace and cookie: kernels before 5.6 count cookies by namespace."""


def id_of(seen: Seen) -> SocketId:
    """What tells a socket from all others, also after its ports are used again."""
    return seen[0].inode, seen[1].cookie


class Side:
    """One end of a flow: its socket now, and what is known of it for good."""

    __slots__ = ("base", "history", "id", "made", "now")

    def __init__(self) -> None:
        self.id: SocketId | None = None
        self.now: Seen | None = None
        """None once its socket is gone, or was never seen."""
        self.base: FlowEnd | None = None
        """What it is called."""
        self.made: tuple[int, bool] = (-1, False)
        """By which world, and whether its process was known, `base` was made."""
        self.history = EndHistory()

    @property
    def sock(self) -> Sock | None:
        """Its socket now."""
        return self.now[1] if self.now else None


class Entry:
    """A flow as the tracker follows it."""

    __slots__ = (
        "at",
        "began",
        "client",
        "closed",
        "first",
        "key",
        "losses",
        "protocol",
        "rates",
        "received",
        "received_rate",
        "retransmits",
        "rtts",
        "segments",
        "sent",
        "sent_rate",
        "server",
        "since",
        "total_segments",
    )

    def __init__(self, key: str, protocol: int, at: float, since: float) -> None:
        self.key = key
        self.protocol = "tcp" if protocol == TCP else "udp"
        self.client, self.server = Side(), Side()
        self.first, self.since = at, since
        self.began = False
        self.at = 0.0
        """CLOCK_MONOTONIC of the last look at its sockets; for one that began since
        the last look, of that one; 0: none yet, and nobody knows when it began."""
        self.closed = 0.0
        self.sent = self.received = 0
        self.sent_rate = self.received_rate = 0.0
        self.retransmits = self.total_segments = 0
        self.rates, self.losses = array("f"), array("f")
        self.rtts, self.segments = array("f"), array("f")

    @property
    def sides(self) -> tuple[Side, Side]:
        """Client and server."""
        return self.client, self.server

    def place(self, joined: Joined) -> list[SocketId]:
        """Take the sockets of a look; gives the ids that are new to it.

        Who is client and who server stays as it was first told: a listener that is
        closed meanwhile makes no client of a server.
        """
        self.client.now = self.server.now = None
        new: list[SocketId] = []
        for seen, usual in zip(joined, self.sides, strict=True):
            if seen is None:
                continue
            identity = id_of(seen)
            side = next((s for s in self.sides if s.id == identity), None)
            if side is None:
                other = self.server if usual is self.client else self.client
                # A socket that was replaced (its end was reopened) takes its place.
                side = usual if usual.now is None else other
                side.id, side.base = identity, None
                side.history = EndHistory()
                new.append(identity)
            side.now = seen
        return new

    def count(self) -> None:
        """Bring counters, rates and history up to date."""
        client, server = self.client.sock, self.server.sock
        at = max(s.now[0].looked_at for s in self.sides if s.now)
        sent = max(self.sent, _carried(server, client))
        received = max(self.received, _carried(client, server))
        again = max(self.retransmits, _again(client) + _again(server))
        segments = max(self.total_segments, _segments(client) + _segments(server))
        span = at - self.at
        if not self.at:
            # What was before the first look is nobody's rate.
            self._remember(0.0, 0, 0)
        elif span > 0:
            self.sent_rate = (sent - self.sent) / span
            self.received_rate = (received - self.received) / span
            lost, more = again - self.retransmits, segments - self.total_segments
            self._remember(self.sent_rate + self.received_rate, lost, more)
        self.at = at
        self.sent, self.received = sent, received
        self.retransmits, self.total_segments = again, segments
        for side in self.sides:
            if side.now:
                side.history.note(side.now[1], at)

    def _remember(self, rate: float, lost: int, segments: int) -> None:
        rtt = self.rtt_us / 1000
        for ring, value in (
            (self.rates, rate),
            (self.losses, lost),
            (self.rtts, rtt),
            (self.segments, segments),
        ):
            ring.append(value)
            if len(ring) > SAMPLES:
                del ring[0]

    @property
    def rtt_us(self) -> int:
        """Of the end that sends more: the other one's is as old as its last data."""
        return self._path()[0]

    @property
    def min_rtt_us(self) -> int:
        """The shortest that this end ever measured."""
        return self._path()[1]

    def _path(self) -> tuple[int, int]:
        best, most = None, -1
        for side in self.sides:
            info = side.now[1].info if side.now else None
            if info is not None and info.rtt_us and info.data_segments > most:
                best, most = info, info.data_segments
        return (best.rtt_us, best.min_rtt_us) if best else (0, 0)


def _carried(taker: Sock | None, giver: Sock | None) -> int:
    """Bytes that one end took from the other, by whichever was seen."""
    if taker is not None and taker.info is not None:
        return taker.info.received
    if giver is not None and giver.info is not None:
        # A SYN counts as one byte when it is acknowledged (RFC 9293, 3.4).
        return max(giver.info.acked - 1, 0)
    return 0


def _again(sock: Sock | None) -> int:
    return sock.info.total_retrans if sock and sock.info else 0


def _segments(sock: Sock | None) -> int:
    return sock.info.segments if sock and sock.info else 0
