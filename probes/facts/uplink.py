"""A real client's packet, waited for at this host's uplinks and followed."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import HOST, Finding, Place
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.facts.firewall import RuleHit
from netwiz.probes.facts.witness import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkWatch(Finding):
    """What came of waiting for the first packet of a client beyond this machine."""

    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    waited_ms: float = 0.0
    """Until the packet came, or until the waiting ended."""
    client: str = ""
    """Address of the client whose packet was followed; empty: none came."""
    client_port: int = 0
    device: str = ""
    """The uplink by which it came in."""
    sightings: tuple[Sighting, ...] = ()
    """That very packet and its answer, on their way through this machine."""
    repeated: int = 0
    """How often the client sent it again while it was followed."""
    tapped: tuple[Place, ...] = ()
    hits: tuple[RuleHit, ...] = ()
    """Rules that counted packets meanwhile, other people's among them."""
    counted: tuple[Place, ...] = ()
    blind: tuple[str, ...] = ()
    """What could not be watched, one line each."""

    @property
    def arrived(self) -> bool:
        """Whether a packet of a client came."""
        return bool(self.client)

    @property
    def forward(self) -> tuple[Sighting, ...]:
        """The client's packet."""
        return tuple(s for s in self.sightings if not s.reply)

    @property
    def replies(self) -> tuple[Sighting, ...]:
        """What came back for it."""
        return tuple(s for s in self.sightings if s.reply)

    @property
    def left(self) -> Sighting | None:
        """The answer as it left by the uplink again; None when none did."""
        return next(
            (
                s
                for s in self.replies
                if s.place == HOST and s.device == self.device and not s.inbound
            ),
            None,
        )
