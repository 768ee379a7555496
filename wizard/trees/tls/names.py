"""A certificate for another name: the wrong one, or the default one?"""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import TlsTalk
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault
from netwiz.wizard.trees.tls.words import asking, other_names, taking_all, values_of
from netwiz.wizard.verdict import Mark


def names(scene: Scene) -> Ruling:
    """Whether the server has no certificate for the name dialled, or picks by name."""
    mine = scene.look(asking(scene), TlsTalk)
    values = dict(values_of(scene, mine))
    leaf = mine.leaf
    target = scene.case.target
    if leaf is None:
        return Ruling("name", mine.reason, Mark.BAD, values=values)
    line = (
        f"it is for {leaf.whom}"
        if leaf.whom
        else (
            f"it names no host at all but in its subject ({leaf.subject}), where "
            "today's clients no longer look"
        )
    )
    values["use_name"] = next((n for n in leaf.names if "*" not in n), "")
    if target.address:
        return Ruling("address", mine.reason, Mark.BAD, (line,), values)
    for name, other in _by_other_names(scene):
        theirs = other.leaf
        if theirs is not None and theirs.fingerprint != leaf.fingerprint:
            values |= {"known_name": name, "known_subject": theirs.name}
            values["meets_default"] = f"its default, {leaf.name}"
            lines = (
                line,
                f"asked for {name}, the same server sends {theirs.text(other.at)}: "
                f"what it sent for {target.host} is its default",
            )
            return Ruling("default", "its default is sent", Mark.BAD, lines, values)
    return Ruling("name", mine.reason, Mark.BAD, (line,), values)


def _by_other_names(scene: Scene) -> list[tuple[str, TlsTalk]]:
    """The same server asked for the other names that the engine knows it by."""
    tried = other_names(scene)
    base = replace(taking_all(scene), http=False)
    asked = tuple(replace(base, server_name=name) for name in tried)
    return list(zip(tried, scene.look_all(asked, TlsTalk), strict=True))


NODES = (
    Node(
        "tls_names",
        "for whom is the certificate?",
        names,
        {
            "name": Branch("not for {host}", fault("tls-hostname-mismatch")),
            "address": Branch("not for that address", fault("tls-ip-mismatch")),
            "default": Branch(
                "not for {host}, which the server does not know",
                fault("tls-sni-unrecognized"),
            ),
        },
    ),
)
