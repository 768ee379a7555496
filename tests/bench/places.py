"""What the patrol costs while nothing happens: `python -m tests.bench.places [N]`.

Makes N network namespaces in which nothing happens, lets the real patrol go round, and
takes its share of a processor. `inside` is the child that patrols.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from netwiz.probes.facts import HostFacts, Snapshot
from netwiz.probes.patrol.patrol import Patrol
from tests.bench.figures import Figures
from tests.probes.little_net import ground
from tests.project import ROOT

PLACES = 300
WARM_S, SECONDS = 4.0, 20.0
BAR_PERCENT = 1.0


@contextmanager
def namespaces(count: int) -> Iterator[tuple[str, ...]]:
    """So many, removed at the end."""
    names = tuple(f"nwt-{os.getpid()}-{number}-place" for number in range(count))
    add = "".join(f"netns add {name}\n" for name in names)
    delete = "".join(f"netns del {name}\n" for name in names)
    try:
        _ip(add)
        yield names
    finally:
        _ip(delete)


def _ip(lines: str) -> None:
    subprocess.run(["ip", "-force", "-batch", "-"], input=lines, text=True, check=False)


async def patrol(names: tuple[str, ...]) -> dict[str, float]:
    """Go round for a while; gives per cent of a core, and the pace."""
    here = ground()
    facts = HostFacts(root=True, namespaces=names)
    here.snapshot = Snapshot(datetime.now(UTC), facts)
    begun, cpu, interval, places = 0.0, 0.0, 0.0, 0
    async with Patrol(here) as going:
        start = time.monotonic()
        async for signs in going:
            now = time.monotonic()
            interval, places = signs.interval_s, signs.places
            if not begun and now - start > WARM_S:
                begun, cpu = now, time.process_time()
            if begun and now - begun > SECONDS:
                break
        used = (time.process_time() - cpu) / (time.monotonic() - begun)
    here.namespaces.close()
    return {"percent": 100 * used, "interval_s": interval, "places": places}


def measure(figures: Figures, count: int = PLACES, repeat: int = 3) -> None:
    """In a process of its own each time, in a namespace that is quiet."""
    samples, paces = [], []
    with namespaces(count + 1) as names:
        # The last one is where it stands: what happens on this machine is not its load.
        *others, home = names
        argv = [
            "nsenter",
            f"--net=/run/netns/{home}",
            sys.executable,
            "-m",
            "tests.bench.places",
        ]
        path = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
        for _ in range(repeat):
            done = subprocess.run(
                [*argv, "inside", *others],
                env=path,
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            )
            told = json.loads(done.stdout)
            samples.append(float(told["percent"]))
            paces.append(float(told["interval_s"]))
    note = f"a round each {max(paces):.1f} s"
    name = f"patrol of {count} namespaces, of a core"
    figures.add(name, "%", samples, bar=BAR_PERCENT, note=note)


def main(words: list[str]) -> None:
    if words[:1] == ["inside"]:
        print(json.dumps(asyncio.run(patrol(tuple(words[1:])))))
        return
    figures = Figures()
    measure(figures, int(words[0]) if words else PLACES)
    print(*figures.table(), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
