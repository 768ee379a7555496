"""Egress: what the routes of the client's own namespace say."""

from __future__ import annotations

from netwiz.probes.facts import HOST, LinkTable, RouteDecision
from netwiz.probes.facts.firewall_commands import entry as entered_by
from netwiz.probes.requests import AskRoute, ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.egress.routes import SPECIAL, decided, exit_, special_route
from netwiz.wizard.trees.egress.ways import attached, ip, route_text
from netwiz.wizard.trees.words import in_container
from netwiz.wizard.verdict import Mark


def no_route(scene: Scene) -> Ruling:
    """Why the client's own namespace knows no way."""
    place, address = scene.place, scene.focus.address
    links = scene.look(ReadLinks(place), LinkTable)
    route = scene.look(AskRoute(place, address), RouteDecision)
    values = {"address": address}
    if place == HOST:
        return exit_(scene) if route.kind in ("", *SPECIAL) else _known(route)
    enter = entered_by(place)
    if route.kind in SPECIAL:
        return special_route(links, address, route.kind, place.label, enter)
    if route.kind:
        return _known(route)
    family = 6 if ":" in address else 4
    own = [a for a in links.addresses if a.device != "lo" and a.scope == "global"]
    mine = [a for a in own if (":" in a.address) is (family == 6)]
    if not mine:
        said_ = f"it has no IPv{family} address"
        return Ruling("no_family", said_, Mark.BAD, (f"{place.label}: {said_}",))
    routes = [route_text(r) for r in links.routes if r.family == family]
    routes = [r for r in routes if not r.startswith("local ")]
    line = f"{place.label} has no default route; its routes are "
    line += ", ".join(routes[:6]) or "none"
    nets = attached(scene)
    known = scene.snapshot.networks_by_id
    shut = [n for n in nets if n.network_id in known and known[n.network_id].internal]
    if nets and len(shut) == len(nets):
        names = ", ".join(n.network for n in nets)
        line += f"; it is on {names} only, which the engine keeps internal"
        values |= {"shut_in": f"it gives {place.label} no default route"}
        values |= {"client_network": names, "way_out": "yes"}
        said_ = "it is on internal networks"
        return Ruling("internal", said_, Mark.BAD, (line,), values)
    for net in nets:
        gateway = net.gateway6 if family == 6 else net.gateway4
        address_of = net.ipv6 if family == 6 else net.ipv4
        device = next((a.device for a in mine if a.address == address_of), "")
        if gateway and device and net not in shut:
            command = f"{ip(family)} route add default via {gateway} dev {device}"
            values["add_default"] = in_container(place.label) + command
            values["gateway"] = gateway
            break
    return Ruling("no_default", "it has no default route", Mark.BAD, (line,), values)


def _known(route: RouteDecision) -> Ruling:
    said_ = f"its route is {decided(route)}"
    return Ruling("known", said_, Mark.ODD, (said_,), {"route": decided(route)})


NODES = (
    Node(
        "no_route",
        "what routes has {client}?",
        no_route,
        {
            "no_default": Branch("no way out", fault("no-default-route-in-container")),
            "special": Branch("one that leads nowhere", fault("host-special-route")),
            "none": Branch("none on this host", fault("host-no-route")),
            "internal": Branch(
                "none, on an internal network", fault("internal-network-no-egress")
            ),
            "no_family": Branch(
                "not even an address of that family",
                undetermined(
                    "{client} has no address of the family of {address}",
                    "dial an address of the other family, or give the network one",
                ),
            ),
            "special_other": Branch(
                "one of another table that leads nowhere",
                undetermined(
                    "{whose} answers {address} with {kind}, and the route is not in "
                    "its main table",
                    "ip rule; ip route show table all | grep {kind}",
                ),
            ),
            "known": Branch(
                "one that covers {address}",
                undetermined(
                    "{client} to {target}: {outcome}, though {route} leads there",
                    "look at the packet filters inside {client}",
                ),
            ),
        },
    ),
)
