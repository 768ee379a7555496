"""Runs on the lab's host: the same walk, with a container killed before each probe.

`python -m tests.robust.vanish FROM TO VICTIM SYMPTOM PORT` walks the case once whole,
then once for each probe of that walk, before which the victim is killed; it prints a
JSON list of what each walk came to and of what it left. Symptom ``-`` names none; the
victim counts as back when it listens on PORT (0: as soon as it runs).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from netwiz.probes.engine.senses import open_engine
from netwiz.probes.facts import Finding, SnapshotTaken
from netwiz.probes.machine import Machine
from netwiz.probes.requests import Request, TakeSnapshot
from netwiz.wizard.case import Case, Symptom, parse_client, parse_target
from netwiz.wizard.report_json import to_json
from netwiz.wizard.verdict import Diagnosis
from netwiz.wizard.walk import diagnose
from tests.lab.outside import listens
from tests.lab.state import wait_until

MOST = 60


@dataclass(frozen=True)
class Came:
    """What one walk came to."""

    stage: int
    """Before which request the victim was killed; -1: before none."""
    before: str
    """That request's name."""
    asked: int
    outcome: str
    cause: str
    also: list[str]
    summary: str
    missing: list[str]
    left: list[str]
    ms: float


def docker(*words: str) -> str:
    done = subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def revive(victim: str, port: int) -> None:
    """Have it run and serve again, as it did."""
    if docker("inspect", "-f", "{{.State.Running}}", victim) == "true":
        return
    docker("start", victim)
    pid = docker("inspect", "-f", "{{.State.Pid}}", victim)
    if port:
        netns = Path(f"/proc/{pid}/ns/net")
        for address in ("0.0.0.0", "127.0.0.1"):
            if _appears(netns, address, port):
                return
        raise SystemExit(f"{victim} does not listen again")


def _appears(netns: Path, address: str, port: int) -> bool:
    both = ("0.0.0.0", "127.0.0.1")

    def there() -> bool:
        return any(listens(netns, "tcp", one, port) for one in both)

    wait_until(there, f"it listens on {address}:{port}")
    return True


def open_files() -> set[str]:
    """What this process holds open, but for the pipes it was given."""
    held = set()
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - vanishing entries
        try:
            held.add(os.readlink(f"/proc/self/fd/{number}"))  # noqa: PTH115
        except OSError:
            continue
    return {text for text in held if text.startswith("socket:") or "net" in text}


def workers() -> int:
    """Threads of ours; those of asyncio end with its loop."""
    return sum(not t.name.startswith("asyncio_") for t in threading.enumerate())


def leftovers(files: set[str], threads: int) -> list[str]:
    """Sockets, namespaces, taps, threads and tasks that outlive a closed machine."""
    gone = partial(_at_home, files, threads)
    try:
        wait_until(gone, "everything is given back", 30.0)
    except RuntimeError:
        names = sorted(t.name for t in threading.enumerate())
        return [*sorted(open_files() - files), f"threads {names}"]
    return [
        t.get_name() for t in asyncio.all_tasks() if t is not asyncio.current_task()
    ]


def _at_home(files: set[str], threads: int) -> bool:
    taps = Path("/proc/net/packet").read_text().splitlines()[1:]
    return not taps and workers() <= threads and not open_files() - files


async def walk(words: list[str], stage: int) -> Came:
    """One walk on a machine of its own."""
    client, target, victim, symptom, _ = words
    files, threads = open_files(), workers()
    machine = Machine(open_engine())
    asked: list[Request] = []

    async def perform(request: Request) -> Finding:
        asked.append(request)
        if len(asked) - 1 == stage:
            docker("kill", victim)
        return await machine.perform(request)

    try:
        taken = await machine.perform(TakeSnapshot(fresh=True))
        assert isinstance(taken, SnapshotTaken)
        case = Case(
            parse_client(client, taken.snapshot),
            parse_target(target),
            None if symptom == "-" else Symptom(symptom),
        )
        found = await diagnose(case, perform)
    finally:
        machine.close()
    return _came(found, stage, asked, leftovers(files, threads))


def _came(found: Diagnosis, stage: int, asked: list[Request], left: list[str]) -> Came:
    told = to_json(found)
    json.dumps(told, allow_nan=False)
    return Came(
        stage=stage,
        before=str(asked[stage]) if 0 <= stage < len(asked) else "",
        asked=len(asked),
        outcome=found.result.value,
        cause=found.cause.id if found.cause else "",
        also=[c.id for c in found.also],
        summary=found.summary,
        missing=list(found.missing),
        left=left,
        ms=found.elapsed_ms,
    )


async def main(words: list[str]) -> list[Came]:
    """The whole walk, then one for each of its probes."""
    victim, port = words[2], int(words[4])
    # The first loads libraries, which keep a file or a thread of their own.
    await walk(words, -1)
    whole = await walk(words, -1)
    came = [whole]
    for stage in range(min(whole.asked, MOST)):
        came.append(await walk(words, stage))
        revive(victim, port)
    return came


if __name__ == "__main__":
    print(json.dumps([asdict(one) for one in asyncio.run(main(sys.argv[1:]))]))
