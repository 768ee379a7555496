"""Whom the engine's own name server asks for names that it does not know itself.

Engines from 26 on note it in the container's resolv.conf. For older ones it follows
from what was asked for: ``--dns`` of the container, else of the daemon, else the
host's resolv.conf. A loopback server of the host the engine's name server asks from the
host's namespace. On the default bridge, where containers ask for themselves, such
servers are left out, and where nothing remains Google's are put in (libnetwork,
resolvconf.FilterResolvDNS).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from netwiz.probes.facts.engine import Container, Engine
from netwiz.probes.facts.names import ResolverFiles

EMBEDDED = "127.0.0.11"
"""The engine's name server, as containers on user-defined networks see it."""

FALLBACK = ("8.8.8.8", "8.8.4.4")
STUB = ("127.0.0.53",)
"""systemd-resolved: here the engine reads resolved's own list of servers instead."""


class Origin(StrEnum):
    """Who named the upstream servers."""

    CONTAINER = "--dns of the container"
    DAEMON = "the daemon's dns option"
    HOST = "the host's resolv.conf"
    FALLBACK = "the engine, for want of any other"
    OWN = "its own resolv.conf"


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The servers behind a place's name server, in the order they are asked in."""

    servers: tuple[str, ...]
    origin: Origin
    by_engine: bool = False
    """Whether the engine's name server asks them, and not the client itself."""

    def from_host(self, server: str) -> bool:
        """Whether a server is asked from the host's namespace."""
        asked_for = self.origin is Origin.CONTAINER
        return self.by_engine and loopback(server) and not asked_for


def loopback(server: str) -> bool:
    """Whether a server is the asking namespace itself."""
    try:
        return ipaddress.ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False


def upstreams_of(
    files: ResolverFiles,
    client: Container | None,
    engine: Engine | None,
    host: ResolverFiles,
) -> Upstreams:
    """The servers that in the end answer a place's questions about foreign names."""
    if client is None:
        return Upstreams(files.servers or ("127.0.0.1",), Origin.OWN)
    origin, named = _asked_for(client, engine, host)
    if EMBEDDED in files.servers:
        return Upstreams(files.upstreams or named or FALLBACK, origin, by_engine=True)
    if origin is Origin.HOST:
        named = tuple(s for s in named if not loopback(s))
        if not named and files.servers == FALLBACK:
            origin = Origin.FALLBACK
        elif set(files.servers) - set(named) and host.servers != STUB:
            origin = Origin.OWN
    elif set(files.servers) != set(named):
        origin = Origin.OWN
    return Upstreams(files.servers or ("127.0.0.1",), origin)


def _asked_for(
    client: Container, engine: Engine | None, host: ResolverFiles
) -> tuple[Origin, tuple[str, ...]]:
    if client.dns:
        return Origin.CONTAINER, client.dns
    if engine is not None and engine.dns:
        return Origin.DAEMON, engine.dns
    return Origin.HOST, host.servers
