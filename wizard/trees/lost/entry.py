"""Lost: no answer came. How far did the packet come, and what took it there?"""

from __future__ import annotations

from netwiz.probes.facts import HOST, Attempted, OwnerKind
from netwiz.wizard.path import fate
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import counted
from netwiz.wizard.trees.egress.routes import hidden
from netwiz.wizard.trees.lost.kernel import REVERSE_PATH
from netwiz.wizard.trees.lost.where import Stage, got_through, trail
from netwiz.wizard.trees.overlay.entry import on_overlay
from netwiz.wizard.trees.wire.entry import cut_off, unanswered
from netwiz.wizard.trees.wire.misled import misled
from netwiz.wizard.verdict import Mark


def lost(scene: Scene) -> Ruling:
    """Which part of the way a probe that got no answer came to its end on."""
    if on_overlay(scene):
        return Ruling("overlay", "it is on an overlay network", quiet=True)
    if (under := hidden(scene)) is not None:
        return under
    if unanswered(scene.attempted):
        return Ruling("wire", "nobody answered for it on the wire", quiet=True)
    found = scene.look(counted(scene, scene.focus), Attempted)
    link = found.connection
    way = trail(scene, found)
    seen = way.text
    owner = scene.owner(scene.focus.address)
    if not way.forward and owner.kind is OwnerKind.NETWORK:
        seen += f"; {scene.focus.address} is {owner.text}"
    values = {
        "address": link.address,
        "met": link.icmp.text if link.icmp else link.outcome.value,
        "last_seen": seen,
        "stage": way.stage.value,
    }
    if got_through(found):
        said = f"not again: the second try connected in {link.connect_ms:.1f} ms"
        return Ruling("unsteady", said, Mark.ODD, values=values)
    if way.stage in _ON_A_WIRE and misled(scene) is not None:
        return Ruling("misled", seen, Mark.ODD, (f"the probe: {fate(found)}",), values)
    if way.stage is Stage.WITHIN and cut_off(scene):
        return Ruling("wire", "its device has no carrier", quiet=True)
    beyond = way.stage is Stage.REPLY and owner.kind is OwnerKind.ELSEWHERE
    # Whatever way it went out by: this says that it was not let in by the way it came.
    beyond = beyond and not found.rose(HOST, REVERSE_PATH)
    branch = (Stage.EGRESS if beyond else way.stage).value
    return Ruling(branch, seen, Mark.ODD, (f"the probe: {fate(found)}",), values)


_ON_A_WIRE = (Stage.WIRE, Stage.FORWARD, Stage.EGRESS)
"""Stages in which it may have been sent to a wrong card."""

_NOT_TOLD = undetermined(
    "{client} to {target}: {met}; {last_seen}",
    "the path above is where to look: what stands right behind its last hop?",
)

NODES = (
    Node(
        "lost",
        "how far did the packet come?",
        lost,
        {
            "overlay": Branch("into an overlay network", "overlay"),
            "hidden": Branch(
                "into a Docker network over its address", fault("subnet-overlap")
            ),
            "unsteady": Branch("it got through at the second try", "unsteady"),
            "wire": Branch("a neighbour does not answer", "wire"),
            "misled": Branch("it was sent to a wrong card", "misled"),
            "egress": Branch("it is meant for beyond this machine", "egress"),
            "within": Branch("it never left the client's own namespace", "which_drop"),
            "forward": Branch("it came into this host, and not through", "which_drop"),
            "input": Branch("it came to this host, for itself", "which_drop"),
            "arrived": Branch("it arrived, and no answer was born", "which_drop"),
            "reply": Branch("an answer was born, and got lost", "which_drop"),
            "blind": Branch(
                "it could not be watched",
                undetermined(
                    "{client} to {target}: {met}; {last_seen}",
                    "run netwiz where packets can be watched: as root, on the "
                    "machine of the containers",
                ),
            ),
        },
    ),
)
