"""Overlay networks: who has the address in the swarm, and where that is."""

from __future__ import annotations

from netwiz.probes.facts import Network, OverlayFacts, OwnerKind
from netwiz.probes.requests import ReadOverlay
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, undetermined
from netwiz.wizard.verdict import Mark


def on_overlay(scene: Scene) -> bool:
    """Whether the address dialled is on an overlay network, and not on this node.

    A container of this node is reached without any tunnel.
    """
    owner = scene.owner(scene.focus.address)
    if owner.kind is not OwnerKind.NETWORK:
        return False
    return owner.network is not None and owner.network.driver == "overlay"


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
    values = {
        "address": address,
        "network": facts.network,
        "local_node": facts.local,
        "vxlan_port": str(facts.port),
        "state": facts.swarm_state,
        "swarm_error": facts.swarm_error,
    }
    if facts.swarm_state not in ("active", ""):
        said = f"this node is not in the swarm: {facts.swarm_state}"
        return Ruling("left", said, Mark.BAD, values=values)
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


NODES = (
    Node(
        "overlay",
        "who has {address} in the swarm?",
        overlay,
        {
            "remote": Branch("a container on another node", "overlay_way"),
            "virtual": Branch("a service, as its virtual address", "overlay_virtual"),
            "nobody": Branch("nobody", "overlay_gossip"),
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
