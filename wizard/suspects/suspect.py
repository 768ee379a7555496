"""A suspect: who fails to reach what, since when, how often, and by which signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from netwiz.probes.facts.signs import SeenBy

OWN = "life "
"""Begins the key of what is wrong with a container itself."""


class Standing(StrEnum):
    """Whether it goes on."""

    ACTIVE = "active"
    QUIET = "quiet"
    """Nothing was seen of it lately; nobody knows whether it would work again."""
    HEALED = "healed"
    """The same was seen to work again."""
    GONE = "gone"
    """Its client is not there any more."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one sense saw of it, again and again."""

    seen: SeenBy
    text: str
    """As it was last seen."""
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Suspect:
    """A failing connection, or a container in trouble."""

    container_id: str
    """Whose row is marked; empty for the host and for clients elsewhere."""
    client: str
    """The container's name, ``host``, ``outside``, ``netns:NAME``; empty when the
    trouble is a container's own, or of clients that were not seen."""
    symptom: str
    """As the wizard knows it (refused, timeout, dns, tls, reset, unreachable), or what
    the engine says of a container: restarts, crashed, unhealthy, out of memory."""
    target: str = ""
    """``host:port`` or a name, as the client dialled it; empty when nobody told."""
    error: str = ""
    """The line of the log, where one told."""
    at: datetime | None = None
    """When it was last seen."""
    key: str = ""
    """Tells it from other suspects, also after an update."""
    server: str = ""
    """Name of the container behind the target, as far as it is known."""
    count: int = 1
    """Failed attempts that were seen."""
    first: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    standing: Standing = Standing.ACTIVE
    since: datetime | None = None
    """Since when it stands so, if it is not active."""
    why: str = ""
    """In words: ``connected again at 12:04:40``, ``quiet since 12:03``."""
    score: float = 0.0

    @property
    def active(self) -> bool:
        """Whether it still fails, as far as is known."""
        return self.standing is Standing.ACTIVE

    @property
    def own(self) -> bool:
        """Whether it is the container itself that is in trouble, as the engine says."""
        return self.key.startswith(OWN)

    @property
    def text(self) -> str:
        """``refused 127.0.0.1:3000``."""
        return f"{self.symptom} {self.target}".strip()
