"""The words shared by all findings: where a probe stood, and what a finding is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class PlaceKind(StrEnum):
    """What kind of network namespace a place is."""

    HOST = "host"
    """The namespace netwiz itself runs in."""
    CONTAINER = "container"
    """A container's namespace, reached through its first process."""
    NETNS = "netns"
    """A named namespace (``ip netns``)."""
    OVERLAY = "overlay"
    """An overlay network's own namespace, which has neither name nor process."""


@dataclass(frozen=True, slots=True)
class Place:
    """A network namespace to stand in; `label` is for people and never compared."""

    kind: PlaceKind
    key: str = ""
    """Full container id, name of the namespace, or id of the overlay network; empty
    for the host."""
    label: str = field(default="host", compare=False)

    @classmethod
    def container(cls, container_id: str, name: str) -> Place:
        """The namespace of a container."""
        return cls(PlaceKind.CONTAINER, container_id, name)

    @classmethod
    def netns(cls, name: str) -> Place:
        """A named network namespace."""
        return cls(PlaceKind.NETNS, name, name)

    @classmethod
    def overlay(cls, network_id: str, name: str) -> Place:
        """The namespace in which an overlay network has its bridge and its tunnel."""
        return cls(PlaceKind.OVERLAY, network_id, f"overlay {name}")


HOST = Place(PlaceKind.HOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A probe's answer. `ms` is how long it took; `command` shows a person the same."""

    ms: float = 0.0
    command: str = ""


class Failure(StrEnum):
    """Why a probe has no answer."""

    GONE = "gone"
    """The container, namespace or process went away."""
    RIGHTS = "rights"
    """The kernel or the engine refused us."""
    ENGINE = "engine"
    """The engine cannot be reached, or broke off."""
    BUDGET = "budget"
    """No answer within the probe's time."""
    BROKEN = "broken"
    """Whatever else went wrong; a defect of ours until shown otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Finding):
    """A probe that could not look: a finding like any other, never an exception."""

    kind: Failure
    what: str
    """One line: what could not be seen, and why."""
    remedy: str = ""
    """What the person can do about it; empty when nothing is known to help."""
