"""What the kernel remembers of flows: connection tracking, as facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netwiz.probes.facts.base import Finding, Place


@dataclass(frozen=True, slots=True)
class FlowEnds:
    """One direction of a flow."""

    source: str
    destination: str
    source_port: int = 0
    destination_port: int = 0

    @property
    def text(self) -> str:
        """``172.18.0.3:40000 > 172.18.0.2:3000``."""
        source = _end(self.source, self.source_port)
        return f"{source} > {_end(self.destination, self.destination_port)}"


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass(frozen=True, slots=True)
class Flow:
    """An entry of the table."""

    protocol: str
    original: FlowEnds
    reply: FlowEnds
    """What an answer looks like before it is translated back."""
    state: str = ""
    """TCP: ESTABLISHED, SYN_SENT, ...; empty for UDP."""
    timeout_s: int = 0
    """Seconds until it is forgotten, if nothing more comes."""
    assured: bool = False
    replied: bool = True
    """Packets were seen both ways; else ``[UNREPLIED]``."""

    @property
    def text(self) -> str:
        """As conntrack(8) would tell of it, shorter."""
        words = [self.protocol, self.state, self.original.text]
        words.append(f"(answers {self.reply.text})")
        words.append(f"{self.timeout_s} s left")
        words.append("[ASSURED]" if self.assured else "")
        words.append("" if self.replied else "[UNREPLIED]")
        return " ".join(w for w in words if w)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConntrackView(Finding):
    """What a namespace tracks of the flows that were asked for."""

    place: Place
    flows: tuple[Flow, ...] = ()
    """Those that fit the question, at most 256."""
    more: bool = False
    """There are more that fit, or the table was too large to be read to its end."""
    scanned: int = 0
    """Entries that were looked at."""
    count: int = 0
    """Entries in the namespace's table."""
    limit: int = 0
    """nf_conntrack_max; 0 when unknown."""
    stats: Mapping[str, int] = field(default_factory=dict)
    """Sums over all processors: insert_failed, drop, early_drop, invalid ..."""
    established_s: int = 0
    """nf_conntrack_tcp_timeout_established; 0 when unknown."""
    liberal: bool = False
    """nf_conntrack_tcp_be_liberal."""
    loose: bool = True
    """nf_conntrack_tcp_loose: an unknown flow may be picked up in the middle."""

    def between(
        self, source: str, source_port: int, address: str, port: int
    ) -> Flow | None:
        """The flow that a socket with these ends belongs to; None: not tracked."""
        mine = FlowEnds(source, address, source_port, port)
        back = FlowEnds(address, source, port, source_port)
        return next(
            (f for f in self.flows if f.original == mine or f.reply == back), None
        )
