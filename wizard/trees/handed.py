"""A published port: is what arrives there handed on, to the container, and back?

With the userland proxy a port has two ways into the container (DNAT for what comes from
outside, docker-proxy for the rest), so that one can hide the loss of the other. Without
it there is DNAT alone, and the engine's own socket, which accepts for nobody.
"""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    Attempted,
    Container,
    LinkTable,
    Listener,
    OwnerKind,
    Rule,
    Ruleset,
    Sighting,
    SocketTable,
)
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.requests import ReadLinks, ReadRules, ReadSockets
from netwiz.wizard.forwarding import (
    NO_DEVICE,
    PaperPacket,
    Translation,
    fate_at,
    translated,
)
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault
from netwiz.wizard.trees.attempts import counted
from netwiz.wizard.trees.restarts import engine_restart
from netwiz.wizard.trees.words import as_flag, dial, listed
from netwiz.wizard.verdict import Mark

ENGINE = "dockerd"
PROXY = "docker-proxy"
NF_CALL = "net.bridge.bridge-nf-call-iptables"
_ON = Ruling("on", "yes", quiet=True)


def accepted(scene: Scene) -> Ruling:
    """Whether a connection that was accepted at a published port got any further."""
    focus = scene.focus
    if not _published(scene) or focus.attempt is None:
        return _ON
    found = scene.attempted
    if not found.tapped or any(s.place == focus.place for s in found.forward):
        return _ON
    held = holders(scene)
    nat = translation(scene, scene.look(ReadRules(HOST), Ruleset))
    if not held_by(held, ENGINE) or nat is None or nat.rule or nat.undecided:
        return _ON
    return dummy(scene, held)


def dummy(scene: Scene, held: tuple[Listener, ...]) -> Ruling:
    """The ruling that the engine's own socket accepts, and nobody reads."""
    evidence = (
        f"{dial(scene.focus.address, scene.focus.port)} accepts, but the socket is the "
        f"engine's own: {listed(held)}, which only keeps the port",
        f"no DNAT rule leads port {scene.focus.port} to {_name(scene)}, and nothing of "
        "the connection was seen there",
    )
    said = f"no: {listed(held)} accepts, and no rule leads on"
    return Ruling("dummy", said, Mark.BAD, evidence, values_of(scene))


def lost(scene: Scene) -> Ruling:
    """Why no answer came from a published port, as far as publishing is to blame."""
    focus = scene.focus
    if not _published(scene) or focus.attempt is None:
        return _ON
    found = scene.attempted
    if not found.tapped:
        return _ON
    led_to = _led_to(scene, found)
    stays = not any(s.packet.kind != "ARP" for s in found.forward)
    if stays or (led_to and not _alive(scene, led_to)):
        dead = _stale(scene, led_to)
        if dead is not None:
            return dead
    engine = scene.snapshot.engine
    if engine is None or engine.userland_proxy is not False or ":" in focus.address:
        return _ON
    if scene.place == HOST:
        return _localnet(scene, found)
    if scene.place == focus.place:
        return _hairpin(scene, found)
    foreign = _foreign_answer(scene, found)
    if foreign is not None:
        return _bridged(scene, foreign)
    return _across(scene, led_to)


def _published(scene: Scene) -> bool:
    focus = scene.focus
    return bool(focus.mapping and focus.server and focus.place not in (None, HOST))


def holders(scene: Scene) -> tuple[Listener, ...]:
    """This host's own sockets that take connections to the dialled address."""
    focus = scene.focus
    protocol = scene.case.target.protocol.value
    table = scene.sockets(HOST)
    return table.accepting(focus.address, focus.port, protocol)


def held_by(held: tuple[Listener, ...], name: str) -> bool:
    """Whether all of them, and at least one, are held by a program of that name."""
    return bool(held) and all(s.process and s.process.name == name for s in held)


def translation(scene: Scene, rules: Ruleset) -> Translation | None:
    """What DNAT makes of the probe; None when the rules could not all be read."""
    if rules.unseen:
        return None
    focus = scene.focus
    packet = PaperPacket(
        destination=focus.address,
        port=focus.port,
        protocol=scene.case.target.protocol.value,
        in_device=_came_by(scene),
        out_device="",
        local=True,
    )
    return translated("output" if scene.place == HOST else "prerouting", rules, packet)


def _came_by(scene: Scene) -> str:
    """The host's layer 3 device by which the probe comes in; empty when not known."""
    if scene.place == HOST:
        return NO_DEVICE
    source = scene.attempted.connection.source
    for net in scene.client.attachments if scene.client else ():
        known = scene.snapshot.networks_by_id.get(net.network_id)
        if known is not None and source in net.addresses:
            return known.device
    return ""


def values_of(scene: Scene) -> dict[str, str]:
    """For the texts of this room's causes."""
    focus = scene.focus
    values = {
        "server": _name(scene),
        "mapping": as_flag(focus.mapping) if focus.mapping else "",
        "inner_address": focus.inner_address,
        "inner_port": str(focus.inner_port),
    }
    return values | engine_restart(scene)


def _name(scene: Scene) -> str:
    return scene.focus.server.name if scene.focus.server else "the container"


def _led_to(scene: Scene, found: Attempted) -> str:
    """Where NAT sent the probe, as seen on its way; empty when it was not rewritten."""
    ends = [
        s.packet.destination
        for s in found.forward
        if s.packet.kind != "ARP" and s.leg == 1
    ]
    return next((e for e in reversed(ends) if e != scene.focus.address), "")


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
        f"leads it to {led_to}; {_name(scene)} has {now}",
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


def _localnet(scene: Scene, found: Attempted) -> Ruling:
    """127.0.0.1 rewritten to a container's address may not leave by its bridge."""
    if not scene.focus.address.startswith("127."):
        return _ON
    device = bridge_of(scene)
    if not device or any(s.device == device for s in found.forward):
        return _ON
    links = scene.look(ReadLinks(HOST), LinkTable)
    names = tuple(f"net.ipv4.conf.{where}.route_localnet" for where in ("all", device))
    nat = translation(scene, scene.look(ReadRules(HOST), Ruleset))
    if any(links.sysctl(n) != "0" for n in names) or nat is None or nat.rule is None:
        return _ON
    evidence = (
        f"{names[1]}=0: a packet from 127.0.0.1 is not routed to {device}",
        f"`{nat.rule.text}` rewrites it to {nat.address}, and it was never seen at "
        f"{device}",
    )
    values = values_of(scene) | {"bridge": device, "setting": names[1]}
    said = f"no: {names[1]} is 0"
    return Ruling("localnet", said, Mark.BAD, evidence, values)


def _hairpin(scene: Scene, found: Attempted) -> Ruling:
    """A packet back to the container it came from, over the same port of a bridge."""
    links = scene.look(ReadLinks(HOST), LinkTable)
    came_by = {s.device for s in found.forward if s.place == HOST and s.inbound}
    ports = [i for i in links.interfaces if i.name in came_by and i.hairpin is False]
    nat = translation(scene, scene.look(ReadRules(HOST), Ruleset))
    led_to = _led_to(scene, found) or (nat.address if nat else "")
    back = any(s.inbound and s.place == scene.place for s in found.forward)
    server = scene.focus.server
    if not ports or back or server is None or led_to not in server.addresses:
        return _ON
    port = ports[0].name
    evidence = (
        f"hairpin mode is off at {port}, {_name(scene)}'s port of the bridge",
        f"the probe came in by {port}, was rewritten to {led_to}, which is behind "
        f"{port} again, and never went out by it",
    )
    values = values_of(scene) | {"bridge_port": port}
    return Ruling(
        "hairpin", f"no: hairpin is off at {port}", Mark.BAD, evidence, values
    )


def _foreign_answer(scene: Scene, found: Attempted) -> Sighting | None:
    """An answer that came to the client from another address than it had dialled."""
    for seen in found.replies:
        there = seen.place == scene.place and seen.inbound
        answers = seen.packet.kind in ("SYN-ACK", "UDP")
        if there and answers and seen.packet.source != scene.focus.address:
            return seen
    return None


def _bridged(scene: Scene, answer: Sighting) -> Ruling:
    """The answer was switched on the bridge, past connection tracking."""
    links = scene.look(ReadLinks(HOST), LinkTable)
    if links.sysctl(NF_CALL) != "0":
        return _ON
    evidence = (
        f"the {answer.packet.kind} came to {scene.place.label} from "
        f"{answer.packet.source}, not from {scene.focus.address}, which it had dialled",
        f"{NF_CALL}=0: what is switched on a bridge is not translated back",
    )
    values = values_of(scene) | {"setting": NF_CALL}
    said = f"yes, but the answer comes from {answer.packet.source}"
    return Ruling("bridged", said, Mark.BAD, evidence, values)


def _across(scene: Scene, led_to: str) -> Ruling:
    """From another network, straight to the container: the engine's isolation."""
    server, client = scene.focus.server, scene.client
    if server is None or client is None or led_to not in server.addresses:
        return _ON
    if scene.shares_network(client, server):
        return _ON
    found = scene.look(counted(scene, scene.focus), Attempted)
    hits = [
        h
        for h in found.hits
        if h.rule is not None
        and h.rule.verdict == "DROP"
        and h.rule.chain.startswith("DOCKER-ISOLATION")
        and h.rule.out_device in ("", bridge_of(scene))
    ]
    if not hits or hits[0].rule is None:
        return _ON
    rule, network = hits[0].rule, _network_name(scene, server)
    evidence = (
        f"userland-proxy is off: the packet to {scene.focus.address} was rewritten to "
        f"{led_to} and sent on to another network, instead of ending at this host",
        f"the rule `{rule.text}` ({rule.backend}, chain {rule.chain}) counted "
        f"+{hits[0].packets} around the probe",
    )
    values = values_of(scene) | {"network": network}
    said = f"no: `{rule.text}` keeps networks apart"
    return Ruling("across", said, Mark.BAD, evidence, values)


def _network_name(scene: Scene, server: Container) -> str:
    for net in server.attachments:
        if scene.focus.inner_address in net.addresses:
            return net.network
    return server.attachments[0].network if server.attachments else ""


def bridge_of(scene: Scene) -> str:
    """The host's device towards the container that serves the port."""
    focus = scene.focus
    for net in focus.server.attachments if focus.server else ():
        known = scene.snapshot.networks_by_id.get(net.network_id)
        if known is not None and focus.inner_address in net.addresses:
            return known.device
    return ""


def proxyless(scene: Scene) -> bool:
    """Whether the host refuses for a mapping that is in effect: nobody listens.

    A probe that was seen at the container, or was rewritten on its way there, was not
    for the host to take.
    """
    focus = scene.focus
    if not _published(scene) or ":" in focus.address or focus.attempt is None:
        return False
    found = scene.attempted
    if found.connection.hung_up or not found.tapped or _led_to(scene, found):
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
