"""Of connections: one attempt, many, or somebody else's."""

from __future__ import annotations

from dataclasses import dataclass, field

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Protocol


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection attempt, watched. Answer: Attempted.

    `taps` are the namespaces in which its packets are looked for, `counters` those
    whose rule counters are compared around it. Empty both: a plain connect.
    """

    place: Place
    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    taps: tuple[Place, ...] = ()
    counters: tuple[Place, ...] = ()
    server: Place | None = None
    """Where the packet should end, when known: the last hops are worked out by it."""
    budget_ms: int = 1200
    nth: int = field(default=1)
    """Tells repeated attempts apart."""
    device: str = ""
    """Leave by this device and by no other, whatever the routes say
    (SO_BINDTODEVICE, socket(7))."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same attempt many times over. Answer: Repeated."""

    place: Place
    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    count: int = 20
    counters: tuple[Place, ...] = ()
    """Namespaces whose kernel counters are compared around them."""
    budget_ms: int = 1600
    """Of each: long enough for a SYN that is sent again once, after 1 s, and for an
    answer to it from far away. What is lost twice in a row counts as unanswered."""
    nth: int = 1


@dataclass(frozen=True, slots=True)
class WatchUplink:
    """Wait for a real client's first packet, and follow it. Answer: UplinkWatch.

    `budget_ms` 0 waits until the person has had enough (`Machine.enough`).
    """

    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    taps: tuple[Place, ...] = ()
    """The host, and the namespaces that the packet may come into."""
    server: Place | None = None
    client: str = ""
    """Only packets of this address; empty: of anybody beyond this machine."""
    budget_ms: int = 60_000
