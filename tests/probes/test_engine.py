from __future__ import annotations

import asyncio
import os
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from netwiz.probes.engine import collect as engine_collect
from netwiz.probes.engine.parse import inspected_container
from netwiz.probes.engine.senses import (
    refresh,
    take_snapshot,
)
from netwiz.probes.facts import Snapshot
from netwiz.probes.machine import Ground
from netwiz.probes.requests import TakeSnapshot
from netwiz.probes.sockets import processes
from netwiz.probes.sockets.processes import start_time
from tests.probes.fake_engine import FakeEngine, Request, key

ROUND = TakeSnapshot(fresh=True)


async def look(stage: Ground) -> Snapshot:
    return (await take_snapshot(stage, ROUND)).snapshot


async def test_a_snapshot_tells_of_engine_host_and_containers(
    engine: FakeEngine, stage: Ground
) -> None:
    engine.add(1)
    engine.routes["/info"] = {
        "Name": "prod-01",
        "SecurityOptions": ["name=rootless"],
        "LiveRestoreEnabled": True,
        "Warnings": ["WARNING: bridge-nf-call-iptables is disabled"],
    }
    found = await look(stage)
    assert stage.snapshot is found
    assert found.engine is not None
    assert (found.engine.version, found.engine.api_version) == ("28.2.1", "1.47")
    assert (found.engine.name, found.engine.rootless) == ("prod-01", True)
    assert found.engine.live_restore
    assert found.engine.local
    assert found.engine.warnings == ("WARNING: bridge-nf-call-iptables is disabled",)
    assert [c.name for c in found.containers] == ["c1"]
    assert found.containers[0].detailed
    assert ("lo", "127.0.0.1") in found.host.addresses
    assert found.missing == ""


async def test_a_moment_later_the_same_snapshot_answers(
    engine: FakeEngine, stage: Ground
) -> None:
    first = await take_snapshot(stage, TakeSnapshot())
    asked = len(engine.seen)
    again = await take_snapshot(stage, TakeSnapshot())
    assert again.snapshot is first.snapshot
    assert len(engine.seen) == asked
    assert (await look(stage)) is not first.snapshot


async def test_only_what_changed_is_inspected_again(
    engine: FakeEngine, stage: Ground
) -> None:
    for number in range(3):
        engine.add(number)
    await look(stage)
    assert engine.inspects() == [key(0), key(1), key(2)]
    listed: Any = engine.routes["/containers/json"]
    listed[0]["Mounts"].reverse()
    listed[0]["Ports"].reverse()
    await look(stage)
    assert len(engine.inspects()) == 3
    listed[1]["Status"] = "Up 4 hours"
    await look(stage)
    assert engine.inspects()[3:] == [key(1)]
    await refresh(stage, [key(2)])
    assert engine.inspects()[4:] == [key(2)]
    listed[0]["Status"] = "Up 2 seconds"
    await refresh(stage)
    await refresh(stage)
    assert engine.inspects()[5:] == [key(0), key(0)]


async def test_a_refresh_does_not_ask_for_the_engine_itself(
    engine: FakeEngine, stage: Ground
) -> None:
    known = (await look(stage)).engine
    engine.seen.clear()
    engine.add(1)
    found = await refresh(stage, [key(1)])
    assert found.engine == known
    assert [c.name for c in found.containers] == ["c1"]
    assert not {"/info", "/version"} & set(engine.seen)


async def test_a_container_that_goes_between_list_and_inspect_is_left_out(
    engine: FakeEngine, stage: Ground
) -> None:
    engine.add(1)
    engine.add(2)
    del engine.routes[f"/containers/{key(1)}/json"]
    assert [c.name for c in (await look(stage)).containers] == ["c2"]


async def test_an_inspect_that_fails_leaves_the_list_entry(
    engine: FakeEngine, stage: Ground
) -> None:
    engine.add(1)
    engine.add(2)
    engine.add(3)
    engine.routes[f"/containers/{key(1)}/json"] = lambda r: r.give(b"{}", 500)
    engine.routes[f"/containers/{key(2)}/json"] = b"<html>"
    engine.routes[f"/containers/{key(3)}/json"] = {"Id": key(9), "Name": "/other"}
    found = await look(stage)
    assert [(c.name, c.detailed) for c in found.containers] == [
        ("c1", False),
        ("c2", False),
        ("c3", False),
    ]


async def test_what_a_guarded_socket_refuses_becomes_a_warning(
    engine: FakeEngine, stage: Ground
) -> None:
    for path in ("/info", "/networks"):
        engine.routes[path] = lambda r: r.give('{"message": "forbidden\\u001b"}', 403)
    found = await look(stage)
    assert found.engine is not None
    told = " ".join(found.engine.warnings)
    assert "/networks: 403: forbidden\\x1b" in told
    assert "/info" in told
    assert found.networks == ()


async def test_pids_of_another_machine_are_not_taken_for_ours(
    engine: FakeEngine, stage: Ground
) -> None:
    engine.add(1, Pid=2**22 - 1, StartedAt="2024-01-05T10:00:00Z")
    found = await look(stage)
    assert found.containers[0].pid == 0
    assert found.engine is not None
    assert not found.engine.local
    assert any("not on this machine" in w for w in found.engine.warnings)
    listed: Any = engine.routes["/containers/json"]
    listed.clear()
    again = (await refresh(stage)).engine
    assert again is not None
    assert again.local
    assert again.warnings == ()


async def test_a_process_that_started_when_the_engine_says_is_the_containers(
    engine: FakeEngine, stage: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = threading.get_native_id()
    monkeypatch.setattr("netwiz.probes.sockets.processes.container_id", lambda _: "")
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    started_s = booted + start_time(ours) / os.sysconf("SC_CLK_TCK")
    started = datetime.fromtimestamp(started_s, UTC).isoformat()
    engine.add(1, Pid=ours, StartedAt=started)
    engine.add(2, Pid=ours, StartedAt="2001-01-05T10:00:00Z")
    found = await look(stage)
    assert [c.pid for c in found.containers] == [ours, 0]
    assert found.engine is not None
    assert found.engine.local


async def test_a_process_of_another_container_is_not_taken(
    engine: FakeEngine, stage: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "container_id", lambda _: key(1))
    ours = threading.get_native_id()
    engine.add(1, Pid=ours)
    engine.add(2, Pid=ours)
    assert [c.pid for c in (await look(stage)).containers] == [ours, 0]


async def test_the_loop_runs_on_while_the_engine_is_asked(
    engine: FakeEngine, stage: Ground
) -> None:
    loop, asked, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def wait(request: Request) -> None:
        loop.call_soon_threadsafe(asked.set)
        assert go_on.wait(30)
        request.give(b"[]")

    engine.routes["/containers/json"] = wait
    async with asyncio.TaskGroup() as group:
        task = group.create_task(look(stage))
        await asked.wait()
        # Only a loop that is not held by the call comes here.
        go_on.set()
    assert task.result().missing == ""
    here = threading.get_ident()
    assert await stage.engine.call("x", lambda _: threading.get_ident()) != here


async def test_three_hundred_containers_are_inspected_off_the_loop(
    engine: FakeEngine, stage: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        engine.add(number)
    threads: set[int] = set()
    read = inspected_container

    def remember(answer: object) -> Any:
        threads.add(threading.get_ident())
        return read(answer)

    monkeypatch.setattr(engine_collect, "inspected_container", remember)
    found = await look(stage)
    assert len(found.containers) == 300
    assert threading.get_ident() not in threads
    assert len(threads) == 1


async def test_what_could_not_be_inspected_in_time_is_taken_from_the_list(
    engine: FakeEngine, stage: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add(1)
    monkeypatch.setattr(engine_collect, "INSPECT_S", -1)
    assert [c.detailed for c in (await look(stage)).containers] == [False]
    monkeypatch.setattr(engine_collect, "INSPECT_S", 60)
    assert [c.detailed for c in (await look(stage)).containers] == [True]


async def test_a_run_is_known_by_its_process_whatever_its_age(
    engine: FakeEngine, stage: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "container_id", lambda _: key(1))
    starts = [7]
    monkeypatch.setattr(processes, "start_time", lambda _: starts[0])
    engine.add(1, Pid=4711)
    listed: Any = engine.routes["/containers/json"]
    for age in ("Up 2 seconds", "Up About a minute"):
        listed[0]["Status"] = age
        await refresh(stage)
    assert engine.inspects() == [key(1)]
    listed[0]["Status"] = "Up 2 minutes (unhealthy)"
    await refresh(stage)
    assert len(engine.inspects()) == 2
    starts[0] = 8
    await refresh(stage)
    assert len(engine.inspects()) == 3
