"""What it costs to look at the flows of many namespaces, beside `ss` in each of them.

Named namespaces of its own, no engine: three hundred with a listener each, as quiet
containers have, and then three thousand sockets in them, as pools are: one connection
in ten says something between two looks. A process of its own, so that only what looking
takes is counted.

`python -m tests.bench.flows [NAMESPACES [SOCKETS]]` prints the figures alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from netwiz.probes.facts import HostFacts, Place, Snapshot
from netwiz.probes.facts.flows import FlowTable
from netwiz.probes.flows.watch import FlowWatch
from netwiz.probes.machine import Ground
from tests.bench.figures import Figures
from tests.project import ROOT

NAMESPACES, SOCKETS = 300, 3000
LOOKS = 12
PORT = 5432
IDLE = "flows, quiet namespaces"
BUSY = "flows, many sockets"
SS = "by hand: ss -tinH in each namespace"


class NoEngine:
    """An engine gate that nobody asks."""

    endpoint = "unix:///nowhere"

    async def call(self, what: str, do: Callable[[Any], Any]) -> Any:
        """Never."""
        raise RuntimeError(f"the engine was asked: {what}, {do}")

    def close(self) -> None:
        """Nothing to give back."""


@contextlib.contextmanager
def namespaces(count: int) -> Iterator[list[str]]:
    """So many, each with its loopback up; removed again."""
    names = [f"nwb-{os.getpid()}-{number}" for number in range(count)]
    try:
        _ip([f"netns add {name}" for name in names])
        for name in names:
            subprocess.run(
                ["ip", "-n", name, "link", "set", "lo", "up"], check=True, timeout=30
            )
        yield names
    finally:
        _ip([f"netns del {name}" for name in names], force=True)


def _ip(lines: Sequence[str], *, force: bool = False) -> None:
    argv = ["ip", *(["-force"] if force else []), "-batch", "-"]
    text = "\n".join(lines)
    subprocess.run(argv, input=text, text=True, check=not force, timeout=300)


def listener(port: int = PORT) -> list[socket.socket]:
    """A server of the namespace that the thread stands in."""
    return [socket.create_server(("127.0.0.1", port), backlog=512)]


def pairs(server: socket.socket, count: int) -> list[socket.socket]:
    """So many connections to it, both ends."""
    made: list[socket.socket] = []
    for _ in range(count):
        made.append(socket.create_connection(server.getsockname()))
        made.append(server.accept()[0])
    return made


async def measure(count: int, sockets: int) -> dict[str, list[float]]:
    """Milliseconds of processor time of each look, and seconds between two."""
    told: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        names = stack.enter_context(namespaces(count))
        ground = Ground(NoEngine())
        stack.callback(ground.namespaces.close)
        host = HostFacts(namespaces=tuple(names))
        ground.snapshot = Snapshot(datetime.now(UTC), host=host)
        servers: list[socket.socket] = []
        for name in names:
            place = Place.netns(name)
            servers += ground.namespaces.call_here(place, listener)
        for one in servers:
            stack.enter_context(one)
        await _look(ground, told, "idle", [])
        talking: list[socket.socket] = []
        each, more = divmod(sockets // 2, count)
        for number, (name, server) in enumerate(zip(names, servers, strict=True)):
            many = each + (number < more)
            place = Place.netns(name)
            talking += ground.namespaces.call_here(place, pairs, server, many)
        for one in talking:
            stack.enter_context(one)
        await _look(ground, told, "busy", talking)
        told["ss"] = [_ss(names) for _ in range(3)]
    return told


async def _look(
    ground: Ground,
    told: dict[str, list[float]],
    what: str,
    talking: list[socket.socket],
) -> None:
    async with FlowWatch(ground) as watch:
        tables = [await _settled(watch, len(talking) // 2)]
        for _ in range(LOOKS):
            for at in range(0, len(talking), 20):
                talking[at].sendall(b"x" * 100)
                talking[at + 1].recv(100)
            await asyncio.sleep(0.05)
            tables.append(await watch.sweep())
        told[f"{what} share"] = [await _share(watch, tables[-1].pause_s)]
    told[f"{what} first"] = [tables[0].cost_ms]
    # Two were taken before the costs are those of every day: owners are sought once.
    told[what] = [table.cost_ms for table in tables[2:]]
    told[f"{what} pause"] = [table.pause_s for table in tables[2:]]


async def _share(watch: FlowWatch, pause_s: float) -> float:
    """Per cent of a core that this process takes while it looks at its own pace."""
    begun, cpu = time.monotonic(), time.process_time()
    while time.monotonic() - begun < max(4.0, 2 * pause_s):
        await asyncio.sleep(pause_s)
        pause_s = (await watch.sweep()).pause_s
    # A look is paid for by the pause behind it.
    await asyncio.sleep(pause_s)
    return 100 * (time.process_time() - cpu) / (time.monotonic() - begun)


async def _settled(watch: FlowWatch, least: int) -> FlowTable:
    table = await watch.sweep()
    if table.total < least or table.unseen:
        raise RuntimeError(f"{table.total} of {least} flows seen: {table.unseen}")
    return table


def _ss(names: Sequence[str]) -> float:
    """Milliseconds of processor time of `ss` in each of the namespaces."""
    lines = "".join(
        f"nsenter --net=/run/netns/{name} ss -tinH >/dev/null\n" for name in names
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["sh", "-e"], input=lines, text=True, check=True, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used * 1000


def add_figures(figures: Figures, namespaces: int, sockets: int) -> None:
    """Measure in a process of its own, and keep what it tells."""
    argv = [sys.executable, "-m", "tests.bench.flows", str(namespaces), str(sockets)]
    done = subprocess.run(
        [*argv, "--json"],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    told: dict[str, list[float]] = json.loads(done.stdout)
    note = f"{namespaces} namespaces"
    figures.add(f"{IDLE}, a look", "ms", told["idle"], note=note)
    figures.add(f"{IDLE}, of a core", "%", told["idle share"], bar=1, note=note)
    note += f", {sockets} sockets"
    look = figures.add(f"{BUSY}, a look", "ms", told["busy"], note=note)
    figures.add(f"{BUSY}, the first look", "ms", told["busy first"], note=note)
    figures.add(f"{BUSY}, between two", "s", told["busy pause"], note=note)
    figures.add(f"{BUSY}, of a core", "%", told["busy share"], bar=1, note=note)
    figures.add(SS, "ms", told["ss"], against=(look.name,), note=note)


def main(words: Sequence[str]) -> None:
    """Measure here, print a table or what the other process reads."""
    numbers = [int(word) for word in words if word.isdecimal()]
    count, sockets = (*numbers, *(NAMESPACES, SOCKETS)[len(numbers) :])[:2]
    if "--json" in words:
        print(json.dumps(asyncio.run(measure(count, sockets))))
        return
    figures = Figures()
    begun = time.monotonic()
    add_figures(figures, count, sockets)
    print(*figures.table(), f"in {time.monotonic() - begun:.0f} s", sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
