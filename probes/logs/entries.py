"""Raw lines made into what a person reads: blocks, levels, fields, network errors.

Pure. One `EntryReader` per container; it holds the lines that may still go on, until
`rest` is asked for them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from netwiz.probes.facts.logs import ErrorSeen, LogLevel, LogLine
from netwiz.probes.logs.frames import LINE_LIMIT, STAMP, RawLine
from netwiz.probes.logs.grouping import Block, Grouper
from netwiz.probes.logs.levels import level_of
from netwiz.probes.logs.neterror_words import may_tell_of
from netwiz.probes.logs.neterrors import read_error
from netwiz.probes.logs.structured import read_fields
from netwiz.probes.text import plain

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
_COLOUR = re.compile(r"\x1b\[[0-9;:]{0,40}m")


class EntryReader:
    """Raw lines of one container in, entries out."""

    def __init__(self, container_id: str) -> None:
        self._key = container_id
        self._open: dict[str, Grouper] = {}
        self._second = (b"", 0)
        self.told_ns = 0
        """Nanoseconds since 1970 of the newest line that was handed out."""

    @property
    def waits(self) -> bool:
        """Whether a line is held that may go on."""
        return any(grouper.waits for grouper in self._open.values())

    def feed(self, lines: Iterable[RawLine]) -> list[LogLine]:
        """The entries that are complete now, oldest first."""
        found: list[LogLine] = []
        for stream, line in lines:
            at_ns, text = self.split(line)
            grouper = self._open.get(stream)
            if grouper is None:
                grouper = self._open[stream] = Grouper()
            block = grouper.feed(at_ns, text)
            if block is not None:
                found.append(self._entry(stream, block))
        return found

    def rest(self) -> list[LogLine]:
        """What was held, as it is."""
        ended = [(stream, grouper.end()) for stream, grouper in self._open.items()]
        return [self._entry(stream, block) for stream, block in ended if block]

    def single(self, raw: RawLine) -> LogLine:
        """A line by itself, whatever stands around it."""
        at_ns, text = self.split(raw[1])
        return self._entry(raw[0], Block(at_ns, text, last_ns=at_ns))

    def _entry(self, stream: str, block: Block) -> LogLine:
        self.told_ns = max(self.told_ns, block.last_ns)
        return entry(self._key, stream, block)

    def split(self, line: bytes) -> tuple[int, bytes]:
        """Nanoseconds since 1970, and the line without its time stamp.

        A line without one is whole, and of now.
        """
        # 2024-01-05T10:00:00.123456789Z: most lines share their second.
        if line[:19] == self._second[0] and line[29:31] == b"Z ":
            digits = line[20:29]
            if digits.isdigit():
                return self._second[1] + int(digits), line[STAMP + 1 :]
        stamp, blank, text = line.partition(b" ")
        at = _moment(stamp) if blank or stamp[:1].isdigit() else None
        if at is None:
            return time.time_ns(), line
        at_ns = (at - EPOCH) // timedelta(microseconds=1) * 1000
        if _STAMP.fullmatch(stamp):
            second = at_ns - at.microsecond * 1000
            self._second = (stamp[:19], second)
            at_ns = second + int(stamp[20:29])
        return at_ns, text


def moment(at_ns: int) -> datetime:
    """The instant of a number of nanoseconds since 1970, to the microsecond."""
    at = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return at.replace(microsecond=at_ns % 1_000_000_000 // 1000)


def entry(key: str, stream: str, block: Block) -> LogLine:
    """A block as an entry: read, and harmless."""
    first = _clean(block.first)
    fields = read_fields(first)
    raw = plain(first, LINE_LIMIT)
    text = fields.text if fields else raw
    more = tuple(_plain(line) for line in block.more)
    error, place = _error(block, text, raw, more)
    telling = more[place] if place >= 0 else ""
    if not telling and 0 <= block.thrown < len(more):
        telling = more[block.thrown]
    level = fields.level if fields and fields.level else level_of(text)
    return LogLine(
        at=moment(block.at_ns),
        container_id=key,
        text=text,
        stream=stream,
        level=_graver(level, telling),
        more=more,
        cut=block.cut,
        raw=raw if text != raw else "",
        telling=telling,
        read=True,
        error=error,
    )


def _error(
    block: Block, text: str, raw: str, more: tuple[str, ...]
) -> tuple[ErrorSeen | None, int]:
    """The network error of an entry, and which of `more` has it (-1: the first line).

    A line that names the target counts before one that does not; then the exception's
    own; then the last one, for a cause further down tells most.
    """
    # Frames of a stack name methods (`onTimeout`), not what happened.
    places = [x for x in may_tell_of(block.more) if not _is_frame(more[x])]
    places.sort(key=lambda place: (place == block.thrown, place), reverse=True)
    seen = [(found, x) for x in places if (found := read_error(more[x]))]
    seen.sort(key=lambda one: not one[0].host)
    if seen:
        return seen[0]
    first = read_error(text)
    if first is None and text != raw:
        first = read_error(raw)
    return first, -1


_FRAME = re.compile(r"\s+(?:at |File \"|\S+:\d+ \+0x|\d+: )")


def _is_frame(line: str) -> bool:
    return _FRAME.match(line) is not None


def _graver(level: LogLevel, telling: str) -> LogLevel:
    """What holds an exception is an error, unless its line says how grave it is."""
    return level or (LogLevel.ERROR if telling else LogLevel.UNKNOWN)


def _plain(line: bytes) -> str:
    return plain(_clean(line), LINE_LIMIT)


def _clean(line: bytes) -> str:
    """Text without colours, which show nothing, and without the end of a tty's line."""
    text = line.rstrip(b"\r").decode("utf-8", "replace")
    return _COLOUR.sub("", text).rstrip("\r") if "\x1b" in text else text


def _moment(stamp: bytes) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp.decode("ascii")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
