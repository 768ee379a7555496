"""What a name means to an application in a namespace, and who said so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netwiz.probes.facts.base import Finding, Place

NONSENSE = "nonsense"
"""What stands for an errno where something came that was no answer."""


class NameOutcome(StrEnum):
    """How a lookup ended."""

    LITERAL = "literal"
    """The name is an address; nobody was asked."""
    HOSTS = "hosts"
    """The hosts file answered."""
    ANSWERED = "answered"
    NXDOMAIN = "NXDOMAIN"
    NODATA = "no address record"
    SERVFAIL = "SERVFAIL"
    REJECTED = "REFUSED"
    """The server answered with rcode REFUSED."""
    REFUSED = "connection refused"
    """Nothing serves port 53 there (ICMP port unreachable)."""
    TIMEOUT = "no answer"
    UNREACHABLE = "unreachable"
    NO_SERVER = "no name server configured"

    @property
    def ok(self) -> bool:
        """Whether there is an address to go on with."""
        return self in (NameOutcome.LITERAL, NameOutcome.HOSTS, NameOutcome.ANSWERED)


@dataclass(frozen=True, slots=True)
class ResolverFiles:
    """resolv.conf, hosts and nsswitch as the container itself has them."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    options: tuple[str, ...] = ()
    hosts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(address, names) pairs in file order."""
    hosts_order: tuple[str, ...] = ("files", "dns")
    """The ``hosts:`` line of nsswitch.conf."""
    has_ca_bundle: bool = False
    upstreams: tuple[str, ...] = ()
    """Where the engine's own resolver forwards to, by its note in resolv.conf; empty
    before Docker 26. The container could have written the note itself."""
    libc: str = ""
    """glibc or musl, by the loader in its file system; empty where there is neither,
    as in an image that holds one static binary."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One server's answer to one question."""

    server: str
    question: str
    """The full name asked for, with its final dot."""
    record: str
    """A, AAAA, PTR ..."""
    outcome: NameOutcome
    addresses: tuple[str, ...] = ()
    ms: float = 0.0
    over_tcp: bool = False
    """Asked (again) over TCP: the datagram was truncated, or ``use-vc`` is set."""

    rcode: str = ""
    """``NOERROR``, ``NXDOMAIN`` ...; empty when nothing came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution(Finding):
    """What the application's resolver would hand to the application."""

    place: Place
    name: str
    outcome: NameOutcome
    addresses: tuple[str, ...] = ()
    """In the order in which an application tries them (RFC 6724)."""
    answers: tuple[Answer, ...] = ()
    files: ResolverFiles = ResolverFiles()
    took_ms: float = 0.0
    """What the lookup cost the application: from the first question to the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverRead(Finding):
    """A place's resolver configuration, without a question put to anybody."""

    place: Place
    files: ResolverFiles = ResolverFiles()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAnswer(Finding):
    """What one name server said to one question, over one transport."""

    place: Place
    server: str
    name: str
    record: str
    over_tcp: bool
    outcome: NameOutcome
    """Of the first question that brought an answer; else of the last one."""
    rcode: str = ""
    """``NOERROR``, ``NXDOMAIN``, ``REFUSED`` ...; empty when nothing came."""
    addresses: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    """Of tc (did not fit), aa (its own zone), ra (asks others for us)."""
    size: int = 0
    """Octets of the answer."""
    answer_ms: float = 0.0
    error: str = ""
    """Name of the errno behind a failure, or NONSENSE; empty for silence."""
    tries: tuple[Answer, ...] = ()
    """Every question of a repeated one, in order."""
    asked_on: tuple[str, ...] = ()
    """Other servers to which the same question was seen to leave the place, where
    that was watched: what a forwarding server passes on."""

    @property
    def alive(self) -> bool:
        """Whether a DNS answer of any kind came."""
        return bool(self.rcode)

    @property
    def knows(self) -> bool:
        """Whether the answer holds what was asked for."""
        return self.outcome is NameOutcome.ANSWERED

    @property
    def failed_tries(self) -> tuple[Answer, ...]:
        """The questions without a usable answer."""
        return tuple(t for t in self.tries if t.outcome is not NameOutcome.ANSWERED)

    @property
    def said(self) -> str:
        """In a few words, for people."""
        if self.error == NONSENSE:
            return "sent what is no answer to the question"
        if self.outcome is NameOutcome.TIMEOUT:
            return f"silent for {self.answer_ms / 1000:.1f} s"
        if self.knows and not self.addresses:
            return "answered"
        if self.knows:
            return ", ".join(self.addresses[:4])
        return self.outcome.value
