"""Without the userland proxy: what NAT alone must serve of a published port."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Attempted, LinkTable, Ruleset, Sighting
from netwiz.probes.requests import ReadLinks, ReadRules
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.attempts import counted
from netwiz.wizard.trees.published.mapped import (
    ON,
    bridge_of,
    name_of,
    network_name,
    rewritten_to,
    translation,
    values_of,
)
from netwiz.wizard.trees.words import sysctl_key
from netwiz.wizard.verdict import Mark

NF_CALL = "net.bridge.bridge-nf-call-iptables"


def proxy_off(scene: Scene, found: Attempted, led_to: str) -> Ruling:
    """Why a packet to a published port, or its answer, got lost without the proxy."""
    if scene.place == HOST:
        return _localnet(scene, found)
    if scene.place == scene.focus.place:
        return _hairpin(scene, found)
    foreign = _foreign_answer(scene, found)
    if foreign is not None:
        return _bridged(scene, foreign)
    return _across(scene, led_to)


def _localnet(scene: Scene, found: Attempted) -> Ruling:
    """127.0.0.1 rewritten to a container's address may not leave by its bridge."""
    if not scene.focus.address.startswith("127."):
        return ON
    device = bridge_of(scene)
    if not device or any(s.device == device for s in found.forward):
        return ON
    links = scene.look(ReadLinks(HOST), LinkTable)
    names = tuple(f"net.ipv4.conf.{where}.route_localnet" for where in ("all", device))
    nat = translation(scene, scene.look(ReadRules(HOST), Ruleset))
    if any(links.sysctl(n) != "0" for n in names) or nat is None or nat.rule is None:
        return ON
    evidence = (
        f"{names[1]}=0: a packet from 127.0.0.1 is not routed to {device}",
        f"`{nat.rule.text}` rewrites it to {nat.address}, and it was never seen at "
        f"{device}",
    )
    values = values_of(scene) | {"bridge": device, "setting": sysctl_key(names[1])}
    said = f"no: {names[1]} is 0"
    return Ruling("localnet", said, Mark.BAD, evidence, values)


def _hairpin(scene: Scene, found: Attempted) -> Ruling:
    """A packet back to the container it came from, over the same port of a bridge."""
    links = scene.look(ReadLinks(HOST), LinkTable)
    came_by = {s.device for s in found.forward if s.place == HOST and s.inbound}
    ports = [i for i in links.interfaces if i.name in came_by and i.hairpin is False]
    nat = translation(scene, scene.look(ReadRules(HOST), Ruleset))
    led_to = rewritten_to(scene, found) or (nat.address if nat else "")
    back = any(s.inbound and s.place == scene.place for s in found.forward)
    server = scene.focus.server
    if not ports or back or server is None or led_to not in server.addresses:
        return ON
    port = ports[0].name
    evidence = (
        f"hairpin mode is off at {port}, {name_of(scene)}'s port of the bridge",
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
        return ON
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
        return ON
    if scene.shares_network(client, server):
        return ON
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
        return ON
    rule, network = hits[0].rule, network_name(scene, server)
    evidence = (
        f"userland-proxy is off: the packet to {scene.focus.address} was rewritten to "
        f"{led_to} and sent on to another network, instead of ending at this host",
        f"the rule `{rule.text}` ({rule.backend}, chain {rule.chain}) counted "
        f"+{hits[0].packets} around the probe",
    )
    values = values_of(scene) | {"network": network}
    said = f"no: `{rule.text}` keeps networks apart"
    return Ruling("across", said, Mark.BAD, evidence, values)
