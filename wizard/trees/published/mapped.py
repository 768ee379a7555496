"""A published port, and what stands behind it: sockets, DNAT, the way to it."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Attempted, Container, Listener, Ruleset
from netwiz.wizard.forwarding import (
    NO_DEVICE,
    PaperPacket,
    Translation,
    translated,
)
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.published.restarts import engine_restart
from netwiz.wizard.trees.words import as_flag

ENGINE = "dockerd"
PROXY = "docker-proxy"
ON = Ruling("on", "yes", quiet=True)
"""Nothing is wrong as far as this question goes."""


def is_published(scene: Scene) -> bool:
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
        "server": name_of(scene),
        "mapping": as_flag(focus.mapping) if focus.mapping else "",
        "inner_address": focus.inner_address,
        "inner_port": str(focus.inner_port),
    }
    return values | engine_restart(scene)


def name_of(scene: Scene) -> str:
    return scene.focus.server.name if scene.focus.server else "the container"


def rewritten_to(scene: Scene, found: Attempted) -> str:
    """Where NAT sent the probe, as seen on its way; empty when it was not rewritten."""
    ends = [
        s.packet.destination
        for s in found.forward
        if s.packet.kind != "ARP" and s.leg == 1
    ]
    return next((e for e in reversed(ends) if e != scene.focus.address), "")


def bridge_of(scene: Scene) -> str:
    """The host's device towards the container that serves the port."""
    focus = scene.focus
    for net in focus.server.attachments if focus.server else ():
        known = scene.snapshot.networks_by_id.get(net.network_id)
        if known is not None and focus.inner_address in net.addresses:
            return known.device
    return ""


def network_name(scene: Scene, server: Container) -> str:
    for net in server.attachments:
        if scene.focus.inner_address in net.addresses:
            return net.network
    return server.attachments[0].network if server.attachments else ""
