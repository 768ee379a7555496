"""Signs of trouble that a patrol gathers without being asked. Facts, not verdicts.

A sign tells one thing that was seen at one moment. Whether it belongs to an incident is
for the reasoning to say (`netwiz.wizard.suspects`): one refused connection is a server
that starts, a hundred are a fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from netwiz.probes.facts.base import Finding, Place


class SignKind(StrEnum):
    """What was seen."""

    HALF_OPEN = "half-open"
    """A connection in SYN-SENT: its first packet has had no answer for `age_s`."""
    REFUSED = "refused"
    """A handshake answered with RST, or a datagram with port unreachable."""
    UNREACHABLE = "unreachable"
    """An ICMP error, or an ARP question without an answer, in place of a handshake."""
    NOT_ACCEPTED = "not accepted"
    """A connection waits in the accept queue for `age_s`: nobody takes it."""
    QUEUE_FULL = "queue full"
    """The accept queue of a listener is full: the kernel drops what comes."""
    UNANSWERED = "unanswered"
    """A question to a name server without an answer for `age_s`."""
    NAME_FAILED = "name failed"
    """A name server answered SERVFAIL, REFUSED, or NXDOMAIN for a bare name."""
    NO_ROUTE = "no route"
    """The namespace had no route for packets of its own (counter)."""
    COUNTED = "counted"
    """Connects failed in a namespace (counter); whereto was not seen."""
    TRACKING_FULL = "tracking full"
    """The host's connection tracking has no room for new connections."""
    REPORTED = "reported"
    """A line of a log with a network error; `symptom` as the line tells."""
    WORKED = "worked"
    """A connection to the target was established, or a question answered."""


class SeenBy(StrEnum):
    """Which sense saw it."""

    PACKETS = "packets"
    SOCKETS = "sockets"
    COUNTERS = "counters"
    ENGINE = "engine"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was seen, at one moment, of one client and mostly one target."""

    kind: SignKind
    seen: SeenBy
    at: datetime
    place: Place | None = None
    """The client's namespace (of `QUEUE_FULL`, the server's); None when only `client`
    tells whose it is."""
    client: str = ""
    """The client's address, as far as packets or sockets tell."""
    client_port: int = 0
    target: str = ""
    """Address or name, as the client dialled it; of a question, the name asked for."""
    port: int = 0
    protocol: str = "tcp"
    text: str = ""
    """Evidence in words, for a person."""
    error: str = ""
    """The line of the log."""
    symptom: str = ""
    """Of a reported error: refused, timeout, dns, tls, reset, unreachable."""
    server: str = ""
    """Of a question: the name server that was asked."""
    count: int = 1
    """How many of it."""
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a client is known to fail at: that it works would be news."""

    place: Place
    """The client's namespace."""
    target: str = ""
    """An address that the client dials; empty where its names are not resolved."""
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs(Finding):
    """What one round of the patrol brought."""

    signs: tuple[Sign, ...] = ()
    at: datetime
    cost_ms: float = 0.0
    """Processor time of the round."""
    interval_s: float = 0.0
    """Until the next one."""
    places: int = 0
    """Namespaces that are patrolled."""
    lost: int = 0
    """Packets of interest that there was no time for, since the start."""
    blind: tuple[str, ...] = ()
    """What cannot be seen, and why."""
