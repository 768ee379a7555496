"""A port of the host: who is meant to serve it, and why it does not."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from netwiz.probes.facts import (
    HOST,
    Container,
    Listener,
    ListenersByPlace,
    PortMapping,
)
from netwiz.probes.requests import FindListeners
from netwiz.wizard.scene import Focus, Scene
from netwiz.wizard.tree import Also, Branch, Node, Ruling, fault
from netwiz.wizard.trees.attempts import covers, through
from netwiz.wizard.trees.published.handed import proxyless
from netwiz.wizard.trees.refused.listening import listening
from netwiz.wizard.trees.refused.stopped import ended_for_want_of_port
from netwiz.wizard.trees.second import behind, rule_besides
from netwiz.wizard.trees.words import (
    as_flag,
    dial,
    either,
    listed,
    process_of,
    sockets_of,
)
from netwiz.wizard.verdict import Mark


def publisher(scene: Scene) -> Ruling:
    """The container that is, or was to be, published on this port."""
    focus = scene.focus
    mappings = _mappings(scene, effective=True)
    taking = [(c, m) for c, m in mappings if covers(m.host_ip, focus.address)]
    if taking:
        container, mapping = taking[0]
        led = through(focus, scene.snapshot, container, mapping)
        values = _values(container, mapping)
        if proxyless(scene.at(led)):
            return _proxyless(scene, led, values)
        return Ruling(
            "mapped", f"{container.name}, {as_flag(mapping)}", values=values, focus=led
        )
    if mappings:
        return _elsewhere(scene, mappings)
    asked = _mappings(scene, effective=False)
    down = [(c, m) for c, m in asked if not c.running]
    if down:
        container, mapping = max(down, key=lambda pair: _last_seen(pair[0]))
        return Ruling(
            "down",
            f"{container.name}, which is {container.state}",
            Mark.BAD,
            evidence=(
                f"{container.name} is to be published as {as_flag(mapping)} and is "
                f"{container.state}",
            ),
            values=_values(container, mapping),
            focus=Focus(focus.address, focus.port, container, attempt=focus.attempt),
        )
    if asked:
        return _ignored(scene, *asked[0])
    return Ruling("nobody", "no container is published there", Mark.ODD)


def _proxyless(scene: Scene, led: Focus, values: dict[str, str]) -> Ruling:
    """The mapping is in effect, and this host refuses since nobody holds the port."""
    here = scene.sockets(HOST).on(led.port, scene.case.target.protocol.value)
    evidence = (
        f"{values['server']} is published as {values['mapping']}, and no docker-proxy "
        f"or other socket of this host takes {dial(led.address, led.port)}; on that "
        f"port: {listed(here)}",
        "the refusal was born on this host: the probe never reached "
        f"{values['server']}",
    )
    said = f"{values['server']}, but nothing holds port {led.port} here"
    return Ruling("proxyless", said, Mark.BAD, evidence, values, focus=led)


def _last_seen(container: Container) -> float:
    """When it last ran: of several for one port the latest is the one in use."""
    ended = container.finished_at or container.started_at
    return ended.timestamp() if ended else 0.0


def _values(container: Container, mapping: PortMapping) -> dict[str, str]:
    return {
        "server": container.name,
        "mapping": as_flag(mapping),
        "inner_port": str(mapping.container_port),
        "host_ip": mapping.host_ip,
        "host_port": str(mapping.host_port),
    }


def _mappings(scene: Scene, *, effective: bool) -> list[tuple[Container, PortMapping]]:
    protocol = scene.case.target.protocol.value
    return [
        (c, m)
        for c in scene.snapshot.containers
        for m in (c.published if effective else c.requested)
        if m.host_port == scene.focus.port
        and m.protocol == protocol
        and (c.running or not effective)
    ]


def _elsewhere(scene: Scene, mappings: list[tuple[Container, PortMapping]]) -> Ruling:
    """Mappings of the port that do not take the dialled address."""
    focus = scene.focus
    container, mapping = mappings[0]
    values = _values(container, mapping) | {
        "publisher": container.name,
        "wider": as_flag(replace(mapping, host_ip="")),
    }
    evidence: tuple[str, ...] = (
        f"{container.name} is published as "
        f"{', '.join(as_flag(m) for c, m in mappings if c.id == container.id)}",
        f"dialled was {focus.address}",
    )
    key = "other_address"
    if ":" in focus.address and not any(":" in m.host_ip for _, m in mappings):
        key = "ipv4_only"
    elif _loopback(mapping.host_ip):
        key = "loopback"
    elif _nobody_here(scene):
        key = "bound_elsewhere"
        held = scene.snapshot.host.device_of(mapping.host_ip)
        values["held"] = (
            f"which is on {held}" if held else "which this host has not got"
        )
        values["instead"] = dial(mapping.host_ip, mapping.host_port) if held else ""
        evidence = (*evidence, f"this host: {mapping.host_ip}, {values['held']}")
    return Ruling(
        key, f"{container.name}, on {as_flag(mapping)}", Mark.BAD, evidence, values
    )


def _nobody_here(scene: Scene) -> bool:
    """Whether no socket of this host takes what is dialled: then no rule is needed."""
    table = scene.sockets(HOST)
    protocol = scene.case.target.protocol.value
    return not table.accepting(scene.focus.address, scene.focus.port, protocol)


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _ignored(scene: Scene, container: Container, mapping: PortMapping) -> Ruling:
    """A mapping that was asked for and is not in effect, though the container runs."""
    networks = [
        n
        for a in container.attachments
        if (n := scene.snapshot.networks_by_id.get(a.network_id)) is not None
    ]
    why = "none of its networks can publish ports"
    if container.network_mode in ("none", "host") or container.rides_on:
        why = f"network mode {container.network_mode.partition(':')[0]} has no mappings"
    elif any(n.internal for n in networks):
        names = ", ".join(n.name for n in networks if n.internal)
        why = f"the network {names} is internal, so nothing outside may reach it"
    elif networks:
        drivers = ", ".join(f"{n.name} ({n.driver})" for n in networks)
        why = f"it is on {drivers}"
    values = _values(container, mapping) | {
        "ignored_because": why,
        "ignored_network": networks[0].name if networks else container.network_mode,
        "front": _free_name(scene),
    }
    return Ruling(
        "ignored",
        f"{container.name} asked for it; it has no effect",
        Mark.BAD,
        evidence=(
            f"{container.name}: PortBindings ask for {as_flag(mapping)}, Ports in "
            "effect have nothing for it",
            why,
        ),
        values=values,
    )


def _free_name(scene: Scene) -> str:
    """A name for a network that is not yet taken."""
    taken = {n.name for n in scene.snapshot.networks}
    names = ("front", *(f"front{n}" for n in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def unpublished(scene: Scene) -> Ruling:
    """Nobody is published on the port: who has anything to do with it?"""
    focus = scene.focus
    port, protocol = focus.port, scene.case.target.protocol
    own = scene.sockets(HOST).on(port, protocol.value)
    if any(s.accepts(focus.address) for s in own):
        values = {"server": "this host", "listeners": sockets_of(own)}
        at = scene.at_host().focus
        return Ruling("accepts", listed(own), values=values, focus=at)
    besides = rule_besides(scene)
    wanted = ended_for_want_of_port(scene, port)
    if wanted is not None:
        return Ruling(
            "host_mode",
            f"{wanted.name} wanted it, in host mode, and ended",
            Mark.BAD,
            focus=Focus(focus.address, port, wanted, HOST, attempt=focus.attempt),
            also=besides,
        )
    if own:
        return replace(_held_by_host(own), also=besides)
    inner = [
        (c, m)
        for c in scene.snapshot.containers
        for m in c.published
        if c.running and m.container_port == port and m.protocol == protocol
    ]
    if inner:
        return replace(_mismatch(scene, inner), also=besides)
    found = scene.look(FindListeners(port, protocol), ListenersByPlace)
    held = [
        (holder, sockets)
        for place, sockets in found.found
        if (holder := scene.resident(place)) is not None
    ]
    if held:
        return _inside_only(scene, held, besides)
    return Ruling(
        "nobody",
        f"nothing on this machine serves port {port}",
        Mark.BAD,
        values={"server": "this host"},
        focus=scene.at_host().focus,
        also=besides,
    )


def _inside_only(
    scene: Scene,
    held: list[tuple[Container, tuple[Listener, ...]]],
    besides: tuple[Also, ...],
) -> Ruling:
    """Containers listen on the port, and none of them is published there."""
    port = scene.focus.port
    held = sorted(held, key=lambda pair: pair[0].name)
    open_ = [(c, s) for c, s in held if not all(x.loopback for x in s)] or held
    names = either(c.name for c, _ in open_)
    evidence = tuple(
        f"{c.name} listens on {sockets_of(s)} and has no mapping for port {port}"
        for c, s in open_[:5]
    )
    holder, sockets = open_[0]
    also = besides
    if all(s.loopback for s in sockets):
        focus = replace(
            scene.focus,
            server=holder,
            place=scene.snapshot.place(holder),
            inner_address=next(iter(holder.addresses), ""),
            inner_port=port,
        )
        there = scene.at(focus)
        also = (*besides, *behind(there, listening(there)))
    return Ruling(
        "container",
        f"{names}, inside only",
        Mark.BAD,
        evidence=(*evidence, f"nothing listens on port {port} of this host"),
        values={"server": names, "inner_port": str(port)},
        also=also,
    )


def _mismatch(scene: Scene, inner: list[tuple[Container, PortMapping]]) -> Ruling:
    """The port is the container side of mappings, and no host side."""
    container, mapping = inner[0]
    host = scene.case.target.host
    names = either(c.name for c, _ in inner)
    values = _values(container, mapping) | {
        "server": names,
        "host_port": either(str(m.host_port) for _, m in inner),
        "mapping": either(as_flag(m) for _, m in inner),
        "better": either(dial(host, m.host_port) for _, m in inner),
    }
    drawn = [
        m for m in container.requested if m.container_port == mapping.container_port
    ]
    alone = len({c.id for c, _ in inner}) == 1
    chosen = alone and bool(drawn) and not any(m.host_port for m in drawn)
    return Ruling(
        "drawn" if chosen else "mismatch",
        f"{names}: {scene.focus.port} inside, {values['host_port']} on the host",
        Mark.BAD,
        evidence=(
            *(f"{c.name} is published as {as_flag(m)}" for c, m in inner[:5]),
            f"dialled was port {scene.focus.port}, which is the container side",
        ),
        values=values,
    )


def _held_by_host(own: tuple[Listener, ...]) -> Ruling:
    values = {
        "server": "this host",
        "listeners": sockets_of(own),
        "process": process_of(own),
    }
    evidence = (f"the host listens on {listed(own)}",)
    key = "bound" if all(s.loopback for s in own) else "other"
    return Ruling(key, f"the host, on {listed(own)}", Mark.BAD, evidence, values)


NODES = (
    Node(
        "publisher",
        "which container is published on port {port}?",
        publisher,
        {
            "mapped": Branch("a running one", "who_answered"),
            "proxyless": Branch(
                "one, and nothing holds the port here", fault("docker-proxy-dead")
            ),
            "loopback": Branch(
                "one, on a loopback address", fault("published-on-loopback-only")
            ),
            "ipv4_only": Branch("one, on IPv4 only", fault("ipv6-host-not-published")),
            "bound_elsewhere": Branch(
                "one, on another address", fault("published-on-other-address")
            ),
            "other_address": Branch(
                "one, on another address, and somebody else here", "listening_host"
            ),
            "down": Branch("one that does not run", "stopped"),
            "ignored": Branch("one, without effect", fault("publish-ignored")),
            "nobody": Branch("none", "unpublished"),
        },
    ),
    Node(
        "unpublished",
        "who else has to do with port {port}?",
        unpublished,
        {
            "mismatch": Branch(
                "a mapping with another host port",
                fault("published-port-mismatch-advertised"),
            ),
            "drawn": Branch(
                "a mapping whose host port the engine chooses",
                fault("random-host-port"),
            ),
            "host_mode": Branch("a container in host mode that ended", "stopped"),
            "bound": Branch(
                "the host, on loopback only", fault("host-service-bound-loopback")
            ),
            "accepts": Branch("the host, and it accepts", "which_rule"),
            "other": Branch("the host, on another address", "listening_host"),
            "container": Branch(
                "a container, unpublished", fault("port-not-published")
            ),
            "nobody": Branch("nobody", "overlay_mesh"),
        },
    ),
)
