"""Networks and their members as the rows of a foldable list; pure data."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netwiz.probes.facts import Attachment, Container, Network, Snapshot

FOLDED_ABOVE = 12
"""A network with more members than this starts folded."""
HOST_KEY = "host"
NETNS_KEY = "netns"


@dataclass(frozen=True, slots=True)
class Head:
    """A network, or a section of the host; can be folded."""

    key: str
    name: str
    words: str
    """Driver, flags."""
    count: int = 0
    folded: bool = False
    client: str = ""

    @property
    def text(self) -> str:
        """What a filter looks at."""
        return f"{self.name} {self.words}"


@dataclass(frozen=True, slots=True)
class Detail:
    """A line about the network above."""

    key: str
    words: str
    client: str = ""

    @property
    def text(self) -> str:
        """What a filter looks at."""
        return self.words


@dataclass(frozen=True, slots=True)
class Member:
    """A container in the network above, or an address or namespace of the host."""

    key: str
    name: str
    address: str
    aliases: str = ""
    running: bool = True
    client: str = ""
    """What the wizard would take for the client."""

    @property
    def text(self) -> str:
        """What a filter looks at."""
        return f"{self.name} {self.address} {self.aliases}"


NetRow = Head | Detail | Member


def groups_of(
    snapshot: Snapshot, folds: Mapping[str, bool]
) -> tuple[tuple[NetRow, ...], ...]:
    """One group of rows per network, then the host and its named namespaces.

    `folds` holds what the person folded or unfolded, by key of the head.
    """
    members: dict[str, list[tuple[Attachment, Container]]] = {}
    for container in snapshot.containers:
        for place in container.attachments:
            members.setdefault(place.network_id, []).append((place, container))
    groups = []
    for network in sorted(snapshot.networks, key=_rank):
        own = members.get(network.id, [])
        if network.driver in ("host", "null") and not own:
            continue
        groups.append(tuple(_network(network, own, folds)))
    alone = not snapshot.networks
    groups.append(tuple(_host(snapshot, folds, open_=alone)))
    if snapshot.host.namespaces:
        groups.append(tuple(_namespaces(snapshot, folds, open_=alone)))
    return tuple(groups)


def _rank(network: Network) -> tuple[int, str]:
    plain = {"bridge": 1, "host": 2, "none": 3}
    return (plain.get(network.name, 0), network.name)


def _network(
    network: Network,
    members: list[tuple[Attachment, Container]],
    folds: Mapping[str, bool],
) -> Iterator[NetRow]:
    words = [network.driver]
    words += ["internal"] if network.internal else []
    words += ["ipv6"] if network.ipv6 else []
    parent = dict(network.options).get("parent", "")
    words += [parent] if parent else []
    folded = folds.get(network.id, len(members) > FOLDED_ABOVE)
    yield Head(network.id, network.name, " ".join(words), len(members), folded)
    if folded:
        return
    for number, subnet in enumerate(network.subnets):
        mtu = f"  mtu {network.mtu}" if network.mtu and not number else ""
        yield Detail(f"{network.id}/{subnet.subnet}", subnet.subnet + mtu)
    if network.mtu and not network.subnets:
        yield Detail(f"{network.id}/mtu", f"mtu {network.mtu}")
    for place, container in sorted(
        members, key=lambda m: (not m[1].running, m[1].name)
    ):
        own = (container.name, container.short_id)
        aliases = dict.fromkeys(a for a in place.aliases if a not in own)
        yield Member(
            key=f"{network.id}/{container.id}",
            name=container.name,
            address=short_address(place, network) if container.running else "–",
            aliases=" ".join(aliases),
            running=container.running,
            client=container.name,
        )


def _host(
    snapshot: Snapshot, folds: Mapping[str, bool], *, open_: bool
) -> Iterator[NetRow]:
    host = snapshot.host
    folded = folds.get(HOST_KEY, not open_)
    shown = sorted((d, a) for d, a in host.addresses if not only_local(a))
    yield Head(HOST_KEY, "host", host.hostname, len(shown), folded, client="host")
    if not folded:
        for device, address in shown:
            yield Member(f"host/{device}/{address}", device, address, client="host")


def _namespaces(
    snapshot: Snapshot, folds: Mapping[str, bool], *, open_: bool
) -> Iterator[NetRow]:
    names = snapshot.host.namespaces
    folded = folds.get(NETNS_KEY, not open_)
    yield Head(NETNS_KEY, "namespaces", "ip netns", len(names), folded)
    if not folded:
        for name in names:
            yield Member(f"netns/{name}", name, "", client=name)


def only_local(address: str) -> bool:
    """Whether nobody would be told this address of the host: loopback, link-local."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return ip.is_loopback or ip.is_link_local


def short_address(place: Attachment, network: Network) -> str:
    """``.3`` in 172.18.0.0/16: what the subnet's line does not already say."""
    address = place.ipv4 or place.ipv6
    for subnet in network.subnets:
        base = subnet.subnet.partition("/")[0]
        if place.ipv4 and "." in base:
            own, theirs = address.split("."), base.split(".")
            same = 0
            while same < 3 and own[same] == theirs[same]:
                same += 1
            return ("." if same else "") + ".".join(own[same:])
        if not place.ipv4 and base.endswith("::") and address.startswith(base):
            return "::" + address[len(base) :]
    return address or "–"
