"""A failing connection that a log line gave away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Suspect:
    """Who failed to reach what, as far as its own words tell."""

    container_id: str
    client: str
    """The container's name."""
    symptom: str
    target: str = ""
    """``host:port`` or a name; empty when the line names none."""
    error: str = ""
    """The line itself."""
    at: datetime | None = None

    @property
    def text(self) -> str:
        """``refused 127.0.0.1:3000``."""
        return f"{self.symptom} {self.target}".strip()
