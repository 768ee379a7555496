"""The wire itself: who asked for whom, and why nobody, or the wrong one, answers."""

from __future__ import annotations

from netwiz.probes.facts import Attempted, Sighting
from netwiz.wizard.path import fate
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, undetermined
from netwiz.wizard.verdict import Mark


def unanswered(found: Attempted) -> tuple[Sighting, ...]:
    """Neighbour questions on the probe's way to which nobody answered, as asked."""
    return tuple(s for s in found.forward if s.packet.kind == "ARP" and not s.inbound)


def wire(scene: Scene) -> Ruling:
    """Why the question for a neighbour was not answered."""
    found: Attempted = scene.attempted
    values = {"address": scene.focus.address, "met": fate(found)}
    return Ruling("unknown", fate(found), Mark.ODD, values=values)


NODES = (
    Node(
        "wire",
        "why does nobody answer on the wire?",
        wire,
        {
            "unknown": Branch(
                "it could not be told",
                undetermined(
                    "{client} to {target}: {met}; nobody answered for the address on "
                    "the wire, and nothing seen explains it",
                    "is the machine with that address on, and on this very wire?",
                ),
            ),
        },
    ),
)
