"""Smaller findings: namespace identity, restarts, errors in a log."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Finding, Place
from netwiz.probes.facts.logs import LogLine


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceIdentity(Finding):
    """The inode by which two processes are known to share a namespace or not."""

    place: Place
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts(Finding):
    """How often the engine restarted a container, and how its runs ended."""

    container_id: str
    count: int
    """``RestartCount`` now."""
    deaths: int = 0
    """``die`` events within the window looked at."""
    window_s: float = 0.0
    last_exit: int = 0
    last_lines: tuple[str, ...] = ()
    """The last lines of its log, at most ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogErrors(Finding):
    """Recent lines of a container's log that carry a network error."""

    container_id: str
    lines: tuple[LogLine, ...] = ()
