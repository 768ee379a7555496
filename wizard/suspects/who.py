"""Whose an address or a name is: a directory made from a snapshot. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime

from netwiz.probes.facts import HOST, Container, Place, PlaceKind, Snapshot
from netwiz.wizard.suspects import rules

HOST_KEY = "host"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection: who it is, and how people call it."""

    key: str
    """Container id, ``host``, ``netns:NAME``, or the address or name itself."""
    label: str
    container_id: str = ""

    @property
    def known(self) -> bool:
        """Whether it is on this machine."""
        local = self.key == HOST_KEY or self.key.startswith("netns:")
        return bool(self.container_id) or local


class Directory:
    """Addresses and names of one snapshot."""

    def __init__(
        self, snapshot: Snapshot | None = None, before: Directory | None = None
    ) -> None:
        """`before` knows whose addresses those were that nobody has at the moment."""
        self.snapshot = snapshot
        self._of_address: dict[str, Container] = {}
        self._former: dict[str, tuple[Container, datetime]] = {}
        self._host: set[str] = set()
        if snapshot is None:
            return
        for container in snapshot.containers:
            for address in container.addresses:
                self._of_address[address] = container
        if before is not None:
            self._inherit(before, snapshot.taken_at)
        self._host = {a.partition("/")[0] for _, a in snapshot.host.addresses}

    def _inherit(self, before: Directory, now: datetime) -> None:
        lately = {a: (c, now) for a, c in before._of_address.items()}
        for address, (container, at) in (before._former | lately).items():
            if address not in self._of_address and now - at < rules.FORMER:
                self._former[address] = (container, at)

    def client(self, place: Place | None, address: str) -> End:
        """The client of a sign, by its namespace or by its address."""
        if place is not None:
            return self._of_place(place)
        found = self._of_address.get(address)
        if found is not None:
            return End(found.id, found.name, found.id)
        if address in self._host or _loopback(address):
            return End(HOST_KEY, HOST_KEY)
        return End(address, "outside")

    def _of_place(self, place: Place) -> End:
        if place.kind is PlaceKind.CONTAINER:
            known = self.snapshot.by_id.get(place.key) if self.snapshot else None
            return End(place.key, known.name if known else place.label, place.key)
        if place == HOST:
            return End(HOST_KEY, HOST_KEY)
        return End(f"netns:{place.key}", f"netns:{place.key}")

    def target(self, client: End, host: str, port: int) -> tuple[End, int]:
        """Who serves what the client dialled, and at which port of its own."""
        if _loopback(host) or host.lower() == "localhost":
            return client, port
        found = self._of_address.get(host) or self._named(client, host)
        if found is None and host in self._former:
            found = self._former[host][0]
        if found is not None:
            return End(found.id, found.name, found.id), port
        if host in self._host:
            return self._published(host, port) or (End(HOST_KEY, HOST_KEY), port)
        return End(host.lower(), host), port

    def addresses(self, end: End) -> tuple[str, ...]:
        """Of a container, now."""
        known = self.snapshot.by_id.get(end.container_id) if self.snapshot else None
        return known.addresses if known else ()

    def called(self, name: str) -> list[Container]:
        """Every container that has this name somewhere."""
        wanted = name.lower()
        found = []
        for container in self.snapshot.containers if self.snapshot else ():
            aliases = {x.lower() for a in container.attachments for x in a.aliases}
            if wanted in aliases | {container.name.lower(), container.service.lower()}:
                found.append(container)
        return found

    def _named(self, client: End, host: str) -> Container | None:
        """The container that a name means to a client: on a network of both."""
        if self.snapshot is None or not host or not host.strip("0123456789."):
            return None
        own = self.snapshot.by_id.get(client.container_id)
        networks = {a.network_id for a in own.attachments} if own else set()
        wanted = host.lower()
        for container in self.snapshot.containers:
            shared = [a for a in container.attachments if a.network_id in networks]
            names = {alias.lower() for a in shared for alias in a.aliases}
            names |= {container.name.lower(), container.service.lower()}
            # One that is down has no place in any network, but keeps its name.
            if wanted in names and (shared or not networks or not container.running):
                return container
        return None

    def _published(self, host: str, port: int) -> tuple[End, int] | None:
        for container in self.snapshot.containers if self.snapshot else ():
            for mapping in container.published:
                everywhere = mapping.host_ip in ("", "0.0.0.0", "::", host)
                if mapping.host_port == port and everywhere:
                    end = End(container.id, container.name, container.id)
                    return end, mapping.container_port
        return None


def _loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False
