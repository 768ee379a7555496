"""Is it the address that was meant? And does the client still hold an older one?"""

from __future__ import annotations

import re

from netwiz.probes.facts import (
    HOST,
    Container,
    LogErrors,
    NameOutcome,
    OwnerKind,
    SocketTable,
)
from netwiz.probes.requests import ReadLogErrors, ReadSockets
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault
from netwiz.wizard.trees.names.twist import not_meant
from netwiz.wizard.trees.names.words import lookup
from netwiz.wizard.trees.words import listed
from netwiz.wizard.verdict import Mark

HELD = ("SYN-SENT", "ESTAB")


def astray(scene: Scene) -> Ruling:
    """Whether the name led to the address that it should lead to."""
    reached = scene.values.get("reached", "other")
    if not scene.case.target.address:
        wrong = _other_gateway(scene) or not_meant(scene)
        if wrong is not None:
            return wrong
    return Ruling(reached, "yes", quiet=True)


def _other_gateway(scene: Scene) -> Ruling | None:
    """host-gateway is always docker0's address: is the service at another bridge's?"""
    client, focus = scene.client, scene.focus
    found = lookup(scene)
    if client is None or found.outcome is not NameOutcome.HOSTS or focus.mapping:
        return None
    owner = scene.owner(focus.address)
    if owner.kind is not OwnerKind.GATEWAY or not owner.network:
        return None
    if owner.network.name != "bridge" or focus.server is not None:
        return None
    mine = {a: n.network for n in client.attachments for a in _gateways(n) if a}
    if focus.address in mine or not mine:
        return None
    protocol = scene.case.target.protocol.value
    held = scene.sockets(HOST).on(focus.port, protocol)
    at = [a for a in mine if any(s.accepts(a) for s in held)]
    if not at or any(s.accepts(focus.address) for s in held):
        return None
    name, port = scene.case.target.host, focus.port
    return Ruling(
        "gateway",
        f"{name} is docker0's address; the service is at {at[0]}",
        Mark.BAD,
        evidence=(
            f"the hosts file of {client.name} says {name} is {focus.address}, the "
            f"address of {owner.device}, for host-gateway always means the default "
            "bridge",
            f"on this host port {port} is open on {listed(held)} only: that is the "
            f"gateway of {mine[at[0]]}, where {client.name} is",
        ),
        values={
            "gateway_address": focus.address,
            "listeners": listed(held),
            "right_gateway": at[0],
            "network": mine[at[0]],
            "better": f"{at[0]}:{port}",
        },
    )


def _gateways(net: object) -> tuple[str, ...]:
    return (getattr(net, "gateway4", ""), getattr(net, "gateway6", ""))


def cached(scene: Scene) -> Ruling:
    """Whether the client holds on to an address that the name no longer has.

    Only where the server was started after the client: else there was nothing to
    change. The address must be one of the server's network that nobody has now, or
    that the client's own log complains of since the server's start.
    """
    client, server = scene.client, scene.focus.server
    quiet = Ruling("no", "nothing changed since it began", quiet=True)
    if client is None or server is None or scene.case.target.address:
        return quiet
    if not (client.started_at and server.started_at):
        return quiet
    if server.started_at <= client.started_at:
        return quiet
    today = lookup(scene).addresses
    found = _held(scene, today) or _logged(scene, client, server, today)
    if found is None:
        return Ruling("no", "no sign of an old address", quiet=True)
    old, lines = found
    host, port = scene.case.target.host, scene.case.target.port
    return Ruling(
        "stale",
        f"{client.name} still uses {old}, which {host} is no longer",
        Mark.BAD,
        evidence=(
            *lines,
            f"{host} is {', '.join(today)} today, and port {port} connects there",
            f"{server.name} was started at {server.started_at:%H:%M:%S}, "
            f"{client.name} at {client.started_at:%H:%M:%S}: before it",
        ),
        values={
            "old": old,
            "old_owner": scene.owner(old).text,
            "now": ", ".join(today),
            "server": server.name,
        },
    )


def _held(scene: Scene, today: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """A live socket of the client to a number that nobody has any more."""
    table = scene.try_look(ReadSockets(scene.place), SocketTable)
    port = scene.case.target.port
    for stream in table.streams if table else ():
        if stream.remote_port != port or stream.remote in today:
            continue
        if stream.state not in HELD or not _old(scene, stream.remote):
            continue
        who = f" ({stream.process.name})" if stream.process else ""
        line = (
            f"{scene.place.label} has a socket{who} to {stream.remote}:{port} in state "
            f"{stream.state}, and {scene.owner(stream.remote).text} has that address"
        )
        return stream.remote, (line,)
    return None


def _old(scene: Scene, address: str) -> bool:
    """An address of a network of the server that no container has now."""
    owner, server = scene.owner(address), scene.focus.server
    if owner.kind is not OwnerKind.NETWORK or owner.network is None or server is None:
        return False
    return any(n.network_id == owner.network.id for n in server.attachments)


def _logged(
    scene: Scene, client: Container, server: Container, today: tuple[str, ...]
) -> tuple[str, tuple[str, ...]] | None:
    """A complaint of the client, since the server's start, of an address it had."""
    log = scene.try_look(ReadLogErrors(client.id), LogErrors)
    port = scene.case.target.port
    spot = re.compile(
        rf"(?<![\d.])(\d{{1,3}}(?:\.\d{{1,3}}){{3}})\D{{1,12}}{port}(?!\d)"
    )
    for line in reversed(log.lines if log else ()):
        if server.started_at is None or line.at <= server.started_at:
            break
        match = spot.search(line.text)
        if match is None or match[1] in today:
            continue
        nets = {n.network_id for n in server.attachments}
        held = [n for n in scene.snapshot.networks if n.id in nets]
        if any(n.holds(match[1]) for n in held):
            said = f"{client.name}'s log at {line.at:%H:%M:%S}: {line.text}"
            return match[1], (said,)
    return None


NODES = (
    Node(
        "astray",
        "is {address} what {host} should mean?",
        astray,
        {
            "refused": Branch("yes, and it refuses", "whom"),
            "hung_up": Branch("yes, and it hangs up", "whom"),
            "timeout": Branch("yes, and it does not answer", "handed_on_lost"),
            "unreachable": Branch(
                "yes, and it is unreachable", "handed_on_unreachable"
            ),
            "other": Branch("yes, and it fails in another way", "unreachable"),
            "hosts": Branch("no: its hosts file is old", fault("etc-hosts-stale")),
            "link": Branch("no: an old --link", fault("legacy-link-missing")),
            "hijack": Branch(
                "no: a wildcard below a search domain", fault("dns-search-hijack")
            ),
            "leak": Branch(
                "no: somebody outside answered to a container's name",
                fault("dns-name-leaks-upstream"),
            ),
            "gateway": Branch(
                "no: it is another bridge's", fault("host-gateway-is-docker0")
            ),
        },
    ),
    Node(
        "cached",
        "does {client} still use an older address of {host}?",
        cached,
        {
            "no": Branch("no sign of it", "talk"),
            "stale": Branch("yes", fault("client-dns-cached-stale-ip")),
        },
    ),
)
