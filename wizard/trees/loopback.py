"""A container dials its own loopback address."""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    Container,
    Listener,
    ListenersByPlace,
    Place,
)
from netwiz.probes.requests import FindListeners
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, Skip, fault
from netwiz.wizard.trees.words import dial, listed
from netwiz.wizard.verdict import Mark


def inside(scene: Scene) -> Ruling:
    """Whether anything in the client's own namespace is meant to serve the port."""
    port = scene.focus.port
    client = scene.client
    name = scene.case.client.name
    protocol = scene.case.target.protocol.value
    on_port = scene.sockets(scene.place).on(port, protocol)
    values = {"server": name, "inner_port": str(port)}
    if on_port:
        return Ruling("yes", f"yes, {listed(on_port)}", Mark.ODD, values=values)
    evidence = (f"nothing in {name} listens on port {port}",)
    if client is not None and (port, protocol) in client.exposed:
        return Ruling(
            "meant", f"no, though {name} exposes it", Mark.BAD, evidence, values
        )
    mates = scene.snapshot.housemates(client)[1:] if client else ()
    if mates:
        shared = ", ".join(c.name for c in mates)
        said = f"no, though it shares its namespace with {shared}"
        return Ruling("meant", said, Mark.BAD, evidence, values)
    return Ruling("no", f"no, nothing in {name}", Mark.BAD, evidence, values)


def who_else(scene: Scene) -> Ruling:
    """Who does serve the port: that is most likely who was meant."""
    port, client = scene.focus.port, scene.client
    protocol = scene.case.target.protocol
    found = scene.look(FindListeners(port, protocol), ListenersByPlace)
    served = [
        (c, sockets)
        for place, sockets in found.found
        if (c := _container(scene, place)) is not None
        and (client is None or c.id != client.id)
        and not all(s.loopback for s in sockets)
    ]
    inner = {c.id for c, _ in served}
    mapped = [
        (c, m.container_port)
        for c in scene.snapshot.containers
        for m in c.published
        if m.host_port == port and c.running and c.id not in inner
    ]
    ranked = sorted(
        [(c, port) for c, _ in served] + mapped,
        key=lambda pair: (not _common(scene, pair[0]), pair[0].name),
    )
    if ranked:
        return _container_holds(scene, *ranked[0])
    on_host = [s for place, sockets in found.found if place == HOST for s in sockets]
    if on_host:
        return _host_holds(on_host, port)
    return Ruling("nobody", f"nobody on this machine serves port {port}", Mark.ODD)


def _container_holds(scene: Scene, holder: Container, port: int) -> Ruling:
    network = _common(scene, holder)
    join = "" if network else _joinable(holder)
    where = next(
        (n for n in holder.attachments if n.network == (network or join)), None
    )
    address = (where.ipv4 or where.ipv6) if where else ""
    at = f" at {dial(address, port)}" if address else ""
    said = f"{holder.name}{at}"
    return Ruling(
        "somebody",
        said,
        Mark.BAD,
        evidence=(
            f"nothing in {scene.case.client.name} listens on port {scene.focus.port}",
            f"container {holder.name} serves it{at}",
        ),
        values={
            "holder": f"container {holder.name}{at}",
            "holder_name": holder.name,
            "better": dial(holder.name, port),
            "network": network,
            "join_network": join,
            "on_host": "",
        },
    )


def _host_holds(on_host: list[Listener], port: int) -> Ruling:
    return Ruling(
        "somebody",
        f"the host: {listed(on_host)}",
        Mark.BAD,
        evidence=(f"the host listens on {listed(on_host)}",),
        values={
            "holder": f"the host itself ({listed(on_host)})",
            "holder_name": "the host",
            "better": dial("host.docker.internal", port),
            "network": "",
            "join_network": "",
            "on_host": "yes",
        },
    )


def _container(scene: Scene, place: Place) -> Container | None:
    return None if place == HOST else scene.snapshot.by_id.get(place.key)


def _common(scene: Scene, other: Container) -> str:
    """A network on which the client finds the other by name: not the default bridge."""
    client = scene.client
    shared = scene.shares_network(client, other) if client else ""
    return "" if shared == "bridge" else shared


def _joinable(holder: Container) -> str:
    return next((n.network for n in holder.attachments if n.network != "bridge"), "")


NODES = (
    Node(
        "inside",
        "does anything in {client} serve port {port}?",
        inside,
        {
            "yes": Branch("yes", "listening"),
            "meant": Branch("no, but it should", "listening"),
            "no": Branch(
                "no",
                "who_else",
                (Skip("which firewall rule?", "no packet leaves a loopback device"),),
            ),
        },
    ),
    Node(
        "who_else",
        "who does serve port {port}?",
        who_else,
        {
            "somebody": Branch(
                "another container, or the host", fault("localhost-in-container")
            ),
            "nobody": Branch("nobody", "listening"),
        },
    ),
)
