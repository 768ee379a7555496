"""Lost: no answer came. How far did the packet come, and what took it there?"""

from __future__ import annotations

from netwiz.probes.facts import Attempted, OwnerKind
from netwiz.wizard.path import fate, where
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, undetermined
from netwiz.wizard.trees.attempts import counted
from netwiz.wizard.trees.overlay import on_overlay
from netwiz.wizard.verdict import Mark


def lost(scene: Scene) -> Ruling:
    """How far a probe came that got no answer, or an error from on the way."""
    if on_overlay(scene):
        return Ruling("overlay", "it is on an overlay network", quiet=True)
    found = scene.look(counted(scene, scene.focus), Attempted)
    last = found.forward[-1] if found.forward else None
    owner = scene.owner(scene.focus.address)
    seen = f"last seen at {where(last)}" if last else "no packet of it was seen"
    if not last and owner.kind is OwnerKind.NETWORK:
        seen = f"{scene.focus.address} is {owner.text}"
    evidence = [f"the probe: {fate(found)}"]
    for hit in found.hits:
        if hit.rule is not None and hit.rule.refuses:
            evidence.append(
                f"the rule `{hit.rule.text}` in {hit.rule.place.label} counted "
                f"+{hit.packets} meanwhile"
            )
        elif hit.policy is not None and hit.policy.policy == "DROP":
            evidence.append(
                f"policy DROP of {hit.policy.chain} counted +{hit.packets} meanwhile"
            )
    link = found.connection
    values = {
        "address": link.address,
        "met": link.icmp.text if link.icmp else link.outcome.value,
        "last_seen": seen,
        "rules": "; ".join(evidence[1:]) or "no refusing rule counted it",
    }
    return Ruling("here", seen, Mark.ODD, tuple(evidence), values)


NODES = (
    Node(
        "lost",
        "how far did the packet come?",
        lost,
        {
            "overlay": Branch("into an overlay network", "overlay"),
            "here": Branch(
                "as far as was seen",
                undetermined(
                    "{client} to {target}: {met}; {last_seen}; {rules}",
                    "the path and the counters above are where to look",
                ),
            ),
        },
    ),
)
