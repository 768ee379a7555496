"""What other engines of this machine have."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Finding
from netwiz.probes.facts.engine import State


@dataclass(frozen=True, slots=True)
class Stranger:
    """A container of another engine than the one that is asked."""

    endpoint: str
    name: str
    state: State
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere(Finding):
    """Containers of a name or an address in every other engine of this machine."""

    wanted: str
    engines: tuple[str, ...] = ()
    """Endpoints of the other engines that listen here."""
    found: tuple[Stranger, ...] = ()
    unseen: tuple[str, ...] = ()
    """Engines that did not answer, one line each."""
