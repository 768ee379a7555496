"""Egress: why a packet left with an address that nobody outside can answer."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Network, Ruleset
from netwiz.probes.requests import ReadRules
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.egress.overlap import DEFAULT_BRIDGE, anew, members
from netwiz.wizard.trees.egress.ways import (
    Exit,
    answered,
    exit_of,
    from_host,
    said,
    within,
)
from netwiz.wizard.trees.published.engine_rules import (
    GATEWAY_MODE,
    MASQUERADE_OPTION,
    flushed,
    rewriting,
    tool,
)
from netwiz.wizard.verdict import Mark


def masquerade(scene: Scene) -> Ruling:
    """Why the source was not rewritten, and whether that is what it suffers from."""
    way = exit_of(scene)
    left = way.left
    network = way.network_of(left.packet.source) if left else None
    if left is None or network is None:
        return Ruling("unproven", "nobody's network", Mark.UNKNOWN)
    if way.family == 6:
        return Ruling("six", "IPv6 is not masqueraded", Mark.ODD)
    source, device = left.packet.source, left.device
    link = from_host(scene)
    if not answered(link):
        line = f"this host itself is not answered either: {said(link)}"
        values = {"host_meets": said(link)}
        return Ruling("unproven", line, Mark.ODD, (line,), values)
    proof = f"this host itself, as {link.source}, is answered: {said(link)}"
    rules = scene.look(ReadRules(HOST), Ruleset)
    values = _values(way, network, rules)
    engine = scene.snapshot.engine
    if engine is not None and engine.iptables is False:
        line = "the engine runs with iptables=false: it writes no rules"
        return Ruling("told_not_to", line, Mark.BAD, (line, proof), values)
    gone = flushed(rules, engine)
    if "nat" in gone:
        return _flushed(gone, proof, values)
    if why := _by_option(network):
        line = f"network {network.name} has the option {why}"
        values |= {"option": why} | _without_option(scene, network)
        return Ruling("option", line, Mark.BAD, (line, proof), values)
    there = rewriting(rules, source, device)
    if there:
        line = f"`{there[0].text}` stands there, and did not take it"
        return Ruling("exempt", line, Mark.ODD, (line,), {"masking": there[0].text})
    if rules.unseen:
        line = f"not every rule could be read: {'; '.join(rules.unseen)}"
        return Ruling("unproven", line, Mark.UNKNOWN, (line,), {"host_meets": line})
    line = f"no rule of the nat table masquerades {values['subnet']} at {device}"
    return Ruling("missing", line, Mark.BAD, (line, proof), values)


def _values(way: Exit, network: Network, rules: Ruleset) -> dict[str, str]:
    source = way.left.packet.source if way.left else ""
    own = (s.subnet for s in network.subnets if within(source, s.subnet))
    subnet = next(own, f"{source}/32")
    words = f"-t nat -A POSTROUTING -s {subnet} ! -o {network.device} -j MASQUERADE"
    return {
        "subnet": subnet,
        "bridge": network.device,
        "masquerade": f"{tool(rules)} {words}",
        **restarting(way.scene),
    }


def restarting(scene: Scene) -> dict[str, str]:
    """What a restart of the engine interrupts here."""
    engine = scene.snapshot.engine
    running = [c.name for c in scene.snapshot.containers if c.running]
    if engine is not None and engine.live_restore:
        return {"restart_interrupts": "nothing: live-restore keeps the containers up"}
    names = ", ".join(running[:8]) + (" and more" if len(running) > 8 else "")
    text = f"every container of this engine ({names}): they stop, and only those with "
    return {"restart_interrupts": text + "a restart policy come back by themselves"}


def _flushed(gone: tuple[str, ...], proof: str, values: dict[str, str]) -> Ruling:
    tables = " and ".join(gone)
    line = f"no rule of the engine is left in the {tables} table"
    values |= {"tables": tables}
    return Ruling("flushed", line, Mark.BAD, (line, proof), values)


def _by_option(network: Network) -> str:
    """The option by which a network is not masqueraded; empty when there is none."""
    options = dict(network.options)
    if options.get(MASQUERADE_OPTION, "").lower() in ("false", "0"):
        return f"{MASQUERADE_OPTION}={options[MASQUERADE_OPTION]}"
    if options.get(GATEWAY_MODE, "") == "routed":
        return f"{GATEWAY_MODE}=routed"
    return ""


def _without_option(scene: Scene, network: Network) -> dict[str, str]:
    """Values for making the network anew without the option."""
    names = ", ".join(c.name for c in members(scene, network))
    values = {"members": names or "no container"}
    key = _by_option(network).partition("=")[0]
    subnet = network.subnets[0].subnet if network.subnets else ""
    plain = network.driver == "bridge" and not network.ipv6 and not network.project
    if network.name == DEFAULT_BRIDGE:
        return values | {"default_bridge": "yes"}
    if not plain or not subnet:
        return values | {"anew_by_hand": "yes"}
    return values | {"anew": anew(scene, network, subnet, key)}


_LEFT = "the probe of {client} left this machine at {device} with the source {source}"

NODES = (
    Node(
        "masquerade",
        "why was its source address not rewritten?",
        masquerade,
        {
            "missing": Branch("the rule is missing", fault("masquerade-missing")),
            "option": Branch(
                "the network was made so", fault("masquerade-disabled-by-option")
            ),
            "flushed": Branch(
                "all rules of the engine are gone", fault("docker-rules-flushed")
            ),
            "told_not_to": Branch(
                "the engine was told to write no rules", fault("docker-iptables-false")
            ),
            "exempt": Branch(
                "though a rule is there",
                undetermined(
                    f"{_LEFT}, though `{{masking}}` should have rewritten it",
                    "which rule of the nat table's POSTROUTING chain takes it before? "
                    "iptables -t nat -L POSTROUTING -v -n",
                ),
            ),
            "six": Branch(
                "IPv6",
                undetermined(
                    f"{_LEFT}: nothing came back. Docker does not masquerade IPv6 "
                    "unless it is told to (ip6tables)",
                    "is {source} routed back to this machine by the router at {device}?"
                    " If it is a local address (fd00::/8), dial IPv4",
                ),
            ),
            "unproven": Branch(
                "that is not proven to be the reason",
                undetermined(
                    f"{_LEFT}, which needs a route back; but this host itself is not "
                    "answered either ({host_meets})",
                    "look at {address} and the firewalls before it; then, is {source} "
                    "routed back to this machine?",
                ),
            ),
        },
    ),
)
