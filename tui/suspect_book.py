"""The book of suspects as the session keeps it: signs, log lines, events, snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from netwiz.probes.facts import Place
from netwiz.probes.facts.signs import SeenBy, Sign, SignKind
from netwiz.wizard.suspects import rules
from netwiz.wizard.suspects.book import Book
from netwiz.wizard.suspects.suspect import Suspect

if TYPE_CHECKING:
    from netwiz.probes.engine.watch import EngineEvent
    from netwiz.probes.facts import LogLine, Snapshot
    from netwiz.probes.facts.signs import Awaited

LATELY = rules.LATELY
"""An error that was not repeated for so long no longer marks its container."""


def suspect_of(line: LogLine, client: str) -> Suspect | None:
    """The failing connection that a log line gives away, if it does."""
    if line.read:
        seen = line.error
    else:
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
        error=line.telling or line.text,
        at=line.at,
    )


def sign_of(suspect: Suspect) -> Sign:
    """A log line's suspect as a sign; it came from `suspect_of`."""
    if suspect.at is None:
        raise ValueError("a suspect from a log has a time")
    host, _, port = suspect.target.rpartition(":")
    if not port.isdecimal() or (":" in host and not host.startswith("[")):
        host, port = suspect.target, "0"
    return Sign(
        SignKind.REPORTED,
        SeenBy.LOG,
        suspect.at,
        Place.container(suspect.container_id, suspect.client),
        target=host.strip("[]"),
        port=int(port),
        protocol="dns" if suspect.symptom == "dns" else "tcp",
        error=suspect.error,
        symptom=suspect.symptom,
    )


class SuspectBook:
    """Everything that may tell of trouble goes in; suspects come out, ranked."""

    def __init__(self) -> None:
        self._book = Book()

    def know(self, snapshot: Snapshot) -> None:
        """Names, states, and who has gone."""
        self._book.know(snapshot)

    def happened(self, events: Iterable[EngineEvent]) -> None:
        """What the engine told."""
        for event in events:
            if event.kind == "container":
                self._book.lives.happened(
                    event.id, event.action, event.name, event.attributes, event.at
                )
            elif event.kind == "network" and event.container_id:
                self._book.lives.moved(event.container_id, event.at)

    def note(self, suspects: Iterable[Suspect]) -> None:
        """What log lines gave away."""
        self._book.note(sign_of(one) for one in suspects)

    def note_signs(self, signs: Iterable[Sign]) -> None:
        """What the patrol saw."""
        self._book.note(signs)

    def all(self, now: datetime) -> tuple[Suspect, ...]:
        """Every suspect that is worth knowing of, the gravest first."""
        return self._book.suspects(now)

    def awaited(self, now: datetime) -> tuple[Awaited, ...]:
        """What would heal the active ones."""
        return self._book.awaited(now)

    def current(self, now: datetime) -> dict[str, Suspect]:
        """Whose rows are to be marked: the gravest active suspect of each container."""
        return by_container(self.all(now))


def by_container(suspects: Iterable[Suspect]) -> dict[str, Suspect]:
    """The first active one of each container; the host and strangers have no row."""
    found: dict[str, Suspect] = {}
    for suspect in suspects:
        if suspect.container_id and suspect.active:
            found.setdefault(suspect.container_id, suspect)
    return found
