"""What a capture says, as lines for people and as JSON for programs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from netwiz import __version__
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureStarted,
    CaptureTapGone,
    Level,
    PacketRow,
)
from netwiz.probes.text import plain
from netwiz.wizard.report_layout import Line, Tone, pad

SCHEMA = "netwiz.capture/1"
NS = 1_000_000_000
SIGNS = {Level.PLAIN: " ", Level.NOTE: "·", Level.ODD: "!", Level.PROBLEM: "✗"}
TONES = {
    Level.PLAIN: Tone.FAINT,
    Level.NOTE: Tone.PLAIN,
    Level.ODD: Tone.ODD,
    Level.PROBLEM: Tone.BAD,
}
_TAP_WIDTH = 16
_ENDS_WIDTH = 32
_SIZES = ("B", "KiB", "MiB", "GiB")
Json = dict[str, object]


def split_end(end: str) -> tuple[str, str]:
    """Address and port of an end as rows have it; the port may be empty."""
    if end.startswith("["):
        address, _, port = end[1:].partition("]")
        return address, port.removeprefix(":")
    if end.count(":") == 1:
        address, _, port = end.partition(":")
        return address, port
    return end, ""


class Wording:
    """Knows the taps and the names, and turns what is said into lines."""

    def __init__(self, names: Mapping[str, str], *, dated: bool = False) -> None:
        self._names = names
        self._taps: Sequence[str] = ()
        self._tap_width = 0
        self._day = ""
        self._dated = dated
        self._clock: dict[int, str] = {}

    def started(self, started: CaptureStarted) -> None:
        """Learn how the taps are called."""
        self._taps = tuple(plain(tap.name, 80) for tap in started.taps)
        longest = max(map(len, self._taps), default=0)
        self._tap_width = min(longest, _TAP_WIDTH) if len(self._taps) > 1 else 0

    def tap(self, index: int) -> str:
        """The name of a tap."""
        return self._taps[index] if 0 <= index < len(self._taps) else ""

    def named(self, end: str) -> str:
        """An end with the name of who has its address."""
        address, port = split_end(end)
        name = self._names.get(address, "")
        if not name:
            return end
        return f"{name}:{port}" if port else name

    def lines(self, row: PacketRow) -> list[Line]:
        """One line for a packet; before it the day, where that is another one."""
        told = []
        seconds, rest = divmod(row.at_ns, NS)
        if self._dated:
            day = datetime.fromtimestamp(seconds).astimezone().date().isoformat()
            if day != self._day:
                self._day = day
                told.append(Line(day, Tone.HEADING))
        words = [f"{self._time(seconds)}.{rest // 1000:06d}", SIGNS[row.level]]
        if self._tap_width:
            words.append(pad(self.tap(row.tap), self._tap_width))
        ends = ""
        if row.source or row.destination:
            ends = f"{self.named(row.source)} → {self.named(row.destination)}"
        words += [pad(ends, _ENDS_WIDTH), row.text]
        told.append(Line(plain(" ".join(words)).rstrip(), TONES[row.level]))
        return told

    def _time(self, seconds: int) -> str:
        """Local time of a second; packets come by the thousand in each."""
        found = self._clock.get(seconds)
        if found is None:
            self._clock.clear()
            found = time.strftime("%H:%M:%S", time.localtime(seconds))
            self._clock[seconds] = found
        return found

    def packet(self, row: PacketRow) -> Json:
        """One packet as an object."""
        return {
            "type": "packet",
            "number": row.number,
            "at": iso(row.at_ns),
            "at_ns": row.at_ns,
            "tap": self.tap(row.tap),
            "kind": row.kind.name.lower(),
            "level": row.level.name.lower(),
            "size": row.size,
            "source": row.source,
            "destination": row.destination,
            "source_name": self._names.get(split_end(row.source)[0]),
            "destination_name": self._names.get(split_end(row.destination)[0]),
            "text": plain(row.text),
            "about": row.about or None,
        }


def iso(at_ns: int) -> str:
    """``2026-11-21T09:12:53.123456789Z``: UTC, and nothing of it rounded."""
    seconds, rest = divmod(at_ns, NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def started_object(started: CaptureStarted) -> Json:
    """The first object of a capture."""
    return {
        "type": "started",
        "schema": SCHEMA,
        "netwiz": __version__,
        "taps": [
            {"name": plain(tap.name, 80), "device": tap.device or None}
            for tap in started.taps
        ],
        "filter": started.filter,
        "left_in": list(started.left_in),
        "left_out": list(started.left_out),
        "file": started.path or None,
    }


def counts_fields(counts: CaptureCounts, told: int) -> Json:
    """How complete it is."""
    return {
        "seen": counts.seen,
        "dropped": counts.dropped,
        "read": counts.read,
        "told": told,
        "written": counts.written,
        "bytes": counts.bytes,
        "file_bytes": counts.file_bytes,
        "full": counts.full or None,
        "sampled": counts.sampled,
    }


def gone_object(gone: CaptureTapGone, wording: Wording) -> Json:
    """A tap that ended."""
    return {"type": "tap_gone", "tap": wording.tap(gone.tap), "why": plain(gone.why)}


def ended_object(ended: CaptureEnded, counts: CaptureCounts, told: int) -> Json:
    """The last object."""
    last = {"type": "ended", "why": plain(ended.why), "wrong": ended.wrong}
    return last | counts_fields(counts, told)


def dumped(objects: Sequence[Json]) -> str:
    """One object a line, in ASCII, so that it is the same in every locale."""
    return "".join(json.dumps(told, allow_nan=False) + "\n" for told in objects)


def size(count: int) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in _SIZES[:-1]:
        if value < 1000:
            return f"{value:.3g} {unit}" if value < 100 else f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.3g} {_SIZES[-1]}"


def packets(count: int) -> str:
    """``1 packet``, ``20 packets``."""
    return f"{count} packet" if count == 1 else f"{count} packets"


def summary(counts: CaptureCounts, told: int | None, path: str) -> str:
    """What a capture came to, in one line; `told` is None where nothing was printed."""
    parts = [f"{packets(counts.seen)} ({size(counts.bytes)})"]
    if told is not None and told != counts.seen:
        parts.append(f"{told} shown")
    parts.append(f"{counts.dropped} dropped by the kernel")
    if (unread := counts.seen - counts.read) and told is not None:
        parts.append(f"{unread} only counted, more came than could be read")
    if path:
        parts.append(f"{counts.written} written to {path} ({size(counts.file_bytes)})")
    if counts.full:
        parts.append(f"no more is written: {counts.full}")
    return plain(", ".join(parts), 1000)


def beginning(started: CaptureStarted) -> str:
    """What is listened to, in one line."""
    names = list(dict.fromkeys(tap.name for tap in started.taps))
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else "")
    parts = [f"listening to {shown}"]
    if started.filter:
        parts.append(f"filter: {started.filter}")
    if started.left_in:
        parts.append(f"told of as well: {', '.join(started.left_in)}")
    if started.left_out:
        parts.append(f"left out: {', '.join(started.left_out)}")
    parts.append("Ctrl-C ends it")
    return plain("; ".join(parts), 1000)
