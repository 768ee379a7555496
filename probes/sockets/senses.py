"""Who listens where and who is connected to whom, in one namespace or in all of them.

The kernel is asked by sock_diag from a thread that stands in the namespace, so nothing
needs to be installed in the image; then the owners are looked up in /proc.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterable
from typing import TypeVar

from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import HOST, Place
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.facts.sockets import (
    Listener,
    ListenersByPlace,
    ListenerWatch,
    Process,
    SocketTable,
    Stream,
)
from netwiz.probes.machine import Ground
from netwiz.probes.netlink import sockdiag
from netwiz.probes.netlink.dump import Dumper
from netwiz.probes.requests import FindListeners, ReadSockets, WatchListener
from netwiz.probes.sockets import processes, sockraw

POLL_S = 0.05
"""Between two looks of `watch_listener`; one look takes a tenth of a millisecond."""
WATCH_LIMIT_MS = 8000
"""The machine's own border is at ten seconds."""
EVERYWHERE_S = 5.0
"""After so long `find_listeners` gives what it has, and names the rest."""

Held = TypeVar("Held", Listener, Stream)


async def read_sockets(ground: Ground, request: ReadSockets) -> SocketTable:
    """Listeners (TCP, UDP) and TCP connections of a place, with their processes."""
    return await ground.namespaces.call(
        request.place,
        _table,
        request.place,
        _shown(ground, request.place, "ss -tuanpi" if request.detail else "ss -tuanp"),
        detail=request.detail,
    )


async def find_listeners(ground: Ground, request: FindListeners) -> ListenersByPlace:
    """Who listens on a port in any namespace of this machine.

    A namespace that several places share is told of once, under the first of them.
    """
    protocol = request.protocol.value

    def look() -> tuple[list[tuple[int, Place, list[Listener]]], list[str]]:
        seen: set[int] = set()
        found: list[tuple[int, Place, list[Listener]]] = []
        unseen: list[str] = []
        end = time.monotonic() + EVERYWHERE_S
        for place in ground.places():
            if time.monotonic() > end:
                unseen.append(place.label)
                continue
            try:
                inode, there = ground.namespaces.call_here(
                    place, _listening, request.port, protocol, seen
                )
            except ProbeError:
                unseen.append(place.label)
                continue
            if there:
                found.append((inode, place, there))
        return found, unseen

    def look_and_name() -> ListenersByPlace:
        found, unseen = look()
        known = processes.owners(
            [item.inode for _, _, there in found for item in there],
            {inode for inode, _, _ in found},
        )
        return ListenersByPlace(
            command=f"ss -{_letter(request.protocol)}lnp 'sport = :{request.port}'",
            port=request.port,
            found=tuple((place, _named(there, known)) for _, place, there in found),
            unseen=tuple(unseen),
        )

    return await ground.namespaces.call(HOST, look_and_name)


async def watch_listener(ground: Ground, request: WatchListener) -> ListenerWatch:
    """Wait until something listens on a port of the place, or the budget ends.

    Raises:
        ProbeError: the place cannot be entered, or went away meanwhile.
    """
    place, port, letter = request.place, request.port, _letter(request.protocol)
    start = time.monotonic()
    end = start + min(max(request.budget_ms, 0), WATCH_LIMIT_MS) / 1000
    while True:
        inode, there = await ground.namespaces.call(
            place, _listening, port, request.protocol.value, set()
        )
        now = time.monotonic()
        if there or now + POLL_S > end:
            break
        await asyncio.sleep(POLL_S)
    appeared: tuple[Listener, ...] = ()
    if there:
        appeared = await ground.namespaces.call(HOST, _with_owners, there, inode)
    return ListenerWatch(
        command=_shown(ground, place, f"watch -n 1 ss -{letter}lnp 'sport = :{port}'"),
        place=place,
        port=port,
        appeared=appeared,
        watched_ms=(now - start) * 1000,
    )


def _table(place: Place, command: str, *, detail: bool = False) -> SocketTable:
    with mapped(f"the sockets of {place.label}"), Dumper(4) as dumper:
        tcp = tuple(sockdiag.read_raw(dumper, "tcp", sockraw.TCP_ALL, detail=detail))
        udp = tuple(sockdiag.read_raw(dumper, "udp", sockraw.UDP_BOUND))
        listeners = sockraw.listeners(tcp + udp)
        streams = sockraw.streams(tcp)
    wanted = [s.inode for s in listeners] + [s.inode for s in streams]
    known = processes.owners(wanted, {processes.namespace_inode("thread-self")})
    return SocketTable(
        command=command,
        place=place,
        listeners=_named(listeners, known),
        streams=_named(streams, known),
    )


def _listening(port: int, protocol: str, seen: set[int]) -> tuple[int, list[Listener]]:
    """The thread's namespace and its listeners on a port, unless seen before."""
    inode = processes.namespace_inode("thread-self")
    if inode and inode in seen:
        return inode, []
    seen.add(inode)
    states = sockraw.TCP_LISTENING if protocol == "tcp" else sockraw.UDP_BOUND
    with mapped("the listening sockets"), Dumper(sockdiag.NETLINK_SOCK_DIAG) as dumper:
        raw = sockdiag.read_raw(dumper, protocol, states)
        return inode, list(sockraw.listeners(r for r in raw if r.local_port == port))


def _with_owners(there: list[Listener], namespace: int) -> tuple[Listener, ...]:
    return _named(there, processes.owners([s.inode for s in there], {namespace}))


def _named(held: Iterable[Held], known: dict[int, Process]) -> tuple[Held, ...]:
    return tuple(
        dataclasses.replace(item, process=known[item.inode])
        if item.inode in known
        else item
        for item in held
    )


def _shown(ground: Ground, place: Place, command: str) -> str:
    return f"{ground.namespaces.enter(place)}{command}"


def _letter(protocol: Protocol) -> str:
    return "t" if protocol is Protocol.TCP else "u"
