"""A client beyond this machine: what the rules would do with its packet, on paper."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import HOST, OwnerKind
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault
from netwiz.wizard.trees.outside.kinds import KINDS
from netwiz.wizard.trees.outside.paper import Paper, on_uplink
from netwiz.wizard.trees.outside.rules import refusal
from netwiz.wizard.trees.published.handed import dummy, stale
from netwiz.wizard.trees.published.mapped import (
    ENGINE,
    PROXY,
    bridge_of,
    held_by,
    holders,
    values_of,
)
from netwiz.wizard.trees.words import dial, listed, server_name
from netwiz.wizard.verdict import Mark

_NOBODY = (OwnerKind.NETWORK, OwnerKind.ELSEWHERE)


def on_paper(scene: Scene) -> Ruling:
    """What this host would do with a packet from the uplink, rule by rule."""
    paper = on_uplink(scene)
    unsupported = tuple(
        f"cannot tell if `{r.text}` (chain {r.chain}) applies" for r in paper.undecided
    ) + tuple(f"rules that could not be read: {line}" for line in paper.unseen)
    values = _values(scene, paper)
    if not paper.sure:
        said = f"{len(unsupported)} rules cannot be judged without its packet"
        if len(unsupported) == 1:
            said = "one rule cannot be judged without its packet"
        return Ruling("unsure", said, Mark.ODD, values=values, unsupported=unsupported)
    found = _translation(scene, paper) or refusal(scene, paper)
    if found is not None:
        return replace(found, values={**values, **found.values})
    return Ruling("passed", f"yes: {values['paper_way']}", values=values)


def _values(scene: Scene, paper: Paper) -> dict[str, str]:
    packet = paper.packet
    way = f"the {paper.hook} hook lets it pass"
    if paper.nat.rule is not None:
        way += f", and it is led to {dial(packet.destination, packet.port)}"
    return {
        "server": server_name(scene),
        "hook": paper.hook,
        "uplink": packet.in_device or "any",
        "paper_way": way,
    }


def _translation(scene: Scene, paper: Paper) -> Ruling | None:
    """What is wrong with where destination NAT leads it; None when nothing is."""
    focus, rule = scene.focus, paper.nat.rule
    if focus.mapping is None or focus.server is None or focus.place == HOST:
        return None
    address = paper.packet.destination
    if rule is not None:
        if (
            address in focus.server.addresses
            or scene.owner(address).kind not in _NOBODY
        ):
            return None
        seen = f"nobody on this machine has {address}"
        return stale(scene, rule, address, seen)
    engine = scene.snapshot.engine
    told_not_to = engine is None or engine.iptables is not True or engine.rootless
    if paper.hook != "input" or told_not_to or ":" in focus.address:
        # Without rules, or for IPv6 without NAT, docker-proxy is the way.
        return None
    held = holders(scene)
    if held_by(held, ENGINE):
        return dummy(scene, held)
    if not held_by(held, PROXY):
        return None
    gateway = _proxy_source(scene)
    evidence = (
        f"no DNAT rule takes a packet for {dial(focus.address, focus.port)}, though "
        f"the engine publishes {server_name(scene)} there",
        f"docker-proxy takes it instead: {listed(held)}",
    )
    values = values_of(scene) | {"proxy_source": gateway}
    said = "no: the DNAT rule is gone, and docker-proxy stands in for it"
    return Ruling("masked", said, Mark.BAD, evidence, values)


def _proxy_source(scene: Scene) -> str:
    """The address that docker-proxy comes from: the bridge's own."""
    device = bridge_of(scene)
    held = (a for d, a in scene.snapshot.host.addresses if d == device and ":" not in a)
    return next(held, "this host")


NODES = (
    Node(
        "forwarded",
        "would the rules of this host let it in from outside?",
        on_paper,
        {
            **KINDS,
            "masked": Branch(
                "yes, but only docker-proxy does", fault("nat-rules-lost-proxy-masks")
            ),
            "dummy": Branch(
                "no, the engine's own socket takes it", fault("dockerd-dummy-listener")
            ),
            "stale": Branch(
                "no, to an address that nobody has", fault("stale-dnat-to-dead-ip")
            ),
            "passed": Branch("yes", "shall_wait"),
            "unsure": Branch("cannot be told", "shall_wait_unsure"),
        },
    ),
)
