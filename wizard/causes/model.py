"""What the registry knows of one root cause."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FixPlan:
    """A way to mend it; every text is a template filled from the walk's values."""

    text: str
    commands: tuple[str, ...] = ()
    """Shell commands for this host; a template may fill to several lines."""
    when: str = ""
    """Offered only if this value is known and not empty."""
    lasting: bool = True
    interrupts: str = ""
    snippet: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """A catalogued root cause; its id is a contract."""

    id: str
    group: str
    title: str
    explanation: str
    decisive: str
    """The evidence without which this cause is never named."""
    fixes: tuple[FixPlan, ...]
    look_alikes: tuple[tuple[str, str], ...] = ()
    """(cause id, what separates the two)."""
    verify: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    proof: str = "lab"
    """How the reasoning is tested: ``lab`` (a real fault) or ``recorded`` (findings
    written down, where one machine cannot be made to suffer it)."""
