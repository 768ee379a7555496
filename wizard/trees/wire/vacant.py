"""An address that nobody has: whose was it, or whose is meant?"""

from __future__ import annotations

from netwiz.probes.facts import Container, ListenersByPlace
from netwiz.probes.requests import FindListeners
from netwiz.wizard.scene import Focus, Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.words import dial, made_for, told_to_serve
from netwiz.wizard.verdict import Mark


def vacant(scene: Scene) -> Ruling:
    """Which container the address that nobody has was meant for, as far as is told.

    The address itself keeps no name; what tells is the port: who serves it now on the
    network that covers the address, or who was made to and does not run.
    """
    address = scene.focus.address or scene.case.target.host
    port = scene.focus.port or scene.case.target.port or 0
    network = scene.owner(address).network
    named = f"{address} is on {network.name}, and nobody has it" if network else ""
    if network is None:
        return Ruling("unknown", "nobody is known to have had it", Mark.ODD)
    mates = [
        c
        for c in scene.snapshot.containers
        if any(a.network_id == network.id for a in c.attachments)
        and (scene.client is None or c.id != scene.client.id)
    ]
    protocol = scene.case.target.protocol
    now = _serving(scene, mates, port)
    down = [c for c in mates if not c.running and made_for(c, port, protocol.value)]
    if len(down) == 1 and not now:
        return _stopped(down[0], named, port)
    if len(now) == 1 and not down and scene.case.target.address:
        return _moved(now[0], network.id, named, port)
    either = ", ".join(c.name for c in (*now, *down)) or "nobody"
    said = f"on {network.name} port {port} is served, or was, by {either}"
    return Ruling("unknown", said, Mark.ODD, values={"could_be": said})


def _serving(scene: Scene, mates: list[Container], port: int) -> list[Container]:
    found = scene.look(
        FindListeners(port, scene.case.target.protocol), ListenersByPlace
    )
    homes = [
        home
        for place, sockets in found.found
        if (home := scene.resident(place)) is not None
        and not all(s.loopback for s in sockets)
    ]
    return [c for c in mates if any(c.id == home.id for home in homes)]


def _stopped(server: Container, named: str, port: int) -> Ruling:
    why = told_to_serve(server, port) or f"it exposes {port}"
    return Ruling(
        "stopped",
        f"{server.name}, made to serve port {port}, is {server.state}",
        Mark.BAD,
        evidence=(
            f"{named}; {server.name} is on that network, is made to serve port {port} "
            f"({why}) and is {server.state}",
        ),
        values={"server": server.name},
        focus=Focus(server=server),
    )


def _moved(holder: Container, network_id: str, named: str, port: int) -> Ruling:
    place = next(a for a in holder.attachments if a.network_id == network_id)
    address = place.ipv4 or place.ipv6
    return Ruling(
        "moved",
        f"{holder.name} serves port {port}, at {address}",
        Mark.BAD,
        evidence=(
            f"{named}; {holder.name}, the only one there that serves port {port}, has "
            f"{address}",
        ),
        values={
            "server": "nobody",
            "now": "nobody has it now",
            "holder": f"{holder.name} ({address})",
            "holder_name": holder.name,
            "holder_address": address,
            "network": place.network,
            "better": dial(holder.name, port),
        },
    )


NODES = (
    Node(
        "vacant",
        "who is meant by {address}, which nobody has?",
        vacant,
        {
            "stopped": Branch("one that does not run", "stopped"),
            "moved": Branch(
                "one that has another address by now", fault("container-ip-hardcoded")
            ),
            "unknown": Branch(
                "it cannot be told",
                undetermined(
                    "nobody on {network} has {address}, and nothing tells whose it "
                    "was or whose is meant",
                    "dial the name of the container instead of its address",
                ),
            ),
        },
    ),
)
