"""The attempts that a walk makes, and what they are about."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netwiz.probes.facts import (
    HOST,
    After,
    Attempted,
    Connection,
    Container,
    Outcome,
    OwnerKind,
    Place,
    PortMapping,
    Resolution,
    Snapshot,
    State,
)
from netwiz.probes.requests import Attempt, Resolve
from netwiz.wizard.case import Symptom
from netwiz.wizard.scene import Focus, Scene

MAX_ADDRESSES = 8
"""Of one name; a name with more is probed at its first eight."""
SECOND_MS = 500
"""Of the attempt whose rule counters are compared, after one that nothing came back
from: it is to be counted once more, and its end is known where it is on this machine
(0.4 s)."""

_UNANSWERED = (Outcome.TIMEOUT, Outcome.SILENT, Outcome.HOST_UNREACHABLE)


@dataclass(frozen=True)
class Try:
    """One attempt of the walk: its request, what came of it, what it is about."""

    request: Attempt
    found: Attempted
    focus: Focus

    @property
    def link(self) -> Connection:
        """The connection itself."""
        return self.found.connection


def tries(scene: Scene) -> list[Try]:
    """An attempt at each address of the target, the first of them witnessed."""
    target = scene.case.target
    named = scene.look(Resolve(scene.place, target.host), Resolution)
    focuses = [
        focus_on(scene, address, target.port or 0)
        for address in named.addresses[:MAX_ADDRESSES]
    ]
    requests = tuple(
        witnessed(scene, focus) if index == 0 else plain_try(scene, focus)
        for index, focus in enumerate(focuses)
    )
    found = scene.look_all(requests, Attempted)
    made = [
        Try(r, f, replace(focus, attempt=r))
        for r, f, focus in zip(requests, found, focuses, strict=True)
    ]
    made = _of_this_place(made) or made
    worst = first_failing(made)
    if worst.request.taps or worst.link.works:
        return made
    # The one that fails is not the one that was watched: watch it as well.
    again = witnessed(scene, worst.focus)
    seen = scene.look(again, Attempted)
    watched = Try(again, seen, replace(worst.focus, attempt=again))
    return [watched if t is worst else t for t in made]


def asleep(scene: Scene, tried: Try) -> Container | None:
    """The paused container in whose name the kernel accepted; None if none is.

    Of several in one namespace it is the one whose process holds the socket.
    """
    server, focus = tried.focus.server, tried.focus
    if server is None:
        return None
    house = (server, *(c for c in scene.kin(server) if c.running))
    paused = [c for c in house if c.state is State.PAUSED]
    if len(house) == 1 or not paused:
        return next(iter(paused), None)
    table = scene.sockets(focus.place)
    protocol = scene.case.target.protocol.value
    holders = {
        s.process.container_id
        for s in table.on(focus.inner_port or focus.port, protocol)
        if s.process is not None
    }
    return next((c for c in paused if not holders or c.id in holders), None)


def _of_this_place(made: list[Try]) -> list[Try]:
    """Without families that the client does not have, as every resolver does it."""
    other = (Outcome.ADDRESS_UNAVAILABLE, Outcome.NET_UNREACHABLE)
    own = [t for t in made if t.link.outcome not in other or t.link.icmp is not None]
    families = {":" in t.link.address for t in own}
    return [t for t in made if t in own or (":" in t.link.address) in families]


def first_failing(made: list[Try]) -> Try:
    """The attempt that tells most: refused before dropped before anything else."""

    def weight(t: Try) -> int:
        if t.link.works:
            return 9
        if t.link.outcome is Outcome.REFUSED:
            return 0
        return 1 if t.link.after in (After.EOF, After.RESET) else 2

    return min(made, key=weight)


def focus_on(scene: Scene, address: str, port: int) -> Focus:
    """Who should serve this address, as far as the engine knows."""
    owner = scene.owner(address)
    protocol = scene.case.target.protocol.value
    if owner.kind is OwnerKind.CONTAINER and owner.container is not None:
        server = owner.container
        place = scene.snapshot.place(server)
        return Focus(address, port, server, place, address, port)
    if owner.kind in (OwnerKind.HOST, OwnerKind.GATEWAY) or (
        owner.kind is OwnerKind.LOOPBACK and scene.place == HOST
    ):
        found = mapped_to(scene.snapshot, address, port, protocol)
        if found is not None:
            return through(Focus(address, port), scene.snapshot, *found)
        return Focus(address, port, None, HOST, address, port)
    if owner.kind is OwnerKind.LOOPBACK:
        return Focus(address, port, scene.client, scene.place, address, port)
    return Focus(address, port)


def through(
    focus: Focus, snapshot: Snapshot, server: Container, mapping: PortMapping
) -> Focus:
    """The focus led through a published port to the container behind it."""
    inner = next(iter(server.addresses), "")
    wants_v6 = ":" in focus.address and ":" not in inner
    if wants_v6:
        inner = next((a for a in server.addresses if ":" in a), inner)
    return replace(
        focus,
        server=server,
        place=snapshot.place(server),
        inner_address=inner,
        inner_port=mapping.container_port,
        mapping=mapping,
    )


def mapped_to(
    snapshot: Snapshot, address: str, port: int, protocol: str = "tcp"
) -> tuple[Container, PortMapping] | None:
    """The running container that is published at this address and port."""
    for container in snapshot.containers:
        for mapping in container.published:
            if (
                container.running
                and mapping.host_port == port
                and mapping.protocol == protocol
                and covers(mapping.host_ip, address)
            ):
                return container, mapping
    return None


def covers(host_ip: str, address: str) -> bool:
    """Whether a mapping's host address takes what is dialled at `address`."""
    if host_ip in ("", "0.0.0.0"):
        return ":" not in address or not host_ip
    if host_ip == "::":
        return ":" in address
    return host_ip == address


def said_of(link: Connection) -> str:
    """What came of an attempt, in a few words."""
    if link.works:
        return "answers"
    if link.hung_up:
        return f"accepted, then {link.after.value}"
    return f"{link.outcome.value} {link.errno_name}".strip()


def taps_for(scene: Scene, focus: Focus) -> tuple[Place, ...]:
    """The namespaces that a packet to the focus may pass, each once."""
    places = (scene.place, HOST, *((focus.place,) if focus.place else ()))
    network = scene.owner(focus.address).network
    if network is not None and network.driver == "overlay":
        places += (Place.overlay(network.id, network.name),)
    return tuple(dict.fromkeys(places))


def plain_try(scene: Scene, focus: Focus, nth: int = 1) -> Attempt:
    """A connection attempt without witnesses."""
    return Attempt(
        scene.place,
        focus.address,
        focus.port,
        scene.case.target.protocol,
        server=focus.place,
        nth=nth,
    )


def witnessed(scene: Scene, focus: Focus) -> Attempt:
    """A connection attempt seen at every hop.

    Who said that it times out is believed so far that the rule counters are compared
    around it at once: it saves another attempt to wait for.
    """
    taps = taps_for(scene, focus)
    counters = taps if scene.case.symptom is Symptom.TIMEOUT else ()
    return replace(plain_try(scene, focus), taps=taps, counters=counters)


def counted(scene: Scene, focus: Focus) -> Attempt:
    """The same once more, with the rule counters of the way compared around it.

    Where nothing at all came back within the whole of the first one's time, so long a
    time is not waited again.
    """
    first = witnessed(scene, focus)
    if first.counters:
        return first
    known = scene.findings.get(first)
    silent = (
        isinstance(known, Attempted)
        and known.connection.outcome in _UNANSWERED
        and bool(known.tapped)
        and not known.replies
    )
    budget_ms = SECOND_MS if silent else first.budget_ms
    return replace(first, counters=first.taps, nth=2, budget_ms=budget_ms)
