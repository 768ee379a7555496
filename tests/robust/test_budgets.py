"""Nothing takes for ever: no probe, no walk, and not the end of the command."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
import threading
import time
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from netwiz.probes import machine as module
from netwiz.probes import requests as ask
from netwiz.probes.facts import HOST, Failed, Failure, Finding, Place, Trust
from netwiz.probes.machine import SENSES, Machine, SenseEntry
from netwiz.probes.requests import Request
from netwiz.wizard.verdict import Result
from netwiz.wizard.walk import LONGEST_S, diagnose
from tests.wizard.judge_table import Told
from tests.wizard.tables import TABLE
from tests.wizard.world import ORDER, World

PATIENT = (ask.WatchUplink, ask.Repeat)
"""These take as long as the person wants: --wait and --repeat."""
LONGEST_PROBE_S = 15.0
SOON_S = 0.2
"""The budget of every sense, where senses that hang are tried."""
REQUESTS = typing.get_args(Request)
TOLD: dict[str, Any] = {
    "place": ORDER.place,
    "places": (ORDER.place,),
    "name": "pg",
    "server": "192.0.2.1",
    "address": "192.0.2.1",
    "port": 3000,
    "proxy": "192.0.2.1",
    "target": "pg:3000",
    "container_id": ORDER.id,
    "wanted": "pg",
    "url": "http://192.0.2.1/ca.crt",
    "talk": ask.TalkTls(ORDER.place, "192.0.2.1", 443, trust=Trust.CLIENT),
}


def example(kind: type) -> Request:
    """A request of that type about order."""
    named = {}
    for field in dataclasses.fields(kind):
        required = field.default is dataclasses.MISSING
        if required and field.default_factory is dataclasses.MISSING:
            named[field.name] = TOLD[field.name]
        elif field.name in ("taps", "counters"):
            named[field.name] = (HOST, ORDER.place)
    return typing.cast("Request", kind(**named))


def test_every_request_has_a_sense_with_a_budget() -> None:
    assert set(SENSES) == set(REQUESTS)
    slow = {
        k for k, entry in SENSES.items() if not 0 < entry.budget_s <= LONGEST_PROBE_S
    }
    assert slow == set(PATIENT)


class HungGate:
    """An engine that takes every question and answers none."""

    endpoint = "unix:///x"

    async def call(self, what: str, do: object) -> object:
        del what, do
        await asyncio.Event().wait()
        raise AssertionError

    stream = call

    def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine whose engine and namespaces never answer; order's pid is ours."""
    import os

    end = threading.Event()
    machine = Machine(HungGate())
    snapshot = World(containers=(dataclasses.replace(ORDER, pid=os.getpid()),)).snapshot
    machine.ground.snapshot = snapshot

    def hangs(*_: object, **__: object) -> None:
        end.wait(300)

    monkeypatch.setattr(machine.ground.namespaces, "call_here", hangs)
    for kind, entry in SENSES.items():
        hasty = SenseEntry(entry.module, entry.name, SOON_S)
        monkeypatch.setitem(module.SENSES, kind, hasty)
    yield machine
    end.set()
    machine.close()


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda k: k.__name__)
async def test_a_sense_that_hangs_is_ended_by_its_budget(
    kind: type, hung: Machine
) -> None:
    request = example(kind)
    # Loading a library is no part of the sense's time.
    __import__(SENSES[kind].module)
    before = asyncio.all_tasks()
    begun = time.monotonic()
    found = await hung.perform(request)
    assert time.monotonic() - begun < SOON_S + 30.0
    assert asyncio.all_tasks() == before
    if isinstance(found, Failed):
        assert found.kind in (Failure.BUDGET, Failure.GONE, Failure.ENGINE), found


TABLE_IDS = list(TABLE)


@pytest.mark.parametrize("told", TABLE.values(), ids=TABLE_IDS)
async def test_a_walk_whose_every_probe_is_slow_ends(told: Told) -> None:
    """Each probe takes all of its budget, and answers well at the last moment."""

    async def perform(request: Request) -> Finding:
        found = await told.world.perform(request)
        budget = 0.0 if isinstance(request, PATIENT) else SENSES[type(request)].budget_s
        return dataclasses.replace(found, ms=budget * 1000)

    found = await diagnose(told.about, perform)
    assert found.result is not Result.HEALTHY
    if found.result is Result.FAULT:
        assert found.cause is not None
        assert found.cause.id == told.cause
    else:
        assert "so it was ended" in found.summary, found.summary
        assert len(found.missing) == 2
        assert found.steps
        assert not found.cannot_look


async def slow_walk(told: Told) -> float:
    """Seconds of a walk in which each probe answers at the end of its budget."""
    rounds: list[list[float]] = [[]]

    async def perform(request: Request) -> Finding:
        found = await told.world.perform(request)
        if isinstance(request, PATIENT):
            return found
        rounds[-1].append(SENSES[type(request)].budget_s)
        return dataclasses.replace(found, ms=rounds[-1][-1] * 1000)

    await diagnose(told.about, perform, tell=lambda _: rounds.append([]))
    return sum(max(one, default=0.0) for one in rounds)


async def test_the_time_of_a_slow_walk_is_bounded() -> None:
    took = {name: await slow_walk(told) for name, told in TABLE.items()}
    slowest = max(took, key=lambda name: took[name])
    assert took[slowest] <= LONGEST_S + LONGEST_PROBE_S, (slowest, took[slowest])
    assert took[slowest] > LONGEST_S, "the walk's own limit was met by none"


HANGING = """
import asyncio, threading
from netwiz.probes.facts import HOST
from netwiz.probes.namespaces import Namespaces
async def main():
    ways = Namespaces(lambda _: 1)
    try:
        async with asyncio.timeout(0.05):
            await ways.call(HOST, threading.Event().wait)
    except TimeoutError:
        print("late")
    ways.close()
asyncio.run(main())
"""


def test_a_file_system_that_hangs_does_not_hold_up_the_end() -> None:
    from tests.project import ROOT

    done = subprocess.run(
        [sys.executable, "-c", HANGING],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "late\n", "")


def test_what_waits_for_a_place_in_the_pool_ends_with_the_machine() -> None:
    from netwiz.probes.namespaces import Namespaces

    began: list[int] = []
    holds, go_on = threading.Event(), threading.Event()

    def hold() -> bool:
        holds.set()
        return go_on.wait(20)

    async def main() -> None:
        ways = Namespaces(lambda _: 1, workers=1)
        first = asyncio.ensure_future(ways.call(HOST, hold))
        await asyncio.to_thread(holds.wait, 20)
        late = asyncio.ensure_future(ways.call(Place.netns("x"), began.append, 1))
        await asyncio.sleep(0)
        ways.close()
        with pytest.raises(asyncio.CancelledError):
            await late
        go_on.set()
        assert await first

    asyncio.run(main())
    assert began == []
