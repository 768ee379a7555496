"""Flows: who talks to whom, how much, how well; both ends of one are one flow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netwiz.probes.facts.base import Finding, Place, PlaceKind
from netwiz.probes.facts.sockets import Process


class TroubleKind(StrEnum):
    """What may be wrong with a flow; the order is that of gravity."""

    UNANSWERED = "unanswered"
    """SYN-SENT, and the SYN was repeated or is older than a second."""
    SILENT = "silent"
    """Data are repeated because nothing is acknowledged any more."""
    ZERO_WINDOW = "zero window"
    """One side takes no more data; the other one asks now and then (persist timer)."""
    UNREAD = "unread"
    """Data lie in the socket and the application does not take them."""
    LOSSY = "lossy"
    """Many of its segments were sent again lately."""
    LEFT_OPEN = "left open"
    """CLOSE-WAIT for long: the peer has closed, the application did not."""
    HALF_OPEN = "half open"
    """SYN-RECV: our SYN-ACK was not acknowledged."""
    SLOW = "slow"
    """The round trip takes far longer than its shortest one did."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something about a flow that a person should see."""

    kind: TroubleKind
    text: str
    """In words, with its numbers."""
    short: str = ""
    """The same where there is room for a dozen characters only."""
    grave: bool = False
    """Nothing gets through; otherwise it does, but badly."""


@dataclass(frozen=True, slots=True)
class FlowEnd:
    """One end of a flow."""

    name: str
    """The container's name, ``host``, a namespace's; its address when it is none of
    this machine's."""
    address: str
    port: int
    place: Place | None = None
    """Where its socket was seen; None: elsewhere, or it has none."""
    here: bool = False
    """Whether the address, or the socket, is one of this machine's."""
    process: Process | None = None
    aliases: tuple[str, ...] = ()
    """What else it is called by: compose service, aliases, riders on its namespace."""
    state: str = ""
    """Of its socket as ``ss`` names it; empty when the socket was not seen."""
    unread: int = 0
    """Bytes that came and that the application has not taken (``Recv-Q``)."""
    unsent: int = 0
    """Bytes written and not acknowledged (``Send-Q``)."""
    retransmits: int = 0
    """Segments that it has sent again."""

    @property
    def text(self) -> str:
        """``172.18.0.3:40312``, ``[fd00::2]:80``."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    @property
    def on_host(self) -> bool:
        """Whether its socket is in the host's own namespace."""
        return self.place is not None and self.place.kind is PlaceKind.HOST


@dataclass(frozen=True, slots=True)
class Captured:
    """What a running capture saw of a flow, as far as its packets were read."""

    packets: int = 0
    bytes: int = 0
    odd: int = 0
    """Packets that repeat, or hint at trouble (Level.ODD and above)."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One connection, or one connected UDP pair: whoever opened it is the client."""

    key: str
    """Tells it from all others for as long as it lives."""
    client: FlowEnd
    server: FlowEnd
    protocol: str = "tcp"
    state: str = ""
    """As ``ss`` names it; the end that is in trouble counts."""
    sent: int = 0
    """Bytes from client to server that were acknowledged."""
    received: int = 0
    """Bytes from server to client."""
    sent_rate: float = 0.0
    """Bytes per second since the last look."""
    received_rate: float = 0.0
    retransmits: int = 0
    """Segments sent again by both sides, since the connection began."""
    recent: int = 0
    """In the last 30 seconds or since netwiz looks, without those that were needless:
    the other side had got them already (DSACK, RFC 2883)."""
    rtt_ms: float = 0.0
    """Smoothed round trip as the kernel measures it (tcp_info); 0 when unknown."""
    min_rtt_ms: float = 0.0
    first_seen: float = 0.0
    """Seconds since the epoch. The kernel does not tell when a connection began."""
    age_s: float = 0.0
    """Since it was first seen."""
    began: bool = False
    """Whether it was opened while netwiz looked; else it is older than `age_s`."""
    closed_s: float | None = None
    """Seconds since it was found gone; None while it is open."""
    dialled: str = ""
    """What the client dialled, where NAT led it elsewhere."""
    published: int = 0
    """Port of the host that leads to the server's port; 0 when none does."""
    behind: str = ""
    """``web:80``: whom the host publishes at what the client dialled; the server that
    it met there, if any, is a docker-proxy, which opens a flow of its own."""
    troubles: tuple[Trouble, ...] = ()
    """The gravest first."""
    rates: tuple[float, ...] = ()
    """Bytes per second both ways, one value per look, the newest last; at most 60."""
    losses: tuple[float, ...] = ()
    """Segments sent again between two looks, likewise."""
    rtts: tuple[float, ...] = ()
    """Milliseconds, likewise."""
    captured: Captured | None = None
    sockets: bool = True
    """False for one that only a capture saw: it was over between two looks."""

    @property
    def rate(self) -> float:
        """Bytes per second, both ways."""
        return self.sent_rate + self.received_rate

    @property
    def grave(self) -> bool:
        """Whether nothing gets through."""
        return any(trouble.grave for trouble in self.troubles)

    @property
    def proxied(self) -> bool:
        """Whether it ends at a docker-proxy, which opens a second flow."""
        return bool(self.behind) and self.server.on_host


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowTable(Finding):
    """All flows of this machine at one look, the ones in trouble and the busy first."""

    at: float
    """Seconds since the epoch."""
    number: int = 1
    """Which look it is; rates are known from the second one on."""
    flows: tuple[Flow, ...] = ()
    """At most `netwiz.probes.flows.tracker.MOST_FLOWS`."""
    total: int = 0
    """Open flows that there are, told of or not."""
    states: tuple[tuple[str, int], ...] = ()
    """How many of all are in which state."""
    namespaces: int = 0
    unseen: tuple[str, ...] = ()
    """What could not be looked at and why, a line each."""
    cost_ms: float = 0.0
    """Processor time that the look took; `ms` is what it took by the clock."""
    pause_s: float = 2.0
    """When to look again so that looking stays under one per cent of a core."""

    @property
    def left_out(self) -> int:
        """Open flows that are counted in `total` only."""
        return self.total - sum(f.closed_s is None for f in self.flows)
