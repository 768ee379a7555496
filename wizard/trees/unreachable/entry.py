"""Unreachable: somebody, or this machine itself, says that there is no way.

The errno alone tells little; who said it, and how soon, tells the rest. An ICMP error
comes from a firewall or a router; without one (or with one from the own address) the
own kernel decided: no route, no neighbour, no source address, a rule on the way out.
"""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    Connection,
    IcmpError,
    LinkTable,
    Outcome,
    RouteDecision,
)
from netwiz.probes.requests import AskRoute, ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.egress.routes import hidden
from netwiz.wizard.trees.overlay.entry import on_overlay
from netwiz.wizard.trees.wire.entry import unanswered
from netwiz.wizard.verdict import Mark

PROHIBITED = {(3, 9), (3, 10), (3, 13), (1, 1), (1, 5), (1, 6)}
"""ICMP 3/9, 3/10, 3/13 (RFC 1812) and ICMPv6 1/1, 1/5, 1/6 (RFC 4443): somebody
forbids. What only cannot be reached is another code."""
SPECIAL = ("unreachable", "prohibit", "blackhole")
"""Routes that answer instead of leading somewhere."""


def unreachable(scene: Scene) -> Ruling:
    """Who says that it cannot be reached."""
    if on_overlay(scene):
        return Ruling("overlay", "it is on an overlay network", quiet=True)
    if (under := hidden(scene)) is not None:
        return under
    link = scene.attempted.connection
    values = {"address": link.address, "met": _met(link)}
    if link.outcome is Outcome.ADDRESS_UNAVAILABLE:
        said = "the own kernel: it has no address and port to send from"
        return Ruling("no_source", said, Mark.ODD, values=values)
    if link.icmp is not None and not _own(scene, link.icmp):
        return _told(scene, link, link.icmp, values)
    way = scene.look(AskRoute(scene.place, link.address), RouteDecision)
    if way.kind in SPECIAL:
        said = f"a route of kind {way.kind} in {scene.place.label}"
        return Ruling("route", said, Mark.ODD, (said,), values)
    if link.outcome is Outcome.NET_UNREACHABLE and not way.kind:
        said = f"{scene.place.label} itself: it has no route to {link.address}"
        return Ruling("no_way", said, Mark.ODD, values=values)
    if link.outcome is Outcome.HOST_UNREACHABLE:
        return Ruling("wire", "nobody answered for it on the wire", quiet=True)
    if link.errno_name == "EPERM":
        said = "a rule on the way out of its own namespace, or the engine's limits"
        return Ruling("lost", said, Mark.ODD, values=values)
    return Ruling("unknown", values["met"], Mark.ODD, values=values)


def _met(link: Connection) -> str:
    said = f"{link.outcome.value} {link.errno_name}".strip()
    if link.icmp is not None:
        said += f", by ICMP {link.icmp.text} from {link.icmp.source}"
    return f"{said} after {link.connect_ms:.0f} ms"


def _own(scene: Scene, icmp: IcmpError) -> bool:
    """Whether the error came from the place itself: its own question failed."""
    table = scene.look(ReadLinks(scene.place), LinkTable)
    return any(a.address == icmp.source for a in table.addresses)


def _told(
    scene: Scene, link: Connection, icmp: IcmpError, values: dict[str, str]
) -> Ruling:
    """Somebody else sent an ICMP error: a rule, a route, or a router in vain."""
    said = f"{icmp.source}, by ICMP {icmp.text}"
    seen = (f"ICMP {icmp.text} came from {icmp.source}",)
    by_host = scene.snapshot.host.device_of(icmp.source)
    if by_host:
        way = scene.look(AskRoute(HOST, link.address), RouteDecision)
        if way.kind in (*SPECIAL, ""):
            return Ruling("route", said, Mark.ODD, seen, values)
        if unanswered(scene.attempted):
            return Ruling("wire", said, Mark.ODD, seen, values)
    if (icmp.type, icmp.code) in PROHIBITED or by_host:
        return Ruling("rule", said, Mark.ODD, seen, values)
    return Ruling("router", said, Mark.ODD, seen, values)


NODES = (
    Node(
        "unreachable",
        "who says that there is no way?",
        unreachable,
        {
            "overlay": Branch("an overlay network", "overlay"),
            "hidden": Branch(
                "nobody: a Docker network lies over its address",
                fault("subnet-overlap"),
            ),
            "no_source": Branch("the own kernel, for want of a source", "no_source"),
            "no_way": Branch("the own kernel, for want of a route", "no_way"),
            "wire": Branch("nobody: the question for it was not answered", "wire"),
            "route": Branch("a route that leads nowhere", "egress"),
            "rule": Branch("somebody who forbids it", "lost"),
            "router": Branch(
                "a router beyond this machine",
                undetermined(
                    "{client} to {target}: {met}: that router knows no way",
                    "look at the router that said so: its routes, and whether "
                    "{address} is the address that was meant",
                ),
            ),
            "lost": Branch("the own kernel, by a rule", "lost"),
            "unknown": Branch(
                "nobody who is known",
                undetermined(
                    "{client} to {target}: {met}",
                    "what else on this machine judges connections: seccomp, eBPF, "
                    "SELinux or AppArmor?",
                ),
            ),
        },
    ),
)
