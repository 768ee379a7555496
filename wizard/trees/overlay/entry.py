"""Overlay networks: who has the address in the swarm, and where that is."""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    Attempted,
    Network,
    Outcome,
    OverlayFacts,
    OwnerKind,
    Resolution,
)
from netwiz.probes.facts.overlay import GOSSIP_PORT, MANAGER_PORT
from netwiz.probes.requests import Attempt, ReadOverlay, Resolve
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import said_of
from netwiz.wizard.verdict import Mark

OWN_PORTS = (MANAGER_PORT, GOSSIP_PORT)


def on_overlay(scene: Scene) -> bool:
    """Whether the address dialled is on an overlay network, and not on this node.

    A container of this node is reached without any tunnel. The swarm's own ports on
    another node belong here as well.
    """
    owner = scene.owner(scene.focus.address)
    if owner.kind is OwnerKind.ELSEWHERE and scene.focus.port in OWN_PORTS:
        return _a_node(scene)
    if owner.kind is not OwnerKind.NETWORK:
        return False
    return owner.network is not None and owner.network.driver == "overlay"


def _a_node(scene: Scene) -> bool:
    facts = scene.try_look(ReadOverlay(), OverlayFacts)
    return facts is not None and scene.focus.address in facts.others


def network_of(scene: Scene) -> Network | None:
    """The overlay network of the address dialled."""
    found = scene.owner(scene.focus.address).network
    return found if found is not None and found.driver == "overlay" else None


def facts_of(scene: Scene) -> OverlayFacts:
    """What this node knows of the network that the address dialled is on."""
    network = network_of(scene)
    return scene.look(ReadOverlay(network.id if network else ""), OverlayFacts)


def overlay(scene: Scene) -> Ruling:
    """Who has the address, by the word of the nodes' gossip."""
    facts, address = facts_of(scene), scene.focus.address
    if network_of(scene) is None:
        return Ruling("port", "a node of the swarm, itself", quiet=True)
    values = {
        "address": address,
        "network": facts.network,
        "local_node": facts.local,
        "vxlan_port": str(facts.port),
        "state": facts.swarm_state,
        "swarm_error": facts.swarm_error,
    }
    if facts.store:
        return _by_store(scene, facts, values)
    network = network_of(scene)
    client = scene.resident(scene.place)
    mine = {n.network_id for n in client.attachments} if client else set()
    if network is not None and network.id not in mine:
        said = f"{scene.place.label} has no part in {network.name}"
        return Ruling("apart", said, Mark.BAD, (said,), values)
    if facts.swarm_state not in ("active", ""):
        said = f"this node is not in the swarm: {facts.swarm_state}"
        return Ruling("left", said, Mark.BAD, values=values)
    own = {a for _, a in scene.snapshot.host.addresses}
    if facts.local and facts.local not in own:
        return _misnamed(scene, facts, values)
    service = facts.service_at(address)
    if service:
        values["service"] = service
        return Ruling(
            "virtual", f"the virtual address of service {service}", values=values
        )
    task = facts.task(address)
    if task is None:
        return Ruling(
            "nobody",
            f"nobody on {facts.network}, as far as this node was told",
            Mark.ODD,
            (f"no node has told this one of {address} on {facts.network}",),
            values,
        )
    values |= {
        "holder": task.name,
        "node": task.node,
        "node_name": facts.node_called(task.node),
    }
    if not task.node or task.node == facts.local:
        return Ruling("here", f"{task.name}, on this node", Mark.ODD, values=values)
    return Ruling(
        "remote", f"{task.name}, on node {values['node_name']}", values=values
    )


def _by_store(scene: Scene, facts: OverlayFacts, values: dict[str, str]) -> Ruling:
    """An engine that has its overlay networks from a key-value store."""
    host, _, port = facts.store.partition(",")[0].rpartition(":")
    values = {**values, "store": facts.store, "store_host": host, "store_port": port}
    if not port.isdigit() or not host:
        said = f"the networks are in the store {facts.store}"
        return Ruling("left", said, Mark.UNKNOWN, values=values)
    named = scene.look(Resolve(HOST, host), Resolution)
    if not named.addresses:
        said = f"the name of the store, {host}, is not resolved: {named.outcome.value}"
        return Ruling("store", said, Mark.BAD, (said,), values)
    asked = Attempt(HOST, named.addresses[0], int(port), budget_ms=1000)
    link = scene.look(asked, Attempted).connection
    said = f"the store {facts.store}: {said_of(link)}"
    told = f"docker info: Cluster Store {facts.store}, where the overlay networks are"
    if link.outcome is Outcome.CONNECTED:
        return Ruling("left", said, Mark.ODD, (told, said), values)
    return Ruling("store", said, Mark.BAD, (told, f"from this host: {said}"), values)


def _misnamed(scene: Scene, facts: OverlayFacts, values: dict[str, str]) -> Ruling:
    """This node gives itself out by an address that it does not have."""
    host = scene.snapshot.host
    bridges = {n.device for n in scene.snapshot.networks if n.device}
    own = [
        a
        for device, a in host.addresses
        if device not in bridges and device not in ("lo", "docker_gwbridge")
    ]
    return Ruling(
        "misnamed",
        f"this node calls itself {facts.local}, which it does not have",
        Mark.BAD,
        (
            f"docker info: NodeAddr {facts.local}: so the other nodes send there what "
            "is for containers of this one",
            f"this host has {', '.join(own) or 'no address'}, and not {facts.local}",
        ),
        {
            **values,
            "wrong_address": facts.local,
            "own_addresses": ", ".join(own),
            "better_address": next((a for a in own if ":" not in a), "ADDRESS"),
        },
    )


NODES = (
    Node(
        "overlay",
        "who has {address} in the swarm?",
        overlay,
        {
            "remote": Branch("a container on another node", "overlay_way"),
            "virtual": Branch("a service, as its virtual address", "overlay_virtual"),
            "nobody": Branch("nobody", "overlay_gossip"),
            "port": Branch("a node itself", "overlay_port"),
            "misnamed": Branch(
                "nobody who could answer: this node is known by a wrong address",
                fault("overlay-advertise-addr-wrong"),
            ),
            "store": Branch(
                "nobody can tell: the store of the networks is down",
                fault("overlay-kv-store-down"),
            ),
            "apart": Branch(
                "it is not the client's to reach",
                undetermined(
                    "{address} is on the overlay network {network}, which {client} has "
                    "no part in: its addresses are for its members alone, and the host "
                    "is none",
                    "put {client} on {network}, or dial a port that the service "
                    "publishes",
                ),
            ),
            "left": Branch(
                "this node is not in the swarm",
                undetermined(
                    "{address} is on the overlay network {network}, but this node is "
                    "not an active part of the swarm ({state}) {swarm_error}",
                    "docker info shows why; docker swarm join brings it back",
                ),
            ),
            "here": Branch(
                "somebody on this node",
                undetermined(
                    "{address} is {holder} on {network}, on this very node, and did "
                    "not answer",
                    "is {holder} a container of this engine, and does it run?",
                ),
            ),
        },
    ),
)
