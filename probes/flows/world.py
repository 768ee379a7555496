"""What an end is called: containers, aliases, published ports. Pure."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterable, Mapping
from functools import lru_cache

from netwiz.probes.facts.base import PlaceKind
from netwiz.probes.facts.engine import Container, Snapshot
from netwiz.probes.facts.flows import FlowEnd
from netwiz.probes.facts.sockets import Process
from netwiz.probes.flows.diag import Sock
from netwiz.probes.flows.join import is_loopback, port_of
from netwiz.probes.flows.spaces import Space


@lru_cache(maxsize=16_384)
def address_of(end: bytes) -> str:
    """The address of an end, as text."""
    packed = end[:-2]
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, packed)


def text_of(end: bytes) -> str:
    """``172.18.0.3:80``, ``[fd00::3]:80``."""
    address = address_of(end)
    return f"{f'[{address}]' if ':' in address else address}:{port_of(end)}"


_made = itertools.count(1)


class World:
    """Names by address, made once per snapshot."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self.number = next(_made)
        """Tells one world from the next: names may have changed."""
        self._owners: dict[str, Container] = {}
        self._host: set[str] = set()
        self._aliases: dict[str, tuple[str, ...]] = {}
        self._published: dict[tuple[str, int, str], int] = {}
        self._behind: dict[tuple[int, str], list[tuple[str, Container, int]]] = {}
        self._by_id: Mapping[str, Container] = {}
        if snapshot is None:
            return
        self._by_id = snapshot.by_id
        self._host = {address for _, address in snapshot.host.addresses}
        for network in snapshot.networks:
            if network.device:
                self._host |= {s.gateway for s in network.subnets if s.gateway}
        for container in snapshot.containers:
            self._aliases[container.id] = _aliases(container)
            if container.running:
                self._add(container)

    def _add(self, container: Container) -> None:
        for address in container.addresses:
            self._owners.setdefault(address, container)
        for m in container.published:
            if m.host_port:
                inside = (container.id, m.container_port, m.protocol)
                self._published.setdefault(inside, m.host_port)
                outside = self._behind.setdefault((m.host_port, m.protocol), [])
                outside.append((m.host_ip, container, m.container_port))

    def seen(self, space: Space, sock: Sock, process: Process | None) -> FlowEnd:
        """An end whose socket was seen; its state and queues are filled in later."""
        name, aliases = self._living_in(space, process)
        return FlowEnd(
            name=name,
            address=address_of(sock.near),
            port=port_of(sock.near),
            place=space.place,
            here=True,
            process=process,
            aliases=aliases,
        )

    def unseen(self, end: bytes, space: Space) -> FlowEnd:
        """The far end of a socket in a namespace; nobody's socket was seen there."""
        address, port = address_of(end), port_of(end)
        if is_loopback(end):
            name, aliases = self._living_in(space, None)
            return FlowEnd(name, address, port, here=True, aliases=aliases)
        owner = self._owners.get(address)
        if owner is not None:
            aliases = self._aliases.get(owner.id, ())
            return FlowEnd(owner.name, address, port, here=True, aliases=aliases)
        if address in self._host:
            return FlowEnd("host", address, port, here=True)
        return FlowEnd(address, address, port)

    def named(self, text: str) -> FlowEnd:
        """An end of a packet, ``172.18.0.3:80`` or ``[fd00::3]:80``."""
        host, _, port = text.rpartition(":")
        address = host.strip("[]")
        number = int(port) if port.isdecimal() else 0
        owner = self._owners.get(address)
        if owner is not None:
            aliases = self._aliases.get(owner.id, ())
            return FlowEnd(owner.name, address, number, here=True, aliases=aliases)
        if address in self._host:
            return FlowEnd("host", address, number, here=True)
        return FlowEnd(address or text, address, number)

    def published(self, space: Space, end: bytes, protocol: str) -> int:
        """The host's port that leads to this end of a container; 0 for none."""
        port = port_of(end)
        found = (self._published.get((c.id, port, protocol)) for c in space.containers)
        return next((number for number in found if number), 0)

    def behind(self, end: bytes, protocol: str) -> str:
        """``web:80`` for an end of the host that is published for a container."""
        address = address_of(end)
        for host_ip, container, port in self._behind.get((port_of(end), protocol), ()):
            if host_ip in ("", "0.0.0.0", "::", address):
                return f"{container.name}:{port}"
        return ""

    def is_host(self, end: bytes) -> bool:
        """Whether an address is one of the host's."""
        return address_of(end) in self._host

    def _living_in(
        self, space: Space, process: Process | None
    ) -> tuple[str, tuple[str, ...]]:
        """Who of those that share a namespace, as far as the process tells."""
        known = self._by_id.get(process.container_id) if process else None
        if known is not None:
            return known.name, self._aliases.get(known.id, ())
        there = space.containers
        if space.place.kind is PlaceKind.HOST or not there:
            return space.place.label, ()
        names = [c.name for c in there]
        aliases = [a for c in there for a in self._aliases.get(c.id, ())]
        # Which of several it is, is not known yet: all of them may be.
        return "+".join(names[:3]), _each_once((*names[1:], *aliases))


def _aliases(container: Container) -> tuple[str, ...]:
    """Service and network aliases, without its name and the digits of its id."""
    given = (alias for net in container.attachments for alias in net.aliases)
    found = _each_once((container.service, *given))
    own = (container.name, container.short_id)
    return tuple(text for text in found if text not in own)


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
