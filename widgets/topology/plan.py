"""Who is connected to what, as the map needs it: pure data from a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from netwiz.probes.facts.engine import State
from netwiz.widgets.network_rows import only_local, short_address

if TYPE_CHECKING:
    from netwiz.probes.facts import Container, Network, PortMapping, Snapshot

OF_THE_ENGINE = ("docker0", "docker_gwbridge", "br-", "veth")
"""Names of devices that the engine makes, whether a network of it is known or not."""
HOST_LINE = "host"
"""Key of the line on which containers ride that live in the host's own namespace."""


class RowKind(Enum):
    """What a row of the map stands for."""

    UPLINK = "uplink"
    HOST = "host"
    NETWORK = "network"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True)
class Stop:
    """A container's place on a line."""

    line: str
    """Key of the network."""
    address: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True)
class MapRow:
    """One row: a device, the host, a network or a container."""

    kind: RowKind
    key: str
    """Device name, ``host``, network id or container id."""
    name: str
    words: str = ""
    """Driver and subnet of a network, addresses of the others."""
    device: str = ""
    """Of the host, whose counters tell of the row; empty when none does."""
    ports: tuple[str, ...] = ()
    """``8080→80``; of the host with the container's name."""
    stops: tuple[Stop, ...] = ()
    running: bool = True
    trouble: str = ""
    """``exited 137``, ``unhealthy``, ``refused pg:5432``."""
    alarm: bool = False
    """Whether the trouble is one that somebody should look at now."""
    rides_on: str = ""
    """Name of the container whose namespace it shares."""
    client: str = ""
    """What the wizard would take for the client."""

    @property
    def text(self) -> str:
        """What a filter looks at."""
        ports = " ".join(self.ports)
        return f"{self.name} {self.words} {ports} {self.trouble}"


def rows_of(
    snapshot: Snapshot, suspects: Mapping[str, str] | None = None
) -> tuple[MapRow, ...]:
    """All rows from the world beyond the uplink down to the last container.

    `suspects` says in words what is wrong with a container, by its id.
    """
    known = suspects or {}
    lines = _lines(snapshot)
    order = {row.key: number for number, row in enumerate(lines)}
    stations = [_container(c, snapshot, known, order) for c in snapshot.containers]
    stations.sort(key=lambda row: _rank(row, order))
    ordered = _riders_below(stations)
    return (*_uplinks(snapshot), _host(snapshot), *lines, *ordered)


def _riders_below(stations: list[MapRow]) -> Iterator[MapRow]:
    """Who lives in another's namespace stands under it."""
    riders: dict[str, list[MapRow]] = {}
    names = {row.name for row in stations}
    for row in stations:
        if row.rides_on in names:
            riders.setdefault(row.rides_on, []).append(row)
    for row in stations:
        if row.rides_on not in names:
            yield row
            yield from riders.get(row.name, ())


def _rank(row: MapRow, order: Mapping[str, int]) -> tuple[bool, int, int, str]:
    """Neighbours on a line stand together, so that lines are short."""
    at = sorted(order[stop.line] for stop in row.stops)
    last = len(order)
    return (not at, at[0] if at else last, -at[-1] if at else 0, row.name)


def _uplinks(snapshot: Snapshot) -> Iterator[MapRow]:
    """Devices of the host that are no network of the engine."""
    bridges = {n.device for n in snapshot.networks}
    found: dict[str, list[str]] = {}
    for device, address in snapshot.host.addresses:
        ours = device in bridges or device.startswith(OF_THE_ENGINE)
        if not ours and not only_local(address):
            found.setdefault(device, []).append(address)
    for device, addresses in sorted(found.items()):
        yield MapRow(
            RowKind.UPLINK,
            device,
            device,
            words=f"uplink {' '.join(addresses)}",
            device=device,
            client="host",
        )


def _host(snapshot: Snapshot) -> MapRow:
    ports = tuple(
        f"{port_words(p)} {c.name}"
        for c in sorted(snapshot.containers, key=lambda c: c.name)
        if c.running
        for p in _once(c.published)
    )
    name = snapshot.host.hostname or "host"
    words = "host, publishes" if ports else "host, publishes nothing"
    return MapRow(RowKind.HOST, "host", name, words, ports=ports, client="host")


def _lines(snapshot: Snapshot) -> list[MapRow]:
    """The networks that somebody is on, in a steady order; the usual bridge last."""
    used = {a.network_id for c in snapshot.containers for a in c.attachments}
    found = [
        MapRow(
            RowKind.NETWORK,
            network.id,
            network.name,
            words=_network_words(network),
            device=network.device,
        )
        for network in sorted(
            snapshot.networks, key=lambda n: (n.name == "bridge", n.name)
        )
        if network.id in used and network.driver not in ("host", "null")
    ]
    if any(c.on_host_network for c in snapshot.containers):
        words = "the host's own namespace"
        found.append(MapRow(RowKind.NETWORK, HOST_LINE, "host", words=words))
    return found


def _network_words(network: Network) -> str:
    parent = dict(network.options).get("parent", "")
    words = [
        network.driver + (f" on {parent}" if parent else ""),
        *(s.subnet for s in network.subnets),
        "internal" if network.internal else "",
    ]
    return " ".join(word for word in words if word)


def _container(
    container: Container,
    snapshot: Snapshot,
    suspects: Mapping[str, str],
    order: Mapping[str, int],
) -> MapRow:
    networks = snapshot.networks_by_id
    stops = tuple(
        Stop(
            place.network_id,
            short_address(place, networks[place.network_id])
            if container.running and place.network_id in networks
            else "",
            place.mac,
        )
        for place in sorted(
            container.attachments, key=lambda a: order.get(a.network_id, -1)
        )
        if place.network_id in order
    )
    if container.on_host_network:
        stops = (Stop(HOST_LINE),)
    rides = snapshot.find(container.rides_on) if container.rides_on else ()
    return MapRow(
        RowKind.CONTAINER,
        container.id,
        container.name,
        words=" ".join(stop.address for stop in stops if stop.address),
        ports=tuple(port_words(p) for p in _once(container.published)),
        stops=stops,
        running=container.running,
        trouble=suspects.get(container.id, "") or _trouble(container),
        alarm=container.id in suspects or container.running,
        rides_on=rides[0].name if rides else container.rides_on[:12],
        client=container.name,
    )


def _trouble(container: Container) -> str:
    if container.state is State.EXITED:
        why = " (out of memory)" if container.oom_killed else ""
        return f"exited {container.exit_code}{why}"
    if container.state is not State.RUNNING:
        return container.state.value
    return "unhealthy" if container.health == "unhealthy" else ""


def _once(ports: tuple[PortMapping, ...]) -> list[PortMapping]:
    """Published for IPv4 and IPv6 alike is published once, for a reader."""
    found: dict[tuple[int, int, str], PortMapping] = {}
    for port in ports:
        if port.host_port:
            key = (port.host_port, port.container_port, port.protocol)
            found.setdefault(key, port)
    return [found[key] for key in sorted(found)]


def port_words(port: PortMapping) -> str:
    """``8080→80``, ``127.0.0.1:5432→5432``, ``53→53/udp``."""
    anywhere = ("", "0.0.0.0", "::")
    where = "" if port.host_ip in anywhere else f"{port.host_ip}:"
    kind = "" if port.protocol == "tcp" else f"/{port.protocol}"
    return f"{where}{port.host_port}→{port.container_port}{kind}"
