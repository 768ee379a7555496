"""One probe packet, seen at every hop, both ways."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Finding, Place
from netwiz.probes.facts.connection import Connection
from netwiz.probes.facts.firewall import RuleHit
from netwiz.probes.facts.kernel import Rise


@dataclass(frozen=True, slots=True)
class Packet:
    """What was seen of a packet's headers at one hop."""

    kind: str
    """SYN, SYN-ACK, RST, ICMP, ARP, UDP."""
    source: str
    destination: str
    source_port: int = 0
    destination_port: int = 0
    ttl: int = 0
    icmp: tuple[int, int] | None = None
    """Type and code of an ICMP error that quotes the probe."""
    tunnel: tuple[str, str, int] | None = None
    """Inside VXLAN: from which node to which, and the overlay network's number."""

    @property
    def text(self) -> str:
        """``SYN 172.18.0.3:41234 > 172.18.0.2:3000``."""
        src, dst = self.source, self.destination
        if self.source_port or self.destination_port:
            src, dst = f"{src}:{self.source_port}", f"{dst}:{self.destination_port}"
        text = f"{self.kind} {src} > {dst}"
        if self.tunnel is not None:
            one, other, number = self.tunnel
            text += f" in VXLAN {number} {one} > {other}"
        return text


@dataclass(frozen=True, slots=True)
class Sighting:
    """A packet seen at a device of a namespace."""

    place: Place
    device: str
    inbound: bool
    """Seen arriving at the device (else: leaving by it)."""
    packet: Packet
    at_us: float
    """Microseconds since the probe's first packet."""
    reply: bool = False
    """Part of the way back (or an error sent back)."""
    leg: int = 1
    """2 after a proxy ended the first connection and opened its own."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A device the probe should pass, by the links and routes of this machine."""

    place: Place
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted(Finding):
    """An attempt with everything that was watched around it."""

    connection: Connection
    expected: tuple[Hop, ...] = ()
    """The way there, as links and routes promise it; empty when not worked out."""
    sightings: tuple[Sighting, ...] = ()
    """In time order; empty when nothing was tapped or nothing was seen."""
    tapped: tuple[Place, ...] = ()
    """Namespaces that were watched; what is absent there was truly absent."""
    hits: tuple[RuleHit, ...] = ()
    """Rules whose counters rose around the probe, in every namespace counted."""
    counted: tuple[Place, ...] = ()
    kernel: tuple[Rise, ...] = ()
    """Counters of the kernel's own stack that rose meanwhile, where rules were counted;
    other people's packets raise them too."""
    blind: tuple[str, ...] = ()
    """What could not be watched, one line each."""

    @property
    def forward(self) -> tuple[Sighting, ...]:
        """The probe's own packets."""
        return tuple(s for s in self.sightings if not s.reply)

    @property
    def replies(self) -> tuple[Sighting, ...]:
        """What came back."""
        return tuple(s for s in self.sightings if s.reply)

    def rose(self, place: Place, name: str) -> int:
        """By how much a counter of the kernel rose in a place around the probe."""
        return sum(r.by for r in self.kernel if (r.place, r.name) == (place, name))

    @property
    def answer(self) -> Sighting | None:
        """The first sighting of the answer: where it was born."""
        return next(iter(self.replies), None)
