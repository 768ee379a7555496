"""What the trees of names share: who is on which network under which names."""

from __future__ import annotations

import difflib
import re

from netwiz.probes.facts import (
    HOST,
    Attachment,
    Container,
    Resolution,
    ResolverFiles,
    ResolverRead,
    Upstreams,
    upstreams_of,
)
from netwiz.probes.requests import ReadResolver, Resolve
from netwiz.wizard.scene import Scene, Unseen

DEFAULT_BRIDGE = "bridge"
HOST_NAMES = ("host.docker.internal", "gateway.docker.internal")
ALIKE = 0.72
"""Of two names (difflib's ratio): ``postgers`` and ``postgres`` have 0.88."""
AHEAD = 0.08
"""By how much the nearest name must be nearer than the next one's."""


def lookup(scene: Scene) -> Resolution:
    """What the target's name means to the client."""
    return scene.look(Resolve(scene.place, scene.case.target.host), Resolution)


def upstreams(scene: Scene) -> Upstreams:
    """The servers that answer the client's questions about foreign names."""
    host = host_files(scene)
    client = None if scene.place == HOST else scene.client
    return upstreams_of(lookup(scene).files, client, scene.snapshot.engine, host)


def host_files(scene: Scene) -> ResolverFiles:
    """The host's own resolver configuration."""
    return scene.look(ReadResolver(HOST), ResolverRead).files


def networks_text(container: Container) -> str:
    """On which networks a container is, in words."""
    if container.on_host_network:
        return "the host's network"
    names = [n.network for n in container.attachments]
    if DEFAULT_BRIDGE in names:
        names[names.index(DEFAULT_BRIDGE)] = "bridge (the default, which has no names)"
    return ", ".join(names) or "no network"


def shared(one: Container, other: Container) -> list[str]:
    """Names of the networks that both are on."""
    mine = {n.network_id for n in one.attachments}
    return [n.network for n in other.attachments if n.network_id in mine]


def unplugged(client: Container) -> bool:
    """On no network, though it was made for one."""
    mode = client.network_mode
    alone = mode in ("host", "none") or client.rides_on
    return client.detailed and not client.attachments and not alone


def registered_on(server: Container, on: str | Attachment) -> list[str]:
    """The names to which a container answers on a network, its own first."""
    if isinstance(on, str):
        place = next(n for n in server.attachments if n.network == on)
    else:
        place = on
    if place.network == DEFAULT_BRIDGE:
        return []
    names = (server.name, *place.aliases)
    return list(dict.fromkeys(n.lower() for n in names if n != server.short_id))


def way_in(client: Container, server: Container, host: str) -> dict[str, str]:
    """The network to connect the client to, so that it finds the server by name."""
    nets = [n for n in server.attachments if n.network not in (DEFAULT_BRIDGE, "none")]
    named = [n for n in nets if host in registered_on(server, n)] or nets
    if named:
        return {"join_network": named[0].network}
    return meeting_place(client, server)


def instead_of_name(scene: Scene, server: Container) -> str:
    """What to dial for who is on no network on which a container's name is known."""
    if server.on_host_network:
        return f"dial this host's address: {server.name} uses the host's own network"
    port = scene.case.target.port
    known = f"dial another way: only containers know {server.name} by its name"
    for mapping in server.published:
        near_only = mapping.host_ip.startswith("127.") or mapping.host_ip == "::1"
        if (
            mapping.host_port
            and port in (None, mapping.container_port)
            and not (near_only and scene.from_outside)
        ):
            where = f"{server.name} publishes {mapping.container_port}"
            return f"{known}; at port {mapping.host_port} of this host {where}"
    if scene.from_outside or not server.addresses:
        return f"{known}, and it publishes no port{f' {port}' if port else ''}"
    return f"{known}; this host reaches it at {server.addresses[0]}"


def meeting_place(client: Container, server: Container) -> dict[str, str]:
    """A network to be made for two that have none with names."""
    for one, other in ((server, client), (client, server)):
        for net in one.attachments:
            if net.network not in (DEFAULT_BRIDGE, "none", "host"):
                return {"connect_network": net.network, "connect_who": other.name}
    return {"new_network": f"{client.name}-{server.name}"}


def nearest(
    scene: Scene, client: Container, host: str
) -> tuple[Container, str, str] | None:
    """The running container in reach whose name is next to a mistyped one.

    Only where one name is clearly the nearest, the host does not know the name as it
    is, and the container serves the port that is dialled.
    """
    found: dict[str, tuple[Container, str, str]] = {}
    for server in scene.snapshot.containers:
        for network in shared(client, server) if server.running else ():
            if server.id != client.id:
                for name in registered_on(server, network):
                    found.setdefault(name, (server, name, network))
    wanted = _bare(host)
    ranked = sorted(
        ((difflib.SequenceMatcher(None, wanted, _bare(n)).ratio(), n) for n in found),
        reverse=True,
    )
    if not ranked or ranked[0][0] < ALIKE:
        return None
    server, name, network = found[ranked[0][1]]
    rivals = [r for r, n in ranked[1:] if found[n][0].id != server.id]
    if rivals and ranked[0][0] - rivals[0] < AHEAD:
        return None
    return (server, name, network) if _meant(scene, server) else None


def _bare(name: str) -> str:
    """Without what people write one way or another."""
    return re.sub(r"[-_.]", "", name.lower())


def _meant(scene: Scene, server: Container) -> bool:
    """Whether nothing speaks against a container being the one that was meant."""
    host = scene.look(Resolve(HOST, scene.case.target.host), Resolution)
    if host.outcome.ok:
        return False
    port = scene.case.target.port
    if port is None:
        return True
    try:
        held = scene.sockets(scene.snapshot.place(server))
    except Unseen:
        return False
    return bool(held.on(port, scene.case.target.protocol.value))
