"""Macvlan and ipvlan: containers on a device of the host, without a bridge."""

from __future__ import annotations

import shlex

from netwiz.probes.facts import (
    HOST,
    AddressHolders,
    ArpAnswers,
    Container,
    Interface,
    LinkTable,
    Network,
    OwnerKind,
    Place,
    RouteDecision,
)
from netwiz.probes.requests import AskArp, AskRoute, ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.wire.ends import STACKED, End, end_of
from netwiz.wizard.verdict import Mark

SHIM = "macvlan-shim"
"""The device that the fix makes: 12 of the 15 letters a name may have."""


def stacked(
    scene: Scene, asker: Place, wanted: str, mine: End, found: AddressHolders
) -> Ruling | None:
    """What keeps a macvlan apart from its asker; None where none is concerned."""
    if mine.parent:
        return _asking(scene, asker, wanted, mine, found)
    owner = scene.owner(wanted)
    if asker != HOST or owner.container is None or owner.network is None:
        return None
    if owner.network.driver not in STACKED:
        return None
    return _asked_by_host(scene, wanted, owner.container, owner.network, found)


def _asking(
    scene: Scene, asker: Place, wanted: str, mine: End, found: AddressHolders
) -> Ruling | None:
    """A macvlan container asks: its parent, its host, or the wire beyond."""
    host = scene.look(ReadLinks(HOST), LinkTable)
    below = host.interface(mine.parent)
    if below is None:
        return None
    network = mine.network.name if mine.network else "its network"
    if not below.up or not below.carrier:
        return _parent_off(below, asker, network)
    if any(h.place == HOST for h in found.holders):
        client = scene.resident(asker)
        own = client.name if client else asker.label
        address = mine.attachment.ipv4 if mine.attachment else ""
        return _isolated(own, address, below.name, network, _held_by(host, below.name))
    if any(h.place != HOST for h in found.holders):
        return None
    return _beyond(scene, asker, wanted, below, network)


def _parent_off(below: Interface, asker: Place, network: str) -> Ruling:
    how = "switched off" if not below.up else "on, but has no carrier"
    flag = "the flag UP is not set" if not below.up else "LOWER_UP is not set"
    mend = f"ip link set {shlex.quote(below.name)} up" if not below.up else ""
    return Ruling(
        "parent",
        f"no: {below.name}, below the {network} of {asker.label}, is {how}",
        Mark.BAD,
        evidence=(
            f"{below.name}, the parent device of network {network}, is {how} ({flag}); "
            f"{asker.label} hangs on it",
        ),
        values={
            "parent": below.name,
            "network": network,
            "parent_state": how,
            "mend": mend,
            "by_hand": "" if mend else "yes",
        },
    )


def _asked_by_host(
    scene: Scene,
    wanted: str,
    server: Container,
    network: Network,
    found: AddressHolders,
) -> Ruling | None:
    """The host asks on the very device that the container hangs on."""
    holder = next((h for h in found.holders if h.place == server.place), None)
    if holder is None:
        return None
    theirs = end_of(scene, holder.place, holder.device)
    host = scene.look(ReadLinks(HOST), LinkTable)
    below = host.interface(theirs.parent)
    if below is None or (theirs.inner is not None and not theirs.inner.up):
        return None
    if not below.up or not below.carrier:
        return _parent_off(below, holder.place, network.name)
    way = scene.look(AskRoute(HOST, wanted), RouteDecision)
    if way.device != below.name:
        return None
    source = way.source or _held_by(host, below.name)
    return _isolated(server.name, wanted, below.name, network.name, source)


def _held_by(host: LinkTable, device: str) -> str:
    """The host's own IPv4 address on a device."""
    own = (a for a in host.addresses if a.device == device and ":" not in a.address)
    return next((a.address for a in own), "")


def _isolated(
    container: str, address: str, parent: str, network: str, source: str
) -> Ruling:
    """The kernel never passes frames between a macvlan and the device below it."""
    shim = (
        f"ip link add {SHIM} link {shlex.quote(parent)} type macvlan mode bridge\n"
        f"ip addr add {source}/32 dev {SHIM}\n"
        f"ip link set {SHIM} up\n"
        f"ip route add {address}/32 dev {SHIM} src {source}"
    )
    return Ruling(
        "isolated",
        f"no: {container} is a macvlan on {parent}, and this host is {parent} itself",
        Mark.BAD,
        evidence=(
            f"{container} ({address}) is a macvlan on {parent}, the device of this "
            "host that the question goes by: the two never hear each other",
        ),
        values={
            "stacked": container,
            "stacked_address": address,
            "parent": parent,
            "network": network,
            "mend": shim if source and address else "",
            "by_hand": "" if source and address else "yes",
            "shim": SHIM,
        },
    )


def _beyond(
    scene: Scene, asker: Place, wanted: str, below: Interface, network: str
) -> Ruling | None:
    """The neighbour is on the wire outside: does it answer the host's own MAC?"""
    if scene.owner(wanted).kind is OwnerKind.CONTAINER:
        return None
    way = scene.look(AskRoute(HOST, wanted), RouteDecision)
    if way.kind != "unicast" or way.gateway or way.device != below.name:
        return None
    heard = scene.look(AskArp(HOST, wanted), ArpAnswers)
    again = scene.look(AskArp(asker, wanted), ArpAnswers)
    if not heard.macs or again.macs:
        return None
    return Ruling(
        "filtered",
        f"no: it answers this host on {below.name}, but not {asker.label}",
        Mark.BAD,
        evidence=(
            f"who has {wanted}? on {below.name}: {', '.join(heard.macs)} answers this "
            f"host, and nobody answers {asker.label}, a macvlan on the same device",
        ),
        values={
            "stacked": asker.label,
            "parent": below.name,
            "network": network,
            "wanted": wanted,
        },
    )
