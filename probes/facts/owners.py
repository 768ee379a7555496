"""Whom an address or a name means on this machine: pure reasoning on a snapshot."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from netwiz.probes.facts.engine import Container, Network, Snapshot


class OwnerKind(StrEnum):
    """What kind of thing an address belongs to."""

    CONTAINER = "container"
    GATEWAY = "gateway"
    """A network's gateway: an address of the host."""
    HOST = "host"
    LOOPBACK = "loopback"
    """The asking namespace itself."""
    NETWORK = "network"
    """Inside a network's subnet, but nobody has it."""
    ELSEWHERE = "elsewhere"
    """Beyond this machine, as far as the engine and the kernel know."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who an address belongs to."""

    kind: OwnerKind
    container: Container | None = None
    network: Network | None = None
    device: str = ""

    @property
    def text(self) -> str:
        """In words, for people."""
        if self.kind is OwnerKind.CONTAINER and self.container:
            where = f" on {self.network.name}" if self.network else ""
            return f"container {self.container.name}{where}"
        if self.kind is OwnerKind.GATEWAY and self.network:
            return f"this host, as gateway of {self.network.name}"
        if self.kind is OwnerKind.HOST:
            return f"this host ({self.device})" if self.device else "this host"
        if self.kind is OwnerKind.LOOPBACK:
            return "the asking container itself (loopback)"
        if self.kind is OwnerKind.NETWORK and self.network:
            return f"nobody, though {self.network.name} covers it"
        return "beyond this machine"


def owner_of_address(snapshot: Snapshot, address: str) -> Owner:
    """Who has this address, by the engine's and the kernel's word."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Owner(OwnerKind.ELSEWHERE)
    if ip.is_loopback:
        return Owner(OwnerKind.LOOPBACK)
    text = str(ip)
    for container in snapshot.containers:
        for place in container.attachments:
            if text in place.addresses and container.running:
                network = snapshot.networks_by_id.get(place.network_id)
                return Owner(OwnerKind.CONTAINER, container, network)
    device = snapshot.host.device_of(text)
    for network in snapshot.networks:
        if any(text == s.gateway for s in network.subnets) and network.device:
            return Owner(OwnerKind.GATEWAY, network=network, device=network.device)
    if device:
        return Owner(OwnerKind.HOST, device=device)
    for network in snapshot.networks:
        if network.holds(text):
            return Owner(OwnerKind.NETWORK, network=network)
    return Owner(OwnerKind.ELSEWHERE)


def owners_of_name(snapshot: Snapshot, name: str) -> tuple[Container, ...]:
    """Containers that a name could mean: name, alias, service, hostname, id.

    The stopped ones are among them; the nearest meaning comes first.
    """
    wanted = name.rstrip(".").lower()
    if not wanted:
        return ()

    def rank(c: Container) -> int:
        if wanted == c.name.lower():
            return 0
        if any(wanted == a.lower() for n in c.attachments for a in n.aliases):
            return 1
        if wanted == c.service.lower():
            return 2
        if wanted == c.hostname.lower():
            return 3
        return 4 if len(wanted) >= 12 and c.id.startswith(wanted) else 9

    ranked = sorted((rank(c), c.name, c) for c in snapshot.containers if c.name)
    return tuple(c for score, _, c in ranked if score < 9)
