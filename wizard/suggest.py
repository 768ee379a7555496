"""Where a client probably wants to go: targets to choose from, each with its reason.

Pure reasoning on a snapshot, on the client's environment and on socket tables. Secrets
in the environment never leave this module: what cannot be told from a password for sure
is not suggested at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from netwiz.probes.facts import Attachment, Container, Snapshot, SocketTable
from netwiz.wizard.case import BadInput, Client, ClientKind, Target, parse_target
from netwiz.wizard.suggest_env import targets_of_env

MAX_SUGGESTIONS = 60
DEFAULT_BRIDGE = "bridge"
"""The network on which the engine resolves no names."""
ENGINE_DNS = "127.0.0.11"
"""The engine's resolver listens there, at another port in every container."""
_STATES = {
    "SYN-SENT": "tries right now, no answer yet",
    "ESTAB": "connected right now",
    "CLOSE-WAIT": "the other side hung up",
}
_STATE_ORDER = tuple(_STATES)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A target, and why it may be the one."""

    target: Target
    reason: str
    caveat: str = ""
    """What is known to stand in the way."""


def suggest(
    snapshot: Snapshot,
    client: Client,
    *,
    sockets: SocketTable | None = None,
    listening: Mapping[str, SocketTable] | None = None,
) -> tuple[Suggestion, ...]:
    """The likeliest first, each target once.

    `sockets` are the client's own; `listening` are those of other containers, by id.
    """
    container = client.container(snapshot)
    own = frozenset(container.addresses) if container else frozenset()
    found: dict[str, Suggestion] = {}
    for one in (
        *_pending(sockets, own),
        *_environment(container),
        *_connected(sockets, own),
        *_neighbours(snapshot, container, listening or {}),
        *_published(snapshot, client),
    ):
        known = found.setdefault(one.target.text, one)
        if one.caveat and not known.caveat:
            found[one.target.text] = replace(known, caveat=one.caveat)
    return tuple(found.values())[:MAX_SUGGESTIONS]


def names_for(attachment: Attachment, container: Container) -> str:
    """What others on that network would call the container."""
    if attachment.network == DEFAULT_BRIDGE:
        return attachment.ipv4 or attachment.ipv6
    if container.service and container.service in attachment.aliases:
        return container.service
    return container.name


def _pending(sockets: SocketTable | None, own: Iterable[str]) -> Iterator[Suggestion]:
    return _streams(sockets, own, ("SYN-SENT",))


def _connected(sockets: SocketTable | None, own: Iterable[str]) -> Iterator[Suggestion]:
    return _streams(sockets, own, _STATE_ORDER[1:])


def _streams(
    sockets: SocketTable | None, own: Iterable[str], states: tuple[str, ...]
) -> Iterator[Suggestion]:
    if sockets is None:
        return
    served = {listener.port for listener in sockets.listeners}
    for state in states:
        for stream in sockets.streams:
            if stream.state != state or stream.local_port in served:
                continue
            if stream.remote in own:
                continue
            target = _target(stream.remote, stream.remote_port)
            if target:
                yield Suggestion(target, f"its socket: {_STATES[state]}")


def _environment(container: Container | None) -> Iterator[Suggestion]:
    if container is None:
        return
    for variable, target in targets_of_env(container.env):
        yield Suggestion(target, f"{variable} of {container.name}")


def _neighbours(
    snapshot: Snapshot,
    client: Container | None,
    listening: Mapping[str, SocketTable],
) -> Iterator[Suggestion]:
    if client is None:
        return
    mine = {place.network_id for place in client.attachments}
    for other in snapshot.containers:
        if other.id == client.id:
            continue
        table = listening.get(other.id)
        for place in other.attachments:
            if place.network_id not in mine:
                continue
            name = names_for(place, other)
            for port, why in _ports(other, table):
                target = _target(name, port)
                if target:
                    caveat = _caveat(other, table, port)
                    words = f"{why} on {place.network}"
                    if caveat and why == f"{other.name} listens there":
                        words = f"on {place.network}"
                    yield Suggestion(target, words, caveat)


def _caveat(container: Container, table: SocketTable | None, port: int) -> str:
    """What makes it a target that people dial and wonder."""
    if not container.running:
        return f"{container.name} is {container.state.value}"
    held = table.on(port) if table else ()
    if not held or not all(listener.loopback for listener in held):
        return ""
    addresses = dict.fromkeys(listener.address for listener in held)
    return f"{container.name} listens on {' and '.join(addresses)} only"


def _ports(
    container: Container, table: SocketTable | None
) -> Iterator[tuple[int, str]]:
    ports: dict[int, str] = {}
    for listener in table.listeners if table else ():
        if listener.protocol == "tcp" and listener.address != ENGINE_DNS:
            ports.setdefault(listener.port, f"{container.name} listens there")
    for port, protocol in container.exposed:
        if protocol == "tcp":
            ports.setdefault(port, f"exposed by {container.name}")
    for mapping in container.published:
        if mapping.protocol == "tcp":
            ports.setdefault(mapping.container_port, f"published by {container.name}")
    yield from ports.items()


def _published(snapshot: Snapshot, client: Client) -> Iterator[Suggestion]:
    host = _host_address(snapshot, client)
    for container in snapshot.containers:
        for mapping in container.published:
            if not mapping.host_port or mapping.protocol != "tcp":
                continue
            target = _target(host, mapping.host_port)
            if target:
                words = f"{container.name}:{mapping.container_port}"
                yield Suggestion(target, f"published on this host for {words}")


def _host_address(snapshot: Snapshot, client: Client) -> str:
    if client.kind is ClientKind.HOST:
        return "127.0.0.1"
    container = client.container(snapshot)
    for place in container.attachments if container else ():
        if place.gateway4:
            return place.gateway4
    addresses = (a for _, a in snapshot.host.addresses)
    beyond = (a for a in addresses if not a.startswith("127.") and ":" not in a)
    return next(beyond, "127.0.0.1")


def _target(host: str, port: int) -> Target | None:
    text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        return parse_target(text)
    except BadInput:
        return None
