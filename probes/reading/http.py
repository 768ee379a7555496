"""HTTP/1 in words: what is asked for, and what came back after how long (RFC 9112)."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from netwiz.probes.facts.packets import PacketKind
from netwiz.probes.reading.words import (
    MOST_NAME,
    NOTE,
    ODD,
    PLAIN,
    PROBLEM,
    Told,
    lapse,
)
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.reading.flows import Side
    from netwiz.probes.reading.packet import Packet
    from netwiz.probes.reading.speech import Words

HTTP = PacketKind.HTTP
METHODS = (
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"PATCH ",
    b"OPTIONS ",
    b"CONNECT ",
    b"TRACE ",
)
PREFACE = b"PRI * HTTP/2.0\r\n"
"""With which a client begins HTTP/2 (RFC 9113, 3.4)."""
_TLS_PORTS = (443, 8443)
_MOST_WAITING = 32
"""Requests of one connection without an answer (pipelining)."""
_HEAD = 2048
_REQUEST = re.compile(
    rb"([A-Z]{3,7}) ([^ \r\n]{1,2048})(?: HTTP/1\.[01]\r?\n| ?[HTP/1.]{0,8}\r?$)"
)
"""A request line, or as much of one as fits into a segment."""
_HOST = re.compile(rb"\nhost:[ \t]*([^\r\n]{1,255})", re.IGNORECASE)
_RESPONSE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]{0,60}))?")
_TLS_WANTED = (
    b"plain HTTP request was sent to HTTPS",
    b"speaking plain HTTP to an SSL-enabled",
    b"sent an HTTP request to an HTTPS server",
)
"""What nginx, Apache and Go answer to HTTP at a port for HTTPS."""


def begin_http(_words: Words, _side: Side, packet: Packet) -> Http | None:
    """A reader, if this is a request or a response."""
    head = packet.data[packet.start : packet.start + _HEAD]
    if _RESPONSE.match(head) or (head.startswith(METHODS) and _REQUEST.match(head)):
        return Http()
    return Http(newer=True) if head.startswith(PREFACE) else None


class Http:
    """Reads one connection."""

    __slots__ = ("_newer", "_waiting")

    def __init__(self, *, newer: bool = False) -> None:
        self._newer = newer
        """HTTP/2: its frames are not read."""
        self._waiting: deque[tuple[int, int, str]] = deque(maxlen=_MOST_WAITING)
        """Requests without an answer: number, time, what was asked."""

    def lost(self, side: Side) -> None:
        """A request or an answer may be missing: which belong together is unknown."""
        del side
        self._waiting.clear()

    def heard(self, side: Side, packet: Packet) -> Told:
        """Data in order; only where it begins a message it is looked at."""
        data, start = packet.data, packet.start
        first = data[start : start + 4]
        if self._newer:
            if first == PREFACE[:4]:
                return HTTP, NOTE, "begins HTTP/2", 0
            return HTTP, PLAIN, f"HTTP/2, {packet.length} B", 0
        if first == b"HTTP":
            return self._response(packet)
        if first[:2] == b"\x15\x03" and self._waiting:
            number = self._waiting[0][0]
            text = "answers plain HTTP with a TLS alert: this port speaks TLS"
            return HTTP, PROBLEM, text, number
        told = self._request(side, packet) if first.strip().isalpha() else None
        return told or (HTTP, PLAIN, f"{packet.length} B", 0)

    def _request(self, side: Side, packet: Packet) -> Told | None:
        head = packet.data[packet.start : packet.start + _HEAD]
        if not head.startswith(METHODS):
            return None
        found = _REQUEST.match(head)
        if found is None:
            return None
        asked = f"{found[1].decode()} {plain(found[2], 100)}"
        host = _HOST.search(head)
        text = f"{asked} (Host: {plain(host[1].strip(), MOST_NAME)})" if host else asked
        self._waiting.append((packet.number, packet.at_ns, asked))
        if side.peer.port in _TLS_PORTS:
            text = f"{text}: plain HTTP to port {side.peer.port}"
            return HTTP, ODD, text, 0
        return HTTP, NOTE, text, 0

    def _response(self, packet: Packet) -> Told:
        head = packet.data[packet.start : packet.start + _HEAD]
        found = _RESPONSE.match(head)
        if found is None:
            return HTTP, PLAIN, f"{packet.length} B", 0
        status = int(found[1])
        text = f"{status} {plain(found[2], 60)}".rstrip()
        if status < 200 and status != 101:
            return HTTP, NOTE, text, self._waiting[0][0] if self._waiting else 0
        number, at_ns, asked = (
            self._waiting.popleft() if self._waiting else (0, packet.at_ns, "")
        )
        if number:
            text = f"{text} after {lapse(packet.at_ns - at_ns)}"
        if status < 400:
            return HTTP, NOTE, text, number
        if asked:
            text = f"{text}: {asked}"
        if status == 400 and any(words in head for words in _TLS_WANTED):
            text = f"{status}: plain HTTP was sent, this port speaks TLS"
            return HTTP, PROBLEM, text, number
        return HTTP, PROBLEM if status >= 500 else ODD, text, number
