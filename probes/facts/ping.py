"""What ping needs, and what it would see: not evidence for TCP either way."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Finding, Place

CAP_NET_RAW = 13
"""linux/capability.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRights(Finding):
    """What the first process of a container may do on the network."""

    container_id: str
    effective: int = 0
    """CapEff of ``/proc/PID/status``: a bit for each capability."""
    bounding: int = 0
    """CapBnd: what any process of the container can ever have."""
    user: int = 0
    group: int = 0
    """Effective uid and gid."""
    seccomp: bool = False
    """System calls are filtered (``Seccomp: 2``, proc(5))."""
    ping_groups: tuple[int, int] = (1, 0)
    """net.ipv4.ping_group_range: groups that may ping without CAP_NET_RAW (icmp(7));
    1 to 0 is nobody."""

    @property
    def raw(self) -> bool:
        """Whether it may open raw sockets."""
        return bool(self.effective >> CAP_NET_RAW & 1)

    @property
    def may_have_raw(self) -> bool:
        """Whether any program in the container could be given that right."""
        return bool(self.bounding >> CAP_NET_RAW & 1)

    @property
    def ping_group(self) -> bool:
        """Whether its group may ping without that right."""
        return self.ping_groups[0] <= self.group <= self.ping_groups[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoed(Finding):
    """What came back for a few ICMP echo requests."""

    place: Place
    address: str
    sent: int = 0
    answered: int = 0
    error: str = ""
    """An errno's name where not even sending was possible."""
