"""Targets to suggest, once the sockets of the client and its neighbours were read."""

from __future__ import annotations

import asyncio

from netwiz.probes.facts import Container, Snapshot, SocketTable
from netwiz.probes.requests import ReadSockets
from netwiz.tui.screens.wizard_walk import Performs
from netwiz.wizard.case import Client
from netwiz.wizard.suggest import Suggestion, suggest

MAX_NEIGHBOURS = 16
"""Containers whose listeners are read; each costs a moment."""


async def look_around(
    machine: Performs, snapshot: Snapshot, client: Client
) -> tuple[Suggestion, ...]:
    """What to suggest to this client, by everything that can be seen."""
    others = neighbours(snapshot, client)
    places = [client.place(snapshot), *(other.place for other in others)]
    found = await asyncio.gather(*(machine.perform(ReadSockets(p)) for p in places))
    own = found[0] if isinstance(found[0], SocketTable) else None
    listening = {
        other.id: table
        for other, table in zip(others, found[1:], strict=True)
        if isinstance(table, SocketTable)
    }
    return suggest(snapshot, client, sockets=own, listening=listening)


def neighbours(snapshot: Snapshot, client: Client) -> tuple[Container, ...]:
    """Running containers that share a network with the client."""
    container = client.container(snapshot)
    mine = {a.network_id for a in container.attachments} if container else set()
    found = (
        other
        for other in snapshot.containers
        if other.running
        and other.id != client.container_id
        and not other.on_host_network
        and mine & {a.network_id for a in other.attachments}
    )
    return tuple(found)[:MAX_NEIGHBOURS]
