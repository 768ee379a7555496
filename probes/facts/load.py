"""Many attempts in place of one, and what slows a path down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netwiz.probes.facts.base import Finding, Place
from netwiz.probes.facts.connection import Connection, Outcome
from netwiz.probes.facts.kernel import Rise

SYN_AGAIN_S = (1, 2, 3, 4, 7, 15)
"""Seconds after which a SYN was sent again: 1, 2, 3, 4 with linear timeouts (Linux 6.5,
tcp_syn_linear_timeouts), 1, 3, 7, 15 before."""
_NEAR_MS = 300.0
"""So late may we be to notice, on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated(Finding):
    """The same attempt, many times, from one place to one address."""

    place: Place
    address: str
    port: int
    attempts: tuple[Connection, ...] = ()
    kernel: tuple[Rise, ...] = ()
    """Counters of the kernel that rose meanwhile, in the places that were counted."""

    @property
    def working(self) -> tuple[Connection, ...]:
        """Those that were accepted and not hung up on."""
        return tuple(a for a in self.attempts if a.works)

    @property
    def failed(self) -> tuple[Connection, ...]:
        """All others."""
        return tuple(a for a in self.attempts if not a.works)

    @property
    def late(self) -> tuple[Connection, ...]:
        """Connected only with a repeated SYN: about 1, 2, 3 ... s after the first."""
        return tuple(a for a in self.working if resent(a.connect_ms))

    @property
    def unanswered(self) -> tuple[Connection, ...]:
        """Nothing at all came back within the budget."""
        return tuple(a for a in self.attempts if a.outcome is Outcome.TIMEOUT)

    @property
    def quickest_ms(self) -> float:
        """The shortest time to connect; 0 when none did."""
        return min((a.connect_ms for a in self.working), default=0.0)

    @property
    def spread(self) -> str:
        """``20 probes: 14 within 2 ms, 4 after about 1 s, 2 without an answer``."""
        count = len(self.attempts)
        parts = [*_groups(self)]
        return f"{count} probe{'s' * (count != 1)}: {', '.join(parts)}"


def resent(connect_ms: float) -> int:
    """Which repetition of the SYN was answered, in seconds; 0 when the first one was.

    A slow path or server is late by any time; one whose SYN was lost is late by the
    kernel's own timer, give or take the path.
    """
    for seconds in SYN_AGAIN_S:
        if -20.0 <= connect_ms - seconds * 1000 <= _NEAR_MS:
            return seconds
    return 0


def _groups(repeated: Repeated) -> Iterable[str]:
    prompt = [a.connect_ms for a in repeated.working if not resent(a.connect_ms)]
    if prompt:
        yield f"{len(prompt)} within {max(prompt):.1f} ms"
    for seconds in SYN_AGAIN_S:
        late = sum(resent(a.connect_ms) == seconds for a in repeated.working)
        if late:
            yield f"{late} after about {seconds} s"
    told: dict[str, int] = {}
    for attempt in repeated.failed:
        words = attempt.outcome.value
        if attempt.outcome is Outcome.TIMEOUT:
            words = "without an answer"
        if attempt.hung_up:
            words = f"accepted, then {attempt.after.value}"
        told[words] = told.get(words, 0) + 1
    yield from (f"{count} {words}" for words, count in told.items())


@dataclass(frozen=True, slots=True)
class Queue:
    """A queueing discipline of a device, and what its counters say (tc-tbf(8) ...)."""

    device: str
    kind: str
    """tbf, htb, fq_codel, noqueue ..."""
    rate: int = 0
    """Bits per second that it lets through; 0 when it sets none."""
    sent: int = 0
    """Bytes."""
    dropped: int = 0
    overlimits: int = 0
    backlog: int = 0
    """Bytes waiting now."""
    handle: str = ""

    @property
    def rate_text(self) -> str:
        """``64 kbit/s``."""
        for unit, size in (("Gbit", 10**9), ("Mbit", 10**6), ("kbit", 10**3)):
            if self.rate >= size:
                return f"{self.rate / size:g} {unit}/s"
        return f"{self.rate} bit/s"


@dataclass(frozen=True, slots=True)
class Drops:
    """What a device says that it lost (``ip -s link``)."""

    device: str
    received: int = 0
    """Packets."""
    sent: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0
    rx_errors: int = 0
    tx_errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues(Finding):
    """Every queueing discipline of a namespace, and every device's own losses."""

    place: Place
    queues: tuple[Queue, ...] = ()
    drops: tuple[Drops, ...] = ()

    def of(self, device: str, handle: str = "") -> Queue | None:
        """The queue of a device, by its handle where it has several."""
        fitting = (q for q in self.queues if q.device == device)
        return next((q for q in fitting if not handle or q.handle == handle), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure(Finding):
    """How the scheduler holds a container back (cgroups, cpu.stat)."""

    container_id: str
    quota: float = 0.0
    """Processors that it may use; 0 when it is not limited."""
    periods: int = 0
    throttled: int = 0
    """Periods in which it had used up its share before the end."""
    throttled_ms: float = 0.0
    host_load: float = 0.0
    """Runnable tasks per processor of the host, over the last minute."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A socket that was connected to a name server's port 53."""

    server: str
    open_ms: float
    """For how long it was seen; a prompt answer closes it within a millisecond."""
    process: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameQuestions(Finding):
    """Who waited for a name server while a namespace was watched."""

    place: Place
    asked: tuple[Asked, ...] = ()
    watched_ms: float = 0.0
