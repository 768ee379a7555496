"""A capture made up for the command line: what is asked of it, and what it says."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field, replace

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.wanted import CaptureWanted, Said
from netwiz.probes.facts import Attachment, Finding, Network, Snapshot
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureStarted,
    CaptureTap,
    Level,
    PacketKind,
    PacketRow,
)
from netwiz.probes.machine import FakeMachine
from netwiz.probes.requests import Request
from tests.tui.cli_helpers import SNAPSHOT, World

AT_NS = 1_795_252_373_123_456_789
"""2026-11-21T09:12:53.123456789Z."""
ORDER, PG = "172.18.0.2", "172.18.0.3"


def _attached(name: str, address: str) -> tuple[Attachment, ...]:
    return (Attachment(network_id="e" * 64, network=name, ipv4=address),)


def _with_networks(snapshot: Snapshot) -> Snapshot:
    order, pg, bouncer, edge = snapshot.containers
    return replace(
        snapshot,
        containers=(
            replace(order, attachments=_attached("shop", ORDER)),
            replace(pg, attachments=_attached("shop", PG)),
            bouncer,
            edge,
        ),
        networks=(
            Network("e" * 64, "shop", device="br-shop"),
            Network("f" * 64, "pg", device="br-pg"),
            Network("d" * 64, "mesh", driver="overlay", scope="swarm"),
            Network("9" * 64, "lan", "macvlan", options=(("parent", "eth0.7"),)),
            Network("8" * 64, "none", "null"),
        ),
        host=replace(
            snapshot.host,
            addresses=(
                ("lo", "127.0.0.1"),
                ("eth0", "10.0.0.5"),
                ("br-shop", "172.18.0.1"),
            ),
        ),
    )


HERE = _with_networks(SNAPSHOT)


def row(number: int, text: str, level: Level = Level.NOTE, tap: int = 0) -> PacketRow:
    """A packet from order to pg, one microsecond after the one before."""
    return PacketRow(
        number=number,
        at_ns=AT_NS + 1000 * (number - 1),
        tap=tap,
        kind=PacketKind.TCP,
        level=level,
        size=74,
        source=f"{ORDER}:40312",
        destination=f"{PG}:3000",
        text=text,
        about=number - 1,
        raw=b"\0" * 74,
    )


SYN = row(1, "SYN, wants to connect", Level.PLAIN)
REFUSED = row(2, "refused by pg: nobody listens on 3000", Level.PROBLEM)
AGAIN = row(3, "SYN sent again", Level.ODD)
COUNTS = CaptureCounts(seen=3, read=3, bytes=222)
ENDED = CaptureEnded(why="stopped")


class Stream:
    """Says what was prepared; then waits to be stopped, unless it ends by itself."""

    def __init__(self, says: Iterable[Said], *, ends: CaptureEnded | None) -> None:
        self._says = says
        self._ends = ends
        self._stopped = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Said]:
        for said in self._says:
            await asyncio.sleep(0)
            yield said
        if self._ends is None:
            await self._stopped.wait()
        yield self._ends or ENDED

    async def stop(self) -> None:
        self._stopped.set()


class DeafStream(Stream):
    """One that does not end when it is asked to."""

    async def stop(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


class _Machine(FakeMachine):
    ground = None


@dataclass
class CaptureWorld(World):
    """In place of the machine and of the engine that captures."""

    snapshot: Snapshot = HERE
    says: Iterable[Said] = (Batch.of([SYN, REFUSED, AGAIN]), COUNTS)
    ends: CaptureEnded | None = ENDED
    wanted: list[CaptureWanted] = field(default_factory=list)
    left: int = 0
    stream: type[Stream] = Stream

    @contextlib.contextmanager
    def machine(self) -> Iterator[FakeMachine]:
        with super().machine() as plain:
            answers: dict[Request, Finding] = dict(plain.answers)
            yield _Machine(answers)

    @contextlib.asynccontextmanager
    async def open_capture(
        self, _ground: object, wanted: CaptureWanted
    ) -> AsyncIterator[Stream]:
        """Stands in for the engine."""
        self.wanted.append(wanted)
        taps = tuple(CaptureTap(t.place, t.name, t.device) for t in wanted.taps)
        path = wanted.file.path if wanted.file else ""
        begun = CaptureStarted(taps=taps, filter=wanted.filter, path=path)
        try:
            yield self.stream(itertools.chain([begun], self.says), ends=self.ends)
        finally:
            self.left += 1
