"""Egress: routes that lead nowhere, or elsewhere."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import (
    HOST,
    Connection,
    LinkTable,
    OwnerKind,
    Route,
    RouteDecision,
)
from netwiz.probes.requests import AskRoute, ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.egress.overlap import elsewhere, recreation
from netwiz.wizard.trees.egress.ways import (
    MAIN_TABLES,
    TUNNELS,
    Exit,
    answered,
    by_host,
    exit_of,
    from_host,
    ip,
    length,
    route_text,
    said,
    within,
)
from netwiz.wizard.verdict import Mark

SPECIAL = ("blackhole", "unreachable", "prohibit")
_MOST_BESIDE = 2


def exit_(scene: Scene) -> Ruling:
    """Which way this host sends it, and whether another way would have been right."""
    way = exit_of(scene)
    route, device = way.route, way.device
    if route.kind in SPECIAL:
        return special_route(way.links, way.address, route.kind, HOST.label, "")
    if not route.kind:
        return _none(way)
    values = {"device": route.device, "route": decided(route)}
    values["next_hop"] = route.gateway or way.address
    if route.device in way.bridges:
        return _overlap(way, values)
    if device is not None and way.to_container(device):
        return _beside(way, "hijacked", values, f"{device.name} leads into a container")
    if device is not None and device.kind in TUNNELS:
        what = f"{device.name} is a {device.kind} device"
        return _beside(way, "tunnel", values, what)
    if route.table not in MAIN_TABLES:
        return _policy(way, values)
    said_ = f"by {decided(route)}"
    return Ruling("right", said_, values=values)


def decided(route: RouteDecision) -> str:
    via = f" via {route.gateway}" if route.gateway else ""
    table = f" (table {route.table})" if route.table not in MAIN_TABLES else ""
    return f"{route.destination or route.address}{via} dev {route.device}{table}"


def _none(way: Exit) -> Ruling:
    defaults = [
        route_text(r)
        for r in way.links.routes
        if r.family == way.family and r.destination == "default"
    ]
    line = f"this host has no route to {way.address}, and "
    line += (
        f"the default route {', '.join(defaults)}" if defaults else "no default route"
    )
    return Ruling("none", "no way at all", Mark.BAD, (line,))


def special_route(
    links: LinkTable, address: str, kind: str, label: str, enter: str
) -> Ruling:
    """A route that was made to lead nowhere."""
    family = 6 if ":" in address else 4
    found = [
        r
        for r in links.routes
        if r.kind == kind and r.family == family and within(address, r.destination)
    ]
    if not found:
        said_ = f"{kind}, by a route of another table"
        values = {"kind": kind, "whose": label}
        return Ruling("special_other", said_, Mark.BAD, (said_,), values)
    best = max(found, key=length)
    text = route_text(best)
    whose = "this host" if label == HOST.label else label
    line = f"{whose} has the route `{text}`, which covers {address}"
    values = {
        "kind": kind,
        "whose": whose,
        "special": text,
        "remove_route": f"{enter}{ip(family)} route del {text}",
    }
    return Ruling("special", f"nowhere: {text}", Mark.BAD, (line,), values)


def _answering(way: Exit) -> tuple[Route, Connection] | None:
    """Another way by which the target answers this host.

    A refusal is no answer here: routers refuse in the name of what they do not route.
    """
    for route in way.others[:_MOST_BESIDE]:
        link = from_host(way.scene, route.device)
        if link.works:
            return route, link
    return None


def _proof(way: Exit, route: Route, link: Connection) -> str:
    return (
        f"sent by {route.device} instead, {way.address} port {link.port} answers this "
        f"host: {said(link)}"
    )


def _better(way: Exit, route: Route) -> dict[str, str]:
    """Values for a fix that sends the target by a route that works."""
    bits = 128 if way.family == 6 else 32
    via = f" via {route.gateway}" if route.gateway else ""
    only = f"{way.address}/{bits}{via} dev {route.device}"
    return {"better": route.device, "better_route": route_text(route)} | {
        "add_route": f"{ip(way.family)} route replace {only}"
    }


def _beside(way: Exit, key: str, values: dict[str, str], what: str) -> Ruling:
    """A way that should not be taken, if the target answers by another."""
    if way.entered is not None and way.others:
        # The host's own way is looked at as well, and is silent as a rule: one wait.
        devices = ("", *(route.device for route in way.others[:_MOST_BESIDE]))
        way.scene.together(*(by_host(way.scene, device) for device in devices))
    found = _answering(way)
    seen = f"this host sends it by {decided(way.route)}; {what}"
    values["what"] = what
    if found is None:
        return Ruling("doubtful", seen, Mark.ODD, (seen,), values)
    if way.entered is not None and answered(from_host(way.scene)):
        # For packets of this host's own it leads there: it is not the way's fault.
        return Ruling("right", seen, Mark.ODD, values=values)
    values |= {"captured": way.address} | _better(way, found[0]) | _undo(way)
    return Ruling(key, seen, Mark.BAD, (seen, _proof(way, *found)), values)


def _undo(way: Exit) -> dict[str, str]:
    """How the present route is put out of the way."""
    route, rule = way.route, way.rule()
    if route.table not in MAIN_TABLES:
        # The rule comes before the main table: a route there would change nothing.
        return {"add_route": ""} | (_exception(way) if rule is not None else {})
    via = f" via {route.gateway}" if route.gateway else ""
    text = f"{route.destination}{via} dev {route.device}"
    gone = f"{ip(way.family)} route del {text}" if route.destination else ""
    return {"wrong_route": text, "remove_route": gone}


def _exception(way: Exit) -> dict[str, str]:
    """A rule before the one that leads astray: the target by the main table."""
    rule = way.rule()
    if rule is None:
        return {}
    values = {"policy": f"{rule.priority}: {rule.text}", "table": str(rule.table)}
    if rule.priority < 1:
        return values
    only = f"to {way.address} lookup main pref {rule.priority - 1}"
    if rule.source:
        only = f"from {rule.source} {only}"
    return values | {"add_rule": f"{ip(way.family)} rule add {only}"}


def _policy(way: Exit, values: dict[str, str]) -> Ruling:
    """A rule of ``ip rule`` sends it elsewhere than the main table would."""
    rule = way.rule()
    main = next((r for r in way.routes() if r.kind == "unicast"), None)
    here = (way.route.device, way.route.gateway)
    if rule is None or main is None or (main.device, main.gateway) == here:
        return Ruling("right", f"by {decided(way.route)}", values=values)
    seen = (
        f"this host sends it by {decided(way.route)}, for the rule "
        f"`{rule.priority}: {rule.text}` says so; its main table has {route_text(main)}"
    )
    values |= _exception(way) | {"better_route": route_text(main)}
    own = way.scene.look(AskRoute(HOST, way.address), RouteDecision)
    link = from_host(way.scene)
    differs = (own.device, own.gateway) != here
    if differs and answered(link):
        line = f"this host's own packets go by {decided(own)} and are answered: "
        return Ruling("policy", seen, Mark.BAD, (seen, line + said(link)), values)
    found = _answering(way)
    if found is not None:
        return Ruling("policy", seen, Mark.BAD, (seen, _proof(way, *found)), values)
    return Ruling("doubtful", seen, Mark.ODD, (seen,), values)


def _overlap(way: Exit, values: dict[str, str]) -> Ruling:
    """The engine's own network lies over the address."""
    network = way.bridges[way.route.device]
    values |= {"network": network.name, "what": f"it is network {network.name}"}
    subnet = next((s.subnet for s in network.subnets if _in(way, s.subnet)), "")
    values["subnet"] = subnet
    seen = f"this host sends it by {decided(way.route)}: network {network.name}"
    seen += f" has the subnet {subnet}, and no container has {way.address}"
    found = _answering(way)
    proof = _proof(way, *found) if found else elsewhere(way, subnet)
    if not proof:
        return Ruling("doubtful", seen, Mark.ODD, (seen,), values)
    values |= recreation(way, network)
    return Ruling("overlap", seen, Mark.BAD, (seen, proof), values)


def _in(way: Exit, subnet: str) -> bool:
    return within(way.address, subnet)


def next_hop(scene: Scene) -> Ruling:
    """Whether the router that the route names is there at all."""
    way = exit_of(scene)
    route, silent = way.route, way.silent_hop
    hop = route.gateway
    if silent is None:
        return Ruling("there", "it was not asked for", Mark.UNKNOWN)
    device, wanted = silent
    known = way.links.neighbour(wanted)
    state = f" (neighbour state {known.state})" if known and known.state else ""
    line = f"who has {wanted}, asked at {device}: "
    line += f"nobody answered{state}; the route is {decided(route)}"
    values = {"next_hop": wanted, "device": device, "route": decided(route)}
    if wanted != hop:
        return Ruling("on_link", line, Mark.ODD, (line,), values)
    values |= _fallback(way)
    return Ruling("dead", f"nobody answers for {hop}", Mark.BAD, (line,), values)


def _fallback(way: Exit) -> dict[str, str]:
    """What would happen without the route: a wider one with a living router."""
    for route in way.routes():
        same = (route.device, route.gateway) == (way.route.device, way.route.gateway)
        known = way.links.neighbour(route.gateway) if route.gateway else None
        if route.kind == "unicast" and not same and known is not None and known.mac:
            return _undo(way) | {"better_route": route_text(route)}
    return {}


def hidden(scene: Scene) -> Ruling | None:
    """Whether the address is another machine's, hidden by a Docker network over it.

    None where nobody's network covers it or nothing proves that it is elsewhere, too.
    """
    owner = scene.owner(scene.focus.address)
    if owner.kind is not OwnerKind.NETWORK or owner.network is None:
        return None
    if not owner.network.device:
        return None
    found = scene.attempted
    way = Exit(scene, found, scene.look(ReadLinks(HOST), LinkTable))
    if way.route.device != owner.network.device:
        return None
    ruling = exit_(scene.at(scene.focus))
    return replace(ruling, branch="hidden") if ruling.branch == "overlap" else None


NODES = (
    Node(
        "exit",
        "which way does this host send it?",
        exit_,
        {
            "right": Branch("the right one, as far as can be told", "passage"),
            "none": Branch("it knows none", fault("host-no-route")),
            "special": Branch("nowhere, on purpose", fault("host-special-route")),
            "special_other": Branch(
                "nowhere, by another table",
                undetermined(
                    "{whose} answers {address} with {kind}, and the route is not in "
                    "its main table",
                    "ip rule; ip route show table all | grep {kind}",
                ),
            ),
            "overlap": Branch("into a Docker network", fault("subnet-overlap")),
            "hijacked": Branch(
                "into a container", fault("default-route-hijacked-by-veth")
            ),
            "tunnel": Branch("into a tunnel", fault("vpn-captures-route")),
            "policy": Branch("by a policy rule", fault("host-policy-routing")),
            "doubtful": Branch(
                "an unusual one, and no other is known to work",
                undetermined(
                    "{client} to {address}: {outcome}; this host sends it by {route} "
                    "({what}), and by no other way does {address} answer",
                    "is that the way it should take? If so, look at its far end",
                ),
            ),
        },
    ),
    Node(
        "next_hop",
        "is the router there?",
        next_hop,
        {
            "dead": Branch("no", fault("next-hop-dead")),
            "on_link": Branch(
                "no router: the target itself was asked for",
                undetermined(
                    "{address} is beyond this machine, on the wire of {device}, and "
                    "nobody answers for it there",
                    "is the machine with that address on, and on that very wire?",
                ),
            ),
            "there": Branch(
                "it was not asked for",
                undetermined(
                    "{client} to {target}: {met}",
                    "the path above is where to look",
                ),
            ),
        },
    ),
)
