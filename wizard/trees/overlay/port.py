"""The swarm's own ports on another node: 2377 for managers, 7946 for gossip."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Attempted, OverlayFacts, Rule
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.facts.overlay import GOSSIP_PORT, MANAGER_PORT
from netwiz.probes.requests import ReadOverlay
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import counted, said_of
from netwiz.wizard.trees.overlay.gossip import alive, dials, heard_of
from netwiz.wizard.verdict import Mark


def port(scene: Scene) -> Ruling:
    """Whether it is the one port, or the node."""
    facts = scene.look(ReadOverlay(), OverlayFacts)
    node, wanted = scene.focus.address, scene.focus.port
    values = {
        "node": node,
        "node_name": facts.node_called(node),
        "local_node": facts.local,
    }
    found = scene.look(counted(scene, scene.focus), Attempted)
    if found.connection.works:
        return Ruling("changes", "it answers at the second try", Mark.ODD)
    met = f"{values['node_name']} on TCP {wanted}: {said_of(found.connection)}"
    evidence = [met]
    taken = _taken(found, facts.local, node, wanted)
    if taken is not None:
        rule, packets = taken
        values |= {"rule": rule.text, "remove_rule": deletion(rule)}
        evidence.append(
            f"the rule `{rule.text}` (table {rule.table}, chain {rule.chain}) of this "
            f"host counted +{packets} around the probe"
        )
    other = GOSSIP_PORT if wanted == MANAGER_PORT else MANAGER_PORT
    link = dials(scene, (node,), other)[node]
    if alive(link):
        evidence.append(f"the same node on TCP {other}: {said_of(link)}")
    heard = heard_of(facts, node)
    if heard is not None:
        evidence.append(f"docker node ls: {heard.hostname} is {heard.state}")
    if facts.swarm_error:
        evidence.append(f"docker info: {facts.swarm_error}")
    lives = alive(link) or (heard is not None and heard.state == "ready")
    if not lives and taken is None:
        return Ruling("down", "the node answers on no port", Mark.BAD, (met,), values)
    key = "manager" if wanted == MANAGER_PORT else "gossip"
    said = f"the node lives, and TCP {wanted} does not pass"
    return Ruling(key, said, Mark.BAD, tuple(evidence), values)


def _taken(
    found: Attempted, local: str, node: str, wanted: int
) -> tuple[Rule, int] | None:
    """A rule of this host that counted what was sent to the node."""
    source = found.connection.source or local
    return next(
        (
            (hit.rule, hit.packets)
            for hit in found.hits
            if hit.rule is not None
            and hit.rule.place == HOST
            and hit.rule.refuses
            and not hit.rule.unknown
            and (hit.rule.hook or hit.rule.chain.lower()) in ("output", "forward")
            and hit.rule.concerns(source, node, wanted, "tcp")
        ),
        None,
    )


NODES = (
    Node(
        "overlay_port",
        "does the node answer on the swarm's other ports?",
        port,
        {
            "manager": Branch("yes, not on 2377", fault("swarm-2377-blocked")),
            "gossip": Branch("yes, not on 7946", fault("overlay-7946-blocked")),
            "changes": Branch("it works now", "unsteady"),
            "down": Branch(
                "no",
                undetermined(
                    "node {node_name} of the swarm answers on none of its ports",
                    "is that node up, and does it have the address {node} still?",
                ),
            ),
        },
    ),
)
