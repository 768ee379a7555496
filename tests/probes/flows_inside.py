"""Runs on the lab's host: a `FlowWatch` that sweeps once per line of its input.

Prints one JSON object per sweep. A process of its own, because it has to stand in the
lab's namespaces.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys

from netwiz.probes.engine.senses import open_engine
from netwiz.probes.flows.watch import FlowWatch
from netwiz.probes.machine import Machine
from netwiz.probes.requests import TakeSnapshot


async def main() -> None:
    """Until the input ends."""
    machine = Machine(open_engine())
    try:
        async with FlowWatch(machine.ground) as watch:
            while line := await asyncio.to_thread(sys.stdin.readline):
                if "relist" in line:
                    await machine.perform(TakeSnapshot(fresh=True))
                table = await watch.sweep()
                print(json.dumps(dataclasses.asdict(table)), flush=True)
    finally:
        machine.close()


if __name__ == "__main__":
    asyncio.run(main())
