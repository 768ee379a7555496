"""A wire with sockets on it, and the watch that looks at their flows."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from netwiz.probes.facts import HostFacts, Place, Snapshot
from netwiz.probes.facts.flows import Flow, FlowTable, TroubleKind
from netwiz.probes.flows.watch import FlowWatch
from tests.probes.wire import SERVER4, Wire

R = TypeVar("R")

PATIENCE_S = 60.0


class Bench:
    """Sockets on a wire, and the watch that looks at them."""

    def __init__(self, wire: Wire, watch: FlowWatch, stack: ExitStack) -> None:
        self.wire, self.watch, self.stack = wire, watch, stack

    def here(self, place: Place, make: Callable[[], R]) -> R:
        return self.wire.ground.namespaces.call_here(place, make)

    def listen(
        self, address: str = SERVER4, port: int = 0, backlog: int = 8
    ) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def make() -> socket.socket:
            return socket.create_server((address, port), family=family, backlog=backlog)

        return self.stack.enter_context(self.here(self.wire.server.place, make))

    def dial(self, server: socket.socket, to: str = SERVER4) -> socket.socket:
        where = (to, server.getsockname()[1])

        def make() -> socket.socket:
            return socket.create_connection(where, timeout=30)

        return self.stack.enter_context(self.here(self.wire.client.place, make))

    def pair(self, address: str = SERVER4) -> tuple[socket.socket, socket.socket]:
        server = self.listen(address)
        client = self.dial(server, address)
        return client, self.stack.enter_context(server.accept()[0])

    async def until(self, fact: Callable[[FlowTable], object]) -> FlowTable:
        """The first look at which something is true."""
        end = time.monotonic() + PATIENCE_S
        while True:
            table = await self.watch.sweep()
            if fact(table):
                return table
            if time.monotonic() > end:
                pytest.fail(f"not seen: {table}")
            await asyncio.sleep(0.1)


def between(table: FlowTable, client: socket.socket) -> Flow:
    """The one flow of this client's socket."""
    ours = client.getsockname()[:2]
    (found,) = [f for f in table.flows if (f.client.address, f.client.port) == ours]
    return found


def has(table: FlowTable, client: socket.socket, kind: TroubleKind) -> bool:
    return kind in [trouble.kind for trouble in between(table, client).troubles]


def run(line: str) -> None:
    subprocess.run(line.split(), check=True, timeout=30)


@contextlib.asynccontextmanager
async def watched(wire: Wire) -> AsyncIterator[Bench]:
    names = (wire.client.name, wire.server.name)
    snapshot = Snapshot(datetime.now(UTC), host=HostFacts(namespaces=names))
    wire.ground.snapshot = snapshot
    with ExitStack() as stack:
        async with FlowWatch(wire.ground) as watch:
            yield Bench(wire, watch, stack)
