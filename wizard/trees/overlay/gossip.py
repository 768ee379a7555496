"""The nodes' gossip: an address or a name that no node has told this one of."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import (
    HOST,
    Attempted,
    Connection,
    Outcome,
    OverlayFacts,
    SwarmNode,
    owners_of_name,
)
from netwiz.probes.facts.overlay import GOSSIP_PORT, MANAGER_PORT
from netwiz.probes.requests import Attempt, ReadOverlay
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import said_of
from netwiz.wizard.trees.overlay.entry import facts_of
from netwiz.wizard.verdict import Mark

MOST_NODES = 8
"""So many other nodes are asked; in a swarm that is sound any of them answers."""
GOSSIP_MS = 1000


def ask_node(address: str, port: int) -> Attempt:
    """A connection from this host to one of the swarm's own ports on a node."""
    return Attempt(HOST, address, port, budget_ms=GOSSIP_MS)


def dials(scene: Scene, nodes: tuple[str, ...], port: int) -> dict[str, Connection]:
    """What each node says on a port, asked side by side."""
    requests = tuple(ask_node(node, port) for node in nodes)
    found = scene.look_all(requests, Attempted)
    return {n: f.connection for n, f in zip(nodes, found, strict=True)}


def alive(link: Connection) -> bool:
    """Whether somebody is there: accepting and refusing are both an answer."""
    reset = (Outcome.CONNECTED, Outcome.RESET)
    return link.outcome in reset or (
        link.outcome is Outcome.REFUSED and link.icmp is None
    )


def heard_of(facts: OverlayFacts, node: str) -> SwarmNode | None:
    """The node as this manager hears of it over port 2377."""
    return next((n for n in facts.nodes if n.address == node), None)


def gossip(scene: Scene) -> Ruling:
    """Whether the nodes' gossip comes through at all."""
    return gossip_ruling(scene, facts_of(scene))


def names_gossip(scene: Scene) -> Ruling:
    """The same for a name, which is told of as an address is.

    Only names as containers and services have them, of which this node knows nothing.
    """
    client, host = scene.client, scene.case.target.host
    known = scene.snapshot.networks_by_id
    on = [
        n.network_id
        for n in (client.attachments if client else ())
        if n.network_id in known and known[n.network_id].driver == "overlay"
    ]
    if not on or "." in host or owners_of_name(scene.snapshot, host):
        return Ruling("well", "it is no name of another node", quiet=True)
    facts = scene.look(ReadOverlay(on[0]), OverlayFacts)
    ruling = gossip_ruling(scene, facts)
    assumed = f"{host} is a container or service of a node that cannot be heard"
    return replace(ruling, assumptions=(assumed,) if ruling.branch == "deaf" else ())


def gossip_ruling(scene: Scene, facts: OverlayFacts) -> Ruling:
    """Which nodes cannot be heard on 7946, though they live."""
    others = facts.others[:MOST_NODES]
    values = {"network": facts.network, "local_node": facts.local}
    values |= {"nodes": ", ".join(map(facts.node_called, others)) or "no other node"}
    found = dials(scene, others, GOSSIP_PORT)
    deaf = [n for n, link in found.items() if not alive(link)]
    if not deaf:
        said = f"yes: {values['nodes']} on TCP {GOSSIP_PORT}"
        return Ruling("well", said, values=values)
    proofs = {n: lives(scene, facts, n) for n in deaf}
    node = next((n for n in deaf if proofs[n]), deaf[0])
    proof = proofs[node]
    values |= {"node": node, "node_name": facts.node_called(node)}
    said = f"{values['node_name']} on TCP {GOSSIP_PORT}: {said_of(found[node])}"
    if not proof:
        return Ruling("down", said, Mark.BAD, (said,), values)
    return Ruling(
        "deaf",
        said,
        Mark.BAD,
        evidence=(
            f"from this host to {said}",
            proof,
            f"the nodes tell each other of names and addresses on {GOSSIP_PORT}",
        ),
        values=values,
    )


def lives(scene: Scene, facts: OverlayFacts, node: str) -> str:
    """The evidence that a node is up and in the swarm; empty when there is none."""
    heard = heard_of(facts, node)
    if heard is not None and heard.state == "ready":
        return (
            f"docker node ls: {heard.hostname} is {heard.state}, so its manager hears "
            f"it on {MANAGER_PORT}"
        )
    manager = next((m for m in facts.managers if m.startswith(f"{node}:")), "")
    if not manager:
        return ""
    link = dials(scene, (node,), MANAGER_PORT)[node]
    if not alive(link):
        return ""
    return f"{facts.node_called(node)} on TCP {MANAGER_PORT}: {said_of(link)}"


_BRANCHES = {
    "deaf": Branch(
        "no, though the node lives",
        fault("overlay-7946-blocked"),
    ),
    "down": Branch(
        "no, and the node itself may be down",
        undetermined(
            "{node_name} does not answer on 7946, and nothing shows that it is up: "
            "what it runs is not known here",
            "is that node up, and does it have the address {node} still?",
        ),
    ),
}

NODES = (
    Node(
        "overlay_gossip",
        "do the other nodes' tidings come through?",
        gossip,
        {
            **_BRANCHES,
            "well": Branch(
                "yes",
                undetermined(
                    "nobody on {network} has {address} now, though the nodes talk to "
                    "each other ({nodes})",
                    "whose address was it? A container that was stopped or made anew "
                    "leaves its old address: dial it by name",
                ),
            ),
        },
    ),
    Node(
        "overlay_names",
        "do the other nodes' tidings come through?",
        names_gossip,
        {**_BRANCHES, "well": Branch("yes", "known_name")},
    ),
)
