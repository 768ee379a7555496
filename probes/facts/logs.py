"""What logs say: lines as a person reads them, and what was left out of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class LogLevel(IntEnum):
    """How grave a program calls its own line; UNKNOWN where it does not say."""

    UNKNOWN = 0
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50

    @property
    def word(self) -> str:
        """``error``; empty for UNKNOWN."""
        return self.name.lower() if self else ""


@dataclass(frozen=True, slots=True)
class ErrorSeen:
    """A network error read from a line."""

    symptom: str
    """refused, timeout, dns, tls, reset or unreachable."""
    host: str = ""
    """Name or address of the target; empty when the line does not tell."""
    port: int | None = None
    matched: str = ""
    """The words that decided."""
    scheme: str = ""
    """http or https, when the line holds the URL that was asked for."""
    client: str = ""
    """Name or address of who printed it; empty when the line does not tell."""
    program: str = ""
    """What kind of program words it so: curl, Go, Node, musl ...; empty if unknown."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """What a program said at once: a line, or several that belong together."""

    at: datetime
    """The engine's time stamp of the first line."""
    container_id: str
    text: str
    """The first line, as a person reads it: of JSON ``message key=value ...``."""
    stream: str = "stdout"
    level: LogLevel = LogLevel.UNKNOWN
    more: tuple[str, ...] = ()
    """The further lines: of a stack trace, say. Bounded; `cut` are missing."""
    cut: int = 0
    """Further lines that are not in `more`, for there were too many."""
    raw: str = ""
    """The first line as it was written, where `text` is a reading of it; else empty."""
    telling: str = ""
    """The one of `more` that says most: the exception, or the network error."""
    read: bool = False
    """Whether somebody looked for a network error already."""
    error: ErrorSeen | None = None
    """The network error in it, once `read`."""

    @property
    def whole(self) -> str:
        """All lines as they were written."""
        lines = [self.raw or self.text, *self.more]
        return "\n".join(lines + [f"… {self.cut} more lines"] * bool(self.cut))


@dataclass(frozen=True, slots=True)
class LogGap:
    """Lines of a container that came faster than they can be told, and were not."""

    at: datetime
    """When the oldest of those was written that are told again after it."""
    container_id: str
    lines: int
    errors: int = 0
    """How many of them held words of a network error, beyond those that are told."""


@dataclass(frozen=True, slots=True)
class LogBroke:
    """Following ended that should not have, for all containers."""

    at: datetime
    because: str
    again: bool
    """Whether it was begun anew; what was written meanwhile is still told."""


LogSaid = LogLine | LogGap | LogBroke
"""What following logs tells."""
