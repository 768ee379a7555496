"""The decision trees. Nodes are shared: a tree is a root among them.

Every walk begins by finding out what really happens, whatever symptom was named, and
goes on by what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from netwiz.wizard.case import Symptom
from netwiz.wizard.tree import Branch as _Branch
from netwiz.wizard.tree import Node, Tree, fault
from netwiz.wizard.tree import undetermined as _undetermined
from netwiz.wizard.trees import (
    astray,
    listening,
    loopback,
    lost,
    names,
    not_listening,
    outcomes,
    outside,
    overlay,
    published,
    refused,
    replicas,
    stalls,
    start,
    stopped,
    talk,
    tls,
    unreachable,
    unsteady,
    wire,
)

_LISTENING_HOST = Node(
    "listening_host",
    "does this host listen there?",
    listening.listening,
    {
        "accepts": _Branch("yes", "which_rule"),
        "loopback": _Branch("on loopback only", fault("host-service-bound-loopback")),
        "family": _Branch("for the other family", fault("listens-on-other-family")),
        "address": _Branch(
            "on another address only",
            _undetermined(
                "this host listens on {listeners}, not on {address}",
                "dial the address it listens on, or bind it to 0.0.0.0",
            ),
        ),
        "nothing": _Branch("no", fault("service-not-listening")),
    },
)

NODES: Mapping[str, Node] = MappingProxyType(
    {
        node.id: node
        for node in (
            *start.NODES,
            *refused.NODES,
            *listening.NODES,
            *not_listening.NODES,
            *loopback.NODES,
            *published.NODES,
            *stopped.NODES,
            *outcomes.NODES,
            *replicas.NODES,
            *outside.NODES,
            *astray.NODES,
            *lost.NODES,
            *names.NODES,
            *overlay.NODES,
            *stalls.NODES,
            *talk.NODES,
            *tls.NODES,
            *unreachable.NODES,
            *unsteady.NODES,
            *wire.NODES,
            _LISTENING_HOST,
        )
    }
)

TREES: Mapping[Symptom | None, Tree] = MappingProxyType(
    {symptom: Tree(symptom, "client", NODES) for symptom in (None, *Symptom)}
)


def tree_for(symptom: Symptom | None) -> Tree:
    """The tree of a symptom; without one, the tree that finds it out."""
    return TREES[symptom]
