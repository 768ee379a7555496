"""What follows a handshake: words, answers, and where either was lost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netwiz.probes.facts.base import Finding, Place
from netwiz.probes.facts.connection import Outcome
from netwiz.probes.facts.firewall import RuleHit


class Ending(StrEnum):
    """How a conversation ended for the client."""

    NONE = "none"
    """There was none: the connection did not come about."""
    COMPLETE = "complete"
    """A whole answer, or as much of one as was wanted."""
    EOF = "end"
    """The other side closed before an answer was whole."""
    RESET = "reset"
    SILENCE = "silence"
    """Nothing more came within the budget."""


@dataclass(frozen=True, slots=True)
class TcpInfo:
    """What the kernel knows of one TCP socket (``struct tcp_info``, linux/tcp.h)."""

    retransmitting: int = 0
    """Timeouts in a row for the oldest byte that is not acknowledged."""
    unacked: int = 0
    """Segments sent and not acknowledged."""
    total_retransmits: int = 0
    rtt_ms: float = 0.0
    mss: int = 0
    """Largest payload of a segment that it sends."""
    path_mtu: int = 0
    sent_ago_ms: int = 0
    """Since data was last sent; the socket's age if it never was."""
    received_ago_ms: int = 0
    heard_ago_ms: int = 0
    """Since the last acknowledgement."""
    acked: int = 0
    """Bytes that the other side's kernel has taken."""
    received: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment of the conversation, seen at a device of a namespace."""

    place: Place
    device: str
    inbound: bool
    kind: str
    """SYN, SYN-ACK, RST, TCP."""
    from_client: bool
    size: int
    """Bytes of payload."""
    ttl: int
    at_us: float
    times: int = 1
    """How often the same bytes were seen there: more than once is a retransmission."""
    packet: int = 0
    """Bytes of the largest packet: IP header and all."""


@dataclass(frozen=True, slots=True)
class FarEnd:
    """The server's own socket of the conversation, as its kernel has it."""

    state: str
    unread: int = 0
    """Bytes that came and that the service has not taken."""
    unacked: int = 0
    """Bytes that the service sent and that the client's kernel has not confirmed."""
    retransmits: int = 0
    accepted: bool = False
    """A process holds it; else it waits in the accept queue."""
    process: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation(Finding):
    """One connection on which something was said, and what came of it."""

    place: Place
    address: str
    port: int
    words: str
    outcome: Outcome
    """Of the connection."""
    ending: Ending = Ending.NONE
    errno_name: str = ""
    sent: int = 0
    """Bytes that were said."""
    received: int = 0
    promised: int = -1
    """Bytes that the answer announced (Content-Length and head, TLS records)."""
    first_bytes: bytes = b""
    first_ms: float = 0.0
    """From the words to the first byte of the answer."""
    took_ms: float = 0.0
    info: TcpInfo = TcpInfo()
    source: str = ""
    source_port: int = 0
    far: FarEnd | None = None
    """None where the server's namespace is unknown or the socket is not there."""
    tapped: tuple[Place, ...] = ()
    segments: tuple[Segment, ...] = ()
    hits: tuple[RuleHit, ...] = ()
    """Rules whose counters rose meanwhile."""
    counted: tuple[Place, ...] = ()
    blind: tuple[str, ...] = ()

    @property
    def heard(self) -> bool:
        """Whether the words were confirmed by the other side's kernel."""
        return bool(self.sent) and not self.info.unacked

    @property
    def first_line(self) -> str:
        """The first line of the answer as text."""
        line = self.first_bytes.split(b"\n", 1)[0][:80]
        return "".join(chr(b) if 32 <= b < 127 else "." for b in line.rstrip(b"\r"))

    @property
    def resets(self) -> tuple[Segment, ...]:
        """Every RST that was seen, in time order."""
        return tuple(s for s in self.segments if s.kind == "RST")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a listening socket."""

    pid: int
    name: str
    state: str
    """As proc(5) has it: R, S, D, T (stopped), t (traced), Z."""
    container_id: str = ""
    open_files: int = 0
    max_files: int = 0
    """Soft RLIMIT_NOFILE; 0 when unknown."""
    cpu_ms: float = 0.0
    """Processor time used while it was watched."""

    @property
    def stopped(self) -> bool:
        """By a signal or a debugger: it runs no instruction."""
        return self.state in ("T", "t")

    @property
    def out_of_files(self) -> bool:
        """No descriptor is left for another connection."""
        return 0 < self.max_files <= self.open_files


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueWatch(Finding):
    """A listener's accept queue, watched until it moved or the budget ended."""

    place: Place
    port: int
    listener: str = ""
    """``0.0.0.0:3000``; empty when nothing listens."""
    backlog: int = 0
    queued: tuple[int, ...] = ()
    """Connections waiting, look after look."""
    watched_ms: float = 0.0
    overflows: int = 0
    """SYNs refused for want of room meanwhile (TcpExtListenDrops)."""
    holders: tuple[Holder, ...] = ()

    @property
    def full(self) -> bool:
        """At its limit in every look: the kernel takes no more connections."""
        return bool(self.queued) and all(q > self.backlog for q in self.queued)

    @property
    def moved(self) -> bool:
        """Empty, or shorter once than before: somebody accepts."""
        if not self.queued or 0 in self.queued:
            return True
        pairs = zip(self.queued, self.queued[1:], strict=False)
        return any(after < before for before, after in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMtu(Finding):
    """Which packet sizes come through to an address and back, with DF set."""

    place: Place
    address: str
    device: str = ""
    device_mtu: int = 0
    """Of the device by which the place sends there."""
    known: int = 0
    """The path MTU that the kernel goes by now; the device's, if it learnt no other."""
    passes: int = 0
    """Largest packet, in bytes with the IP header, that was answered; 0: none was."""
    lost: int = 0
    """Smallest larger one that nobody answered; 0: every size passed."""
    told: int = 0
    """The MTU that an ICMP error (3/4, or type 2 of ICMPv6) named; 0: none came."""
    told_by: str = ""
    """Who sent it."""
    answered: tuple[int, ...] = ()
    silent: tuple[int, ...] = ()

    @property
    def blackhole(self) -> bool:
        """Small ones pass, large ones vanish, and nobody says so."""
        return bool(self.passes and self.lost and not self.told)
