"""One attempt to connect, as the application would feel it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netwiz.probes.facts.base import Finding, Place


class Protocol(StrEnum):
    """Transport of a probe."""

    TCP = "tcp"
    UDP = "udp"


class Outcome(StrEnum):
    """What connect() (or the first datagram) brought."""

    CONNECTED = "connected"
    """TCP: handshake done. UDP: an answer came."""
    SILENT = "silent"
    """UDP only: sent, no answer, no ICMP: neither proof nor disproof."""
    REFUSED = "refused"
    """ECONNREFUSED."""
    TIMEOUT = "timeout"
    """No answer within the budget, or ETIMEDOUT."""
    HOST_UNREACHABLE = "host unreachable"
    """EHOSTUNREACH."""
    NET_UNREACHABLE = "network unreachable"
    """ENETUNREACH."""
    ADDRESS_UNAVAILABLE = "no usable source address"
    """EADDRNOTAVAIL."""
    DENIED = "denied locally"
    """EACCES, EPERM, EINVAL, ENOPROTOOPT: see errno_name."""
    RESET = "reset"
    """ECONNRESET during the handshake."""


class After(StrEnum):
    """What happened in the first moments after an accept."""

    NONE = "not connected"
    OPEN = "stays open"
    EOF = "closed at once"
    RESET = "reset at once"
    DATA = "the server spoke first"


@dataclass(frozen=True, slots=True)
class IcmpError:
    """The ICMP error behind an errno (IP_RECVERR, ip(7))."""

    type: int
    code: int
    source: str
    """Who sent it."""

    @property
    def text(self) -> str:
        """Type and code in words (RFC 792, RFC 1812, RFC 4443)."""
        words = {
            (3, 0): "network unreachable",
            (3, 1): "host unreachable",
            (3, 2): "protocol unreachable",
            (3, 3): "port unreachable",
            (3, 4): "fragmentation needed",
            (3, 9): "network prohibited",
            (3, 10): "host prohibited",
            (3, 13): "administratively prohibited",
            (1, 0): "no route",
            (1, 1): "administratively prohibited",
            (1, 3): "address unreachable",
            (1, 4): "port unreachable",
            (11, 0): "time to live exceeded",
        }
        return words.get((self.type, self.code), f"type {self.type} code {self.code}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Finding):
    """One attempt from one place to one address."""

    place: Place
    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    outcome: Outcome
    errno_name: str = ""
    """ECONNREFUSED, ...; empty when connected or out of time."""
    connect_ms: float = 0.0
    after: After = After.NONE
    after_ms: float = 0.0
    """From the accept to what `after` says."""
    first_bytes: bytes = b""
    """At most 64 bytes that the server sent unasked."""
    icmp: IcmpError | None = None
    source: str = ""
    source_port: int = 0

    @property
    def works(self) -> bool:
        """Connected, and not hung up on at once."""
        return self.outcome is Outcome.CONNECTED and self.after in (
            After.OPEN,
            After.DATA,
        )

    @property
    def hung_up(self) -> bool:
        """Accepted, then closed or reset at once: somebody accepted for the service."""
        return self.outcome is Outcome.CONNECTED and self.after in (
            After.EOF,
            After.RESET,
        )
