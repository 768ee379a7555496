"""Before a failure is explained: is it the address that was meant?"""

from __future__ import annotations

from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling


def astray(scene: Scene) -> Ruling:
    """Whether the name led to the address that it should lead to."""
    reached = scene.values.get("reached", "other")
    return Ruling(reached, "yes", quiet=True)


NODES = (
    Node(
        "astray",
        "is {address} what {host} should mean?",
        astray,
        {
            "refused": Branch("yes, and it refuses", "whom"),
            "hung_up": Branch("yes, and it hangs up", "whom"),
            "timeout": Branch("yes, and it does not answer", "lost"),
            "unreachable": Branch("yes, and it is unreachable", "unreachable"),
            "other": Branch("yes, and it fails in another way", "unreachable"),
        },
    ),
)
