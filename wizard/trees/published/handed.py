"""A published port: is what arrives there handed on, to the container, and back?

With the userland proxy a port has two ways into the container (DNAT for what comes from
outside, docker-proxy for the rest), so that one can hide the loss of the other. Without
it there is DNAT alone, and the engine's own socket, which accepts for nobody.
"""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    LinkTable,
    Listener,
    OwnerKind,
    Rule,
    Ruleset,
    SocketTable,
)
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.requests import ReadLinks, ReadRules, ReadSockets
from netwiz.wizard.forwarding import (
    PaperPacket,
    fate_at,
)
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault
from netwiz.wizard.trees.published.mapped import (
    ENGINE,
    ON,
    held_by,
    holders,
    is_published,
    name_of,
    rewritten_to,
    translation,
    values_of,
)
from netwiz.wizard.trees.published.proxy_off import proxy_off
from netwiz.wizard.trees.words import dial, listed
from netwiz.wizard.verdict import Mark


def accepted(scene: Scene) -> Ruling:
    """Whether a connection that was accepted at a published port got any further."""
    focus = scene.focus
    if not is_published(scene) or focus.attempt is None:
        return ON
    found = scene.attempted
    if not found.tapped or any(s.place == focus.place for s in found.forward):
        return ON
    held = holders(scene)
    nat = translation(scene, scene.look(ReadRules(HOST), Ruleset))
    if not held_by(held, ENGINE) or nat is None or nat.rule or nat.undecided:
        return ON
    return dummy(scene, held)


def dummy(scene: Scene, held: tuple[Listener, ...]) -> Ruling:
    """The ruling that the engine's own socket accepts, and nobody reads."""
    evidence = (
        f"{dial(scene.focus.address, scene.focus.port)} accepts, but the socket is the "
        f"engine's own: {listed(held)}, which only keeps the port",
        f"no DNAT rule leads port {scene.focus.port} to {name_of(scene)}; nothing of "
        "the connection was seen there",
    )
    said = f"no: {listed(held)} accepts, and no rule leads on"
    return Ruling("dummy", said, Mark.BAD, evidence, values_of(scene))


def lost(scene: Scene) -> Ruling:
    """Why no answer came from a published port, as far as publishing is to blame."""
    focus = scene.focus
    if not is_published(scene) or focus.attempt is None:
        return ON
    found = scene.attempted
    if not found.tapped:
        return ON
    led_to = rewritten_to(scene, found)
    stays = not any(s.packet.kind != "ARP" for s in found.forward)
    if stays or (led_to and not _alive(scene, led_to)):
        dead = _stale(scene, led_to)
        if dead is not None:
            return dead
    engine = scene.snapshot.engine
    if engine is None or engine.userland_proxy is not False or ":" in focus.address:
        return ON
    return proxy_off(scene, found, led_to)


def _alive(scene: Scene, address: str) -> bool:
    """Whether somebody known has the address: then it is no dead end."""
    kinds = (OwnerKind.NETWORK, OwnerKind.ELSEWHERE)
    return scene.owner(address).kind not in kinds


def _stale(scene: Scene, led_to: str) -> Ruling | None:
    """The ruling for a rule that leads to nobody, where the probe went or was to go."""
    nat = translation(scene, scene.look(ReadRules(HOST), Ruleset))
    rule = nat.rule if nat else None
    if nat is None or rule is None or nat.undecided or _alive(scene, nat.address):
        return None
    if led_to == nat.address:
        seen = f"the probe was rewritten to {led_to}, and nobody answered there"
        return stale(scene, rule, led_to, seen)
    links = scene.look(ReadLinks(HOST), LinkTable)
    asked = links.neighbour(nat.address)
    if led_to or asked is None or asked.mac:
        return None
    seen = f"no packet left: {asked.address} is {asked.state or 'unknown'} on the wire"
    return stale(scene, rule, nat.address, seen)


def stale(scene: Scene, rule: Rule, led_to: str, seen: str) -> Ruling:
    """The ruling that a rule leads the port to an address that nobody has."""
    server = scene.focus.server
    now = ", ".join(server.addresses) if server else ""
    where = f"{rule.backend}, table {rule.table}, chain {rule.chain}"
    evidence = (
        f"the rule `{rule.text}` ({where}) takes port {scene.focus.port} first and "
        f"leads it to {led_to}; {name_of(scene)} has {now}",
        seen,
    )
    values = values_of(scene) | {
        "rule": rule.text,
        "rule_where": where,
        "remove_rule": deletion(rule),
        "by_hand": "" if deletion(rule) else "yes",
        "dead_address": led_to,
        "present": now,
    }
    said = f"no: a rule leads it to {led_to}, which nobody has"
    return Ruling("stale", said, Mark.BAD, evidence, values)


def proxyless(scene: Scene) -> bool:
    """Whether the host refuses for a mapping that is in effect: nobody listens.

    A probe that was seen at the container, or was rewritten on its way there, was not
    for the host to take.
    """
    focus = scene.focus
    if not is_published(scene) or ":" in focus.address or focus.attempt is None:
        return False
    found = scene.attempted
    if found.connection.hung_up or not found.tapped or rewritten_to(scene, found):
        return False
    if any(s.place == focus.place for s in found.forward):
        return False
    sockets = scene.try_look(ReadSockets(HOST), SocketTable)
    return sockets is not None and not holders(scene) and not _refused_by_rule(scene)


def _refused_by_rule(scene: Scene) -> bool:
    """Whether a rule of the host's own refuses such a packet, as far as paper tells."""
    focus = scene.focus
    rules = scene.look(ReadRules(HOST), Ruleset)
    if rules.unseen:
        return True
    packet = PaperPacket(
        destination=focus.address,
        port=focus.port,
        protocol=scene.case.target.protocol.value,
        in_device="lo" if scene.place == HOST else "",
        out_device="",
        source=scene.attempted.connection.source,
        local=True,
    )
    hooks = ("output", "input") if scene.place == HOST else ("prerouting", "input")
    fates = [fate_at(hook, rules, packet) for hook in hooks]
    return any(f.refused or any(r.refuses for r in f.undecided) for f in fates)


_BRANCHES = {
    "stale": Branch("to an address that nobody has", fault("stale-dnat-to-dead-ip")),
    "localnet": Branch(
        "no, 127.0.0.1 may not be routed there", fault("route-localnet-off")
    ),
    "hairpin": Branch(
        "no, it would have to go back by the port it came", fault("hairpin-off-self")
    ),
    "bridged": Branch(
        "yes, but the answer is not translated back", fault("proxy-off-bridge-nf-off")
    ),
    "across": Branch(
        "no, it is kept apart from that network", fault("userland-proxy-off-cross-net")
    ),
}
_QUESTION = "is what arrives at the published port handed on?"

NODES = (
    Node(
        "handed_on",
        _QUESTION,
        accepted,
        {
            "dummy": Branch(
                "no, the engine's own socket takes it", fault("dockerd-dummy-listener")
            ),
            "on": Branch("yes", "cached"),
        },
    ),
    Node(
        "handed_on_lost",
        _QUESTION,
        lost,
        {**_BRANCHES, "on": Branch("as far as publishing goes", "lost")},
    ),
    Node(
        "handed_on_unreachable",
        _QUESTION,
        lost,
        {**_BRANCHES, "on": Branch("as far as publishing goes", "unreachable")},
    ),
)
