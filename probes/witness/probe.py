"""What a watched attempt is known by, and which TCP packets are part of one. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.witness.decode import ICMP, RST, SYN, SYN_ACK, Frame

Ends = tuple[bytes, int, bytes, int]
"""Source address and port, destination address and port."""

_WRAP = 1 << 32


@dataclass(slots=True)
class Probe:
    """What is known of our own attempt."""

    place: Place
    address: str
    port: int
    protocol: Protocol
    source_port: int = 0
    """0 until the socket is bound; without it nothing can be told apart."""
    server: Place | None = None
    server_ports: Collection[int] = ()
    """Ports behind a published one."""
    server_addresses: frozenset[bytes] = frozenset()
    asked: set[bytes] = field(default_factory=set)
    """Addresses that must answer who-has for the probe to get on."""
    client_tapped: bool = True
    """Whether the probe's first packet must show in its own namespace."""
    shared: bool = False
    """Client and server are two names of one namespace."""


def tcp_part(frame: Frame, sequence: int) -> bool | None:
    """Whether a packet is the SYN with this sequence (False), its answer (True)."""
    if frame.kind == SYN:
        return False if frame.sequence == sequence else None
    if frame.kind in (SYN_ACK, RST):
        return True if frame.acknowledged == (sequence + 1) % _WRAP else None
    if frame.kind == ICMP and frame.quoted is not None:
        # About the probe itself, or about its answer, which was refused passage.
        about = frame.quoted.sequence == sequence
        about |= frame.quoted.acknowledged == (sequence + 1) % _WRAP
        return True if about else None
    return None
