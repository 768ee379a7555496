"""Triangulation: the same service asked for from several places at once.

What works from where tells a service that is down from a way that is broken, and which
of several ways. The questions are plain connects, made side by side; none takes longer
than its budget. They are asked where they decide, and at the end of a walk that could
not name a cause: what works then is where to look next.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from netwiz.probes.facts import (
    HOST,
    Attempted,
    Container,
    Failed,
    Outcome,
    Place,
    PortMapping,
    Protocol,
    UplinkWatch,
)
from netwiz.probes.requests import Attempt
from netwiz.wizard.scene import Needed, Scene
from netwiz.wizard.verdict import Matrix, Vantage

BUDGET_MS = 600
"""On one machine an answer takes 0.1 ms; what is silent for this long, is silent."""
NTH = 90
"""Tells these attempts from those that a tree makes itself."""
LOOPBACK = "127.0.0.1"
THIS_HOST = "this host"
HOST_LOOPBACK = f"{THIS_HOST}, its loopback"
PUBLISHED = f"{THIS_HOST}, published"
NEIGHBOUR = ", on the same network"


@dataclass(frozen=True, slots=True)
class View:
    """One vantage: who asks, for what, and what success or failure there would mean."""

    where: str
    request: Attempt
    works: str
    refused: str
    lost: str


def triangulate(scene: Scene) -> Matrix:
    """The matrix of the focus; asks for whatever is not known yet (raises Needed)."""
    wanted = requests(scene)
    missing = tuple(r for r in wanted if r not in scene.findings)
    if missing:
        raise Needed(*missing)
    scene.used.extend(r for r in wanted if r not in scene.used)
    return matrix(scene)


def requests(scene: Scene) -> tuple[Attempt, ...]:
    """The attempts that triangulation of this focus would make."""
    return tuple(dict.fromkeys(view.request for view in views(scene)))


def matrix(scene: Scene) -> Matrix:
    """What is known of the vantages so far; empty when nothing was asked."""
    rows = [
        _row(view, found)
        for view in views(scene)
        if isinstance(found := scene.findings.get(view.request), Attempted)
    ]
    if not rows:
        return Matrix()
    return Matrix((*_client(scene), *rows, *_outside(scene)))


def worth_asking(scene: Scene) -> bool:
    """Whether there is a server here that could be asked for from elsewhere."""
    focus = scene.focus
    return (
        focus.server is not None
        and focus.server.running
        and focus.place is not None
        and scene.case.target.protocol is Protocol.TCP
        and bool(focus.inner_address and focus.inner_port)
    )


def views(scene: Scene) -> Iterator[View]:
    """Every vantage there is for the focus, the nearest to the service first."""
    focus = scene.focus
    server, place = focus.server, focus.place
    if not worth_asking(scene) or server is None or place is None:
        return
    address, port, name = focus.inner_address, focus.inner_port, server.name
    home = "::1" if ":" in address else LOOPBACK
    yield View(
        f"{name}, its own loopback",
        _ask(place, home, port),
        "the service answers inside",
        "nothing takes it inside either",
        "it does not answer inside either",
    )
    if place != HOST:
        yield View(
            f"{name}, its own address",
            _ask(place, address, port),
            "it listens for others as well",
            "nothing takes it at its own address",
            "it does not answer at its own address",
        )
        yield View(
            THIS_HOST,
            _ask(HOST, address, port),
            "this host reaches it",
            "it is refused for this host, too",
            "it is lost between this host and the container",
        )
    for where, dialled, mapped in _published(scene, server):
        yield View(
            where,
            _ask(HOST, dialled, mapped.host_port),
            "the published port leads to it",
            "nobody takes it at that address, or it is turned away",
            "it is taken there and not answered",
        )
    neighbour = _neighbour(scene, server)
    if neighbour is not None:
        yield View(
            f"{neighbour.name}{NEIGHBOUR}",
            _ask(neighbour.place, address, port),
            "others on its network reach it",
            "it is refused for others on its network, too",
            "it is lost for others on its network, too",
        )


def _ask(place: Place, address: str, port: int) -> Attempt:
    return Attempt(place, address, port, budget_ms=BUDGET_MS, nth=NTH)


def _published(
    scene: Scene, server: Container
) -> Iterator[tuple[str, str, PortMapping]]:
    """This host's addresses at which the port is published: loopback, and its own."""
    focus, seen = scene.focus, set()
    own = _own_address(scene)
    for mapping in server.published:
        if mapping.container_port != focus.inner_port or mapping.protocol != "tcp":
            continue
        if ":" in mapping.host_ip or not mapping.host_port:
            continue
        everywhere = mapping.host_ip in ("", "0.0.0.0")
        places = [(HOST_LOOPBACK, LOOPBACK), (PUBLISHED, own)]
        for where, address in places:
            if not address or (not everywhere and address != mapping.host_ip):
                continue
            if (address, mapping.host_port) not in seen:
                seen.add((address, mapping.host_port))
                yield where, address, mapping


def _own_address(scene: Scene) -> str:
    """The dialled address if it is this host's, else one of its uplinks'; or none."""
    bridges = {n.device for n in scene.snapshot.networks}
    own = [
        address
        for device, address in scene.snapshot.host.addresses
        if device not in bridges and not ipaddress.ip_address(address).is_loopback
        if ":" not in address
    ]
    dialled = scene.focus.address
    return dialled if dialled in own else next(iter(own), "")


def _neighbour(scene: Scene, server: Container) -> Container | None:
    """A running container on the server's network that is neither it nor the client."""
    address = scene.focus.inner_address
    networks = {n.network_id for n in server.attachments if address in n.addresses}
    client = scene.client
    apart = {server.id, *(c.id for c in scene.kin(server))}
    if client is not None:
        apart |= {client.id, *(c.id for c in scene.kin(client))}
    return next(
        (
            c
            for c in scene.snapshot.containers
            if c.running
            and c.pid
            and c.id not in apart
            and not c.rides_on
            and any(n.network_id in networks for n in c.attachments)
        ),
        None,
    )


def _row(view: View, found: Attempted) -> Vantage:
    link = found.connection
    request = view.request
    host = f"[{request.address}]" if ":" in request.address else request.address
    return Vantage(
        view.where,
        f"{host}:{request.port}",
        outcome(found),
        link.connect_ms,
        _meaning(view, found),
        link.works,
    )


def _meaning(view: View, found: Attempted) -> str:
    link = found.connection
    if link.works:
        return view.works
    if link.hung_up:
        return "it is reached, and hung up on"
    return view.refused if link.outcome is Outcome.REFUSED else view.lost


def outcome(found: Attempted) -> str:
    """What came of an attempt, in a word or two."""
    link = found.connection
    if link.works:
        return "answers"
    if link.hung_up:
        return f"accepted, then {link.after.value}"
    if link.outcome is Outcome.TIMEOUT:
        return "no answer"
    return link.outcome.value


def _client(scene: Scene) -> Iterator[Vantage]:
    """The case itself, as the walk met it."""
    request = scene.focus.attempt
    found = scene.findings.get(request) if request is not None else None
    if request is None or not isinstance(found, Attempted):
        return
    host = f"[{request.address}]" if ":" in request.address else request.address
    name = scene.case.client.name
    where = f"{name} (this host stood in)" if scene.from_outside else name
    yield Vantage(
        where,
        f"{host}:{request.port}",
        outcome(found),
        found.connection.connect_ms,
        "the case itself",
        found.connection.works,
    )


def _outside(scene: Scene) -> Iterator[Vantage]:
    """A client beyond this machine, where its packet was waited for."""
    for found in scene.findings.values():
        if isinstance(found, UplinkWatch):
            left = found.left
            said = (
                f"came in at {found.device}, unanswered"
                if found.arrived
                else "nothing came"
            )
            if left is not None:
                said = f"came in at {found.device}, answered ({left.packet.kind})"
            yield Vantage(
                f"outside, {found.client}" if found.arrived else "outside",
                f"{found.address}:{found.port}",
                said,
                found.waited_ms,
                "its own packet, seen at the uplink",
                left is not None and left.packet.kind == "SYN-ACK",
            )


def missing(scene: Scene) -> tuple[Attempt, ...]:
    """What a walk without a cause still asks for; nothing where nobody can be asked."""
    if any(isinstance(scene.findings.get(r), Failed) for r in requests(scene)):
        return ()
    return tuple(r for r in requests(scene) if r not in scene.findings)
