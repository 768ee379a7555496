"""What a name means to an application in a namespace, and who said so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netwiz.probes.facts.base import Finding, Place


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
