"""Does the service take the connections that the kernel accepts for it?

The kernel completes a handshake on its own; `accept(2)` only fetches what is done. So a
service that is stopped, hung or out of descriptors still "accepts" until its queue is
full, and then every further SYN is dropped without an answer.
"""

from __future__ import annotations

from netwiz.probes.facts import (
    Container,
    Holder,
    Listener,
    Protocol,
    QueueWatch,
    State,
)
from netwiz.probes.requests import WatchQueue
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Branch, Ruling, fault, undetermined
from netwiz.wizard.trees.words import server_name
from netwiz.wizard.verdict import Mark

WATCH_MS = 3000
"""A busy server takes a connection within that; one that is slow to answer as well."""
WATCH_FULL_MS = 500
"""For a queue that is full in any case."""
_ENGINE = ("dockerd", "docker-proxy", "rootlessport")


def listeners_of(scene: Scene) -> tuple[Listener, ...]:
    """The listening sockets to which the focus leads."""
    focus = scene.focus
    if focus.place is None or scene.case.target.protocol is not Protocol.TCP:
        return ()
    port = focus.inner_port or focus.port
    address = focus.inner_address or focus.address
    return scene.sockets(focus.place).accepting(address, port)


def why_full(scene: Scene) -> Ruling:
    """What keeps a queue full that is known to be full."""
    try:
        ruling = taken(scene, WATCH_FULL_MS)
    except Unseen:
        ruling = Ruling("fine", "not seen", Mark.UNKNOWN)
    known = ("paused", "files")
    return (
        ruling if ruling.branch in known else Ruling("slow", "it is slow", quiet=True)
    )


def taken(scene: Scene, watch_ms: int = WATCH_MS) -> Ruling:
    """Whether connections leave the accept queue, and what keeps them if not."""
    focus, server = scene.focus, scene.focus.server
    if focus.place is None:
        return Ruling("fine", "its queue is beyond this machine", quiet=True)
    if server is not None and server.state is State.PAUSED:
        return _paused(scene, server)
    held = listeners_of(scene)
    if not any(s.queued for s in held):
        return Ruling("fine", "yes, none waits", quiet=True)
    fullest = max(held, key=lambda s: s.queued)
    watch = scene.look(
        WatchQueue(focus.place, fullest.port, fullest.address, watch_ms), QueueWatch
    )
    values = _values(scene, watch)
    shown = f"{watch.listener}: {values['queued']} wait, room for {watch.backlog}"
    if watch.moved and not watch.overflows:
        return Ruling("fine", f"yes: {shown}, and it moves")
    stopped = [h for h in watch.holders if h.stopped]
    if watch.holders and len(stopped) == len(watch.holders):
        return _stopped(scene, stopped, values, watch)
    starved = next((h for h in watch.holders if h.out_of_files), None)
    if starved is not None:
        return _starved(scene, starved, values, watch)
    if any(h.name in _ENGINE for h in watch.holders):
        return Ruling("proxy", f"{shown}; the engine holds it", Mark.ODD, values=values)
    line = _told(watch)
    if watch.full:
        return Ruling("full", f"no: {shown}", Mark.BAD, (line,), values)
    return Ruling("hung", f"no: {shown}", Mark.BAD, (line,), values)


def _told(watch: QueueWatch) -> str:
    used = sum(h.cpu_ms for h in watch.holders)
    who = ", ".join(f"{h.name} (pid {h.pid}, state {h.state})" for h in watch.holders)
    dropped = (
        f"; {watch.overflows} SYNs were dropped meanwhile" if watch.overflows else ""
    )
    return (
        f"{watch.listener} has {watch.queued[-1]} connections in its accept queue "
        f"(room for {watch.backlog}), and none was taken in "
        f"{watch.watched_ms / 1000:.1f} s{dropped}; held by {who or 'nobody seen'}, "
        f"which used {used:.0f} ms of processor time"
    )


def _values(scene: Scene, watch: QueueWatch) -> dict[str, str]:
    holder = next(iter(watch.holders), None)
    return {
        "server": server_name(scene),
        "listener": watch.listener,
        "listeners": watch.listener,
        "server_is_container": "yes" if scene.focus.server else "",
        "queued": str(watch.queued[-1] if watch.queued else 0),
        "backlog": str(watch.backlog),
        "watched": f"{watch.watched_ms / 1000:.1f} s",
        "process": holder.name if holder else "the service",
        "pid": str(holder.pid) if holder else "",
        "server_container": scene.focus.server.name if scene.focus.server else "",
        "server_process": ("" if scene.focus.server or not holder else str(holder.pid)),
        "symptom": scene.values.get("symptom") or "timeout",
    }


def _paused(scene: Scene, server: Container) -> Ruling:
    address = scene.focus.address
    said = f"{server.name} is paused"
    return Ruling(
        "paused",
        said,
        Mark.BAD,
        (f"{server.name} is paused (State.Paused)",),
        paused_values(server, address),
    )


def paused_values(server: Container, address: str) -> dict[str, str]:
    """What the texts of a paused container need."""
    return {
        "server": server.name,
        "address": address,
        "asleep": f"{server.name} is paused",
        "paused_container": server.name,
        "stopped_pids": "",
        "symptom": "timeout",
    }


def _stopped(
    scene: Scene, stopped: list[Holder], values: dict[str, str], watch: QueueWatch
) -> Ruling:
    pids = " ".join(str(h.pid) for h in stopped)
    first = stopped[0]
    name = server_name(scene)
    return Ruling(
        "paused",
        f"no: {first.name} is stopped",
        Mark.BAD,
        (
            f"{first.name} (pid {pids}) holds {watch.listener} and is in state "
            f"{first.state} (stopped); {values['queued']} connections wait in its "
            "queue",
        ),
        values
        | {
            "address": scene.focus.address,
            "asleep": f"{first.name} in {name} is stopped by a signal",
            "paused_container": "",
            "stopped_pids": pids,
        },
    )


def _starved(
    scene: Scene, holder: Holder, values: dict[str, str], watch: QueueWatch
) -> Ruling:
    said = f"{holder.open_files} of {holder.max_files} descriptors are open"
    return Ruling(
        "files",
        f"no: {said}",
        Mark.BAD,
        (
            f"{holder.name} (pid {holder.pid}) in {server_name(scene)}: {said} "
            f"(Max open files in /proc/{holder.pid}/limits), and {values['queued']} "
            f"connections wait at {watch.listener}",
        ),
        values
        | {
            "process": holder.name,
            "pid": str(holder.pid),
            "open_files": str(holder.open_files),
            "max_files": str(holder.max_files),
            "more_files": str(max(1024, holder.max_files * 4)),
        },
    )


BRANCHES = {
    "paused": Branch("no, it is paused or stopped", fault("container-paused")),
    "files": Branch("no, it has no descriptor left", fault("fd-exhausted")),
    "full": Branch("no, and its queue is full", fault("accept-backlog-full")),
    "hung": Branch("no, they wait in its queue", fault("app-hung-not-accepting")),
    "proxy": Branch(
        "no, and it is the engine that holds the port",
        undetermined(
            "{process} holds {listener} for {server}: connections wait there and none "
            "is taken",
            "do the engine's NAT rules for this port still exist "
            "(iptables -t nat -S DOCKER)?",
        ),
    ),
}
"""All but `fine`, which leads elsewhere for each node that asks."""
