"""One conversation, put together again: who said what, in order.

TCP is put in order by sequence numbers: what was sent again counts once, what came out
of order is put where it belongs, and what is missing is said to be. UDP is in order as
it came. Works on rows of a capture, whatever part of a conversation they have.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netwiz.probes.facts.packets import PacketRow
from netwiz.probes.reading import headers
from netwiz.probes.text import plain

MOST_BYTES = 4 * 1024 * 1024
"""Of a conversation that are put together; what is beyond is not shown."""
_M = 0xFFFFFFFF
_HALF = 0x80000000
_MOST_WAITING = 4096
_LINE = 400
_SYN, _ACK = 2, 16

Key = tuple[int, int, bytes, bytes]
"""Tap, protocol and both ends (address and port), the lower one first."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said until the other began to speak."""

    from_client: bool
    at_ns: int
    """When its first byte was seen."""
    data: bytes
    missing: int = 0
    """Bytes before it that were not captured."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Both sides of a conversation, in order."""

    client: str
    """The end that began, as far as that was seen; else the higher port's."""
    server: str
    turns: tuple[Turn, ...]
    bytes_client: int
    bytes_server: int
    packets: int
    cut: bool = False
    """Whether it was longer than what is shown."""


def stream_key(raw: bytes, tap: int, linktype: int = headers.ETHERNET) -> Key | None:
    """What all packets of a conversation have in common; None for what is in none.

    For filters over many rows: nothing is decoded but what is asked for.
    """
    try:
        if linktype == headers.ETHERNET and raw[12:14] == b"\x08\x00":
            at = 14
        else:
            return _slow_key(raw, tap, linktype)
        protocol = raw[23]
        if raw[at] != 0x45 or (raw[20] & 0x3F) or raw[21]:
            return _slow_key(raw, tap, linktype)
        if protocol == headers.TCP or (
            protocol == headers.UDP and raw[36:38] != _VXLAN
        ):
            one, other = raw[26:30] + raw[34:36], raw[30:34] + raw[36:38]
            if len(other) < 6:
                return None
            if one <= other:
                return tap, protocol, one, other
            return tap, protocol, other, one
        return _slow_key(raw, tap, linktype)
    except (IndexError, struct.error):
        return None


_VXLAN = headers.VXLAN_PORT.to_bytes(2)


def same_stream(one: PacketRow, other: PacketRow, linktype: int = 1) -> bool:
    """Whether two rows are of one conversation on one tap."""
    key = stream_key(one.raw, one.tap, linktype)
    return key is not None and key == stream_key(other.raw, other.tap, linktype)


def _slow_key(raw: bytes, tap: int, linktype: int) -> Key | None:
    ip = innermost(raw, linktype, len(raw))
    if ip is None:
        return None
    ports = raw[ip.at : ip.at + 4]
    one, other = ip.source + ports[:2], ip.destination + ports[2:]
    if one > other:
        one, other = other, one
    return tap, ip.protocol, one, other


def innermost(raw: bytes, linktype: int, size: int) -> headers.Ip | None:
    """The TCP or UDP packet, inside a tunnel if there is one; None: there is none."""
    ethertype, at = headers.link(linktype, raw)
    ip = _transport(raw, ethertype, at, size)
    if ip is None or ip.protocol != headers.UDP:
        return ip
    if headers.HALF(raw, ip.at + 2)[0] != headers.VXLAN_PORT:
        return ip
    _, frame = headers.vxlan(raw, ip.at + 8)
    if frame < 0:
        return ip
    return _transport(raw, *headers.tagged(raw, frame + 12), size) or ip


def _transport(raw: bytes, ethertype: int, at: int, size: int) -> headers.Ip | None:
    if ethertype not in (headers.IPV4, headers.IPV6):
        return None
    ip = headers.internet(raw, at, size)
    if ip is None or ip.fragment or ip.protocol not in (headers.TCP, headers.UDP):
        return None
    return ip if len(raw) >= ip.at + 4 else None


@dataclass(slots=True)
class _Direction:
    """One side's bytes, on their way into order."""

    next: int = -1
    at_ns: int = 0
    """When the last of it was said."""
    waiting: dict[int, tuple[int, bytes, int]] = field(default_factory=dict)
    """Pieces that came too early: by sequence, when they came, data, true length."""


def follow(
    rows: Iterable[PacketRow], of: PacketRow, linktype: int = headers.ETHERNET
) -> Conversation | None:
    """The conversation that `of` is in, from `rows`; None when it is in none.

    `rows` may have others' packets. They are gone through once.
    """
    key = stream_key(of.raw, of.tap, linktype)
    if key is None:
        return None
    book = _Book(key, linktype)
    for row in rows:
        if stream_key(row.raw, row.tap, linktype) == key:
            book.add(row)
        if book.full:
            break
    return book.close()


def text_lines(data: bytes, most: int = 10_000) -> Iterator[str]:
    """What was said, as text: harmless lines of at most 400 characters each."""
    at = 0
    for _ in range(most):
        if at >= len(data):
            return
        end = data.find(b"\n", at, at + _LINE)
        after = end + 1 if end >= 0 else min(at + _LINE, len(data))
        yield plain(data[at : end if end >= 0 else after].rstrip(b"\r"), _LINE)
        at = after


class _Book:
    """Collects what both sides say."""

    def __init__(self, key: Key, linktype: int) -> None:
        self._linktype = linktype
        self._tcp = key[1] == headers.TCP
        self._sides: dict[bytes, _Direction] = {}
        self._names: dict[bytes, str] = {}
        self._first = b""
        """Who began; empty while that is not known."""
        self._said: list[tuple[bytes, int, bytes, int]] = []
        self._bytes = 0
        self._packets = 0

    @property
    def full(self) -> bool:
        """Whether no more is taken."""
        return self._bytes > MOST_BYTES

    def add(self, row: PacketRow) -> None:
        """A packet of the conversation."""
        raw = row.raw
        try:
            ip = innermost(raw, self._linktype, row.size)
            if ip is None:
                return
            ports = raw[ip.at : ip.at + 4]
            here, there = ip.source + ports[:2], ip.destination + ports[2:]
            self._names.setdefault(here, row.source)
            self._names.setdefault(there, row.destination)
            if self._tcp:
                self._segment(row, raw, ip, here, there)
            else:
                self._first = self._first or here
                self._say(here, row.at_ns, raw[ip.at + 8 : ip.end], 0)
        except (IndexError, struct.error):
            return
        self._packets += 1

    def _segment(
        self, row: PacketRow, raw: bytes, ip: headers.Ip, here: bytes, there: bytes
    ) -> None:
        seq, _, offset, flags, _ = headers.SEGMENT(raw, ip.at + 4)
        start = ip.at + (offset >> 4) * 4
        length = max(0, ip.end - start)
        data = raw[start : start + length]
        side = self._sides.setdefault(here, _Direction())
        if flags & _SYN:
            if not flags & _ACK:
                self._first = here
            elif not self._first:
                self._first = there
            self._flush(here, side)
            side.next = (seq + 1) & _M
            seq = side.next
        elif side.next < 0:
            side.next = seq
        if length:
            self._piece(here, side, seq, (row.at_ns, data, length))

    def _piece(
        self, here: bytes, side: _Direction, seq: int, piece: tuple[int, bytes, int]
    ) -> None:
        """Data at a place: said now, or when what is before it has come."""
        at_ns, data, length = piece
        behind = (side.next - seq) & _M
        if 0 < behind < _HALF:
            # Some of it, or all, was there before.
            if behind >= length:
                return
            seq, data, length = side.next, data[behind:], length - behind
        if seq != side.next:
            known = side.waiting.get(seq)
            if known is None or known[2] < length:
                side.waiting[seq] = (at_ns, data, length)
            if len(side.waiting) > _MOST_WAITING:
                self._flush(here, side)
            return
        self._take(here, side, (at_ns, data, length), 0)
        while (known := side.waiting.pop(side.next, None)) is not None:
            self._take(here, side, known, 0)
        if any((side.next - seq) & _M < _HALF for seq in side.waiting):
            self._flush(here, side, to=side.next)

    def _take(
        self, here: bytes, side: _Direction, piece: tuple[int, bytes, int], missing: int
    ) -> None:
        at_ns, data, length = piece
        side.next = (side.next + length) & _M
        # What waited for something later is said when that has come.
        side.at_ns = max(side.at_ns, at_ns)
        self._say(here, side.at_ns, data, missing)
        if len(data) < length:
            # Cut by the snap length: the rest was on the wire, but was not kept.
            self._say(here, side.at_ns, b"", length - len(data))

    def _flush(self, here: bytes, side: _Direction, to: int = -1) -> None:
        """Say what waits though something before it never came.

        With `to` only what begins before it: pieces that overlap with what was said.
        """
        base = side.next
        order = sorted(side.waiting, key=lambda seq: (seq - base + _HALF) & _M)
        for seq in order:
            ahead = (seq - side.next) & _M
            if to >= 0 and 0 < ahead < _HALF:
                break
            at_ns, data, length = side.waiting.pop(seq)
            behind = (side.next - seq) & _M
            if ahead < _HALF:
                side.next = seq
                self._take(here, side, (at_ns, data, length), ahead)
            elif behind < length:
                self._take(here, side, (at_ns, data[behind:], length - behind), 0)

    def _say(self, here: bytes, at_ns: int, data: bytes, missing: int) -> None:
        if data or missing:
            self._said.append((here, at_ns, data, missing))
            self._bytes += len(data)

    def close(self) -> Conversation | None:
        """All that was said."""
        for here, side in self._sides.items():
            self._flush(here, side)
        if not self._names:
            return None
        client = self._client()
        server = next((end for end in self._names if end != client), client)
        turns = tuple(_turns(self._said, client))
        mine = sum(len(turn.data) for turn in turns if turn.from_client)
        return Conversation(
            client=self._names[client],
            server=self._names[server],
            turns=turns,
            bytes_client=mine,
            bytes_server=self._bytes - mine,
            packets=self._packets,
            cut=self.full,
        )

    def _client(self) -> bytes:
        if self._first in self._names:
            return self._first
        return max(self._names, key=lambda end: end[-2:])


def _turns(said: list[tuple[bytes, int, bytes, int]], client: bytes) -> Iterator[Turn]:
    """Consecutive pieces of one side as one turn; a gap begins a new one."""
    said = sorted(said, key=lambda piece: piece[1])
    at = 0
    while at < len(said):
        here, at_ns, data, missing = said[at]
        parts = [data]
        at += 1
        while at < len(said) and said[at][0] == here and not said[at][3]:
            parts.append(said[at][2])
            at += 1
        yield Turn(here == client, at_ns, b"".join(parts), missing)
