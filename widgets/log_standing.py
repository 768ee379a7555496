"""What of the log is in view and how, in the few words of a border. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from netwiz.probes.facts.logs import LogLevel
from netwiz.widgets.lines import Line, clip

LEAST = {LogLevel.WARN: "warnings", LogLevel.ERROR: "errors"}
"""What the least level is called."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a log is looked at."""

    only: Sequence[str] = ()
    """Names of the chosen containers; none means all."""
    suspects: bool = False
    least: LogLevel = LogLevel.UNKNOWN
    since: str = ""
    filter: str = ""
    search: str = ""
    found: int = 0
    """Lines in view that hold what is searched for."""
    skipped: int = 0
    """Lines a second that are left out now, for they are too many."""
    held: bool = False
    missed: int = 0


def standing_line(now: Standing, width: int) -> Line:
    """``only order, pg · errors · 5 min · /timeout · held · 12 new``, as it fits."""
    parts: list[str] = []
    if now.suspects:
        parts.append("suspects only")
    if now.least in LEAST:
        parts.append(LEAST[now.least])
    if now.since:
        parts.append(now.since)
    if now.filter:
        parts.append(f"/{clip(now.filter, 24)}")
    if now.search:
        parts.append(f"“{clip(now.search, 24)}” in {now.found}")
    if now.skipped:
        parts.append(f"{now.skipped:,} lines/s skipped".replace(",", " "))
    if now.held:
        parts.append(f"held · {now.missed} new" if now.missed else "held")
    if now.only:
        left = width - sum(cell_len(part) + 3 for part in parts) - 5
        parts.insert(0, _only(now.only, max(left, 16)))
    return ((clip(" · ".join(parts), width), "odd"),) if parts else ()


def _only(names: Sequence[str], room: int) -> str:
    """``only order, pg``; of many, as many as there is room for, and their number."""
    whole = "only " + ", ".join(names)
    if cell_len(whole) <= room or len(names) == 1:
        return clip(whole, room)
    return clip(f"only {len(names)} containers", room)
