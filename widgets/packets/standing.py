"""How a capture stands, in words: what is listened to, and how complete it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netwiz.probes.capture.wanted import CaptureWanted
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureStarted,
    CaptureTapGone,
)
from netwiz.widgets.lines import Line, Piece, cells, clip
from netwiz.widgets.packets.sieve import Wanted

SHORT = 120
"""Columns below which a warning is told without its reason."""
LEAST_NAME = 12
"""Columns that are always left for what is captured."""
NAMES_TOLD = 3
"""Taps that are named one by one; of more the number is told."""


@dataclass
class Standing:
    """All that a capture has told of itself so far."""

    wanted: CaptureWanted | None = None
    started: CaptureStarted | None = None
    counts: CaptureCounts = field(default_factory=CaptureCounts)
    gone: dict[int, str] = field(default_factory=dict)
    """Why a tap ended, by its index."""
    ended: CaptureEnded | None = None
    wrong: str = ""
    """Why there is no capture though one was asked for."""

    def hear(
        self, said: CaptureStarted | CaptureCounts | CaptureTapGone | CaptureEnded
    ) -> None:
        """What the capture says of itself."""
        if isinstance(said, CaptureCounts):
            self.counts = said
        elif isinstance(said, CaptureStarted):
            self.started = said
        elif isinstance(said, CaptureTapGone):
            self.gone[said.tap] = said.why
        else:
            self.ended = said

    @property
    def running(self) -> bool:
        """Whether more can come."""
        asked = self.wanted is not None
        return asked and self.ended is None and not self.wrong

    @property
    def deserted(self) -> bool:
        """Whether it has ended because every place of it is gone."""
        over = self.ended is not None and self.ended.wrong
        return over and len(self.gone) >= len(self.tap_names) > 0

    @property
    def why(self) -> str:
        """Why it is over; empty while it is not."""
        if self.wrong or self.ended is None:
            return self.wrong
        if not self.deserted:
            return self.ended.why
        if len(self.gone) > 1:
            return f"all {len(self.gone)} places are gone"
        return self.lost(next(iter(self.gone)))[1]

    def lost(self, tap: int) -> tuple[str, str]:
        """What a tap that is gone was called, and why it is gone."""
        names = self.tap_names
        name = names[tap] if tap < len(names) else str(tap)
        return name, self.gone[tap].removeprefix(f"{name}: ")

    @property
    def is_file(self) -> bool:
        """Whether packets come from a file, not from the machine."""
        return self.wanted is not None and bool(self.wanted.source)

    @property
    def tap_names(self) -> tuple[str, ...]:
        """Names of what is listened to, by index."""
        if self.started is not None:
            return tuple(tap.name for tap in self.started.taps)
        wanted = self.wanted
        return tuple(tap.name for tap in wanted.taps) if wanted else ()

    def linktype(self, tap: int) -> int:
        """LINKTYPE_* of what a tap hands over; Ethernet until it has said so."""
        taps = self.started.taps if self.started is not None else ()
        return taps[tap].linktype if tap < len(taps) else 1

    @property
    def filter(self) -> str:
        """The filter as it was typed."""
        return self.wanted.filter if self.wanted else ""

    @property
    def path(self) -> str:
        """The file that is written; empty when none is."""
        if self.started is not None:
            return self.started.path
        return self.wanted.file.path if self.wanted and self.wanted.file else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """How the view of it stands."""

    kept: int = 0
    limit: int = 0
    evicted: int = 0
    problems: int = 0
    shown: int = 0
    wanted: Wanted = field(default_factory=Wanted)
    following: bool = True
    missed: int = 0
    """Rows that came while the view was held."""
    progress: float = 1.0
    """How much a filter has looked at."""
    looked_for: str = ""


def count_text(number: int) -> str:
    """``412 000``."""
    return f"{number:,}".replace(",", " ")


def size_text(size: float) -> str:
    """``1.2 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def names_text(names: Sequence[str]) -> str:
    """``order, pg``, or ``12 places``."""
    different = list(dict.fromkeys(names))
    if len(different) > NAMES_TOLD:
        return f"{len(different)} places"
    return ", ".join(different)


def what_text(now: Standing) -> str:
    """What is captured: names, or the file that is read."""
    if now.wanted is not None and now.wanted.source:
        return now.wanted.source.rpartition("/")[2]
    return names_text(now.tap_names)


def counts_line(now: Standing, seen: Seen, width: int) -> Line:
    """``412 000 seen · 0 dropped · 20 000 read (sampled)``: never left out."""
    if now.wanted is None:
        return ()
    counts = now.counts
    dropped = f"{count_text(counts.dropped)} dropped"
    parts: list[list[Piece]] = [
        [(f"{count_text(counts.seen)} seen", "")],
        [(dropped, "bad" if counts.dropped else "")],
    ]
    told = [(f"{count_text(counts.read)} read", "")]
    if counts.sampled:
        told.append((" (sampled)", "odd"))
    parts.append(told)
    if seen.problems:
        word = "problem" if seen.problems == 1 else "problems"
        parts.append([(f"✗ {count_text(seen.problems)} {word}", "bad")])
    return _joined(parts, width)


def head_line(now: Standing, seen: Seen, width: int) -> Line:
    """The line above the packets; what tells the least goes first when it is short."""
    if now.wanted is None:
        return ()
    view = _view_parts(seen)
    state = _state(now, seen)
    if now.ended is not None:
        # A long reason must push out neither what is captured nor what is in view.
        said, style = state[0]
        needed = LEAST_NAME + 5 + sum(map(cells, view))
        state = ((clip(said, max(width - needed, LEAST_NAME)), style),)
    room = width - cells(state) - 2
    what: list[Piece] = [(clip(what_text(now), max(room // 2, LEAST_NAME)), "strong")]
    spare = room - cells(what) - sum(cells(part) + 3 for part in view) - 3
    most = spare if view else room // 2
    if now.filter and (most >= LEAST_NAME or not view):
        what += [(" · ", "dim"), (clip(now.filter, max(most, LEAST_NAME)), "code")]
    warnings = _warnings(now, short=width < SHORT)
    parts = [what, *view, *warnings, *_file_part(now)]
    if now.ended is not None and not now.is_file:
        parts.append(again_hint())
    parts.append(_keeps(seen))
    left = _joined(parts, room)
    gap = " " * max(width - cells(left) - cells(state), 0)
    return (*left, (gap, ""), *state)


def _state(now: Standing, seen: Seen) -> Line:
    if now.running and not seen.following and now.started and not now.is_file:
        new = f" · {count_text(seen.missed)} new" if seen.missed else ""
        return ((f"‖ held{new}", "odd"),)
    if now.wrong:
        return (("✗ failed", "bad"),)
    if now.ended is not None:
        sign, style = ("✗", "bad") if now.ended.wrong else ("■", "dim")
        return ((f"{sign} {now.why}", style),)
    if now.started is None:
        return (("… starting", "odd"),)
    if now.is_file:
        return (("… reading", "odd"),)
    return (("● live", "good"),)


def _view_parts(seen: Seen) -> list[list[Piece]]:
    """What of the capture is in view: always told, or a row would seem not to exist."""
    wanted, parts = seen.wanted, []
    if wanted.errors:
        parts.append("errors")
    if wanted.pattern:
        parts.append(f"/{wanted.pattern}")
    if wanted.stream:
        parts.append("one connection")
    if wanted.tap is not None:
        parts.append("one place")
    if not parts:
        return []
    done = "" if seen.progress >= 1 else f" … {seen.progress:.0%}"
    count = f" {count_text(seen.shown)} of {count_text(seen.kept)}"
    return [[(" ".join(parts), "odd"), (f"{count}{done}", "dim")]]


def _warnings(now: Standing, *, short: bool) -> list[list[Piece]]:
    parts: list[list[Piece]] = []
    if now.counts.full:
        why = "" if short else f": {now.counts.full}"
        parts.append([(f"! not written any more{why}", "odd")])
    if len(now.gone) == 1 and not now.deserted:
        name, why = now.lost(next(iter(now.gone)))
        parts.append([(f"! {name} gone" + ("" if short else f": {why}"), "odd")])
    elif now.gone and not now.deserted:
        count = f"{len(now.gone)} of {len(now.tap_names)}"
        parts.append([(f"! {count} places are gone", "odd")])
    return parts


def _keeps(seen: Seen) -> list[Piece]:
    limit = count_text(seen.limit)
    return [(f"keeps the last {limit}" if seen.evicted else f"keeps {limit}", "dim")]


def _file_part(now: Standing) -> list[list[Piece]]:
    if not now.path:
        return []
    name = now.path.rpartition("/")[2]
    return [[(f"→ {name} {size_text(now.counts.file_bytes)}", "")]]


def _joined(parts: Sequence[Sequence[Piece]], room: int) -> Line:
    """The parts with dots between them, as many from the left as there is room for."""
    line: list[Piece] = []
    for part in parts:
        more = [(" · ", "dim"), *part] if line else list(part)
        if line and cells(line) + cells(more) > room:
            continue
        line += more
    return tuple(line)


def again_hint() -> list[Piece]:
    """How the next capture begins."""
    return [("c", "label"), (" starts another capture", "dim")]
