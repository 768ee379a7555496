"""The way between two nodes: into the tunnel, out of this host, and back.

netwiz stands on one node. It sees what leaves this one and what comes in; of what lies
between, and of the other node, it says what follows from both and no more.
"""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts import (
    HOST,
    Attempted,
    OverlayFacts,
    OverlayTask,
    Rule,
    Sighting,
    Tunnel,
)
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.facts.overlay import GOSSIP_PORT
from netwiz.probes.requests import Attempt
from netwiz.wizard.path import where
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Also, Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import counted, focus_on, said_of, witnessed
from netwiz.wizard.trees.overlay.entry import facts_of
from netwiz.wizard.trees.overlay.gossip import alive, dials, lives
from netwiz.wizard.trees.words import first_packet
from netwiz.wizard.verdict import Mark

OTHERS_ASKED = 2
"""Further addresses on the other node, to tell its container from the way there."""


@dataclass(frozen=True)
class Crossing:
    """Where the probe was seen around the tunnel."""

    entered: Sighting | None
    """Into the tunnel's device, in the network's own namespace."""
    left: Sighting | None
    """Out of this host, inside VXLAN."""
    returned: Sighting | None
    """An answer inside VXLAN, into this host."""
    delivered: Sighting | None
    """That answer in the network's own namespace."""


def crossing(found: Attempted, tunnel: Tunnel) -> Crossing:
    """The hops of one attempt, as far as this node can see them."""

    def host(s: Sighting) -> bool:
        return s.place == HOST and s.packet.tunnel is not None

    def inside(s: Sighting) -> bool:
        return s.place == tunnel.place and s.packet.tunnel is None

    there = [s for s in found.forward if s.packet.kind != "ARP"]
    return Crossing(
        next((s for s in there if inside(s) and s.device == tunnel.device), None),
        next((s for s in there if host(s) and not s.inbound), None),
        next((s for s in found.replies if host(s) and s.inbound), None),
        next((s for s in found.replies if inside(s)), None),
    )


def way(scene: Scene) -> Ruling:
    """Where the probe is sent, and how far it is seen to come."""
    facts = facts_of(scene)
    task, tunnel = facts.task(scene.focus.address), facts.tunnel
    if task is None or tunnel is None:
        said = facts.blind or "the address has moved meanwhile"
        return Ruling("blind", said, Mark.UNKNOWN, values={"blind_why": said})
    values = {
        "node": task.node,
        "node_name": facts.node_called(task.node),
        "holder": task.name,
        "vxlan_port": str(facts.port),
        "local_node": facts.local,
        "overlay_enter": tunnel.enter,
        "tunnel_device": tunnel.device,
    }
    if task.node in ("", facts.local):
        return Ruling("here", f"{task.name} is on this node", Mark.ODD, values=values)
    if strayed := _strayed(facts, tunnel, task, values):
        return strayed
    found = scene.look(counted(scene, scene.focus), Attempted)
    seen = crossing(found, tunnel)
    first = first_packet(scene)
    if facts.encrypted and seen.left is None and not found.connection.works:
        if task.node not in facts.associations:
            return _keyless(facts, seen, values, first)
        said = "into IPsec, where it cannot be looked into"
        return Ruling("sealed", said, Mark.ODD, (said,), values)
    if found.connection.works:
        return Ruling("changes", "it works at the second try", Mark.ODD, values=values)
    if not found.tapped or tunnel.place not in found.tapped:
        said = "the packets could not be watched"
        return Ruling("blind", said, Mark.UNKNOWN, values={"blind_why": said})
    if seen.left is None:
        return _held(found, facts, seen, values, first)
    values["left_at"] = where(seen.left)
    went = (
        f"the {first} left this host at {values['left_at']} inside VXLAN, from "
        f"{seen.left.packet.tunnel[0] if seen.left.packet.tunnel else facts.local} to "
        f"{task.node} UDP {facts.port}"
    )
    if seen.returned is not None and seen.delivered is None:
        return _kept_out(found, facts, seen.returned, values, went)
    if seen.returned is not None:
        said = f"{seen.returned.packet.kind} came back through the tunnel"
        return Ruling("answered", said, Mark.ODD, (went, said), values)
    return Ruling("silent", "it left, and nothing came back", Mark.BAD, (went,), values)


def _strayed(
    facts: OverlayFacts, tunnel: Tunnel, task: OverlayTask, values: dict[str, str]
) -> Ruling | None:
    """A tunnel whose table leads to another node than the gossip says."""
    mac = tunnel.mac_of(task.address)
    sent = tunnel.node_of(mac)
    if not mac or not sent or sent == task.node:
        return None
    return Ruling(
        "stale",
        f"to {facts.node_called(sent)}, where it is not",
        Mark.BAD,
        (
            f"the nodes' gossip has {task.address} ({task.name}) on "
            f"{facts.node_called(task.node)}",
            f"the tunnel of {facts.network} sends frames for its MAC {mac} to "
            f"{facts.node_called(sent)} (bridge fdb)",
        ),
        {**values, "mac": mac, "wrong_node": sent},
    )


def _keyless(
    facts: OverlayFacts, seen: Crossing, values: dict[str, str], first: str
) -> Ruling:
    """An encrypted network without a key for the node: packets cannot leave."""
    node = values["node"]
    wanted = "demands one" if node in facts.policies else "does not say"
    evidence = [
        f"network {facts.network} has the option encrypted, and ip xfrm state holds no "
        f"security association for {node} (ip xfrm policy {wanted})",
    ]
    if facts.unsent:
        evidence.append(f"XfrmOutNoStates is {facts.unsent}: so many could not be sent")
    if seen.entered and seen.left is None:
        evidence.append(
            f"the {first} went into the tunnel at {where(seen.entered)} "
            "and never left this host"
        )
    kernel = facts.kernel
    values = {**values, "release": kernel.release}
    values["esp_ready"] = "yes" if kernel.esp_module and not kernel.esp else ""
    return Ruling(
        "no_key", "nowhere: there is no key", Mark.BAD, tuple(evidence), values
    )


def _fits(rule: Rule, ends: tuple[str, str], port: int, hooks: tuple[str, ...]) -> bool:
    hook = rule.hook or rule.chain.lower()
    return (
        rule.place == HOST
        and rule.refuses
        and not rule.unknown
        and hook in hooks
        and rule.concerns(*ends, port, "udp")
    )


def _counting(
    found: Attempted, ends: tuple[str, str], port: int, hooks: tuple[str, ...]
) -> tuple[Rule, int] | None:
    """The rule of this host that took the tunnel's datagram, by its counter."""
    return next(
        (
            (hit.rule, hit.packets)
            for hit in found.hits
            if hit.rule is not None and _fits(hit.rule, ends, port, hooks)
        ),
        None,
    )


def _by_rule(taken: tuple[Rule, int], values: dict[str, str], seen: str) -> Ruling:
    rule, packets = taken
    remove = deletion(rule)
    return Ruling(
        "rule",
        f"as far as `{rule.text}` of this host",
        Mark.BAD,
        (
            seen,
            f"the rule `{rule.text}` ({rule.backend}, table {rule.table}, chain "
            f"{rule.chain}) of this host counted +{packets} around the probe",
        ),
        {**values, "rule": rule.text, "remove_rule": remove},
    )


def _held(
    found: Attempted,
    facts: OverlayFacts,
    seen: Crossing,
    values: dict[str, str],
    first: str,
) -> Ruling:
    """It did not leave this host."""
    if not found.forward:
        said = "no packet of it was seen"
        return Ruling("within", said, Mark.ODD, (said,), {**values, "last_seen": said})
    if seen.entered is None:
        said = f"last seen at {where(found.forward[-1])}"
        return Ruling("inside", said, Mark.ODD, (said,), {**values, "last_seen": said})
    said = (
        f"the {first} went into the tunnel at {where(seen.entered)} and no VXLAN left "
        "this host"
    )
    ends = (facts.local, values["node"])
    hooks = ("output", "postrouting")
    taken = _counting(found, ends, facts.port, hooks)
    if taken is not None:
        return _by_rule(taken, values, said)
    return Ruling("inside", said, Mark.ODD, (said,), {**values, "last_seen": said})


def _kept_out(
    found: Attempted,
    facts: OverlayFacts,
    returned: Sighting,
    values: dict[str, str],
    went: str,
) -> Ruling:
    """The answer came to this host and did not come out of the tunnel."""
    said = (
        f"{returned.packet.kind} came back inside VXLAN at {where(returned)}, and "
        "never came out of the tunnel"
    )
    ends = (values["node"], facts.local)
    hooks = ("input", "prerouting")
    taken = _counting(found, ends, facts.port, hooks)
    if taken is not None:
        return _by_rule(taken, values, f"{went}; {said}")
    return Ruling("inside", said, Mark.ODD, (went, said), {**values, "last_seen": said})


def beyond(scene: Scene) -> Ruling:
    """Whether it is the way to the node, the node, or the one container there."""
    facts = facts_of(scene)
    tunnel, node = facts.tunnel, scene.values["node"]
    address, port = scene.focus.address, scene.focus.port
    names = {t.address: t.name for t in facts.tasks}
    beside = [
        n.address
        for n in (tunnel.neighbours if tunnel else ())
        if tunnel and n.address != address and tunnel.node_of(n.mac) == node
    ]
    # The engine's own endpoint, which is no container's, has no filter of its own.
    beside = sorted(beside, key=lambda a: a in names)[:OTHERS_ASKED]
    if not beside:
        said = f"nobody else of {facts.network} is on {scene.values['node_name']}"
        return Ruling("alone", said, Mark.UNKNOWN)
    requests = tuple(_beside(scene, a, port) for a in beside)
    found = scene.look_all(requests, Attempted)
    for other, tried in zip(beside, found, strict=True):
        back = crossing(tried, tunnel).returned if tunnel else None
        if back is not None:
            said = (
                f"{names.get(other, 'the endpoint')} ({other}) on the same node "
                f"answers through the tunnel ({back.packet.kind})"
            )
            return Ruling("container", said, Mark.ODD, (said,))
    mute = f"{' and '.join(beside)}, also there, did not answer through the tunnel"
    link = dials(scene, (node,), GOSSIP_PORT)[node]
    gossip = f"{scene.values['node_name']} on TCP {GOSSIP_PORT}: {said_of(link)}"
    if alive(link):
        said = f"the node answers on TCP {GOSSIP_PORT}, and nothing through the tunnel"
        evidence = (mute, f"the node itself is up: {gossip}")
        return Ruling("blocked", said, Mark.BAD, evidence)
    proof = lives(scene, facts, node)
    if not proof:
        return Ruling("down", gossip, Mark.BAD, (gossip,))
    also = Also("overlay-7946-blocked", (gossip, proof), {"node": node})
    return Ruling("blocked", "the node lives", Mark.BAD, (mute, proof), also=(also,))


def _beside(scene: Scene, address: str, port: int) -> Attempt:
    return witnessed(scene, focus_on(scene, address, port))


_BEYOND_SETTLE = (
    "is the packet seen on {node}? There: tcpdump -ni any udp port {vxlan_port}"
)

NODES = (
    Node(
        "overlay_way",
        "where does the tunnel send it, and does it leave this host?",
        way,
        {
            "silent": Branch("it leaves, and nothing comes back", "overlay_beyond"),
            "stale": Branch(
                "it sends it to the wrong node", fault("overlay-stale-fdb-arp")
            ),
            "no_key": Branch("it cannot be encrypted", fault("overlay-esp-blocked")),
            "sealed": Branch(
                "it leaves encrypted, and no answer comes",
                undetermined(
                    "{client} to {holder} on node {node_name}: network {network} is "
                    "encrypted, there is a key for {node}, and no answer came",
                    "does IP protocol 50 (ESP) pass between {local_node} and {node}, "
                    "without NAT? A network without encryption between the same nodes "
                    "would tell",
                ),
            ),
            "rule": Branch(
                "a rule of this host drops it", fault("overlay-4789-blocked")
            ),
            "within": Branch("it never left the client's own namespace", "which_drop"),
            "inside": Branch(
                "it is lost on this host",
                undetermined(
                    "{client} to {address} ({holder} on {node_name}): {last_seen}, and "
                    "no rule of this host is known to have dropped it",
                    "look at the rules of this host that concern UDP {vxlan_port}, and "
                    "at the route to {node}",
                ),
            ),
            "answered": Branch(
                "an answer came, and got lost",
                undetermined(
                    "an answer for {client} came out of the tunnel of {network} and "
                    "did not reach it",
                    "a packet filter inside {client} may drop it: its own rules tell",
                ),
            ),
            "changes": Branch("it works now", "unsteady"),
            "here": Branch(
                "nowhere: it is on this node",
                undetermined(
                    "{holder} ({address}) on {network} does not answer, and is on this "
                    "very node: no tunnel is in between",
                    "dial {address} itself, so that its own way is looked at",
                ),
            ),
            "blind": Branch(
                "it cannot be seen",
                undetermined(
                    "{address} is on the overlay network {network}: {blind_why}",
                    "run netwiz as root on the node of {client}",
                ),
            ),
        },
    ),
    Node(
        "overlay_beyond",
        "does anything on {node_name} answer?",
        beyond,
        {
            "blocked": Branch(
                "the node does, nothing through the tunnel",
                fault("overlay-4789-blocked"),
            ),
            "container": Branch(
                "others there do",
                undetermined(
                    "{holder} ({address}) on node {node_name} does not answer, though "
                    "VXLAN passes both ways: others on that node answer",
                    "look at {holder} on that node: a packet filter of its own, or a "
                    "process that hangs; netwiz there sees it",
                ),
            ),
            "alone": Branch(
                "there is nobody else to ask",
                undetermined(
                    "what {client} sends to {holder} on {node_name} leaves this host "
                    "inside VXLAN, and nothing comes back",
                    _BEYOND_SETTLE,
                ),
            ),
            "down": Branch(
                "no, and the node itself does not either",
                undetermined(
                    "node {node_name} answers neither through the tunnel nor on TCP "
                    "7946",
                    "is that node up, and is there a route to {node}?",
                ),
            ),
        },
    ),
)
