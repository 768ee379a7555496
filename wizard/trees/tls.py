"""TLS: version, cipher, names, chain, clock."""

from __future__ import annotations

from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling


def tls(scene: Scene) -> Ruling:
    """What a TLS handshake brings."""
    return Ruling("fine", scene.case.text, quiet=True)


NODES = (
    Node(
        "tls", "does the TLS handshake succeed?", tls, {"fine": Branch("yes", HEALTHY)}
    ),
)
