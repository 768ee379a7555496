"""A container dials its own loopback address."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import HOST, Container, Listener, ListenersByPlace
from netwiz.probes.requests import FindListeners
from netwiz.wizard.scene import Focus, Scene
from netwiz.wizard.tree import Also, Branch, Node, Ruling, Skip, fault
from netwiz.wizard.trees.refused.listening import listening
from netwiz.wizard.trees.second import behind
from netwiz.wizard.trees.words import (
    dial,
    either,
    listed,
    made_for,
    process_of,
    sockets_of,
    told_to_serve,
)
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
    evidence: tuple[str, ...] = (f"nothing in {name} listens on port {port}",)
    if client is None:
        return Ruling("no", f"no, nothing in {name}", Mark.BAD, evidence, values)
    kin = scene.kin(client)
    down = [c for c in kin if not c.running]
    meant = next((c for c in down if made_for(c, port, protocol)), None)
    if meant is not None:
        why = told_to_serve(meant, port) or f"it exposes {port}"
        lines = (
            *evidence,
            f"{meant.name} shares the namespace of {name} and is {meant.state}; it is "
            f"made to serve the port ({why})",
        )
        said = f"no: {meant.name} should, and is {meant.state}"
        return Ruling("down", said, Mark.BAD, lines, values, Focus(server=meant))
    if made_for(client, port, protocol):
        said = f"no, though {name} is made to serve it"
        return Ruling("meant", said, Mark.BAD, evidence, values)
    if kin:
        shared = either(f"{c.name} ({c.state})" for c in kin)
        said = f"no, though it shares its namespace with {shared}"
        evidence += (f"{name} shares its namespace with {shared}",)
        return Ruling("meant", said, Mark.BAD, evidence, values)
    return Ruling("no", f"no, nothing in {name}", Mark.BAD, evidence, values)


def who_else(scene: Scene) -> Ruling:
    """Who does serve the port: that is most likely who was meant."""
    port, client = scene.focus.port, scene.client
    protocol = scene.case.target.protocol
    found = scene.look(FindListeners(port, protocol), ListenersByPlace)
    served: dict[str, tuple[Container, int, tuple[Listener, ...]]] = {}
    for place, sockets in found.found:
        holder = scene.resident(place)
        if holder is not None and (client is None or holder.id != client.id):
            served[holder.id] = (holder, port, sockets)
    for holder in scene.snapshot.containers:
        for m in holder.published:
            if m.host_port == port and m.protocol == protocol and holder.running:
                served.setdefault(holder.id, (holder, m.container_port, ()))

    def distance(held: tuple[Container, int, tuple[Listener, ...]]) -> tuple[int, str]:
        holder, _, sockets = held
        shut = bool(sockets) and all(s.loopback for s in sockets)
        near = bool(_common(scene, holder))
        return (2 * shut + (not near), holder.name)

    ranked = sorted(served.values(), key=distance)
    if ranked:
        equals = [h for h in ranked if distance(h)[0] == distance(ranked[0])[0]]
        return _container_holds(scene, equals)
    on_host = [s for place, sockets in found.found if place == HOST for s in sockets]
    if on_host:
        return _host_holds(on_host, port)
    return Ruling("nobody", f"nobody on this machine serves port {port}", Mark.ODD)


def _container_holds(
    scene: Scene, equals: list[tuple[Container, int, tuple[Listener, ...]]]
) -> Ruling:
    """One container serves it, or several that nothing tells apart."""
    holder, port, sockets = equals[0]
    network = _common(scene, holder)
    join = "" if network else _joinable(holder)
    where = next(
        (n for n in holder.attachments if n.network == (network or join)), None
    )
    address = (where.ipv4 or where.ipv6) if where else ""
    at = f" at {dial(address, port)}" if address else ""
    others = either(h.name for h, _, _ in equals[1:])
    said = f"{holder.name}{at}" + (f"; also {others}" if others else "")
    evidence: tuple[str, ...] = (
        f"nothing in {scene.case.client.name} listens on port {scene.focus.port}",
        f"container {holder.name} serves it{at}",
    )
    if others:
        evidence += (f"so does {others}: which one was meant is not known",)
    return Ruling(
        "somebody",
        said,
        Mark.BAD,
        evidence=evidence,
        values={
            "holder": f"Container {holder.name}{at} does",
            "holder_name": holder.name,
            "better": dial(holder.name, port)
            + (f" (or the same port of {others})" if others else ""),
            "network": network,
            "join_network": join,
            "neither": "" if network or join else "yes",
            "on_host": "",
        },
        also=_shut(scene, holder, port, sockets),
    )


def _shut(
    scene: Scene, holder: Container, port: int, sockets: tuple[Listener, ...]
) -> tuple[Also, ...]:
    """The holder's own fault: it would refuse the client at the right name, too."""
    if not sockets or not all(s.loopback for s in sockets):
        return ()
    focus = Focus(place=scene.snapshot.place(holder), server=holder, inner_port=port)
    inner = next(iter(holder.addresses), "0.0.0.0")
    return behind(*_heard(scene.at(replace(focus, inner_address=inner))))


def _heard(scene: Scene) -> tuple[Scene, Ruling]:
    return scene, listening(scene)


def _host_holds(on_host: list[Listener], port: int) -> Ruling:
    also: tuple[Also, ...] = ()
    if all(s.loopback for s in on_host):
        values = {
            "listeners": sockets_of(on_host),
            "process": process_of(on_host),
            "dials": "would come from its own namespace",
        }
        text = f"the host listens on {listed(on_host)} only"
        also = (Also("host-service-bound-loopback", (text,), values),)
    return Ruling(
        "somebody",
        f"the host: {listed(on_host)}",
        Mark.BAD,
        evidence=(f"the host listens on {listed(on_host)}",),
        values={
            "holder": f"The host itself does ({listed(on_host)})",
            "holder_name": "the host",
            "better": dial("host.docker.internal", port),
            "network": "",
            "join_network": "",
            "neither": "",
            "on_host": "yes",
        },
        also=also,
    )


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
            "down": Branch("no: one that should does not run", "stopped"),
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
