"""Logs of real containers: blocks, fields, floods, rotation, restarts, sudden ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from netwiz.probes.engine.senses import open_engine
from netwiz.probes.facts import LogGap, LogLevel, LogLine
from netwiz.probes.logs.follower import LogFollower
from netwiz.probes.machine import Machine
from tests.lab.engine import Lab
from tests.lab.state import wait_until
from tests.probes.test_logs import until
from tests.project import ROOT

pytestmark = pytest.mark.lab

PATIENCE_S = 60
TRACEBACK = """
import socket
socket.setdefaulttimeout(5)
try:
    socket.create_connection(("127.0.0.1", 3000))
except OSError as error:
    raise RuntimeError("no database") from error
"""
FLOOD = """
import os, sys, time
print("ready", flush=True)
while not os.path.exists("/go"):
    time.sleep(0.01)
for round in range(60):
    sys.stdout.write("".join(f"tick {round} {n}\\n" for n in range(1000)))
    sys.stdout.flush()
print("Error: connect ECONNREFUSED 127.0.0.1:3000", flush=True)
for round in range(60):
    sys.stdout.write("".join(f"tock {round} {n}\\n" for n in range(1000)))
    sys.stdout.flush()
print("the end", flush=True)
time.sleep(1000)
"""
PARENT = """
import asyncio, os, sys
from netwiz.probes.engine.senses import open_engine
from netwiz.probes.logs.follower import LogFollower
from netwiz.probes.machine import Machine

async def main():
    async with LogFollower(Machine(open_engine()).ground) as logs:
        logs.add([sys.argv[1]])
        async for said in logs:
            print(logs.child, flush=True)

asyncio.run(main())
"""


@pytest.fixture
def clean(lab: Lab) -> Lab:
    lab.restore()
    return lab


@pytest.fixture
def machine(clean: Lab) -> Iterator[Machine]:
    made = Machine(open_engine(clean.env()))
    yield made
    made.close()


@pytest.fixture
async def logs(machine: Machine) -> AsyncIterator[LogFollower]:
    async with LogFollower(machine.ground, tail=5000) as following:
        yield following


def started(lab: Lab, *words: str, image: str = "lab/busybox") -> str:
    """The id of a container that runs a shell line or a program."""
    run = ("run", "-d", "--name", "app")
    *options, last = words
    command = ("python3", "-c", last) if image == "lab/python" else ("sh", "-c", last)
    return lab.docker(*run, *options, image, *command).strip()


async def lines(
    logs: LogFollower, enough: Callable[[list[LogLine]], bool]
) -> tuple[list[LogLine], list[LogGap]]:
    """What is told until it is enough."""
    told: list[LogLine] = []
    gaps: list[LogGap] = []
    async with asyncio.timeout(PATIENCE_S):
        async for said in logs:
            if isinstance(said, LogLine):
                told.append(said)
            elif isinstance(said, LogGap):
                gaps.append(said)
            if enough(told):
                break
    return told, gaps


def has(text: str) -> Callable[[list[LogLine]], bool]:
    return lambda told: bool(told) and text in told[-1].text


async def test_a_programs_trace_is_one_entry_with_its_network_error(
    clean: Lab, logs: LogFollower
) -> None:
    logs.add([started(clean, TRACEBACK, image="lab/python")])
    told, _ = await lines(logs, bool)
    (block,) = told
    assert block.text == "Traceback (most recent call last):"
    assert block.stream == "stderr"
    assert block.more[-1] == "RuntimeError: no database"
    assert block.error is not None
    assert block.error.symptom == "refused"
    assert block.telling.startswith("ConnectionRefusedError: ")
    assert block.level is LogLevel.ERROR


@pytest.mark.parametrize("tty", [(), ("-t",)], ids=["frames", "tty"])
async def test_fields_and_blocks_with_and_without_a_tty(
    clean: Lab, logs: LogFollower, tty: tuple[str, ...]
) -> None:
    shell = (
        """echo '{"level":40,"msg":"slow","ms":7}';"""
        r""" printf 'ERROR bad\n\tat a.b(C.java:1)\n\033[31mred\033[0m \033[2J\n';"""
        " exec sleep 1000"
    )
    logs.add([started(clean, *tty, shell)])
    told, _ = await lines(logs, has("red"))
    slow, bad, red = told
    assert (slow.text, slow.level) == ("slow  ms=7", LogLevel.WARN)
    assert slow.raw == '{"level":40,"msg":"slow","ms":7}'
    assert (bad.text, bad.level) == ("ERROR bad", LogLevel.ERROR)
    assert [line.strip() for line in bad.more] == ["at a.b(C.java:1)"]
    assert red.text == "red \\x1b[2J"


async def test_a_flood_is_counted_and_its_network_error_is_not_lost(
    clean: Lab, logs: LogFollower
) -> None:
    logs.add([started(clean, FLOOD, image="lab/python")])
    await lines(logs, has("ready"))
    clean.docker("exec", "app", "python3", "-c", "open('/go', 'w')")
    told, gaps = await lines(logs, has("the end"))
    skipped = sum(gap.lines for gap in gaps)
    assert skipped
    assert len(told) + skipped == 120_002
    errors = [line for line in told if line.error]
    assert errors
    assert errors[0].error is not None
    assert errors[0].error.symptom == "refused"


async def test_a_log_that_is_rotated_is_followed_through(
    clean: Lab, logs: LogFollower
) -> None:
    rotating = ("--log-opt", "max-size=20k", "--log-opt", "max-file=2")
    shell = (
        "n=0; while [ $n -lt 2000 ]; do echo line $n; n=$((n+1));"
        " [ $((n % 50)) = 0 ] && sleep 0.02; done; exec sleep 1000"
    )
    logs.add([started(clean, *rotating, shell)])
    told, gaps = await lines(logs, has("line 1999"))
    numbers = [int(line.text.split()[1]) for line in told]
    assert numbers == sorted(set(numbers))
    assert not gaps
    assert numbers[-1] - numbers[0] + 1 == len(numbers)


async def test_a_container_that_is_restarted_goes_on_where_it_was(
    clean: Lab, logs: LogFollower
) -> None:
    key = started(clean, "echo up; trap exit TERM; sleep 1000 & wait")
    logs.add([key])
    first, _ = await lines(logs, has("up"))
    for _ in range(2):
        clean.docker("restart", "-t", "5", "app")
        async with asyncio.timeout(PATIENCE_S):
            await until(lambda: not logs.following)
        logs.add([key])
        again, _ = await lines(logs, has("up"))
        assert len(again) == 1
        assert again[0].at > first[-1].at
        first = again


def test_the_reader_dies_with_its_parent(clean: Lab) -> None:
    key = started(clean, "while :; do echo x; sleep 0.05; done")
    environ = clean.env() | {"PYTHONPATH": f"{ROOT / 'src'}"}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, key],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{child}").exists(), "the reader has ended")
