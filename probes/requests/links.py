"""Of links, routes, neighbours and tunnels."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Place


@dataclass(frozen=True, slots=True)
class ReadLinks:
    """Links, addresses, routes, neighbours, sysctls of a place. Answer: LinkTable."""

    place: Place


@dataclass(frozen=True, slots=True)
class AskRoute:
    """The kernel's route decision in a place. Answer: RouteDecision.

    With `in_device` it is that for a packet which came in there and is to be forwarded;
    `source` is then its source address.
    """

    place: Place
    address: str
    source: str = ""
    in_device: str = ""
    mark: int = 0
    """The firewall mark (fwmark) of the packet."""


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
class Echo:
    """ICMP echo requests from a place. Answer: Echoed."""

    place: Place
    address: str
    count: int = 3
    budget_ms: int = 900


@dataclass(frozen=True, slots=True)
class MeasurePath:
    """Which packet sizes come through, by echoes with DF set. Answer: PathMtu."""

    place: Place
    address: str
    budget_ms: int = 400
    """For each of two rounds."""


@dataclass(frozen=True, slots=True)
class ReadQueues:
    """Queues and losses of every device of a place. Answer: Queues."""

    place: Place
    nth: int = 1


@dataclass(frozen=True, slots=True)
class ReadTraffic:
    """The counters of every device in each of these places. Answer: Traffic."""

    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class ReadOverlay:
    """An overlay network, its tunnel and the swarm; without an id the swarm alone.

    Answer: OverlayFacts.
    """

    network_id: str = ""
