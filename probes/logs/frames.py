"""A container's log as the engine sends it, cut into lines: pure, bounded.

Without a tty each piece of output has a header of eight octets: stream (1 stdout,
2 stderr), three zeros, length as a big-endian number (Engine API, ContainerAttach).
With a tty there are no headers. As we always ask for time stamps, which begin with a
digit, the first octet tells the two apart.
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime

from netwiz.probes.facts.logs import LogLine
from netwiz.probes.text import plain

LINE_LIMIT = 16_384
"""Octets of a line that are kept: so much the engine takes for one (its copier)."""
STAMP = 30
"""Octets of a time stamp: RFC 3339 with nanoseconds, in UTC."""
STAMP_LIMIT = 40
"""Octets of a time stamp and the blank behind it, with room to spare."""

_HEADER = struct.Struct(">B3sI")
_STREAMS = {0: "stdin", 1: "stdout", 2: "stderr"}
_COLOUR = re.compile(rb"\x1b\[[0-9;:]{0,40}m")
_KEPT = LINE_LIMIT + STAMP_LIMIT

RawLine = tuple[str, bytes]
"""Stream, and the line with its time stamp, without the line feed."""


class Demultiplexer:
    """Octets in, lines out; keeps only the unfinished line of each stream."""

    def __init__(self) -> None:
        self._framed: bool | None = None
        self._head = b""
        self._left = 0
        self._stream = "stdout"
        self._open: dict[str, bytes] = {}

    def feed(self, data: bytes) -> list[RawLine]:
        """The lines that the new octets complete."""
        lines: list[RawLine] = []
        if self._framed is None and data:
            self._framed = data[0] in _STREAMS
        if not self._framed:
            self._take(data, lines, begins=False)
            return lines
        data = self._head + data if self._head else data
        self._head = b""
        start = 0
        while start < len(data):
            begins = not self._left
            if begins:
                if start + _HEADER.size > len(data):
                    self._head = data[start:]
                    break
                kind, _, self._left = _HEADER.unpack_from(data, start)
                self._stream = _STREAMS.get(kind, "stdout")
                start += _HEADER.size
            piece = data[start : start + self._left]
            start += len(piece)
            self._left -= len(piece)
            if piece:
                self._take(piece, lines, begins=begins)
        return lines

    def rest(self) -> list[RawLine]:
        """The unfinished lines, once the end has come."""
        lines = [(stream, line) for stream, line in self._open.items() if line]
        self._open.clear()
        return lines

    def _take(self, piece: bytes, lines: list[RawLine], *, begins: bool) -> None:
        stream = self._stream
        kept = self._open.pop(stream, b"")
        if kept and begins:
            # A line longer than 16 KiB comes in several frames, each with a stamp.
            piece = piece.partition(b" ")[2]
        *whole, last = piece.split(b"\n")
        for line in whole:
            # `kept` belongs to the first of them only.
            lines.append((stream, _cut(kept, line)))
            kept = b""
        if last or kept:
            self._open[stream] = _cut(kept, last)


def _cut(kept: bytes, more: bytes) -> bytes:
    return (kept + more[: _KEPT - len(kept)])[:_KEPT]


def log_line(container_id: str, raw: RawLine) -> LogLine:
    """A line as a fact: harmless text, its time stamp taken off.

    Colour sequences are removed, since they show nothing; all other controls are shown.
    """
    stream, line = raw
    stamp, blank, text = line.partition(b" ")
    at = _moment(stamp) if blank or stamp[:1].isdigit() else None
    if at is None:
        at, text = datetime.now(UTC), line
    text = _COLOUR.sub(b"", text.rstrip(b"\r")) if b"\x1b" in text else text
    return LogLine(
        at=at,
        container_id=container_id,
        text=plain(text.rstrip(b"\r"), LINE_LIMIT),
        stream=stream,
    )


def _moment(stamp: bytes) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp.decode("ascii")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
