"""A new connection works: is it an old one that failed?

Applications keep connections. One that idled may be forgotten by whoever translates
addresses on the way; one whose other end has started anew is dead already. Both fail
at the first write, while every fresh connection works. The kernel knows each
connection's state, how long it idled and whether anything is confirmed any more.
"""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    ConntrackView,
    OwnerKind,
    Protocol,
    Resolution,
    SocketTable,
    Stream,
)
from netwiz.probes.requests import ReadConntrack, ReadSockets, Resolve
from netwiz.wizard.case import ClientKind
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.overlay.idle import vip_idle
from netwiz.wizard.trees.stalls.entry import complains
from netwiz.wizard.trees.words import dial, server_name, uptime
from netwiz.wizard.verdict import Mark

_OF_HOST = (OwnerKind.HOST, OwnerKind.GATEWAY, OwnerKind.LOOPBACK)
LEFT_MS = 500
"""An application that looks closes its own end within a few milliseconds."""
SAFE_IDLE_S = 432000
"""What the kernel comes with for an established connection: five days."""
SHORT_IDLE_S = 7200
"""Keepalive's own default: who forgets sooner forgets connections that are in order."""


def pool(scene: Scene) -> Ruling:
    """What the client's connections to this target are worth."""
    if not complains(scene) or scene.case.client.kind is ClientKind.OUTSIDE:
        return Ruling("fine", "nobody complained", quiet=True)
    table = scene.look(ReadSockets(scene.place, detail=True), SocketTable)
    held = [s for s in table.streams if _is_ours(scene, s)]
    if not held:
        return Ruling(
            "fine", f"{scene.place.label} holds none to {scene.focus.address}"
        )
    there = _far_ends(scene)
    gone = next((s for s in held if _left_open(s)), None)
    if gone is not None:
        return _closed(scene, gone)
    lost = [s for s in held if _in_vain(s)]
    for stream in lost:
        idled = vip_idle(scene, stream)
        if idled is not None:
            return idled
        if there is not None and _ends(stream) not in there:
            return _dead(scene, stream)
        forgotten = _forgotten(scene, stream)
        if forgotten is not None:
            return forgotten
    if lost:
        shown = _shown(lost[0])
        return Ruling("vain", shown, Mark.ODD, (shown,), {"vain": shown})
    return Ruling("fine", f"yes: {len(held)} are held, and none waits in vain")


def _is_ours(scene: Scene, stream: Stream) -> bool:
    target = scene.case.target
    named = scene.try_look(Resolve(scene.place, target.host), Resolution)
    known = set(named.addresses) if named else {scene.focus.address}
    return stream.remote_port == target.port and (
        stream.remote in known or scene.owner(stream.remote).container is None
    )


def _in_vain(stream: Stream) -> bool:
    """Bytes were sent, sent again, and nothing confirmed them."""
    info = stream.info
    return (
        stream.state == "ESTAB"
        and info is not None
        and info.unacked > 0
        and info.retransmitting > 0
    )


def _left_open(stream: Stream) -> bool:
    """Closed by the other side a while ago, and still held."""
    info = stream.info
    return (
        stream.state == "CLOSE-WAIT"
        and stream.process is not None
        and info is not None
        and info.heard_ago_ms >= LEFT_MS
    )


def _ends(stream: Stream) -> tuple[str, int]:
    return stream.local, stream.local_port


def _far_ends(scene: Scene) -> set[tuple[str, int]] | None:
    """The other ends of the server's own connections; None where it is not seen."""
    focus = scene.focus
    if focus.place is None or focus.place == HOST or focus.mapping is not None:
        return None
    table = scene.try_look(ReadSockets(focus.place), SocketTable)
    if table is None:
        return None
    return {(s.remote, s.remote_port) for s in table.streams}


def _shown(stream: Stream) -> str:
    info = stream.info
    spot = dial(stream.local, stream.local_port)
    text = f"{spot} > {dial(stream.remote, stream.remote_port)} is {stream.state}"
    if stream.process is not None:
        text += f", held by {stream.process.name} (pid {stream.process.pid})"
    if info is not None and info.unacked:
        text += (
            f"; what it sent was sent {info.total_retransmits + 1} times and not "
            f"confirmed; it heard last {info.heard_ago_ms / 1000:.0f} s ago"
        )
    return text


def _values(scene: Scene, stream: Stream) -> dict[str, str]:
    return {
        "server": server_name(scene),
        "held": f"{dial(stream.local, stream.local_port)} to "
        f"{dial(stream.remote, stream.remote_port)}",
        "process": stream.process.name if stream.process else "the application",
        "symptom": scene.case.symptom.value if scene.case.symptom else "reset",
    }


def _closed(scene: Scene, stream: Stream) -> Ruling:
    """The other side has said good-bye, and the application has not looked."""
    shown = _shown(stream)
    server = scene.focus.server
    evidence = [f"{shown}: the other side has closed it, the application has not"]
    if server is not None and server.started_at is not None:
        evidence.append(f"{server.name} is up for {uptime(server, scene)}")
    evidence.append("a fresh connection to it works")
    return Ruling("stale", shown, Mark.BAD, tuple(evidence), _values(scene, stream))


def _dead(scene: Scene, stream: Stream) -> Ruling:
    """The server's kernel knows nothing of it."""
    shown = _shown(stream)
    name = server_name(scene)
    evidence = (
        f"{shown}; {name} has no such connection any more",
        f"{name} is up for {uptime(scene.focus.server, scene)}; a fresh connection "
        "to it works",
    )
    return Ruling("stale", shown, Mark.BAD, evidence, _values(scene, stream))


def _forgotten(scene: Scene, stream: Stream) -> Ruling | None:
    """Whether this host has forgotten a flow, where it tracks those like it."""
    view = scene.look(
        ReadConntrack(HOST, Protocol.TCP, stream.remote, stream.remote_port),
        ConntrackView,
    )
    if view.more:
        return None
    ends = (stream.local, stream.local_port, stream.remote, stream.remote_port)
    if view.between(*ends) is not None:
        return None
    alike = [f for f in view.flows if f.original.source == stream.local]
    if not alike:
        return None
    limit = view.established_s
    evidence = (
        f"{_shown(stream)}",
        f"this host tracks no such flow any more, though it tracks {alike[-1].text}: a "
        "fresh connection on the same way",
        f"nf_conntrack_tcp_timeout_established is {limit} s here",
    )
    values = _values(scene, stream) | {
        "limit": f"{limit} s",
        "short_limit": "yes" if 0 < limit < SHORT_IDLE_S else "",
        "usual_limit": str(SAFE_IDLE_S),
        "keepalive": str(max(1, min(60, limit // 2 or 60))),
    }
    return Ruling("forgotten", evidence[0], Mark.BAD, evidence, values)


def _of_the_client(scene: Scene, source: str) -> bool:
    """Whether an address is the client's: another sender's trouble is not its own."""
    kind, client = scene.case.client.kind, scene.client
    owner = scene.owner(source)
    if kind is ClientKind.OUTSIDE:
        return owner.kind is OwnerKind.ELSEWHERE
    if client is not None:
        return owner.container is not None and owner.container.id == client.id
    return kind is ClientKind.HOST and owner.kind in _OF_HOST


def datagrams(scene: Scene) -> Ruling:
    """Whether a UDP flow is still translated to where a container used to be."""
    focus = scene.focus
    target = scene.case.target
    if focus.mapping is None or target.protocol is not Protocol.UDP:
        return Ruling("fine", "no UDP port is published on the way", quiet=True)
    if focus.server is None:
        return Ruling("fine", "no container is behind it", quiet=True)
    view = scene.look(
        ReadConntrack(HOST, Protocol.UDP, focus.address, focus.port), ConntrackView
    )
    own = set(focus.server.addresses)
    astray = [
        f
        for f in view.flows
        if _of_the_client(scene, f.original.source)
        and f.reply.source not in own
        and not (f.replied and f.reply.source == focus.address)
    ]
    if not astray:
        return Ruling("fine", "yes, every tracked flow leads to it")
    flow = astray[0]
    name = focus.server.name
    led = (
        f"to {flow.reply.source}"
        if flow.reply.source != focus.address
        else "to this host itself"
    )
    line = (
        f"this host still tracks {flow.text}: it leads {led}, and {name} is "
        f"{' or '.join(sorted(own))}"
    )
    return Ruling(
        "stale",
        f"no: {flow.original.text} leads {led}",
        Mark.BAD,
        (line,),
        {
            "server": name,
            "sender": flow.original.source,
            "sender_port": str(flow.original.source_port),
            "flow": flow.text,
            "led": led,
            "dialled": focus.address,
            "dialled_port": str(focus.port),
            "symptom": "timeout",
        },
    )


NODES = (
    Node(
        "pool",
        "do the connections that {client} keeps still live?",
        pool,
        {
            "fine": Branch("yes, or it keeps none", "served"),
            "stale": Branch(
                "no: the other end is gone", fault("stale-pooled-connection")
            ),
            "virtual": Branch(
                "no: the swarm's IPVS has forgotten one",
                fault("swarm-vip-idle-timeout"),
            ),
            "forgotten": Branch(
                "no: this host has forgotten one", fault("nat-idle-timeout")
            ),
            "vain": Branch(
                "one waits in vain",
                undetermined(
                    "a fresh connection to {target} works; an old one does not: {vain}",
                    "does something between the two forget idle connections (a load "
                    "balancer, a NAT gateway)? Keepalive below its limit would tell",
                ),
            ),
        },
    ),
    Node(
        "datagrams",
        "do tracked UDP flows lead to {server}?",
        datagrams,
        {
            "fine": Branch("yes", HEALTHY),
            "stale": Branch("no", fault("udp-stale-conntrack")),
        },
    ),
)
