"""Which containers are in trouble now, by what their logs said lately."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from netwiz.widgets.suspects import Suspect

if TYPE_CHECKING:
    from netwiz.probes.facts import LogLine

LATELY = timedelta(minutes=15)
"""An error that was not repeated for so long no longer marks its container."""


def suspect_of(line: LogLine, client: str) -> Suspect | None:
    """The failing connection that a log line gives away, if it does."""
    from netwiz.probes.logs.neterrors import read_error

    seen = read_error(line.text)
    if seen is None:
        return None
    host = f"[{seen.host}]" if ":" in seen.host and seen.port else seen.host
    target = f"{host}:{seen.port}" if seen.host and seen.port else seen.host
    return Suspect(
        container_id=line.container_id,
        client=client,
        symptom=seen.symptom,
        target=target,
        error=line.text,
        at=line.at,
    )


class SuspectBook:
    """The newest network error of each container."""

    def __init__(self) -> None:
        self._newest: dict[str, Suspect] = {}

    def note(self, suspects: Iterable[Suspect]) -> None:
        """Remember these; a newer one of the same container takes the place."""
        for suspect in suspects:
            known = self._newest.get(suspect.container_id)
            if known is None or _at(known) <= _at(suspect):
                self._newest[suspect.container_id] = suspect

    def current(self, now: datetime) -> dict[str, Suspect]:
        """Those that are still fresh, by container id."""
        return {
            key: suspect
            for key, suspect in self._newest.items()
            if now - _at(suspect) <= LATELY
        }


def _at(suspect: Suspect) -> datetime:
    if suspect.at is None:
        raise ValueError("a suspect from a log has a time")
    return suspect.at
