"""netwiz's capture without screen or command: what the engine of it does by itself.

`python -m tests.bench.capture_inside NAMESPACE DEVICE FILE` captures to the file until
SIGINT, says `ready` once it listens, and prints what it counted, as JSON. FILE may be
`-`: then nothing is written, and rows are only taken in.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import dataclass, field

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.stream import open_capture
from netwiz.probes.capture.wanted import (
    CaptureStream,
    CaptureWanted,
    FileWanted,
    TapWanted,
)
from netwiz.probes.engine.senses import open_engine
from netwiz.probes.facts import Place
from netwiz.probes.facts.packets import CaptureCounts, CaptureEnded, CaptureStarted
from netwiz.probes.machine import Machine

ENDLESS = 1 << 42


@dataclass(slots=True)
class Heard:
    """What a stream has said."""

    counts: CaptureCounts = field(default_factory=CaptureCounts)
    rows: int = 0
    why: str = ""

    async def listen(self, stream: CaptureStream) -> None:
        async for said in stream:
            if isinstance(said, CaptureStarted):
                print("ready", flush=True)
            elif isinstance(said, Batch):
                self.rows += len(said)
            elif isinstance(said, CaptureCounts):
                self.counts = said
            elif isinstance(said, CaptureEnded):
                self.why = said.why


async def capture(namespace: str, device: str, path: str) -> Heard:
    """Until SIGINT."""
    enough = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, enough.set)
    tap = TapWanted(Place.netns(namespace), namespace, device)
    file = None
    if path != "-":
        file = FileWanted(path, rotate_bytes=ENDLESS, keep=1, spare_bytes=1 << 28)
    heard = Heard()
    machine = Machine(open_engine())
    try:
        wanted = CaptureWanted(taps=(tap,), file=file)
        async with (
            open_capture(machine.ground, wanted) as stream,
            asyncio.TaskGroup() as tasks,
        ):
            listening = tasks.create_task(heard.listen(stream))
            waiting = tasks.create_task(enough.wait())
            both = (listening, waiting)
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            await stream.stop()
    finally:
        machine.close()
    return heard


def main(words: list[str]) -> None:
    heard = asyncio.run(capture(*words))
    counts = heard.counts
    told = {
        "seen": counts.seen,
        "dropped": counts.dropped,
        "written": counts.written,
        "rows": heard.rows,
        "why": heard.why,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
