"""Overlay networks: the way between the nodes of a swarm."""

from __future__ import annotations

from netwiz.probes.facts import OwnerKind
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, undetermined


def on_overlay(scene: Scene) -> bool:
    """Whether the address dialled belongs to an overlay network."""
    owner = scene.owner(scene.focus.address)
    if owner.kind not in (OwnerKind.CONTAINER, OwnerKind.NETWORK):
        return False
    return owner.network is not None and owner.network.driver == "overlay"


def overlay(scene: Scene) -> Ruling:
    """What becomes of the packet between the nodes."""
    return Ruling("unknown", scene.case.text)


NODES = (
    Node(
        "overlay",
        "what becomes of the packet between the nodes?",
        overlay,
        {
            "unknown": Branch(
                "it could not be told",
                undetermined(
                    "{address} is on an overlay network, and no answer came",
                    "look at the other node: does netwiz there see the packet arrive?",
                ),
            ),
        },
    ),
)
