"""What the workers tell the screens; handlers change state, workers never do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from textual.message import Message

from netwiz.widgets.timeline import LiveLine

if TYPE_CHECKING:
    from netwiz.probes.facts import Listener, Snapshot
    from netwiz.widgets.suspects import Suspect


@dataclass
class SnapshotTaken(Message):
    """The machine as it is now; only the newest one matters."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """A newer snapshot makes one that still waits worthless."""
        return isinstance(message, SnapshotTaken)


@dataclass
class LinesArrived(Message):
    """Log lines and events, a batch at a time; each batch counts."""

    lines: tuple[LiveLine, ...]


@dataclass
class ListenersRead(Message):
    """Who listens where, by key of the row (container id, ``host``, ``netns:NAME``)."""

    listeners: Mapping[str, tuple[Listener, ...]]


@dataclass
class SuspectsSeen(Message):
    """All suspects as they stand, the gravest first; only the newest list counts."""

    suspects: tuple[Suspect, ...]
    blind: tuple[str, ...] = ()
    """What the patrol cannot see, and why."""

    def can_replace(self, message: Message) -> bool:
        """A newer list makes one that still waits worthless."""
        return isinstance(message, SuspectsSeen)


@dataclass
class EngineGone(Message):
    """The engine does not answer any more; what is shown is the last that was known."""

    since: datetime
    because: str


@dataclass
class WorkFailed(Message):
    """A worker ended that should not have; netwiz goes on without it."""

    what: str
