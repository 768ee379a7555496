"""How the process that reads logs and the one that shows them speak: pure.

Both are netwiz, of one version of Python, on one machine: `marshal` is for that, and
ten times as fast as text. A message is its length (4 octets) and a tuple, whose first
member says what it is.
"""

from __future__ import annotations

import marshal
import struct
from datetime import datetime, timedelta
from typing import Any

from netwiz.probes.facts.logs import ErrorSeen, LogGap, LogLevel, LogLine
from netwiz.probes.logs.entries import EPOCH, moment

LENGTH = struct.Struct("<I")
MAX_MESSAGE = 64 << 20
"""Octets; a longer message means that the two do not understand each other."""

Message = tuple[Any, ...]


def packed(message: Message) -> bytes:
    """A message with its length before it."""
    data = marshal.dumps(message)
    return LENGTH.pack(len(data)) + data


def unpacked(data: bytes) -> Message:
    """The message behind a length; raises ValueError when it is none."""
    try:
        found = marshal.loads(data)  # noqa: S302 - of our own child, never from outside
    except (EOFError, TypeError) as error:
        raise ValueError("no message") from error
    if not isinstance(found, tuple) or not found:
        raise ValueError("no message")
    return found


def from_line(line: LogLine) -> Message:
    """An entry as plain values, without its container; see `to_said`."""
    error = line.error
    return (
        _ns(line.at),
        line.text,
        line.stream,
        int(line.level),
        line.more,
        line.cut,
        line.raw,
        line.telling,
        error
        and (
            error.symptom,
            error.host,
            error.port,
            error.matched,
            error.scheme,
            error.client,
            error.program,
        ),
    )


def from_gap(gap: LogGap) -> Message:
    """A gap as plain values; it is shorter than an entry, which tells the two apart."""
    return (_ns(gap.at), gap.lines, gap.errors)


def _ns(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1) * 1000


_LEVELS = {int(level): level for level in LogLevel}


def to_said(key: str, told: Message) -> LogLine | LogGap:
    """What `from_line` or `from_gap` made, of this container."""
    if len(told) == 3:
        return LogGap(moment(told[0]), key, told[1], told[2])
    at_ns, text, stream, level, more, cut, raw, telling, error = told
    return LogLine(
        at=moment(at_ns),
        container_id=key,
        text=text,
        stream=stream,
        level=_LEVELS[level],
        more=more,
        cut=cut,
        raw=raw,
        telling=telling,
        read=True,
        error=ErrorSeen(*error) if error else None,
    )
