"""Of sockets and tracked flows in a namespace."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Protocol


@dataclass(frozen=True, slots=True)
class IdentifyNamespace:
    """The inode of a place's namespace. Answer: NamespaceIdentity."""

    place: Place


@dataclass(frozen=True, slots=True)
class ReadSockets:
    """Listeners and connections of a place. Answer: SocketTable."""

    place: Place
    detail: bool = False
    """Also what the kernel measures of each connection (Stream.info)."""
    nth: int = 1
    """Tells repeated looks apart."""


@dataclass(frozen=True, slots=True)
class FindListeners:
    """Who listens on a port anywhere on this machine. Answer: ListenersByPlace."""

    port: int
    protocol: Protocol = Protocol.TCP


@dataclass(frozen=True, slots=True)
class WatchListener:
    """Wait a moment for a listener to appear. Answer: ListenerWatch."""

    place: Place
    port: int
    budget_ms: int = 2000
    protocol: Protocol = Protocol.TCP


@dataclass(frozen=True, slots=True)
class WatchQueue:
    """Whether a TCP listener's accept queue moves. Answer: QueueWatch."""

    place: Place
    port: int
    address: str = ""
    """The listener that takes this address; empty: any on the port."""
    budget_ms: int = 3000


@dataclass(frozen=True, slots=True)
class ReadConntrack:
    """The tracked flows that fit, and how the table does. Answer: ConntrackView.

    `address` and `port` are those that the client dialled (the original destination);
    `source` is the client's. Whatever is left empty fits anything.
    """

    place: Place
    protocol: Protocol = Protocol.TCP
    address: str = ""
    port: int = 0
    source: str = ""
