"""The decision trees. Nodes are shared: a tree is a root among them.

Every walk begins by finding out what really happens, whatever symptom was named, and
goes on by what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from netwiz.wizard.case import Symptom
from netwiz.wizard.tree import Node, Tree
from netwiz.wizard.trees import (
    astray,
    denied,
    egress,
    egress_back,
    egress_inside,
    egress_routes,
    egress_source,
    handed,
    http,
    listening,
    loopback,
    lost,
    lost_kernel,
    lost_rules,
    names,
    not_listening,
    outcomes,
    outside,
    outside_watch,
    overlay,
    overlay_gossip,
    overlay_mesh,
    overlay_port,
    overlay_refused,
    overlay_size,
    overlay_virtual,
    overlay_way,
    pinged,
    platform,
    published,
    refused,
    replicas,
    seen_as,
    stalls,
    stalls_path,
    stalls_pool,
    stalls_reset,
    stalls_stuck,
    start,
    stopped,
    talk,
    tls,
    unreachable,
    unreachable_own,
    unsteady,
    unsteady_pace,
    wire,
    wire_misled,
    wire_vacant,
)

ROOMS = (
    start,
    platform,
    astray,
    names,
    refused,
    listening,
    not_listening,
    loopback,
    published,
    handed,
    stopped,
    replicas,
    outcomes,
    seen_as,
    outside,
    outside_watch,
    lost,
    lost_rules,
    lost_kernel,
    egress,
    egress_inside,
    egress_routes,
    egress_source,
    egress_back,
    unreachable,
    unreachable_own,
    wire,
    wire_vacant,
    wire_misled,
    overlay,
    overlay_gossip,
    overlay_port,
    overlay_refused,
    overlay_mesh,
    overlay_size,
    overlay_virtual,
    overlay_way,
    pinged,
    talk,
    denied,
    stalls,
    stalls_path,
    stalls_pool,
    stalls_reset,
    stalls_stuck,
    tls,
    http,
    unsteady,
    unsteady_pace,
)
"""The modules that hold nodes, in the order in which the catalogue tells of them."""

NODES: Mapping[str, Node] = MappingProxyType(
    {node.id: node for room in ROOMS for node in room.NODES}
)

if len(NODES) != sum(len(room.NODES) for room in ROOMS):
    raise RuntimeError("a node's id stands twice in the trees")

TREES: Mapping[Symptom | None, Tree] = MappingProxyType(
    {symptom: Tree(symptom, "client", NODES) for symptom in (None, *Symptom)}
)


def tree_for(symptom: Symptom | None) -> Tree:
    """The tree of a symptom; without one, the tree that finds it out."""
    return TREES[symptom]
