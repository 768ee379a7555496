"""Sockets of a namespace: who listens where, and who is connected to whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from netwiz.probes.facts.base import Finding, Place
from netwiz.probes.facts.talk import TcpInfo


@dataclass(frozen=True, slots=True)
class Process:
    """The process that holds a socket."""

    pid: int
    name: str
    """``/proc/PID/comm``."""
    container_id: str = ""
    """Full id from its cgroup; empty for a process of the host."""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket in LISTEN, or a bound and unconnected UDP socket."""

    address: str
    port: int
    protocol: str = "tcp"
    family: int = 4
    v6only: bool = False
    backlog: int = 0
    """The limit of the accept queue (``Send-Q`` of ``ss -l``)."""
    queued: int = 0
    """Connections waiting to be accepted (``Recv-Q`` of ``ss -l``)."""
    inode: int = 0
    process: Process | None = None
    device: str = ""
    """The only device it listens on (SO_BINDTODEVICE); empty when on any."""

    @property
    def wildcard(self) -> bool:
        """Bound to every address of its family (or of both)."""
        return self.address in ("0.0.0.0", "::")

    @property
    def loopback(self) -> bool:
        """Bound to a loopback address only."""
        return ipaddress.ip_address(self.address.partition("%")[0]).is_loopback

    def accepts(self, address: str) -> bool:
        """Whether a connection dialled at `address`, arrived here, would be its own.

        A ``::`` socket without IPV6_V6ONLY takes IPv4 as well (ipv6(7)).
        """
        ip = ipaddress.ip_address(address)
        if self.address == "::":
            return ip.version == 6 or not self.v6only
        if self.address == "0.0.0.0":
            return ip.version == 4
        own = ipaddress.ip_address(self.address.partition("%")[0])
        if own.version == 6 and own.ipv4_mapped is not None:
            return own.ipv4_mapped == ip
        return own == ip

    @property
    def text(self) -> str:
        """As ``ss`` writes it: ``127.0.0.1:3000``, ``[::]:80``, ``*:80``."""
        if self.address == "::":
            return f"[::]:{self.port}" if self.v6only else f"*:{self.port}"
        host = f"[{self.address}]" if self.family == 6 else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Stream:
    """A TCP socket that is not listening."""

    local: str
    local_port: int
    remote: str
    remote_port: int
    state: str
    """As ``ss`` names it: ESTAB, SYN-SENT, TIME-WAIT, CLOSE-WAIT, ..."""
    family: int = 4
    inode: int = 0
    process: Process | None = None
    unread: int = 0
    """Bytes that came and that the application has not taken (``Recv-Q``)."""
    unacked: int = 0
    """Bytes sent and not acknowledged (``Send-Q``)."""
    info: TcpInfo | None = None
    """What the kernel measures of it; only if it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketTable(Finding):
    """All sockets of one namespace that a diagnosis cares about."""

    place: Place
    listeners: tuple[Listener, ...] = ()
    streams: tuple[Stream, ...] = ()

    def on(self, port: int, protocol: str = "tcp") -> tuple[Listener, ...]:
        """The listeners on a port, whatever their address."""
        return tuple(
            s for s in self.listeners if s.port == port and s.protocol == protocol
        )

    def accepting(
        self, address: str, port: int, protocol: str = "tcp"
    ) -> tuple[Listener, ...]:
        """The listeners that would take a connection to this address and port."""
        return tuple(s for s in self.on(port, protocol) if s.accepts(address))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenersByPlace(Finding):
    """Who listens on one port anywhere on this machine: (place, its listeners)."""

    port: int
    found: tuple[tuple[Place, tuple[Listener, ...]], ...] = ()
    unseen: tuple[str, ...] = ()
    """Labels of the places that could not be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerWatch(Finding):
    """Whether a listener appeared while we watched a namespace for a moment."""

    place: Place
    port: int
    appeared: tuple[Listener, ...] = ()
    watched_ms: float = 0.0
