"""netwiz without its screen, on the lab's host: tells what suspects it has, and when.

`python -m tests.bench.headless SECONDS` runs the real session (engine events, logs,
patrol, book) and prints a JSON line whenever the list of suspects changes, and at the
end one with what it cost.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time

from textual.message import Message

from netwiz.tui.feed import EngineFeed
from netwiz.tui.messages import SnapshotTaken, SuspectsSeen, WorkFailed
from netwiz.tui.session import Session

ENDING_S = 20.0
"""For so long the session may end."""


def tell(message: Message) -> None:
    """One line for each message that matters here."""
    said: dict[str, object] = {"at": time.time()}
    if isinstance(message, SuspectsSeen):
        said["suspects"] = [
            {
                "client": one.client,
                "target": one.target,
                "server": one.server,
                "symptom": one.symptom,
                "standing": one.standing.value,
                "why": one.why,
                "count": one.count,
                "error": one.error,
                "first": one.first.timestamp() if one.first else 0.0,
                "evidence": [f"{e.seen}: {e.text}" for e in one.evidence],
            }
            for one in message.suspects
        ]
    elif isinstance(message, WorkFailed):
        said["failed"] = message.what
    elif isinstance(message, SnapshotTaken):
        said["containers"] = len(message.snapshot.containers)
    else:
        return
    print(json.dumps(said), flush=True)


async def main(seconds: float) -> None:
    feed = EngineFeed()
    try:
        session = asyncio.ensure_future(Session(feed, tell).run())
        await asyncio.wait([session], timeout=seconds)
        session.cancel()
        await asyncio.wait([session], timeout=ENDING_S)
        hung = [repr(task) for task in asyncio.all_tasks() if not session.done()]
    finally:
        feed.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    print(json.dumps({"at": time.time(), "cpu_s": cpu, "hung": hung}), flush=True)
    if hung:
        # It has told which; what waits for ever is not waited for.
        os._exit(3)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
