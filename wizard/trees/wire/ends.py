"""One end of a wire: a container's device, the host's side of it, the bridge behind.

What is wrong with an end is read from the links alone. It is only asked when a question
on that wire was not answered: a device that is down and that nobody needs is no fault.
"""

from __future__ import annotations

import ipaddress
import shlex
from dataclasses import dataclass

from netwiz.probes.facts import (
    HOST,
    Attachment,
    Container,
    Interface,
    LinkTable,
    Network,
    Place,
    PlaceKind,
)
from netwiz.probes.requests import ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.words import in_container
from netwiz.wizard.verdict import Mark

STACKED = ("macvlan", "ipvlan")
"""Drivers whose containers hang on a device of the host, without a bridge."""


def inside(place: Place) -> str:
    """Shell prefix that runs a host's tool in a place; empty for the host."""
    if place.kind is PlaceKind.NETNS:
        return f"ip netns exec {shlex.quote(place.key)} "
    return "" if place == HOST else in_container(place.label)


@dataclass(frozen=True)
class End:
    """A device that asks or should answer, and what it hangs on."""

    place: Place
    table: LinkTable
    inner: Interface | None
    """The device in the place itself."""
    port: Interface | None = None
    """The host's side, when it is a veth."""
    bridge: Interface | None = None
    """The device that the engine made for the network; None for other drivers."""
    network: Network | None = None
    attachment: Attachment | None = None

    @property
    def parent(self) -> str:
        """The host's device below a macvlan or ipvlan."""
        if self.inner is None or not self.inner.kind.startswith(STACKED):
            return ""
        return self.inner.peer_name


def end_of(scene: Scene, place: Place, device: str) -> End:
    """The end that a device of a place is; its links are looked at."""
    table = scene.look(ReadLinks(place), LinkTable)
    host = scene.look(ReadLinks(HOST), LinkTable)
    inner = table.interface(device)
    container = scene.resident(place)
    if place == HOST or container is None:
        network = next((n for n in scene.snapshot.networks if n.device == device), None)
        bridge = inner if network else None
        return End(place, table, inner, bridge=bridge, network=network)
    attachment = attached_by(container, table, device)
    network = None
    if attachment is not None:
        network = scene.snapshot.networks_by_id.get(attachment.network_id)
    port = None
    if inner is not None and inner.kind == "veth" and inner.peer == HOST:
        port = host.interface(inner.peer_name)
    bridge = host.interface(network.device) if network and network.device else None
    return End(place, table, inner, port, bridge, network, attachment)


def attached_by(
    container: Container, table: LinkTable, device: str
) -> Attachment | None:
    """The engine's word for what a device is, by the address on it or its MAC."""
    own = {a.address for a in table.addresses if a.device == device}
    found = table.interface(device)
    for attachment in container.attachments:
        if own & set(attachment.addresses):
            return attachment
        if found and attachment.mac and found.mac == attachment.mac:
            return attachment
    return None


def fault_of(end: End, name: str) -> Ruling | None:
    """What is wrong with an end by its links; None where nothing is."""
    inner, port, bridge = end.inner, end.port, end.bridge
    if inner is not None and not inner.up:
        return _down(end.place, inner, _mend_inner(end, inner), name)
    if port is not None and not port.up:
        return _down(HOST, port, f"ip link set {shlex.quote(port.name)} up", name)
    if port is not None and bridge is not None and port.master != bridge.index:
        return _detached(end, port, bridge, name)
    if bridge is not None and not bridge.up:
        return _down(HOST, bridge, f"ip link set {shlex.quote(bridge.name)} up", name)
    return None


def _mend_inner(end: End, inner: Interface) -> str:
    """Switch a container's device on; its default route went with it."""
    enter = inside(end.place)
    lines = [f"{enter}ip link set {shlex.quote(inner.name)} up"]
    gateway = end.attachment.gateway4 if end.attachment else ""
    routed = any(r.destination == "default" for r in end.table.routes)
    if gateway and not routed:
        device = shlex.quote(inner.name)
        lines.append(f"{enter}ip route add default via {gateway} dev {device}")
    return "\n".join(lines)


def _down(place: Place, device: Interface, mend: str, name: str) -> Ruling:
    home = "this host" if place == HOST else place.label
    what = {"bridge": "bridge", "veth": "veth"}.get(device.kind, "device")
    return Ruling(
        "down",
        f"no: {what} {device.name} of {home} is switched off",
        Mark.BAD,
        evidence=(
            f"the {what} {device.name} of {home} is DOWN (the flag UP is not set): it "
            f"is on the way to {name}",
        ),
        values={
            "link": device.name,
            "link_home": home,
            "link_kind": what,
            "mend": mend,
        },
    )


def _detached(end: End, port: Interface, bridge: Interface, name: str) -> Ruling:
    where = "no bridge at all"
    if port.master:
        where = f"another bridge (index {port.master})"
    network = end.network.name if end.network else ""
    owner = end.place.label
    inner = end.inner.name if end.inner else ""
    mend = f"ip link set {shlex.quote(port.name)} master {shlex.quote(bridge.name)}"
    return Ruling(
        "detached",
        f"no: {port.name}, the host's end of {owner}'s {inner}, is a port of {where}",
        Mark.BAD,
        evidence=(
            f"{port.name} is the host's end of {owner}'s {inner}, and a port of "
            f"{where}; network {network} is bridge {bridge.name}",
            f"so what is sent to {name} on {bridge.name} cannot cross it",
        ),
        values={
            "veth": port.name,
            "bridge": bridge.name,
            "detached": owner,
            "network": network,
            "mend": mend,
        },
    )


def prefix_of(network: Network, gateway: str) -> int:
    """Length of the prefix of the subnet that has this gateway."""
    for subnet in network.subnets:
        if subnet.gateway == gateway:
            return ipaddress.ip_network(subnet.subnet, strict=False).prefixlen
    return 128 if ":" in gateway else 32
