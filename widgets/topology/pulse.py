"""From totals to what happens now: rates, and what went wrong lately. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwiz.probes.facts.base import PlaceKind

if TYPE_CHECKING:
    from netwiz.probes.facts.traffic import DeviceTotals, Traffic

KEPT = 30
"""Readings of each device that are kept for its history."""
LATELY = 15
"""Readings back to which an error or a drop is still shown."""
HOST = "host"


@dataclass(frozen=True, slots=True)
class Pulse:
    """A device between the last two readings."""

    into: float = 0.0
    """Bytes per second received by the device's namespace."""
    out: float = 0.0
    """Bytes per second sent by it."""
    errors: int = 0
    """Lately, both ways."""
    dropped: int = 0
    """Lately, both ways."""
    history: tuple[float, ...] = ()
    """Bytes per second, both ways together, oldest first."""

    @property
    def moves(self) -> bool:
        """Whether something passed."""
        return self.into + self.out > 0

    @property
    def hurt(self) -> bool:
        """Whether something went wrong lately."""
        return self.errors + self.dropped > 0


class _Past:
    def __init__(self, totals: DeviceTotals, at_s: float) -> None:
        self.last, self.at_s = totals, at_s
        self.into = self.out = 0.0
        self.rates: deque[float] = deque(maxlen=KEPT)
        self.bad: deque[tuple[int, int]] = deque(maxlen=LATELY)

    def note(self, now: DeviceTotals, at_s: float) -> None:
        took = at_s - self.at_s
        if took <= 0:
            return
        got, sent = now.received - self.last.received, now.sent - self.last.sent
        errors = now.errors - self.last.errors
        dropped = now.dropped - self.last.dropped
        self.last, self.at_s = now, at_s
        if got < 0 or sent < 0:
            # Another device bears the name by now: its counters begin anew.
            self.rates.clear()
            self.bad.clear()
            self.into = self.out = 0.0
            return
        self.into, self.out = got / took, sent / took
        self.rates.append(self.into + self.out)
        self.bad.append((max(errors, 0), max(dropped, 0)))

    def pulse(self) -> Pulse:
        return Pulse(
            self.into,
            self.out,
            errors=sum(e for e, _ in self.bad),
            dropped=sum(d for _, d in self.bad),
            history=tuple(self.rates),
        )


class Pulses:
    """The history of every device that was read; one that is read no more is gone."""

    def __init__(self) -> None:
        self._past: dict[tuple[str, str], _Past] = {}
        self._by_mac: dict[tuple[str, str], str] = {}

    def note(self, traffic: Traffic) -> None:
        """Take a reading in."""
        seen: set[tuple[str, str]] = set()
        self._by_mac.clear()
        for place, devices in traffic.places:
            where = place.key if place.kind is PlaceKind.CONTAINER else HOST
            for device in devices:
                key = (where, device.name)
                seen.add(key)
                if device.mac:
                    self._by_mac[where, device.mac] = device.name
                known = self._past.get(key)
                if known is None:
                    self._past[key] = _Past(device, traffic.at_s)
                else:
                    known.note(device, traffic.at_s)
        for key in set(self._past) - seen:
            del self._past[key]

    def of_device(self, name: str, where: str = HOST) -> Pulse | None:
        """A device by its name; None when it was not read."""
        past = self._past.get((where, name))
        return past.pulse() if past else None

    def of_stop(self, container_id: str, mac: str) -> Pulse | None:
        """A container's device by its MAC address; None when it was not read."""
        name = self._by_mac.get((container_id, mac))
        return self.of_device(name, container_id) if name else None
