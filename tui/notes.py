"""What netwiz itself has to say in the time line: its findings, between what led there.

Pure; whoever made the finding posts the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from netwiz.widgets.timeline import LiveKind, LiveLine

if TYPE_CHECKING:
    from netwiz.widgets.packets.standing import Standing
    from netwiz.wizard.verdict import Diagnosis

WHO = "netwiz"
MOST_LOST = 3
"""Places that a line names; of more the number is told."""


def note(at: datetime, text: str) -> LiveLine:
    """Any sentence of ours."""
    return LiveLine(at.astimezone(UTC), WHO, text, LiveKind.NOTE)


def diagnosis_note(diagnosis: Diagnosis, at: datetime) -> LiveLine:
    """``order -> pg:3000: the service listens on 127.0.0.1 only (loopback-bind)``."""
    case = diagnosis.case.text
    if diagnosis.cause is not None:
        what = f"{diagnosis.cause.title} ({diagnosis.cause.id})"
    else:
        what = diagnosis.summary
    more = len(diagnosis.also)
    also = f", and {more} more" if more else ""
    return note(at, f"diagnosed {case}: {what}{also}")


def capture_begun_note(now: Standing, at: datetime) -> LiveLine:
    """``capture of order, pg begun · port 3000``."""
    from netwiz.widgets.packets.standing import what_text

    parts = [f"capture of {what_text(now)} begun", now.filter]
    if now.path:
        parts.append(f"writes {now.path}")
    return note(at, " · ".join(filter(None, parts)))


def capture_without_note(now: Standing, lost: Sequence[int], at: datetime) -> LiveLine:
    """``capture goes on without pg (the container stopped) · c starts another``."""
    found = [f"{name} ({why})" for name, why in map(now.lost, lost[:MOST_LOST])]
    more = len(lost) - len(found)
    without = ", ".join(found) + (f" and {more} more" if more else "")
    return note(at, f"capture goes on without {without} · c starts another")


def capture_over_note(now: Standing, at: datetime) -> LiveLine:
    """``capture over: 1 204 seen · 0 dropped · order · stopped``.

    The counts come first: at 80 columns the end of a line is cut.
    """
    from netwiz.widgets.packets.standing import count_text, what_text

    parts: list[str] = []
    if now.started is not None:
        counts = now.counts
        parts.append(f"{count_text(counts.seen)} seen")
        parts.append(f"{count_text(counts.dropped)} dropped")
    parts += [what_text(now), now.why or "stopped"]
    if now.started is not None and now.path:
        parts.append(f"{count_text(now.counts.written)} written to {now.path}")
    return note(at, f"capture over: {' · '.join(parts)}")
