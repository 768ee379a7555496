"""Unreachable: somebody, or this machine itself, says that there is no way."""

from __future__ import annotations

from netwiz.probes.facts import Outcome
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling
from netwiz.wizard.trees.overlay import on_overlay


def unreachable(scene: Scene) -> Ruling:
    """Who says that it cannot be reached."""
    if on_overlay(scene):
        return Ruling("overlay", "it is on an overlay network", quiet=True)
    link = scene.attempted.connection
    own = link.icmp is None or link.icmp.source == link.source
    if link.outcome is Outcome.HOST_UNREACHABLE and own:
        return Ruling("wire", "nobody answered for it on the wire", quiet=True)
    return Ruling("lost", "not told apart yet", quiet=True)


NODES = (
    Node(
        "unreachable",
        "who says that there is no way?",
        unreachable,
        {
            "overlay": Branch("an overlay network", "overlay"),
            "wire": Branch("nobody: the question for it was not answered", "wire"),
            "lost": Branch("nobody who is known", "lost"),
        },
    ),
)
