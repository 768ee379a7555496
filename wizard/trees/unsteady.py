"""Slow, or only at times: many probes instead of one."""

from __future__ import annotations

from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling


def unsteady(scene: Scene) -> Ruling:
    """What many probes bring."""
    return Ruling("fine", scene.case.text, quiet=True)


NODES = (Node("unsteady", "is it steady?", unsteady, {"fine": Branch("yes", HEALTHY)}),)
