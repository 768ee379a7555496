"""What passes through the devices of many namespaces, as totals at one instant."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Finding, Place


@dataclass(frozen=True, slots=True)
class DeviceTotals:
    """A device's counters since it was made, as `ip -s link` prints them.

    Received is what came into the namespace that the device is in: of a container's
    eth0, what was sent to the container; of a bridge, what its members sent to the
    host; of a veth's end on the host, what its container sent.
    """

    name: str
    mac: str = ""
    received: int = 0
    """Bytes."""
    sent: int = 0
    """Bytes."""
    packets: int = 0
    """Both ways."""
    errors: int = 0
    """Both ways."""
    dropped: int = 0
    """Both ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic(Finding):
    """The devices of each place that could be read, loopback left out."""

    at_s: float
    """Of CLOCK_MONOTONIC, when they were read."""
    places: tuple[tuple[Place, tuple[DeviceTotals, ...]], ...] = ()
    unseen: tuple[str, ...] = ()
    """Labels of the places that could not be looked at."""
