"""What is already known about a case when the wizard opens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prefill:
    """Answers taken from where the person was: a log line, a row, the command line.

    An empty string means that nobody said it yet, so the wizard asks.
    """

    client: str = ""
    target: str = ""
    symptom: str = ""
    error: str = ""
