"""What a walk arrives at: steps taken, the packet's path, the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netwiz.wizard.case import Case


class Result(StrEnum):
    """The outcome of a case."""

    HEALTHY = "healthy"
    FAULT = "fault"
    UNDETERMINED = "undetermined"


class Mark(StrEnum):
    """How a step's answer bears on the case; never told by colour alone."""

    GOOD = "✓"
    BAD = "✗"
    ODD = "!"
    UNKNOWN = "?"
    SKIPPED = "○"
    RUNNING = "…"


@dataclass(frozen=True, slots=True)
class Look:
    """One probe behind a step: what, where, and how a person asks the same."""

    probe: str
    vantage: str
    command: str
    ms: float


@dataclass(frozen=True, slots=True)
class Option:
    """A branch of a question that could be taken."""

    key: str
    words: str


@dataclass(frozen=True, slots=True)
class Step:
    """A question of the tree, and how it was answered."""

    node: str
    question: str
    mark: Mark
    answer: str
    branch: str = ""
    """Key of the branch taken."""
    evidence: tuple[str, ...] = ()
    looks: tuple[Look, ...] = ()
    options: tuple[Option, ...] = ()
    """Every branch there is, for overriding."""
    overridden: bool = False

    @property
    def ms(self) -> float:
        """How long its probes took, together."""
        return sum(look.ms for look in self.looks)


@dataclass(frozen=True, slots=True)
class Fix:
    """One way to mend it."""

    text: str
    commands: tuple[str, ...] = ()
    """Right for this host; empty when the mending is not a command here."""
    lasting: bool = True
    """Whether it survives a restart of engine and host."""
    interrupts: str = ""
    """What it stops for a moment; empty when nothing."""
    snippet: str = ""
    """A stanza to put into a file (compose, service configuration)."""


@dataclass(frozen=True, slots=True)
class CauseFound:
    """A root cause, with everything filled in from what was found."""

    id: str
    title: str
    explanation: str
    evidence: tuple[str, ...]
    fixes: tuple[Fix, ...] = ()
    verify: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A look-alike, and the finding that excludes it."""

    id: str
    because: str


MOST_IDS = 6
"""Causes named in one line, for people; the rest is counted. JSON has them all."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """Look-alikes that one finding excludes."""

    ids: tuple[str, ...]
    """At most so many as people read."""
    more: int
    """How many there are besides."""
    because: str


def by_reason(ruled_out: tuple[RuledOut, ...]) -> tuple[Excluded, ...]:
    """The same told reason by reason, each said once, in the order of the walk."""
    grouped: dict[str, list[str]] = {}
    for out in ruled_out:
        grouped.setdefault(out.because, []).append(out.id)
    return tuple(
        Excluded(tuple(ids[:MOST_IDS]), len(ids[MOST_IDS:]), because)
        for because, ids in grouped.items()
    )


@dataclass(frozen=True, slots=True)
class PathHop:
    """One device on the packet's way."""

    where: str
    """Container name, ``host``, or a namespace's name."""
    namespace: str
    device: str
    seen: bool
    packet: str = ""
    """As seen there, after any NAT done so far."""
    at_us: float | None = None
    note: str = ""
    """``born here``, ``rewritten from 10.99.0.1:3000``, ``last seen here`` ..."""


@dataclass(frozen=True, slots=True)
class Path:
    """The way there and the way back."""

    forward: tuple[PathHop, ...] = ()
    backward: tuple[PathHop, ...] = ()
    verdict: str = ""
    """What became of the packet, in a few words."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """The same service, asked for from one place."""

    where: str
    """Who asked: the client, the server itself, this host, a neighbour, outside."""
    target: str
    """Address and port dialled from there."""
    outcome: str
    """``answers``, ``refused``, ``no answer`` ..."""
    ms: float
    meaning: str
    """What that outcome says of the way."""
    works: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """What works from where; empty where that decided nothing."""

    rows: tuple[Vantage, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that a walk found; what every report is made of."""

    case: Case
    result: Result
    summary: str
    """One sentence for the person."""
    cause: CauseFound | None = None
    also: tuple[CauseFound, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    path: Path = Path()
    vantages: Matrix = Matrix()
    steps: tuple[Step, ...] = ()
    missing: tuple[str, ...] = ()
    """Undetermined: what could not be known, and what would settle it."""
    assumptions: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    elapsed_ms: float = 0.0
    cannot_look: bool = False
    """Undetermined because rights or the engine are missing (exit code 4)."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A walk under way, as the screen shows it."""

    case: Case
    steps: tuple[Step, ...]
    asking: str = ""
    """The question whose probes run now."""
    path: Path = Path()
    elapsed_ms: float = 0.0
