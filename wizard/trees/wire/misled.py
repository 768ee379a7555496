"""Sent to the wrong card: a neighbour entry that names another MAC than the owner's."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from netwiz.probes.facts import (
    HOST,
    AddressHolders,
    ArpAnswers,
    LinkTable,
    Neighbour,
    OwnerKind,
    Place,
    RouteDecision,
)
from netwiz.probes.requests import AskArp, AskRoute, FindAddress, ReadLinks
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.refused.entry import two_owners
from netwiz.wizard.trees.wire.ends import inside
from netwiz.wizard.verdict import Mark

USELESS = ("FAILED", "INCOMPLETE", "")
"""States of an entry that no packet is sent by."""


@dataclass(frozen=True)
class Misled:
    """An entry by which packets go to somebody who does not have the address."""

    place: Place
    entry: Neighbour
    owners: tuple[str, ...]
    """The MACs that do have it; none where the address is nobody's."""


def misled(scene: Scene) -> Misled | None:
    """The neighbour entry on the probe's way that leads to a wrong card, if any does.

    Never an error: what cannot be looked at leads nowhere.
    """
    target = scene.focus.inner_address or scene.focus.address
    stations = [(scene.place, scene.focus.address)]
    if scene.place != HOST and not _kept(scene):
        stations.append((HOST, target))
    for place, address in stations:
        try:
            found = _at(scene, place, address)
        except Unseen:
            continue
        if found is not None:
            return found
    return None


def _kept(scene: Scene) -> bool:
    """Whether the probe came into this host and was sent on by no device of it."""
    found = scene.attempted
    seen = [s for s in found.forward if s.place == HOST and s.device != "lo"]
    way = [s for s in seen if s.packet.kind != "ARP"]
    return HOST in found.tapped and bool(way) and all(s.inbound for s in way)


def _at(scene: Scene, place: Place, address: str) -> Misled | None:
    way = scene.look(AskRoute(place, address), RouteDecision)
    if way.kind != "unicast":
        return None
    wanted = way.gateway or address
    table = scene.look(ReadLinks(place), LinkTable)
    entry = next(
        (
            n
            for n in table.neighbours
            if (n.address, n.device) == (wanted, way.device) and n.mac
        ),
        None,
    )
    if entry is None or entry.state in USELESS:
        return None
    owners = _owners(scene, place, wanted)
    if owners is None or entry.mac in owners:
        return None
    nobodys = scene.owner(wanted).kind is OwnerKind.NETWORK
    meant = wanted in (scene.focus.address, scene.focus.inner_address)
    if not owners and not (nobodys and meant):
        return None
    return Misled(place, entry, owners)


def _owners(scene: Scene, place: Place, wanted: str) -> tuple[str, ...] | None:
    """The MACs of those who have an address: by their own word, or on the wire.

    None where the wire could not be asked.
    """
    found = scene.look(FindAddress(wanted), AddressHolders)
    bridges = {n.device for n in scene.snapshot.networks if n.device}
    own = tuple(
        h.mac
        for h in found.holders
        if h.place != place
        and (h.place == scene.focus.place or (h.place == HOST and h.device in bridges))
    )
    if own:
        return own
    heard = scene.try_look(AskArp(place, wanted), ArpAnswers)
    return heard.macs if heard else None


def sent_astray(scene: Scene) -> Ruling:
    """Whose MAC address the packet was sent to instead."""
    two = two_owners(scene)
    if two.branch == "two":
        return two
    found = misled(scene)
    if found is None:
        return Ruling("none", "every entry on the way is right by now", Mark.ODD)
    entry = found.entry
    who = "this host" if found.place == HOST else found.place.label
    if not found.owners:
        said = f"{who} still sends to {entry.mac}, and nobody has {entry.address}"
        values = {"network": _network(scene, entry.address)}
        return Ruling("vacant", said, Mark.BAD, (said,), values)
    device, enter = shlex.quote(entry.device), inside(found.place)
    return Ruling(
        "stale",
        f"no: {who} sends to {entry.mac}, but {entry.address} is at {found.owners[0]}",
        Mark.BAD,
        evidence=(
            f"{who} holds {entry.mac} for {entry.address} ({entry.state} on "
            f"{entry.device}); {', '.join(found.owners)} is the one that has it",
        ),
        values={
            "misled": who,
            "wrong_mac": entry.mac,
            "right_mac": found.owners[0],
            "neighbour": entry.address,
            "entry_state": entry.state,
            "permanent": "yes" if entry.state == "PERMANENT" else "",
            "mend": f"{enter}ip neigh del {entry.address} dev {device}",
        },
    )


def _network(scene: Scene, address: str) -> str:
    network = scene.owner(address).network
    return network.name if network else "its network"


NODES = (
    Node(
        "misled",
        "was it sent to the right MAC address?",
        sent_astray,
        {
            "stale": Branch("no, an entry is wrong", fault("stale-arp")),
            "vacant": Branch("to one that is gone by now", "vacant"),
            "two": Branch("no, two have the address", fault("duplicate-ip")),
            "none": Branch(
                "it was a moment ago, it seems",
                undetermined(
                    "{client} to {target} was lost on the wire, and the neighbour "
                    "entries on the way are right by now",
                    "diagnose again: a wrong entry that is not permanent is gone "
                    "within seconds",
                ),
            ),
        },
    ),
)
