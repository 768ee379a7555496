"""Runs on the lab's host: the walk and the snapshot inside one process, timed.

`python -m tests.bench.inside walk FROM TO N` and `... snapshot N` print a JSON list of
milliseconds. A process of its own, because it has to stand in the lab's namespaces.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from netwiz.probes.engine.senses import MOMENT_S, open_engine
from netwiz.probes.facts import Snapshot, SnapshotTaken
from netwiz.probes.machine import Machine
from netwiz.probes.requests import TakeSnapshot
from netwiz.wizard.case import Case, parse_client, parse_target
from netwiz.wizard.walk import diagnose


async def snapshot_of(machine: Machine) -> Snapshot:
    found = await machine.perform(TakeSnapshot(fresh=True))
    if not isinstance(found, SnapshotTaken) or found.snapshot.engine is None:
        raise SystemExit(f"no snapshot: {found}")
    return found.snapshot


async def walk(client: str, target: str, repeat: int) -> dict[str, object]:
    """Time from the case to the verdict, where libraries are loaded already."""
    machine = Machine(open_engine())
    samples = []
    outcome = ""
    try:
        snapshot = await snapshot_of(machine)
        case = Case(parse_client(client, snapshot), parse_target(target))
        await diagnose(case, machine.perform)
        for _ in range(repeat):
            # So long a snapshot is taken for fresh: each walk shall take its own.
            await asyncio.sleep(MOMENT_S + 0.05)
            begun = time.perf_counter()
            diagnosis = await diagnose(case, machine.perform)
            samples.append((time.perf_counter() - begun) * 1000)
            outcome = diagnosis.cause.id if diagnosis.cause else diagnosis.result.value
    finally:
        machine.close()
    return {"samples": samples, "outcome": outcome}


async def snapshot(repeat: int) -> dict[str, object]:
    """Time of a snapshot, by a machine that is new and by one that knows them."""
    first: list[float] = []
    again: list[float] = []
    count = 0
    for _ in range(repeat):
        machine = Machine(open_engine())
        try:
            for samples in (first, again):
                begun = time.perf_counter()
                count = len((await snapshot_of(machine)).containers)
                samples.append((time.perf_counter() - begun) * 1000)
        finally:
            machine.close()
    return {"first": first, "again": again, "containers": count}


def main(words: list[str]) -> None:
    if words[0] == "walk":
        told = asyncio.run(walk(words[1], words[2], int(words[3])))
    else:
        told = asyncio.run(snapshot(int(words[1])))
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
