"""Connected, and then: silence, a reset, an end. Who is to blame?"""

from __future__ import annotations

from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling


def served(scene: Scene) -> Ruling:
    """Whether the connection, once accepted by the kernel, is taken by the service."""
    return Ruling("fine", scene.case.text, quiet=True)


def exchange(scene: Scene) -> Ruling:
    """What the first words bring."""
    return Ruling("fine", scene.case.text, quiet=True)


NODES = (
    Node(
        "served",
        "does the service take the connection?",
        served,
        {"fine": Branch("yes", HEALTHY)},
    ),
    Node(
        "exchange",
        "what do the first words bring?",
        exchange,
        {"fine": Branch("an answer", HEALTHY)},
    ),
)
