"""Large packets between two nodes: what the tunnel adds does not fit the way."""

from __future__ import annotations

from netwiz.probes.facts import HOST, LinkTable, OverlayFacts, PathMtu, RouteDecision
from netwiz.probes.requests import AskRoute, MeasurePath, ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.overlay.entry import facts_of
from netwiz.wizard.verdict import Mark

ADDED = 50
"""Octets around each frame: IPv4 20, UDP 8, VXLAN 8, Ethernet 14 (RFC 7348)."""
ADDED_6 = 70
"""The same between nodes that talk IPv6."""


def size(scene: Scene) -> Ruling:
    """The size that still passes through the tunnel, and what the uplink takes."""
    facts, address = facts_of(scene), scene.focus.address
    task = facts.task(address)
    node = task.node if task else ""
    sizes = scene.try_look(MeasurePath(scene.place, address), PathMtu)
    values = {
        "network": facts.network,
        "holder": task.name if task else address,
        "node": node,
        "node_name": facts.node_called(node) if node else "another node",
        "local_node": facts.local,
        "overlay_mtu": str(facts.tunnel.mtu if facts.tunnel else 0),
        "vxlan_port": str(facts.port),
    }
    if sizes is None or not sizes.passes or not sizes.lost:
        said = "every size is answered" if sizes else "it could not be measured"
        return Ruling("unknown", said, Mark.UNKNOWN, values=values)
    added = ADDED_6 if ":" in node else ADDED
    values |= {
        "passes": str(sizes.passes),
        "lost_size": str(sizes.lost),
        "outer": str(sizes.lost + added),
        "added": str(added),
    }
    evidence = (
        f"echoes with DF from {scene.place.label} to {address}: {sizes.passes} bytes "
        f"are answered, {sizes.lost} are not; network {facts.network} has an MTU of "
        f"{values['overlay_mtu']}",
        f"VXLAN adds {added} bytes: between {facts.local} and {node} a datagram of "
        f"{sizes.passes + added} bytes passes and one of {sizes.lost + added} does not",
        *_uplink(scene, facts, node, added),
    )
    said = f"up to {sizes.passes} bytes, of {values['overlay_mtu']}"
    return Ruling("narrow", said, Mark.BAD, evidence, values)


def _uplink(
    scene: Scene, facts: OverlayFacts, node: str, added: int
) -> tuple[str, ...]:
    """What the device by which this host goes to the node takes."""
    route = scene.try_look(AskRoute(HOST, node), RouteDecision)
    links = scene.try_look(ReadLinks(HOST), LinkTable)
    if route is None or links is None or facts.tunnel is None:
        return ()
    device = links.interface(route.device)
    if device is None:
        return ()
    room = device.mtu - added
    fits = "has room for that" if room >= facts.tunnel.mtu else f"has room for {room}"
    return (
        f"{device.name}, by which this host goes there, takes {device.mtu}: {fits}",
    )


NODES = (
    Node(
        "overlay_size",
        "how large may a packet through the tunnel be?",
        size,
        {
            "narrow": Branch("smaller than the network says", fault("overlay-mtu")),
            "unknown": Branch(
                "it could not be measured",
                undetermined(
                    "large packets between {client} and {holder} on {node_name} get "
                    "lost, small ones do not, and no size could be measured",
                    "do large UDP datagrams on port {vxlan_port} pass between "
                    "{local_node} and {node}? Wrong checksums of a network card's "
                    "offloading look the same: ethtool -K DEVICE "
                    "tx-checksum-ip-generic off would tell",
                ),
            ),
        },
    ),
)
