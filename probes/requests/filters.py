"""Of packet filters and the kernel's own counters."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Place


@dataclass(frozen=True, slots=True)
class ReadRules:
    """Every packet filter rule of a place. Answer: Ruleset."""

    place: Place


@dataclass(frozen=True, slots=True)
class ReadCounters:
    """What the kernel's stack has counted in a place. Answer: KernelCounters."""

    place: Place
