"""Whether a process waits for a name server's answer, and for which one's.

A resolver connects its UDP socket to the server it asks (glibc and musl do), so that
for as long as it waits the kernel shows a socket to port 53. Nothing is captured.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from netwiz.probes.errors import mapped
from netwiz.probes.facts.base import HOST, Place
from netwiz.probes.facts.load import Asked, NameQuestions
from netwiz.probes.facts.sockets import Process
from netwiz.probes.netlink import sockdiag
from netwiz.probes.netlink.dump import Dumper
from netwiz.probes.requests import WatchAsking
from netwiz.probes.sockets import processes, sockraw

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

POLL_S = 0.1
LIMIT_MS = 8000
DNS_PORT = 53
_CONNECTED = 1 << sockraw.ESTABLISHED


async def watch_asking(ground: Ground, request: WatchAsking) -> NameQuestions:
    """Every question to a name server that was open for a while in a place.

    Returns when the budget ends, at the latest after 8 s. Raises ProbeError when the
    namespace is gone.
    """
    place = request.place
    began = time.monotonic()
    end = began + min(max(request.budget_ms, 0), LIMIT_MS) / 1000
    first: dict[int, tuple[float, str]] = {}
    last: dict[int, float] = {}
    known: dict[int, Process] = {}
    own = {ground.namespaces.inode(place)}
    while True:
        open_now = await ground.namespaces.call(place, _asking_here, place)
        now = time.monotonic()
        if new := [inode for inode in open_now if inode not in first]:
            # Now: once the question is given up, nobody knows whose it was.
            known |= await ground.namespaces.call(HOST, processes.owners, new, own)
        for inode, server in open_now.items():
            first.setdefault(inode, (now, server))
            last[inode] = now
        if now + POLL_S > end:
            break
        await asyncio.sleep(POLL_S)
    return NameQuestions(
        command=f"{ground.namespaces.enter(place)}watch -n 0.1 ss -unp dport = :53",
        place=place,
        watched_ms=(time.monotonic() - began) * 1000,
        asked=tuple(
            Asked(
                server,
                (last[inode] - since) * 1000,
                known[inode].name if inode in known else "",
            )
            for inode, (since, server) in first.items()
        ),
    )


def _asking_here(place: Place) -> dict[int, str]:
    """The calling thread's sockets that are connected to a name server's port."""
    with mapped(f"the sockets of {place.label}"), Dumper(4) as dumper:
        return {
            raw.inode: sockraw.unmapped(raw.remote)
            for raw in sockdiag.read_raw(dumper, "udp", _CONNECTED)
            if raw.remote_port == DNS_PORT
        }
