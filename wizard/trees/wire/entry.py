"""The wire itself: who asked for whom, and why nobody, or the wrong one, answers."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from netwiz.probes.facts import (
    HOST,
    AddressHolder,
    AddressHolders,
    ArpAnswers,
    Attempted,
    LinkTable,
    Network,
    OwnerKind,
    Place,
    RouteDecision,
    Sighting,
)
from netwiz.probes.requests import AskArp, AskRoute, FindAddress, ReadLinks
from netwiz.wizard.path import fate
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import counted
from netwiz.wizard.trees.wire.ends import End, end_of, fault_of, prefix_of
from netwiz.wizard.trees.wire.stacked import stacked
from netwiz.wizard.verdict import Mark


@dataclass(frozen=True)
class Question:
    """Who has `wanted`? As it was asked on a wire, or would have been."""

    place: Place
    device: str
    wanted: str

    @property
    def asker(self) -> str:
        """Who asked, for people."""
        return "this host" if self.place == HOST else self.place.label

    @property
    def text(self) -> str:
        """The evidence that there is something to explain."""
        return (
            f"{self.asker} asked on {self.device} who has {self.wanted}, and nobody "
            "answered"
        )


def unanswered(found: Attempted) -> tuple[Sighting, ...]:
    """Neighbour questions on the probe's way to which nobody answered, as asked."""
    return tuple(s for s in found.forward if s.packet.kind == "ARP" and not s.inbound)


def question(scene: Scene) -> Question | None:
    """The question that stayed open; without one, the one that the route implies.

    An entry that failed a moment ago is an error at once, without a packet; and on a
    device without a carrier the kernel asks in vain where nobody can see it.
    """
    asked = unanswered(scene.attempted)
    again = scene.findings.get(counted(scene, scene.focus))
    if not asked and isinstance(again, Attempted):
        asked = unanswered(again)
    if asked:
        last = asked[-1]
        return Question(last.place, last.device, last.packet.destination)
    address = scene.focus.address
    way = scene.look(AskRoute(scene.place, address), RouteDecision)
    if way.kind != "unicast" or not way.device:
        return None
    return Question(scene.place, way.device, way.gateway or address)


def cut_off(scene: Scene) -> bool:
    """Whether the device that the client would send by is off or has no carrier."""
    try:
        way = scene.look(AskRoute(scene.place, scene.focus.address), RouteDecision)
        table = scene.look(ReadLinks(scene.place), LinkTable)
    except Unseen:
        return False
    device = table.interface(way.device) if way.kind == "unicast" else None
    return device is not None and not (device.up and device.carrier)


def wire(scene: Scene) -> Ruling:
    """Why the question for a neighbour was not answered."""
    open_ = question(scene)
    values = {"address": scene.focus.address, "met": fate(scene.attempted)}
    if open_ is None:
        return Ruling("unknown", values["met"], Mark.ODD, values=values)
    values |= {"asker": open_.asker, "wanted": open_.wanted, "asked_on": open_.device}
    mine = end_of(scene, open_.place, open_.device)
    found = fault_of(mine, open_.wanted) or _answerer(scene, open_, mine)
    return replace(
        found,
        evidence=(*found.evidence, open_.text),
        values={**values, **found.values},
    )


def _answerer(scene: Scene, asked: Question, mine: End) -> Ruling:
    """What is wrong where the answer should come from."""
    host = scene.look(ReadLinks(HOST), LinkTable)
    found = scene.look(FindAddress(asked.wanted), AddressHolders)
    apart = stacked(scene, asked.place, asked.wanted, mine, found)
    if apart is not None:
        return apart
    network = mine.network
    if network is not None and mine.bridge is not None:
        missing = _gateway(asked, network, mine.bridge.name, host)
        if missing is not None:
            return missing
    for holder in found.holders:
        if holder.place == asked.place:
            continue
        if holder.place == HOST:
            return _sound(scene, asked, holder)
        theirs = end_of(scene, holder.place, holder.device)
        if network is not None and theirs.network not in (None, network):
            continue
        fault_ = fault_of(theirs, asked.wanted)
        return fault_ or _sound(scene, asked, holder)
    return _nobody(scene, asked, network)


def _gateway(
    asked: Question, network: Network, bridge: str, host: LinkTable
) -> Ruling | None:
    """A gateway's address that should be on the bridge, and is not."""
    if not any(s.gateway == asked.wanted for s in network.subnets):
        return None
    if any((a.address, a.device) == (asked.wanted, bridge) for a in host.addresses):
        return None
    length = prefix_of(network, asked.wanted)
    kept = [a.address for a in host.addresses if a.device == bridge]
    held = ", ".join(kept) or "no address"
    family = "-6 " if ":" in asked.wanted else ""
    mend = f"ip {family}addr add {asked.wanted}/{length} dev {shlex.quote(bridge)}"
    return Ruling(
        "gateway",
        f"no: {bridge} has lost {asked.wanted}",
        Mark.BAD,
        evidence=(
            f"{asked.wanted} is the gateway of network {network.name}, but its bridge "
            f"{bridge} has {held}",
        ),
        values={
            "gateway": asked.wanted,
            "bridge": bridge,
            "network": network.name,
            "mend": mend,
        },
    )


def _sound(scene: Scene, asked: Question, holder: AddressHolder) -> Ruling:
    """Somebody has the address, and every link on the way is in order."""
    again = scene.try_look(AskArp(asked.place, asked.wanted), ArpAnswers)
    name = holder.place.label
    if again is not None and again.macs:
        return Ruling(
            "answers",
            f"asked again, {name} answers ({', '.join(again.macs)})",
            Mark.ODD,
            values={"holder": name},
        )
    said = f"{name} has {asked.wanted} on {holder.device}, and no link is down"
    return Ruling("unknown", said, Mark.ODD, values={"met": said})


def _nobody(scene: Scene, asked: Question, network: Network | None) -> Ruling:
    """Nobody on this machine has the address that was asked for."""
    owner = scene.owner(asked.wanted)
    if owner.kind is OwnerKind.CONTAINER and owner.container is not None:
        name = owner.container.name
        said = f"the engine gave {asked.wanted} to {name}, whose namespace has it not"
        return Ruling("unknown", said, Mark.ODD, values={"met": said})
    meant = asked.wanted in (scene.focus.address, scene.focus.inner_address)
    if meant and (network is not None or owner.kind is OwnerKind.NETWORK):
        label = network.name if network else (owner.network or Network("", "")).name
        said = f"nobody on {label} has {asked.wanted}"
        return Ruling("vacant", said, Mark.BAD, (said,), {"network": label})
    said = f"{asked.wanted} is beyond this machine"
    # Only a question of the host's is the exit's business; it leads back otherwise.
    key = "beyond" if asked.place == HOST else "unknown"
    return Ruling(key, said, Mark.ODD, values={"met": said})


_NOT_TOLD = undetermined(
    "{client} to {target}: nobody answered {asker}'s question who has {wanted} on "
    "{asked_on}; {met}",
    "is the machine with that address on, and on this very wire?",
)

NODES = (
    Node(
        "wire",
        "does anybody answer on the wire?",
        wire,
        {
            "detached": Branch(
                "no, a veth is off its bridge", fault("veth-detached-from-bridge")
            ),
            "down": Branch("no, a link is switched off", fault("link-down")),
            "gateway": Branch(
                "no, the bridge has lost its address", fault("bridge-ip-missing")
            ),
            "isolated": Branch(
                "no, a macvlan and its own host do not hear each other",
                fault("macvlan-host-isolation"),
            ),
            "parent": Branch(
                "no, the device below the macvlan is off",
                fault("macvlan-parent-missing-or-down"),
            ),
            "filtered": Branch(
                "not with the container's MAC address",
                fault("macvlan-parent-filtered"),
            ),
            "vacant": Branch("no, nobody has the address", "vacant"),
            "beyond": Branch("no, a neighbour of this host is silent", "egress"),
            "answers": Branch("by now, yes", "unsteady"),
            "unknown": Branch("it could not be told", _NOT_TOLD),
        },
    ),
)
