"""What following the logs told, as lines of the time line. Pure."""

from __future__ import annotations

from collections.abc import Callable

from netwiz.probes.facts.logs import LogBroke, LogGap, LogLine, LogSaid
from netwiz.tui.suspect_book import suspect_of
from netwiz.widgets.timeline import LiveKind, LiveLine


def live_line(said: LogSaid, name_of: Callable[[str], str]) -> LiveLine:
    """A line, a gap, or word of an accident."""
    if isinstance(said, LogLine):
        name = name_of(said.container_id)
        # Most lines tell of nothing, and there are many of them.
        looked = said.read and said.error is None
        return LiveLine(
            at=said.at,
            source=name,
            text=said.text,
            container_id=said.container_id,
            suspect=None if looked else suspect_of(said, name),
            level=said.level,
            more=said.more,
            cut=said.cut,
            raw=said.raw,
            telling=said.telling,
        )
    if isinstance(said, LogGap):
        return LiveLine(
            at=said.at,
            source=name_of(said.container_id),
            text=gap_words(said),
            kind=LiveKind.GAP,
            cut=said.lines,
            container_id=said.container_id,
        )
    return LiveLine(said.at, "netwiz", broke_words(said), LiveKind.NOTE)


def gap_words(gap: LogGap) -> str:
    """``48 200 lines skipped, too many to show (12 with words of network errors)``."""
    lines = "line" if gap.lines == 1 else "lines"
    text = f"{_number(gap.lines)} {lines} skipped, too many to show"
    if gap.errors:
        text += f" ({_number(gap.errors)} with words of network errors)"
    return text


def broke_words(broke: LogBroke) -> str:
    """What ended, and whether it goes on."""
    if broke.again:
        return f"{broke.because}; it was started again"
    return f"{broke.because}; logs are not followed any more"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")
