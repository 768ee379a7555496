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
    outcomes,
    pinged,
    platform,
    replicas,
    start,
    talk,
)
from netwiz.wizard.trees.egress import back as egress_back
from netwiz.wizard.trees.egress import entry as egress
from netwiz.wizard.trees.egress import inside as egress_inside
from netwiz.wizard.trees.egress import routes as egress_routes
from netwiz.wizard.trees.egress import source as egress_source
from netwiz.wizard.trees.lost import entry as lost
from netwiz.wizard.trees.lost import kernel as lost_kernel
from netwiz.wizard.trees.lost import rules as lost_rules
from netwiz.wizard.trees.names import entry as names
from netwiz.wizard.trees.outside import entry as outside
from netwiz.wizard.trees.outside import watch as outside_watch
from netwiz.wizard.trees.overlay import entry as overlay
from netwiz.wizard.trees.overlay import gossip as overlay_gossip
from netwiz.wizard.trees.overlay import mesh as overlay_mesh
from netwiz.wizard.trees.overlay import port as overlay_port
from netwiz.wizard.trees.overlay import refused as overlay_refused
from netwiz.wizard.trees.overlay import size as overlay_size
from netwiz.wizard.trees.overlay import virtual as overlay_virtual
from netwiz.wizard.trees.overlay import way as overlay_way
from netwiz.wizard.trees.published import entry as published
from netwiz.wizard.trees.published import handed, seen_as
from netwiz.wizard.trees.refused import entry as refused
from netwiz.wizard.trees.refused import listening, loopback, not_listening, stopped
from netwiz.wizard.trees.stalls import entry as stalls
from netwiz.wizard.trees.stalls import path as stalls_path
from netwiz.wizard.trees.stalls import pool as stalls_pool
from netwiz.wizard.trees.stalls import reset as stalls_reset
from netwiz.wizard.trees.stalls import stuck as stalls_stuck
from netwiz.wizard.trees.tls import entry as tls
from netwiz.wizard.trees.tls import http
from netwiz.wizard.trees.unreachable import entry as unreachable
from netwiz.wizard.trees.unreachable import own as unreachable_own
from netwiz.wizard.trees.unsteady import entry as unsteady
from netwiz.wizard.trees.unsteady import pace as unsteady_pace
from netwiz.wizard.trees.wire import entry as wire
from netwiz.wizard.trees.wire import misled as wire_misled
from netwiz.wizard.trees.wire import vacant as wire_vacant

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
