"""Nothing listens on the port: why not, and who does instead."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import (
    Container,
    ListenersByPlace,
    ListenerWatch,
    NamespaceIdentity,
    Restarts,
)
from netwiz.probes.requests import (
    CountRestarts,
    FindListeners,
    IdentifyNamespace,
    WatchListener,
)
from netwiz.wizard.scene import Focus, Scene, Unseen
from netwiz.wizard.tree import UNSAID, Branch, Node, Ruling, fault
from netwiz.wizard.trees.words import (
    YOUNG_S,
    age_s,
    as_flag,
    dial,
    listed,
    made_for,
    sockets_of,
    told_to_serve,
    uptime,
)
from netwiz.wizard.verdict import Mark

WATCH_MS = 1200
LOOPING_DEATHS = 2


def left_behind(scene: Scene) -> Ruling:
    """Whether a container that should share the server's namespace is in an old one."""
    server = scene.focus.server
    if server is None:
        return Ruling("no", "the host shares its namespace with nobody", quiet=True)
    port = scene.focus.inner_port or scene.focus.port
    protocol = scene.case.target.protocol.value
    for mate in scene.kin(server):
        if not mate.running and made_for(mate, port, protocol):
            return _mate_down(server, mate, port)
    riders = [
        c
        for c in scene.snapshot.containers
        if c.pid and c.rides_on and c.id != server.id and _meant(scene, c, server)
    ]
    if not riders:
        return Ruling("no", "nobody is meant to share its namespace", quiet=True)
    places = (server.place, *(r.place for r in riders[:8]))
    inodes = scene.look_all(tuple(map(IdentifyNamespace, places)), NamespaceIdentity)
    for rider, identity in zip(riders, inodes[1:], strict=False):
        if identity.inode == inodes[0].inode:
            continue
        try:
            held = scene.sockets(rider.place).on(port, protocol)
        except Unseen:
            held = ()
        if held:
            return Ruling(
                "yes",
                f"{rider.name} listens, in a namespace {server.name} has left",
                Mark.BAD,
                evidence=(
                    f"{rider.name} was started in {server.name}'s namespace and is in "
                    f"{identity.inode}; {server.name} has {inodes[0].inode} now",
                    f"{rider.name} listens on {sockets_of(held)} there",
                ),
                values={"rider": rider.name, "owner": server.name},
            )
    return Ruling("no", "those who share its namespace are in it")


def _mate_down(server: Container, mate: Container, port: int) -> Ruling:
    why = told_to_serve(mate, port) or f"it exposes {port}"
    return Ruling(
        "down",
        f"{mate.name} shares its namespace and is {mate.state}",
        Mark.BAD,
        evidence=(
            f"{mate.name} shares the namespace of {server.name}, is made to serve port "
            f"{port} ({why}) and is {mate.state}",
        ),
        values={"server": mate.name},
        focus=Focus(server=mate),
    )


def _meant(scene: Scene, rider: Container, owner: Container) -> bool:
    return any(c.id == owner.id for c in scene.snapshot.find(rider.rides_on))


def looping(scene: Scene) -> Ruling:
    """Whether the engine keeps restarting the server."""
    server = scene.focus.server
    if server is None or (not server.restart_count and server.state != "restarting"):
        return Ruling("no", "no, it was not restarted", quiet=True)
    found = scene.look(CountRestarts(server.id), Restarts)
    if found.deaths < LOOPING_DEATHS and server.state != "restarting":
        return Ruling("no", f"restarted {found.count} times, but not lately")
    return Ruling(
        "yes",
        f"restarted {found.count} times, {found.deaths} ends in ten minutes",
        Mark.BAD,
        evidence=(
            f"{server.name} was restarted {found.count} times (RestartCount), with "
            f"{found.deaths} die events within ten minutes; last exit code "
            f"{found.last_exit}",
        ),
        values=restart_values(server, found),
    )


def restart_values(server: Container, found: Restarts) -> dict[str, str]:
    """Values for the texts of everything that ended."""
    last = next((line for line in reversed(found.last_lines) if line), "")
    return {
        "server": server.name,
        "restarts": str(found.count),
        "deaths": str(found.deaths),
        "exit_code": str(found.last_exit),
        "last_words": f"Its last words: {last}" if last else "",
    }


def other_port(scene: Scene) -> Ruling:
    """Whether the port that was dialled is the host's side of the server's mapping."""
    focus, server = scene.focus, scene.focus.server
    if server is None or focus.mapping is not None:
        return Ruling("no", "no", quiet=True)
    table = scene.sockets(focus.place)
    for mapping in server.published:
        inner = table.accepting(
            focus.inner_address or focus.address, mapping.container_port
        )
        if mapping.host_port == focus.port != mapping.container_port and inner:
            better = dial(scene.case.target.host, mapping.container_port)
            return Ruling(
                "yes",
                f"yes: {as_flag(mapping)}; inside it is {mapping.container_port}",
                Mark.BAD,
                evidence=(
                    f"{server.name} is published as {as_flag(mapping)}",
                    f"inside it listens on {sockets_of(inner)}",
                ),
                values={
                    "mapping": as_flag(mapping),
                    "better_port": str(mapping.container_port),
                    "better": better,
                },
            )
    return Ruling("no", "no", quiet=not server.published)


def starting(scene: Scene) -> Ruling:
    """Whether the server is still on its way up."""
    focus, server = scene.focus, scene.focus.server
    if server is None or focus.place is None:
        return Ruling("no", "no", quiet=True)
    port = focus.inner_port or focus.port
    age = age_s(server, scene)
    if server.health == "starting":
        return _race(f"up for {age:.0f} s, its health check says 'starting'", server)
    if age > YOUNG_S:
        return Ruling("no", f"no, it is up for {uptime(server, scene)}")
    watch = WatchListener(focus.place, port, WATCH_MS, scene.case.target.protocol)
    seen = scene.look(watch, ListenerWatch)
    if seen.appeared:
        return _race(
            f"port {port} opened while we watched ({seen.watched_ms:.0f} ms)", server
        )
    return Ruling(
        "no",
        f"up for {age:.0f} s; the port did not open within {WATCH_MS / 1000:.1f} s",
        Mark.ODD,
        assumptions=(
            f"{server.name} was started {age:.0f} s ago: if it needs longer to open "
            "its port, this is a start-up race; probe again in a minute",
        ),
    )


def _race(said: str, server: Container) -> Ruling:
    return Ruling(
        "yes",
        said,
        Mark.BAD,
        evidence=(f"{server.name}: {said}",),
        values={"race": said},
    )


def mapped_astray(scene: Scene) -> Ruling:
    """Whether the mapping leads to a port that nobody uses, while another is."""
    focus, server = scene.focus, scene.focus.server
    if server is None or focus.mapping is None:
        return Ruling("no", "the port is not mapped", quiet=True)
    told = told_to_serve(server, focus.inner_port)
    if told:
        return Ruling("no", f"no: {server.name} is told to serve it ({told})")
    table = scene.sockets(focus.place)
    address = focus.inner_address
    others = {m.container_port for m in server.published if m != focus.mapping}
    serving = [
        s
        for s in table.listeners
        if s.protocol == focus.mapping.protocol
        and not s.loopback
        and s.port not in (focus.inner_port, *others)
        and (not address or s.accepts(address))
    ]
    if not serving:
        return Ruling("no", "nothing else listens there either")
    return Ruling(
        "yes",
        f"{as_flag(focus.mapping)}, but it listens on {listed(serving)}",
        Mark.BAD,
        evidence=(
            f"{server.name} is published as {as_flag(focus.mapping)}, and nothing "
            f"in it listens on {focus.inner_port}",
            f"it listens on {listed(serving)}",
        ),
        values={
            "better_mapping": as_flag(
                replace(focus.mapping, container_port=serving[0].port)
            ),
            "others": listed(serving),
        },
    )


def somewhere_else(scene: Scene) -> Ruling:
    """Whether the port is served by another container that the client could reach."""
    focus, server, client = scene.focus, scene.focus.server, scene.client
    if server is None or client is None or focus.mapping is not None:
        return Ruling("no", "no", quiet=True)
    port = focus.port
    protocol = scene.case.target.protocol
    if made_for(server, port, protocol.value):
        return Ruling("no", f"{server.name} is the one made for port {port}")
    found = scene.look(FindListeners(port, protocol), ListenersByPlace)
    holders = [
        c
        for place, sockets in found.found
        if (c := scene.resident(place)) is not None
        and c.id not in (server.id, client.id)
        and scene.shares_network(c, client)
        and not all(s.loopback for s in sockets)
    ]
    if len(holders) != 1:
        said = "nobody" if not holders else f"{len(holders)} others"
        return Ruling("no", f"{said} in reach serves port {port}")
    holder = holders[0]
    network = scene.shares_network(holder, client)
    address = next(n.ipv4 or n.ipv6 for n in holder.attachments if n.network == network)
    values = {
        "holder": f"{holder.name} ({address})",
        "holder_name": holder.name,
        "holder_address": address,
        "now": f"it now belongs to {server.name}, which does not serve port {port}",
        "network": network,
        "better": dial(holder.name, port),
        "wrong_title": (
            f"{scene.case.target.host} is {server.name}, which does not serve {port}; "
            f"{holder.name} does"
        ),
        "wrong_text": (
            f"{scene.case.target.host} means {server.name} ({server.image}). It "
            f"listens on {scene.values.get('others', 'other ports')} and is not made "
            f"for port {port}. {holder.name} ({address}) listens on port {port}: the "
            f"configuration of {client.name} most likely names the wrong host."
        ),
    }
    evidence: tuple[str, ...] = (
        f"{holder.name} ({address}, {network}) listens on port {port}",
    )
    if scene.case.target.address:
        evidence = (f"{focus.address} belongs to {server.name} now", *evidence)
        return Ruling("address", f"{holder.name} does", Mark.BAD, evidence, values)
    own = [s for s in scene.sockets(focus.place).listeners if not s.loopback]
    if not own:
        evidence = (f"{server.name} serves nothing at all", *evidence)
        return Ruling("doubt", f"{holder.name} does", Mark.ODD, evidence, values)
    evidence = (
        f"{scene.case.target.host} is {server.name}, which serves {listed(own)}",
        *evidence,
    )
    return Ruling("name", f"{holder.name} does", Mark.BAD, evidence, values)


def meant(_: Scene) -> Ruling:
    """Which of two containers was meant: no probe can tell."""
    return Ruling(UNSAID, "only you can tell; taken as meant", Mark.UNKNOWN)


NODES = (
    Node(
        "left_behind",
        "does its service live in a container beside it?",
        left_behind,
        {
            "yes": Branch("yes", fault("shared-netns-owner-restarted")),
            "down": Branch("no, but one that shares it is down", "stopped"),
            "no": Branch("no", "other_port"),
        },
    ),
    Node(
        "other_port",
        "is {port} its port on the host only?",
        other_port,
        {
            "yes": Branch("yes", fault("host-port-used-inside-network")),
            "no": Branch("no", "looping"),
        },
    ),
    Node(
        "looping",
        "is {server} being restarted again and again?",
        looping,
        {
            "yes": Branch("yes", fault("container-restart-loop")),
            "no": Branch("no", "mapped_astray"),
        },
    ),
    Node(
        "mapped_astray",
        "does the mapping lead to the wrong port?",
        mapped_astray,
        {
            "yes": Branch("yes", fault("published-wrong-container-port")),
            "no": Branch("no", "somewhere_else"),
        },
    ),
    Node(
        "somewhere_else",
        "does another container in reach serve port {port}?",
        somewhere_else,
        {
            "address": Branch(
                "yes, and a number was dialled", fault("container-ip-hardcoded")
            ),
            "name": Branch(
                "yes, and it is the likelier one", fault("wrong-target-address")
            ),
            "doubt": Branch("yes, but this one serves nothing yet", "meant"),
            "no": Branch("no", "starting"),
        },
    ),
    Node(
        "meant",
        "is {server} the one to ask on port {port}, and not {holder_name}?",
        meant,
        {
            "yes": Branch("yes", "starting"),
            "no": Branch("no, the other one", fault("wrong-target-address")),
            UNSAID: Branch("nobody said", "starting"),
        },
        personal=True,
    ),
    Node(
        "starting",
        "is {server} still starting?",
        starting,
        {
            "yes": Branch("yes", fault("startup-race")),
            "no": Branch("no", fault("service-not-listening")),
        },
    ),
)
