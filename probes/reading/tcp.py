"""TCP as people read it: what was sent again, what is missing, who closes (RFC 9293).

State is kept for each tap on its own, so that the copy of a packet at the next tap is
no retransmission. On a tap for all devices of a namespace the same packet passes
several of them within microseconds; it is known by its IP identification, which Linux
counts up with every packet of a connection, also when it sends data again. Where there
is none (IPv6, or 0) the same data within `_COPY_NS` is taken for the same packet.
"""

from __future__ import annotations

from netwiz.probes.reading import headers
from netwiz.probes.reading.flows import (
    HALF_OF_ALL,
    OPEN,
    RESET,
    Hole,
    M,
    Recent,
    Side,
)
from netwiz.probes.reading.opening import Openings
from netwiz.probes.reading.packet import Packet
from netwiz.probes.reading.protocols import STARTS
from netwiz.probes.reading.speech import Words
from netwiz.probes.reading.waits import Absence, Waits
from netwiz.probes.reading.words import (
    NOTE,
    ODD,
    PLAIN,
    PROBLEM,
    TCP,
    Told,
    amount,
    lapse,
    ordinal,
)

FIN, SYN, RST, ACK = 1, 2, 4, 16
_ACKNOWLEDGES: Told = (TCP, PLAIN, "ack", 0)
_COPY_NS = 5_000_000
_COPY_ID_NS = 100_000_000
"""With the same identification; real repeats come after 200 ms (Linux' RTO minimum)."""
_REORDER_NS = 3_000_000
_MOST_HOLES = 16
_DUPLICATES = 3
"""Duplicate ACKs after which data is sent again at once (RFC 5681, 3.2)."""
_DESPERATE = 4
"""From so many repeats of the same data on, a way is broken rather than lossy."""
_EARLY_NS = 150_000_000
"""A repeat after less was no time-out's (200 ms at least on Linux)."""
_SHUT_NS = 1_000_000_000
_STUCK_NS = 500_000_000
"""A window that is closed for less belongs to a reader that is merely slower."""
_DEFAULT_MSS = 1400


class Tcp:
    """Reads segments. One for all taps of a capture."""

    __slots__ = ("_openings", "_recent", "_waits", "_words", "epoch")

    def __init__(self, openings: Openings, words: Words, waits: Waits) -> None:
        self._waits = waits
        self.epoch = 0
        """Counted up when packets were missed: what was known counts no more."""
        self._recent = Recent()
        self._openings = openings
        self._words = words

    def read(self, side: Side, packet: Packet, offset: int) -> Told:
        """One segment, whose header's data offset (and what is beside it) is given."""
        packet.start = start = packet.at + (offset >> 4) * 4
        packet.length = length = packet.end - start
        ack = packet.ack
        if (
            packet.flags & 0x07
            or packet.seq != side.next
            or side.epoch != self.epoch
            or not packet.window
            or side.shut_ns
            or length < 0
            or (ack == side.acked and not length)
        ):
            return self._careful(side, packet)
        side.acked = ack
        side.window = packet.window
        side.last_ns = packet.at_ns
        side.duplicates = 0
        if length:
            return self._data(side, packet)
        side.ident = packet.ident
        if side.flow.state < OPEN:
            return self._openings.opened(side)
        return _ACKNOWLEDGES

    def _data(self, side: Side, packet: Packet) -> Told:
        """Data that comes next."""
        length, ident, seq = packet.length, packet.ident, packet.seq
        side.next = (seq + length) & M
        side.sent += length
        recent = self._recent.young
        recent[side.base + seq] = (packet.number, packet.at_ns, ident)
        if len(recent) > Recent.MOST:
            self._recent.turn()
        # One packet here may be many further on, with an identification each (GSO).
        if length > side.mss and ident > 0:
            ident = (ident + (length - 1) // side.mss) & 0xFFFF
        side.ident = ident
        flow = side.flow
        flow.state = max(flow.state, OPEN)
        speech = flow.speech
        if speech is None:
            start = packet.start
            begin = STARTS.get(packet.data[start : start + 3], flow.expects)
            if begin is None:
                return TCP, PLAIN, f"{length} B", 0
            speech = begin(self._words, side, packet)
            if speech is None:
                flow.expects = None
                return TCP, PLAIN, f"{length} B", 0
            flow.speech = speech
        return speech.heard(side, packet)

    def _careful(self, side: Side, packet: Packet) -> Told:
        """Everything that is not the next piece of data or its acknowledgement."""
        flags = packet.flags
        if packet.length < 0:
            return TCP, ODD, "a TCP header longer than its packet", 0
        if flags & SYN:
            if flags & (RST | FIN):
                return TCP, ODD, "SYN with RST or FIN: no TCP stack sends that", 0
            most = headers.mss(packet.data, packet.at, packet.start) or _DEFAULT_MSS
            if flags & ACK:
                return self._openings.accepts(side, packet, most, self.epoch)
            return self._openings.asks(side, packet, most, self.epoch)
        if flags & RST:
            return self._openings.resets(side, packet)
        if side.next < 0 or side.epoch != self.epoch:
            side.learn(self.epoch, packet)
        missing = 0
        if ahead := (packet.seq - side.next) & M:
            if ahead >= HALF_OF_ALL:
                return self._behind(side, packet, M + 1 - ahead)
            missing = self._skip(side, packet, ahead)
        told = self._next(side, packet)
        if missing:
            kind, level, text, about = told
            text = f"{text}; {amount(missing)} before it not seen"
            return kind, max(level, NOTE), text, about
        return told

    def _next(self, side: Side, packet: Packet) -> Told:
        """A segment at its place: what of it deserves a word."""
        told: Told
        length, flags = packet.length, packet.flags
        if length:
            told = self._data(side, packet)
        elif side.flow.state < OPEN:
            told = self._openings.opened(side)
        elif flags & FIN or packet.ack != side.acked:
            told = _ACKNOWLEDGES
        else:
            told = _acknowledges_again(side, packet)
        if packet.ack != side.acked:
            side.duplicates = 0
        side.acked = packet.ack
        side.last_ns = packet.at_ns
        if not length and packet.newer_than(side.ident):
            side.ident = packet.ident
        if flags & FIN:
            return _closes(side, packet, told)
        if not packet.window and not side.shut_ns:
            self._waits.add(packet.at_ns + _SHUT_NS, Shut(side, packet.at_ns))
        told = _window(side, packet, told)
        side.window = packet.window
        return told

    def _skip(self, side: Side, packet: Packet, ahead: int) -> int:
        """Note that something before it did not come; how much that is."""
        if len(side.holes) < _MOST_HOLES:
            hole = (side.next, packet.seq, packet.at_ns, max(packet.ident, 0))
            side.holes = (*side.holes, hole)
        side.next = packet.seq
        side.sent += ahead
        side.lost()
        return ahead

    def _behind(self, side: Side, packet: Packet, back: int) -> Told:
        """A segment whose place has been passed already."""
        length, fin = packet.length, packet.flags & FIN
        known = self._recent.get(side.base + packet.seq)
        if back == 1 and length <= 1 and not fin:
            return _probes(side, packet)
        if not length and not fin:
            return _ACKNOWLEDGES
        if hole := _fill(side, packet):
            late_ns = packet.at_ns - hole[2]
            if _overtaken(packet, hole):
                text = f"{length} B out of order ({lapse(late_ns)} late)"
                return TCP, NOTE, text, 0
            self._advance(side, packet, known)
            text = f"sends {amount(length)} again that got lost before"
            return TCP, ODD, f"{text} ({lapse(late_ns)} ago)", 0
        if _same_packet(side, packet, known):
            about = known[0] if known else 0
            return TCP, PLAIN, "the same packet again, further on its way", about
        return self._repeats(side, packet, known)

    def _repeats(
        self, side: Side, packet: Packet, known: tuple[int, int, int] | None
    ) -> Told:
        """Data, or the end, that was sent before."""
        seq, length, at_ns = packet.seq, packet.length, packet.at_ns
        times = side.repeats[1] + 1 if side.repeats[0] == seq else 1
        side.repeats = (seq, times, at_ns)
        last_ns = side.last_ns
        self._advance(side, packet, known)
        number, first_ns, _ = known or (0, 0, 0)
        since = f", {lapse(at_ns - first_ns)} after the first" if number else ""
        what = f"sends {amount(length)} again" if length else "closes again"
        peer = side.peer
        end = (seq + length + (packet.flags & FIN)) & M
        if peer.acked >= 0 and (peer.acked - end) & M < HALF_OF_ALL:
            return TCP, NOTE, f"{what} though acknowledged{since}", number
        if times == 1 and peer.duplicates >= _DUPLICATES:
            return TCP, ODD, f"{what}: the other side misses it{since}", number
        passed_ns = at_ns - (first_ns or last_ns)
        if times == 1 and passed_ns < _EARLY_NS:
            # Sent to learn whether the last segment came (RFC 8985, 7.3): whoever was
            # slow to acknowledge for some milliseconds causes that, too.
            return TCP, NOTE, f"{what}: its ack is late{since}", number
        level = PROBLEM if times >= _DESPERATE else ODD
        return TCP, level, f"{what} ({ordinal(times + 1)} time{since})", number

    def _advance(
        self, side: Side, packet: Packet, known: tuple[int, int, int] | None
    ) -> None:
        """Take in what a repeated segment brings beyond what was known."""
        number, at_ns, _ = known or (packet.number, packet.at_ns, 0)
        key = side.base + packet.seq
        self._recent.young[key] = (number, at_ns, packet.ident)
        end = (packet.seq + packet.length) & M
        more = (end - side.next) & M
        if 0 < more < HALF_OF_ALL:
            side.next = end
            side.sent += more
            side.lost()
        side.last_ns = packet.at_ns
        side.acked = packet.ack
        side.ident = packet.ident


def _same_packet(
    side: Side, packet: Packet, known: tuple[int, int, int] | None
) -> bool:
    """Whether this is no repeat but a copy, taken at another device."""
    seen_ns = known[1] if known else side.last_ns
    if packet.ident > 0:
        if known and known[2] == packet.ident:
            return True
        passed_ns = packet.at_ns - side.last_ns
        return not packet.newer_than(side.ident) and passed_ns < _COPY_ID_NS
    if side.repeats[0] == packet.seq:
        seen_ns = max(seen_ns, side.repeats[2])
    return packet.at_ns - seen_ns < _COPY_NS


class Shut:
    """A window that was closed: somebody waits for it to open again."""

    __slots__ = ("_began_ns", "_epoch", "_side")

    def __init__(self, side: Side, began_ns: int) -> None:
        self._side = side
        self._began_ns = began_ns
        self._epoch = side.epoch

    def due(self, now_ns: int) -> tuple[Absence | None, int]:
        """See `netwiz.probes.reading.waits.Waited`."""
        side = self._side
        if side.shut_ns != self._began_ns or side.epoch != self._epoch:
            return None, 0
        if side.flow.state == RESET or side.peer.fin:
            return None, 0
        text = f"does not read: its window is full for {lapse(now_ns - side.shut_ns)}"
        tap, ends = side.flow.tap, (side.source, side.destination)
        return Absence(tap, *ends, text, 0, "full windows", ODD), 0


def _fill(side: Side, packet: Packet) -> Hole | None:
    """The hole that a segment fills, which is none any more after it."""
    for index, hole in enumerate(side.holes):
        begin, end, at_ns, ident = hole
        offset = (packet.seq - begin) & M
        size = (end - begin) & M
        if offset >= size:
            continue
        rest: list[Hole] = []
        if offset:
            rest.append((begin, packet.seq, at_ns, ident))
        after = (packet.seq + packet.length) & M
        if offset + packet.length < size:
            rest.append((after, end, at_ns, ident))
        side.holes = (*side.holes[:index], *rest, *side.holes[index + 1 :])
        return hole
    return None


def _overtaken(packet: Packet, hole: Hole) -> bool:
    """Whether a packet was only slower than the next, by identification or time."""
    if packet.ident > 0 and hole[3] > 0:
        return not packet.newer_than(hole[3])
    return packet.at_ns - hole[2] < _REORDER_NS


def _acknowledges_again(side: Side, packet: Packet) -> Told:
    """An acknowledgement of what was acknowledged before."""
    peer = side.peer
    outstanding = (peer.next - packet.ack) & M
    if (
        peer.next < 0
        or not 0 < outstanding < HALF_OF_ALL
        or packet.window != side.window
        or not packet.newer_than(side.ident)
        # Without an identification a copy cannot be told from a duplicate.
        or (packet.ident <= 0 and packet.at_ns - side.last_ns < _COPY_NS)
    ):
        return _ACKNOWLEDGES
    side.duplicates += 1
    if side.duplicates != _DUPLICATES:
        return TCP, PLAIN, "ack of the same again", 0
    return TCP, ODD, f"misses data: the same ack for the {_DUPLICATES}rd time", 0


def _probes(side: Side, packet: Packet) -> Told:
    """A segment before the next byte: is anybody, or any room, there?"""
    peer = side.peer
    if peer.shut_ns:
        return TCP, PLAIN, "asks whether there is room by now", 0
    at_ns = packet.at_ns
    count, first_ns, last_ns = side.probed
    if count and at_ns - last_ns < _COPY_ID_NS:
        return TCP, PLAIN, "keep-alive", 0
    if not count or peer.last_ns > last_ns:
        count, first_ns = 0, at_ns
    side.probed = (count + 1, first_ns, at_ns)
    if not count:
        return TCP, PLAIN, "keep-alive", 0
    text = f"keep-alive, the {ordinal(count + 1)} without an answer"
    return TCP, ODD, f"{text} ({lapse(at_ns - first_ns)})", 0


def _closes(side: Side, packet: Packet, told: Told) -> Told:
    kind, level, text, about = told
    side.next = (side.next + 1) & M
    side.fin = True
    peer = side.peer
    words = "closes, too" if peer.fin else "closes"
    if side.flow.client is not None:
        words = f"{words} (sent {amount(side.sent)}, got {amount(peer.sent)})"
    words = f"{text}; {words}" if packet.length else words
    return kind if packet.length else TCP, max(level, NOTE), words, about


def _window(side: Side, packet: Packet, told: Told) -> Told:
    """Add what a window says that is closed, or open again."""
    kind, level, text, about = told
    before = f"{text}; " if packet.length else ""
    shut_ns = packet.at_ns - side.shut_ns
    if not packet.window:
        if not side.shut_ns:
            side.shut_ns = packet.at_ns
            text = f"{before}window full: reads no more for now"
            return kind, max(level, NOTE), text, about
        level = max(level, ODD) if shut_ns > _STUCK_NS else level
        return kind, level, f"{before}window still full ({lapse(shut_ns)})", about
    if side.shut_ns:
        side.shut_ns = 0
        text = f"{before}window open again after {lapse(shut_ns)}"
        return kind, max(level, NOTE), text, about
    return told
