"""Egress: an answer came back to this machine, and never to the client."""

from __future__ import annotations

from netwiz.probes.facts import HOST, RouteDecision, Sighting
from netwiz.probes.requests import AskRoute
from netwiz.wizard.path import where
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.egress.entry import switched
from netwiz.wizard.trees.egress.ways import (
    MAIN_TABLES,
    TUNNELS,
    Exit,
    answered,
    exit_of,
    from_host,
    ip,
    said,
)
from netwiz.wizard.verdict import Mark


def returned(scene: Scene) -> Ruling:
    """What became of the answer on its way to the client."""
    way = exit_of(scene)
    back = way.back
    if back is None or scene.place == HOST:
        return Ruling("lost", "it was for this host itself", Mark.ODD)
    last = way.found.replies[-1]
    values = {"device": back.device, "answer": back.packet.kind, "seen": where(last)}
    on = [s for s in way.found.replies if not s.inbound and s.device in way.inner]
    if on:
        return Ruling("lost", f"last seen at {where(last)}", Mark.ODD, values=values)
    if back.packet.ttl == 1:
        return _spent(way, back, values)
    off = switched(way, back.device, "answer")
    if off is not None:
        return off
    return _way_back(way, values)


def _spent(way: Exit, back: Sighting, values: dict[str, str]) -> Ruling:
    """An answer whose time to live allows no further hop."""
    line = f"the {back.packet.kind} came in at {back.device} with ttl 1: this host "
    line += "cannot forward it"
    lines = [line]
    errors = (
        s
        for s in way.found.replies
        if s.place == HOST and not s.inbound and s.packet.icmp in ((11, 0), (3, 0))
    )
    if (told := next(errors, None)) is not None:
        lines.append(f"ICMP time exceeded went out at {told.device}")
    link = from_host(way.scene)
    if answered(link):
        lines.append(f"this host itself, one hop nearer, is answered: {said(link)}")
    words = "-j HL --hl-inc 1" if way.family == 6 else "-j TTL --ttl-inc 1"
    tool = "ip6tables" if way.family == 6 else "iptables"
    rule = f"-t mangle -A PREROUTING -i {back.device} -s {way.address} {words}"
    values |= {"raise_ttl": f"{tool} {rule}"}
    if way.address == "169.254.169.254":
        values["cloud"] = "yes"
    return Ruling("ttl", "its time to live is spent", Mark.BAD, tuple(lines), values)


def _way_back(way: Exit, values: dict[str, str]) -> Ruling:
    """Where this host would send the answer."""
    back, entered = way.back, way.entered
    if back is None or entered is None:
        return Ruling("lost", "it was for this host itself", Mark.ODD, values=values)
    client = entered.packet.source
    asked = AskRoute(HOST, client, way.address, back.device)
    route = way.scene.look(asked, RouteDecision)
    if route.kind != "unicast" or route.device == way.entry:
        return Ruling("lost", "not sent on", Mark.ODD, values=values)
    via = f" via {route.gateway}" if route.gateway else ""
    text = f"{route.destination or client}{via} dev {route.device}"
    line = f"this host sends answers for {client} by {text}, and {way.entry} leads to "
    line += way.scene.place.label
    values |= {"route": text, "client_address": client, "bridge": way.entry}
    values |= {"what": f"it is the way back to {client}", "better": way.entry}
    values |= {"captured": client}
    only = f"{client}/{128 if way.family == 6 else 32} dev {way.entry}"
    values |= {"add_route": f"{ip(way.family)} route replace {only}"}
    values["better_route"] = only
    device = way.links.interface(route.device)
    if route.table not in MAIN_TABLES:
        policy = next((r for r in way.links.rules if r.table == route.table), None)
        values |= {"policy": f"{policy.priority}: {policy.text}" if policy else text}
        if policy is not None and policy.priority > 0:
            rule = f"to {client} lookup main pref {policy.priority - 1}"
            values["add_rule"] = f"{ip(way.family)} rule add {rule}"
            values.pop("add_route")
    if device is not None and device.kind in TUNNELS:
        return Ruling("tunnel", "sent into a tunnel", Mark.BAD, (line,), values)
    if route.table not in MAIN_TABLES:
        return Ruling("policy", "sent by a policy rule", Mark.BAD, (line,), values)
    return Ruling("astray", "sent elsewhere", Mark.BAD, (line,), values)


NODES = (
    Node(
        "returned",
        "what became of the answer on this host?",
        returned,
        {
            "ttl": Branch("its time to live was spent", fault("ttl-hop-limit")),
            "device": Branch(
                "this host forwards nothing from there",
                fault("per-interface-forwarding-off"),
            ),
            "whole": Branch("this host forwards nothing", fault("ip-forward-off")),
            "tunnel": Branch("it went into a tunnel", fault("vpn-captures-route")),
            "policy": Branch("it went by a policy rule", fault("host-policy-routing")),
            "astray": Branch(
                "it was sent elsewhere",
                undetermined(
                    "the {answer} came in at {device}; this host sends it on by "
                    "{route}, and {bridge} is where {client} is",
                    "which network has that route? It covers {client_address}, too",
                ),
            ),
            "lost": Branch("it was lost further on", "which_drop"),
        },
    ),
)
