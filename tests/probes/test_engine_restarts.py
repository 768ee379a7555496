from __future__ import annotations

from typing import Any

import pytest

from netwiz.probes.engine.senses import (
    count_restarts,
)
from netwiz.probes.facts import Failed, Failure, Restarts
from netwiz.probes.machine import Ground, Machine
from netwiz.probes.requests import CountRestarts
from tests.probes.fake_engine import FakeEngine, key


def die(code: object) -> bytes:
    return (
        b'{"Type":"container","Action":"die","Actor":{"ID":"x","Attributes":'
        b'{"exitCode":%s}}}\n' % str(code).encode()
    )


async def test_restarts_are_counted(engine: FakeEngine, stage: Ground) -> None:
    engine.add(1, Status="running", ExitCode=0)
    inspected: Any = engine.routes[f"/containers/{key(1)}/json"]
    inspected["RestartCount"] = 7
    engine.routes["/events"] = die('"1"') + die('"137"')
    line = b"2024-01-05T10:00:00.000000000Z fatal: no config\x1b[0m\n"
    framed = bytes([2, 0, 0, 0]) + len(line).to_bytes(4, "big") + line
    engine.routes[f"/containers/{key(1)}/logs"] = framed * 12
    found = await count_restarts(stage, CountRestarts(key(1)))
    assert (found.count, found.deaths, found.last_exit) == (7, 2, 137)
    assert found.last_lines == ("fatal: no config",) * 10
    assert found.window_s == 600


@pytest.mark.parametrize("events", [b"", b"garbage\n", die("[]"), die("null")])
async def test_events_that_tell_nothing_do_not_break_the_count(
    engine: FakeEngine, stage: Ground, events: bytes
) -> None:
    engine.add(1, ExitCode=3)
    engine.routes["/events"] = events
    machine = Machine(stage.engine)
    found = await machine.perform(CountRestarts(key(1)))
    machine.ground.namespaces.close()
    assert isinstance(found, Restarts)
    assert found.count == 0
    assert found.last_lines == ()


async def test_the_runs_of_a_container_that_is_gone_are_gone(
    engine: FakeEngine,
) -> None:
    machine = Machine(engine.gate())
    for wanted in (key(1), "../../info", ""):
        found = await machine.perform(CountRestarts(wanted))
        assert isinstance(found, Failed)
        assert found.kind is Failure.GONE
    assert "/info" not in engine.seen
    machine.close()
