"""One flow over time: its two sockets, its counters, its short history."""

from __future__ import annotations

from array import array

from netwiz.probes.facts.flows import FlowEnd
from netwiz.probes.flows.diag import TCP, Sock
from netwiz.probes.flows.join import Joined, Seen
from netwiz.probes.flows.trouble import EndHistory

SAMPLES = 60
"""Looks that are remembered of each flow."""

_OPEN = (1, 8)
"""ESTABLISHED and CLOSE-WAIT: the end has not sent a FIN."""
SocketId = tuple[int, int]
"""Inode of the namespace and cookie: kernels before 5.6 count cookies by namespace."""


def id_of(seen: Seen) -> SocketId:
    """What tells a socket from all others, also after its ports are used again."""
    return seen[0].inode, seen[1].cookie


class Side:
    """One end of a flow: its socket now, and what is known of it for good."""

    __slots__ = ("base", "history", "id", "look", "lost", "made", "now")

    def __init__(self) -> None:
        self.id: SocketId | None = None
        self.now: Seen | None = None
        """None once its socket is gone, or was never seen."""
        self.base: FlowEnd | None = None
        """What it is called."""
        self.made: tuple[int, bool] = (-1, False)
        """By which world, and whether its process was known, `base` was made."""
        self.history = EndHistory()
        self.look = 0
        """Number of the look at which its socket was there."""

        self.lost = 0

    def newly_lost(self) -> int:
        """Segments that it sent again since the last call, and that had to be.

        What the other one had already is taken off as soon as that is known, so the
        number may be below nought once. A busy machine sends a little too early again
        (tail loss probes, RFC 8985); that is no loss.
        """
        info = self.now[1].info if self.now else None
        if info is None:
            return 0
        before, self.lost = self.lost, info.total_retrans - info.needless
        return self.lost - before

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
        "min_rtt_us",
        "number",
        "protocol",
        "rates",
        "received",
        "received_rate",
        "retransmits",
        "rtt_us",
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
        self.number = 0
        """Of the look that was that one."""
        self.closed = 0.0
        self.sent = self.received = 0
        self.sent_rate = self.received_rate = 0.0
        self.retransmits = self.total_segments = 0
        self.rtt_us = self.min_rtt_us = 0
        self.rates, self.losses = array("f"), array("f")
        self.rtts, self.segments = array("f"), array("f")

    @property
    def sides(self) -> tuple[Side, Side]:
        """Client and server."""
        return self.client, self.server

    def place(self, joined: Joined) -> list[Side]:
        """Take the sockets of a look; gives the sides that have got another one.

        Who is client and who server stays as it was first told: a listener that is
        closed meanwhile makes no client of a server.
        """
        self.client.now = self.server.now = None
        new: list[Side] = []
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
                side.history, side.lost = EndHistory(), 0
                new.append(side)
            side.now = seen
        return new

    def count(self, number: int) -> bool:
        """Bring counters, rates and history up to date, at the look of this number.

        False when nobody looked at its sockets since: they are at rest.
        """
        client, server = self.client.sock, self.server.sock
        at = max([s.now[1].at for s in self.sides if s.now])
        if at == self.at:
            return False
        sent = max(self.sent, _took(server), _gave(client, opened=True))
        received = max(self.received, _took(client), _gave(server))
        again = max(self.retransmits, _again(client) + _again(server))
        segments = max(self.total_segments, _segments(client) + _segments(server))
        span = at - self.at
        self.rtt_us, self.min_rtt_us = self._path()
        if not self.at:
            # What was before the first look is nobody's rate, nor lost lately.
            for side in self.sides:
                side.newly_lost()
            self._remember(0.0, 0, 0)
        elif span > 0:
            self.sent_rate = (sent - self.sent) / span
            self.received_rate = (received - self.received) / span
            lost = sum(side.newly_lost() for side in self.sides)
            more = segments - self.total_segments
            for _ in range(min(number - self.number - 1, SAMPLES)):
                self._remember(0.0, 0, 0)
            self._remember(self.sent_rate + self.received_rate, lost, more)
        self.at, self.number = at, number
        self.sent, self.received = sent, received
        self.retransmits, self.total_segments = again, segments
        for side in self.sides:
            if side.now:
                side.history.note(side.now[1], at)
        return True

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

    def _path(self) -> tuple[int, int]:
        """Round trip and the shortest one, of the end that sends more.

        The other one's is as old as the last data that it sent.
        """
        best, most = None, -1
        for side in self.sides:
            info = side.now[1].info if side.now else None
            if info is not None and info.rtt_us and info.data_segments > most:
                best, most = info, info.data_segments
        return (best.rtt_us, best.min_rtt_us) if best else (0, 0)


def _took(sock: Sock | None) -> int:
    """Bytes that an end took from the other one."""
    return sock.info.received if sock and sock.info else 0


def _gave(sock: Sock | None, *, opened: bool = False) -> int:
    """Bytes of an end that the other one acknowledged.

    The SYN of the one who opened counts as a byte, and so does a FIN (RFC 9293, 3.4).
    """
    if sock is None or sock.info is None or sock.state not in _OPEN:
        return 0
    return max(sock.info.acked - opened, 0)


def _again(sock: Sock | None) -> int:
    return sock.info.total_retrans if sock and sock.info else 0


def _segments(sock: Sock | None) -> int:
    return sock.info.segments if sock and sock.info else 0
