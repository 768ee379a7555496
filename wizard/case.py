"""A case: what failed, for whom, on the way to what; and how people write that down."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from netwiz.probes.facts import HOST, Container, Place, Protocol, Snapshot
from netwiz.probes.text import plain

DEFAULT_PORTS = {"http": 80, "https": 443}
SCHEMES = ("tcp", "udp", "http", "https", "dns")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_MAX_PORT = 65535


class Symptom(StrEnum):
    """What the application reports."""

    REFUSED = "refused"
    TIMEOUT = "timeout"
    DNS = "dns"
    TLS = "tls"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    SLOW = "slow"


class BadInput(ValueError):  # noqa: N818 - it is not ours that is in error
    """What a person gave cannot be used; the message says what and what would do."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the client wants to go."""

    host: str
    port: int | None = None
    """None when only the name is to be resolved."""
    scheme: str = "tcp"

    @property
    def protocol(self) -> Protocol:
        """The transport of its scheme."""
        return Protocol.UDP if self.scheme == "udp" else Protocol.TCP

    @property
    def name_only(self) -> bool:
        """Whether resolving the name is all that is asked for."""
        return self.port is None

    @property
    def address(self) -> str:
        """The host as a normalised address; empty when it is a name."""
        try:
            return str(ipaddress.ip_address(self.host))
        except ValueError:
            return ""

    @property
    def text(self) -> str:
        """As a person would write it; `parse_target` reads it back."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port is None:
            return f"dns://{self.host}"
        prefix = "" if self.scheme == "tcp" else f"{self.scheme}://"
        return f"{prefix}{host}:{self.port}"


class ClientKind(StrEnum):
    """Who asks."""

    CONTAINER = "container"
    HOST = "host"
    OUTSIDE = "outside"
    """A client beyond this machine."""
    NETNS = "netns"
    """A named network namespace."""


@dataclass(frozen=True, slots=True)
class Client:
    """The one that cannot connect."""

    kind: ClientKind
    name: str
    """Container name, ``host``, ``outside``, or the namespace's name."""
    container_id: str = ""

    def place(self, snapshot: Snapshot) -> Place:
        """Where to stand for it; a client outside is stood in for by the host."""
        if self.kind is ClientKind.NETNS:
            return Place.netns(self.name)
        container = self.container(snapshot)
        return snapshot.place(container) if container else HOST

    def container(self, snapshot: Snapshot) -> Container | None:
        """The client's container, if it is one and still there."""
        return snapshot.by_id.get(self.container_id)


@dataclass(frozen=True, slots=True)
class Case:
    """A symptom, a client and a target."""

    client: Client
    target: Target
    symptom: Symptom | None = None
    """None: to be found out by probing."""
    error: str = ""
    """The line that the application printed, if one was given."""
    repeat: int = 0
    wait_s: float | None = None
    """How long to wait for a client's packet from outside; 0: until stopped."""
    tried: bool = False
    """The person's word that the client tries meanwhile."""
    """Probes per address that were asked for; 0: as many as the walk needs."""

    @property
    def intermittent(self) -> bool:
        """Whether one success proves nothing: it was said to fail at times."""
        return self.symptom is Symptom.SLOW or self.repeat > 0

    @property
    def text(self) -> str:
        """``order -> pg:3000``."""
        return f"{self.client.name} -> {self.target.text}"


def parse_client(text: str, snapshot: Snapshot) -> Client:
    """Whom a person means by FROM. Raises BadInput when that is nobody or several."""
    wanted = text.strip()
    if wanted == "host":
        return Client(ClientKind.HOST, "host")
    if wanted == "outside":
        return Client(ClientKind.OUTSIDE, "outside")
    if wanted in snapshot.host.namespaces and not snapshot.find(wanted):
        return Client(ClientKind.NETNS, wanted)
    found = snapshot.find(wanted)
    if len(found) == 1:
        return Client(ClientKind.CONTAINER, found[0].name, found[0].id)
    shown = plain(wanted, 80)
    if len(found) > 1:
        names = ", ".join(c.name for c in found[:5])
        raise BadInput(f"'{shown}' could be any of {names}: give more of the id")
    if snapshot.engine is None:
        raise BadInput(
            f"no container '{shown}' can be looked up: {snapshot.missing}; "
            "'host' and named namespaces still work"
        )
    raise BadInput(f"no container is named '{shown}': {_nearest(wanted, snapshot)}")


def client_hinted(hint: str, snapshot: Snapshot) -> Client | None:
    """Whom a log's label or a local address means; None when that is not one only.

    Compose labels its lines with service and number (``order-1``), and names the
    container with the project in front.
    """
    found = snapshot.find(hint) if hint else ()
    if not found:
        found = tuple(
            c
            for c in snapshot.containers
            if hint and (hint in c.addresses or _labelled(c, hint))
        )
    if len(found) != 1:
        return None
    return Client(ClientKind.CONTAINER, found[0].name, found[0].id)


def _labelled(container: Container, hint: str) -> bool:
    service, sep, number = hint.rpartition("-")
    if not sep:
        service, sep, number = hint.rpartition("_")
    if not number.isdigit() or not service:
        return hint == container.service
    numbered = re.search(r"[-_](\d+)$", container.name)
    return container.service == service and (numbered[1] if numbered else "1") == number


def parse_target(text: str) -> Target:
    """Where a person means by TO. Raises BadInput with what would have been right."""
    given = text.strip()
    shown = plain(given, 80)
    scheme, sep, rest = given.partition("://")
    if not sep:
        scheme, rest = "", given
    scheme = scheme.lower()
    if scheme and scheme not in SCHEMES:
        raise BadInput(f"'{shown}': unknown scheme; use one of {', '.join(SCHEMES)}")
    rest = rest.split("/", 1)[0].split("?", 1)[0].rpartition("@")[2]
    host, port = _split_port(rest, shown)
    host = _in_ascii(host)
    _check_host(host, shown)
    if port is None:
        if scheme in DEFAULT_PORTS:
            port = DEFAULT_PORTS[scheme]
        elif scheme in ("tcp", "udp"):
            raise BadInput(f"'{shown}' lacks a port, as in {scheme}://{host}:3000")
        else:
            scheme = "dns"
    elif scheme == "dns":
        raise BadInput(f"'{shown}': dns:// takes a name alone, without a port")
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        host = host.lower()
    return Target(host, port, scheme or "tcp")


def check_port(target: Target, symptom: Symptom | None) -> Target:
    """The target, if it tells what is dialled. Raises BadInput where a port is needed.

    A name alone can be resolved, and nothing else; an address, not even that.
    """
    other = symptom not in (None, Symptom.DNS)
    if target.name_only and (target.address or other):
        host = f"[{target.host}]" if ":" in target.host else target.host
        raise BadInput(f"{host} lacks the port that was dialled: as in {host}:3000")
    return target


def _in_ascii(host: str) -> str:
    """A name with other letters as resolvers and certificates have it (RFC 3490)."""
    if host.isascii():
        return host
    with contextlib.suppress(UnicodeError):
        return host.encode("idna").decode("ascii")
    return host


def _split_port(rest: str, shown: str) -> tuple[str, int | None]:
    if rest.startswith("["):
        host, sep, tail = rest[1:].partition("]")
        if not sep or ":" not in host or (tail and not tail.startswith(":")):
            raise BadInput(f"'{shown}': an IPv6 address is written [2001:db8::1]:3000")
        port = tail[1:]
        if tail == ":":
            raise BadInput(f"'{shown}': the port is missing after the colon")
    elif rest.count(":") > 1:
        host, port = rest, ""
    else:
        host, sep, port = rest.partition(":")
        if sep and not port:
            raise BadInput(f"'{shown}': the port is missing after the colon")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit()) or not 1 <= int(port[:6]) <= _MAX_PORT:
        raise BadInput(f"'{shown}': a port is a number from 1 to {_MAX_PORT}")
    return host, int(port)


def _check_host(host: str, shown: str) -> None:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return
    if not host:
        raise BadInput(f"'{shown}' names no host; write host:port, as in pg:5432")
    if re.fullmatch(r"[0-9.]+", host):
        raise BadInput(f"'{shown}': {host} is no IPv4 address")
    if ":" in host or not _NAME.fullmatch(host):
        raise BadInput(f"'{shown}': '{plain(host, 60)}' is no host name or address")


def _nearest(wanted: str, snapshot: Snapshot) -> str:
    import difflib

    names = [c.name for c in snapshot.containers]
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    if names:
        return f"there are {', '.join(sorted(names)[:8])}"
    return "the engine has no containers"
