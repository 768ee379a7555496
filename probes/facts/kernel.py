"""What the kernel's network stack counts in one namespace."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Finding, Place


@dataclass(frozen=True, slots=True)
class Rise:
    """A counter of the kernel that rose around a probe."""

    place: Place
    name: str
    """As ``nstat`` prints it (``TcpExtListenDrops``); those of connection tracking
    as ``conntrack -S`` does, after ``nf_conntrack.``."""
    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelCounters(Finding):
    """The counters of /proc/net/{snmp,snmp6,netstat,stat/nf_conntrack}."""

    place: Place
    counters: tuple[tuple[str, int], ...] = ()
    tracked: int = 0
    """Connections that are tracked now (nf_conntrack_count)."""
    tracked_max: int = 0
    """How many may be (nf_conntrack_max); 0 when not known here."""

    def value(self, name: str) -> int:
        """A counter's value; 0 when the kernel has none of that name."""
        return dict(self.counters).get(name, 0)
