"""Of the container engine, and of a container as the engine has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Networks, containers and host now. Answer: SnapshotTaken."""

    fresh: bool = False
    """Ask the engine again, though an answer of a moment ago is at hand."""


@dataclass(frozen=True, slots=True)
class FindElsewhere:
    """Who has a name or address in another engine here. Answer: Elsewhere."""

    wanted: str


@dataclass(frozen=True, slots=True)
class CountRestarts:
    """How a container's recent runs ended. Answer: Restarts."""

    container_id: str


@dataclass(frozen=True, slots=True)
class ReadLogErrors:
    """Recent network errors in a container's log. Answer: LogErrors."""

    container_id: str
    lines: int = 500


@dataclass(frozen=True, slots=True)
class ReadRights:
    """What a container's first process may do. Answer: ProcessRights."""

    container_id: str


@dataclass(frozen=True, slots=True)
class ReadPressure:
    """How the scheduler holds a container back. Answer: Pressure."""

    container_id: str
    nth: int = 1
