"""Names: why one means nothing to the client."""

from __future__ import annotations

from netwiz.probes.facts import (
    Container,
    NameOutcome,
    Resolution,
    Ruleset,
    ServerAnswer,
    owners_of_name,
)
from netwiz.probes.facts.upstreams import EMBEDDED
from netwiz.probes.requests import AskServer, ReadRules
from netwiz.wizard.scene import Focus, Scene, Unseen
from netwiz.wizard.tree import Also, Branch, Node, Ruling, Skip, fault, undetermined
from netwiz.wizard.trees.names import servers as names_servers
from netwiz.wizard.trees.names import slow as names_slow
from netwiz.wizard.trees.names import twist as names_twist
from netwiz.wizard.trees.names import unsteady as names_unsteady
from netwiz.wizard.trees.names.words import (
    DEFAULT_BRIDGE,
    HOST_NAMES,
    instead_of_name,
    lookup,
    meeting_place,
    nearest,
    networks_text,
    registered_on,
    shared,
    unplugged,
    way_in,
)
from netwiz.wizard.verdict import Mark


def embedded_dns(scene: Scene) -> Ruling:
    """Why the embedded name server's port refuses."""
    found = lookup(scene)
    if EMBEDDED not in found.files.servers:
        return Ruling("other", "another name server refuses", Mark.BAD)
    rules = scene.look(ReadRules(scene.place), Ruleset)
    leading = [r for r in rules.rules if r.verdict == "DNAT" and EMBEDDED in r.target]
    held = [s for s in scene.sockets(scene.place).listeners if s.address == EMBEDDED]
    if leading or not held:
        return Ruling("other", "the NAT rules that lead to it are there", Mark.ODD)
    ports = ", ".join(sorted({f"{s.protocol} {s.port}" for s in held}))
    return Ruling(
        "flushed",
        "the NAT rules that lead to it are gone",
        Mark.BAD,
        evidence=(
            f"127.0.0.11 port 53 refuses, though the engine listens there on {ports}",
            f"the nat table inside {scene.case.client.name} has no DNAT to 127.0.0.11",
        ),
    )


def known_name(scene: Scene) -> Ruling:
    """What the engine knows of a name that did not resolve."""
    found, client = lookup(scene), scene.client
    host = scene.case.target.host.rstrip(".")
    if found.outcome is NameOutcome.REFUSED and EMBEDDED in found.files.servers:
        return Ruling("embedded", "the engine's own name server refuses", quiet=True)
    owners = owners_of_name(scene.snapshot, host)
    if client is not None and unplugged(client):
        return _unplugged(scene, client, found, owners)
    if host in HOST_NAMES and not owners:
        return _host_name(scene, found)
    if not owners:
        return _nobodys(scene, found, host)
    near = [c for c in owners if client is not None and shared(client, c)]
    alive = [c for c in near if c.running] or [c for c in owners if c.running]
    if not alive or (near and not any(c.running for c in near)):
        return _stopped(scene, (near or list(owners))[0])
    if client is None:
        return _apart(scene, alive[0])
    return _known(scene, client, alive[0], host)


def _known(scene: Scene, client: Container, server: Container, host: str) -> Ruling:
    """A running container of that name: why is its name not the client's to use?"""
    values = _both(scene, client, server)
    common = shared(client, server)
    if not common:
        if server.on_host_network or client.on_host_network:
            return _apart(scene, server)
        return _no_common(scene, client, server, values)
    named = [n for n in common if n != DEFAULT_BRIDGE]
    if not named:
        return _default_bridge(client, server, values, host)
    values |= {"network": named[0], "alias": host}
    known_as = registered_on(server, named[0])
    if host in known_as:
        said = f"{server.name} has that name on {named[0]}, yet it is not answered"
        return Ruling("unanswered", said, Mark.ODD, (said,), values)
    elsewhere = next(
        (n.network for n in server.attachments if host in registered_on(server, n)), ""
    )
    why = f"{host} is no name of it there"
    if elsewhere:
        why = f"{host} is its name on {elsewhere} only"
    elif host == server.hostname.lower():
        why = f"{host} is its hostname, which nobody else is told"
    elif host == server.service.lower():
        why = f"{host} is its Compose service, but no alias on {named[0]}"
    values |= {"known_as": ", ".join(known_as), "why_not": why}
    said = f"{server.name} shares {named[0]}; {why}"
    answers = _said(scene)
    seen = f"on {named[0]} {server.name} answers to {values['known_as']}; {why}"
    return Ruling("alias", said, Mark.BAD, (seen, *answers), values)


def _said(scene: Scene) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            f"{a.server} on {a.question} {a.record}: {a.outcome.value}"
            for a in lookup(scene).answers[:4]
        )
    )


def _both(scene: Scene, client: Container, server: Container) -> dict[str, str]:
    port = scene.case.target.port
    return {
        "server": server.name,
        "networks": networks_text(server),
        "mine": networks_text(client),
        "better": f"{server.name}:{port}" if port else server.name,
    }


def _no_common(
    scene: Scene, client: Container, server: Container, values: dict[str, str]
) -> Ruling:
    values = values | way_in(client, server, scene.case.target.host)
    apart = client.project and server.project and client.project != server.project
    seen = [
        f"{client.name} is on {networks_text(client)}, {server.name} on "
        f"{networks_text(server)}: they have no network in common"
    ]
    if apart:
        values |= {"project": client.project, "other_project": server.project}
        seen.append(
            f"{client.name} is of the Compose project {client.project}, "
            f"{server.name} of {server.project}"
        )
    said = f"{server.name} runs, but on {networks_text(server)}"
    key = "projects" if apart else "no_network"
    return Ruling(key, said, Mark.BAD, (*seen, *_said(scene)), values)


def _default_bridge(
    client: Container, server: Container, values: dict[str, str], host: str
) -> Ruling:
    ip = next(
        (n.ipv4 for n in server.attachments if n.network == DEFAULT_BRIDGE and n.ipv4),
        "",
    )
    values |= {"server_address": ip} | meeting_place(client, server)
    seen = (
        f"{client.name} and {server.name} share only the default bridge, where "
        f"containers have no names; {client.name}'s resolv.conf has no 127.0.0.11",
    )
    if client.links:
        linked = ", ".join(link.partition(":")[0].strip("/") for link in client.links)
        values["linked"] = linked
        more = f"{client.name} was started with --link to {linked}, not to {host}"
        return Ruling("linkless", more, Mark.BAD, (*seen, more), values)
    return Ruling("bridge", f"{server.name} runs, beside it", Mark.BAD, seen, values)


def _unplugged(
    scene: Scene, client: Container, found: Resolution, owners: tuple[Container, ...]
) -> Ruling:
    nets = [n.network for c in owners for n in c.attachments]
    known = [n.name for n in scene.snapshot.networks if n.name == client.network_mode]
    nets = [n for n in nets if n != DEFAULT_BRIDGE] or known
    said = f"{client.name} is on no network"
    return Ruling(
        "unplugged",
        said,
        Mark.BAD,
        evidence=(
            f"the engine has {client.name} on no network (NetworkSettings.Networks is "
            "empty), though it was made for one",
            f"its resolv.conf names {', '.join(found.files.servers)}, which brings: "
            f"{found.outcome.value}",
        ),
        values={"better_network": nets[0] if nets else "", "server": client.name},
    )


def _host_name(scene: Scene, found: Resolution) -> Ruling:
    engine = scene.snapshot.engine
    desktop = engine is not None and "desktop" in engine.name
    if scene.client is None or desktop:
        return Ruling("unknown", "the engine's name for its host", Mark.ODD)
    host = scene.case.target.host
    return Ruling(
        "host_name",
        f"no line for {host} in its hosts file",
        Mark.BAD,
        evidence=(
            f"the hosts file of {scene.client.name} has no line for {host}, and DNS "
            f"says {found.outcome.value}: on Linux nobody defines that name unasked",
        ),
        values={"server": "this host"},
    )


def _nobodys(scene: Scene, found: Resolution, host: str) -> Ruling:
    client = scene.client
    if client is None or found.outcome is not NameOutcome.NXDOMAIN:
        return Ruling("unknown", "no container has that name", Mark.ODD)
    meant = nearest(scene, client, host)
    if meant is None:
        return Ruling("unknown", "no container has that name", Mark.ODD)
    server, name, network = meant
    port = scene.case.target.port
    better = f"{name}:{port}" if port else name
    return Ruling(
        "typo",
        f"no container has that name; {name} is the nearest",
        Mark.BAD,
        evidence=(
            f"nobody answers to {host}: neither the engine nor a name server "
            f"({', '.join(found.files.servers)}: {found.outcome.value})",
            f"the name next to it on {network} is {name}, of {server.name}",
        ),
        values={
            "server": server.name,
            "better": better,
            "holder_name": server.name,
            "wrong_title": f"nobody answers to {host}; {server.name} answers to {name}",
            "wrong_text": (
                f"{host} is the name of no container on {client.name}'s networks, and "
                f"no name server knows it. On {network} there is {name}: most likely "
                "the configuration has a slip of the pen, or the name of another "
                "environment."
            ),
        },
    )


def _stopped(scene: Scene, server: Container) -> Ruling:
    host = scene.case.target.host
    return Ruling(
        "stopped",
        f"{server.name}, which is {server.state}",
        Mark.BAD,
        evidence=(
            f"{host} does not resolve, and the container of that name is "
            f"{server.state}",
        ),
        focus=Focus(server=server),
        also=leak(scene, server),
    )


def leak(scene: Scene, server: Container) -> tuple[Also, ...]:
    """Whether the name of a container that is down is asked of strangers."""
    files = lookup(scene).files
    host = scene.case.target.host.rstrip(".")
    if EMBEDDED not in files.servers:
        return ()
    asked = AskServer(scene.place, EMBEDDED, host, watch=True)
    try:
        seen = scene.look(asked, ServerAnswer)
    except Unseen:
        return ()
    if not seen.asked_on:
        return ()
    to = ", ".join(seen.asked_on[:3])
    line = f"the question for {host} was seen to leave {scene.place.label} for {to}"
    values = {"leaked_to": to, "server": server.name, "leak_text": _LEAK_ASKED}
    return (Also("dns-name-leaks-upstream", (line,), values),)


_LEAK_ASKED = "They answer what they like: at best that there is no such name."


def _apart(scene: Scene, server: Container) -> Ruling:
    mine = networks_text(scene.client) if scene.client else "no container network"
    return Ruling(
        "apart",
        f"{server.name} runs, on {networks_text(server)}",
        Mark.ODD,
        values={
            "server": server.name,
            "networks": networks_text(server),
            "mine": mine,
            "instead": instead_of_name(scene, server),
        },
    )


_NODES = (
    Node(
        "embedded_dns",
        "why does the name server refuse?",
        embedded_dns,
        {
            "flushed": Branch(
                "the way to it is gone",
                fault("embedded-dns-nat-flushed"),
                (Skip("does {host} answer?", "its address could not be learnt"),),
            ),
            "other": Branch("for another reason", "upstreams"),
        },
    ),
    Node(
        "known_name",
        "does the engine know {host}?",
        known_name,
        {
            "embedded": Branch("its own name server refuses", "embedded_dns"),
            "unplugged": Branch(
                "the client is on no network", fault("container-disconnected")
            ),
            "host_name": Branch(
                "it is the host's, and undefined",
                fault("host-docker-internal-undefined"),
            ),
            "stopped": Branch("a container that does not run", "stopped"),
            "bridge": Branch(
                "a container beside it on the default bridge",
                fault("default-bridge-no-dns"),
            ),
            "linkless": Branch(
                "a container that it was not linked to", fault("legacy-link-missing")
            ),
            "projects": Branch(
                "a container of another project", fault("different-compose-projects")
            ),
            "no_network": Branch(
                "a container on other networks", fault("no-common-network")
            ),
            "alias": Branch(
                "a container that has other names there", fault("alias-missing")
            ),
            "typo": Branch("only a similar one", fault("wrong-target-address")),
            "unanswered": Branch(
                "yes, and it should answer",
                undetermined(
                    "{server} has the name {host} on {network}, where {client} is too, "
                    "yet the engine's name server says: {name_outcome}",
                    "ask again; if it stays so, disconnect {server} from {network} and "
                    "connect it again: the engine then registers its names anew",
                ),
            ),
            "apart": Branch(
                "a running container",
                undetermined(
                    "{host} did not resolve for {client} ({name_outcome}), though "
                    "container {server} runs: it is on {networks}, {client} on {mine}",
                    "{instead}",
                ),
            ),
            "unknown": Branch("no", "other_engine"),
        },
    ),
)
NODES = (
    *_NODES,
    *names_servers.NODES,
    *names_slow.NODES,
    *names_unsteady.NODES,
    *names_twist.NODES,
)
