"""The questions that may be put to the machine: hashable values, one per sense.

The reasoning asks by making one of these; `Machine.perform` answers it with a finding.
A request names what is wanted, never how it is got.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Protocol


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Networks, containers and host now. Answer: SnapshotTaken."""

    fresh: bool = False
    """Ask the engine again, though an answer of a moment ago is at hand."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """What a name means to an application in a place. Answer: Resolution."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class ReadSockets:
    """Listeners and connections of a place. Answer: SocketTable."""

    place: Place


@dataclass(frozen=True, slots=True)
class FindListeners:
    """Who listens on a port anywhere on this machine. Answer: ListenersByPlace."""

    port: int
    protocol: Protocol = Protocol.TCP


@dataclass(frozen=True, slots=True)
class WatchListener:
    """Wait a moment for a listener to appear. Answer: ListenerWatch."""

    place: Place
    port: int
    budget_ms: int = 2000


@dataclass(frozen=True, slots=True)
class ReadLinks:
    """Links, addresses, routes, neighbours, sysctls of a place. Answer: LinkTable."""

    place: Place


@dataclass(frozen=True, slots=True)
class AskRoute:
    """The kernel's route decision in a place. Answer: RouteDecision."""

    place: Place
    address: str


@dataclass(frozen=True, slots=True)
class FindAddress:
    """Every namespace in which an address is configured. Answer: AddressHolders."""

    address: str


@dataclass(frozen=True, slots=True)
class AskArp:
    """Ask the wire who has an address, collect all answers. Answer: ArpAnswers."""

    place: Place
    address: str
    budget_ms: int = 300


@dataclass(frozen=True, slots=True)
class ReadRules:
    """Every packet filter rule of a place. Answer: Ruleset."""

    place: Place


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


@dataclass(frozen=True, slots=True)
class IdentifyNamespace:
    """The inode of a place's namespace. Answer: NamespaceIdentity."""

    place: Place


@dataclass(frozen=True, slots=True)
class CountRestarts:
    """How a container's recent runs ended. Answer: Restarts."""

    container_id: str


@dataclass(frozen=True, slots=True)
class ReadLogErrors:
    """Recent network errors in a container's log. Answer: LogErrors."""

    container_id: str
    lines: int = 500


Request = (
    TakeSnapshot
    | Resolve
    | ReadSockets
    | FindListeners
    | WatchListener
    | ReadLinks
    | AskRoute
    | FindAddress
    | AskArp
    | ReadRules
    | Attempt
    | IdentifyNamespace
    | CountRestarts
    | ReadLogErrors
)
