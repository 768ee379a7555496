"""What netwiz itself has to say in the time line: its findings, between what led there.

Pure; whoever made the finding posts the line.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from netwiz.widgets.timeline import LiveKind, LiveLine

if TYPE_CHECKING:
    from netwiz.wizard.verdict import Diagnosis

WHO = "netwiz"


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
