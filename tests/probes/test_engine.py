from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netwiz.probes import engine_collect
from netwiz.probes.engine import (
    count_restarts,
    open_engine,
    refresh,
    take_snapshot,
)
from netwiz.probes.engine_gate import DockerGate
from netwiz.probes.engine_parse import inspected_container
from netwiz.probes.engine_read import get, get_json
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import Failed, Failure, Restarts, Snapshot, SnapshotTaken
from netwiz.probes.machine import Ground, Machine
from netwiz.probes.processes import start_time
from netwiz.probes.requests import CountRestarts, TakeSnapshot
from tests.probes.fake_engine import FakeEngine, Request, close, key

ROUND = TakeSnapshot(fresh=True)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with FakeEngine() as made:
        yield made


@pytest.fixture
def stage(engine: FakeEngine) -> Iterator[Ground]:
    made = engine.ground()
    yield made
    close(made)


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
    monkeypatch.setattr("netwiz.probes.processes.container_id", lambda _: "")
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
    monkeypatch.setattr("netwiz.probes.processes.container_id", lambda _: key(1))
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
    monkeypatch.setattr(engine_collect, "INSPECT_S", 4)
    assert [c.detailed for c in (await look(stage)).containers] == [True]


# -- engines that are not there, or are no engines ----------------------


def half(request: Request) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'[{"Id": "')
    request.cut()


def hang(request: Request) -> None:
    request.server.over.wait(30)
    request.cut()


def not_http(request: Request) -> None:
    request.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    request.cut()


@pytest.mark.parametrize(
    ("path", "answer", "word"),
    [
        ("/version", hang, "does not answer in time"),
        ("/version", Request.cut, "broke off"),
        ("/version", not_http, "broke off"),
        ("/version", b"<html>", "did not answer as an engine does"),
        ("/version", b"{}", "did not answer as an engine does"),
        ("/version", {"ApiVersion": "../x"}, "did not answer as an engine does"),
        ("/version", {"ApiVersion": "99999.1"}, "no Docker Engine"),
        ("/containers/json", hang, "does not answer in time"),
        ("/containers/json", half, "broke off"),
        ("/containers/json", Request.cut, "broke off"),
        ("/containers/json", b"<html>", "brought no JSON"),
        ("/containers/json", b"[" * 100_000, "brought no JSON"),
        ("/containers/json", b"", "brought no JSON"),
        ("/containers/json", b"\xff\xfe", "brought no JSON"),
        ("/containers/json", {"message": "no"}, "is no list"),
        (
            "/containers/json",
            lambda r: r.give('{"message": "x\\u001b"}', 500),
            "x\\x1b",
        ),
        ("/containers/json", lambda r: r.give(b"no", 403), "does not allow"),
    ],
)
async def test_an_engine_that_misbehaves_is_said_to_be_missing(
    engine: FakeEngine, path: str, answer: Any, word: str
) -> None:
    engine.routes[path] = answer
    stage = engine.ground(timeout_s=0.2)
    try:
        found = await look(stage)
    finally:
        close(stage)
    assert found.engine is None
    assert word in found.missing
    assert found.missing.isprintable()
    assert found.host.addresses


def endless(request: Request) -> None:
    request.begin_stream()
    while not request.server.over.is_set():
        request.chunk(b" " * 65_536)


def drip(request: Request) -> None:
    request.begin_stream()
    while not request.server.over.wait(0.01):
        request.chunk(b" ")


async def test_an_answer_without_end_is_cut_off(
    engine: FakeEngine, stage: Ground
) -> None:
    engine.routes["/endless"] = endless

    def ask(client: Any) -> bytes:
        return get(client, "/endless", limit=1 << 20)

    with pytest.raises(ProbeError, match="more than 1 MiB"):
        await stage.engine.call("x", ask)


async def test_an_answer_that_drips_is_cut_off(
    engine: FakeEngine, stage: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.routes["/endless"] = drip
    monkeypatch.setattr("netwiz.probes.engine_read.WHOLE_ANSWER_S", 0.05)
    with pytest.raises(ProbeError, match="does not answer in time"):
        await stage.engine.call("x", lambda c: get_json(c, "/endless"))


def nowhere(folder: Path) -> str:
    return f"unix://{folder}/none.sock"


def not_a_socket(folder: Path) -> str:
    (folder / "file.sock").write_text("")
    return f"unix://{folder}/file.sock"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (nowhere, "no such socket"),
        (not_a_socket, "nobody answers|no socket"),
        (lambda _: "tcp://127.0.0.1:1", "nobody answers"),
        (lambda _: "tcp://nowhere.invalid:1", "cannot be resolved"),
        (lambda _: "ssh://box", "run netwiz on it"),
        (lambda _: "gopher://box", "not supported"),
        (lambda _: "tcp://", "no host"),
    ],
)
async def test_a_missing_engine_is_a_snapshot_and_no_failure(
    tmp_path: Path, make: Callable[[Path], str], word: str
) -> None:
    machine = Machine(open_engine({"DOCKER_HOST": make(tmp_path)}))
    try:
        found = await machine.perform(TakeSnapshot())
    finally:
        machine.close()
    assert isinstance(found, SnapshotTaken)
    assert found.snapshot.engine is None
    missing = found.snapshot.missing
    assert any(part in missing for part in word.split("|")), missing
    assert found.snapshot.host.hostname


async def test_a_socket_of_somebody_else_needs_rights(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As root no socket is closed to us, so the kernel's answer is played.
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(DockerGate, "_knock", refuse)
    stage = engine.ground()
    try:
        missing = (await look(stage)).missing
    finally:
        close(stage)
    assert "may not be used" in missing
    assert "sudo netwiz" in missing


async def test_an_engine_that_comes_back_is_seen_again(
    engine: FakeEngine, stage: Ground
) -> None:
    engine.add(1)
    assert (await look(stage)).engine is not None
    engine.stop()
    gone = await refresh(stage)
    assert gone.engine is None
    assert gone.containers == ()
    assert stage.snapshot is gone
    engine.start()
    back = await refresh(stage)
    assert back.engine is not None
    assert back.engine.version == "28.2.1"
    assert len(back.containers) == 1


async def test_a_closed_gate_says_so(engine: FakeEngine) -> None:
    gate = engine.gate()
    await gate.call("x", lambda c: c.api_version)
    gate.close()
    gate.close()
    with pytest.raises(ProbeError, match="closed"):
        await gate.call("x", lambda c: c.api_version)


async def test_no_thread_outlives_the_gate(engine: FakeEngine) -> None:
    before = set(threading.enumerate())
    gate = engine.gate()
    await gate.call("x", lambda c: get_json(c, "/info"))
    ours = [t for t in set(threading.enumerate()) - before if "engine" in t.name]
    assert ours
    gate.close()
    for thread in ours:
        thread.join(10)
        assert not thread.is_alive()


def test_opening_neither_connects_nor_imports(engine: FakeEngine) -> None:
    gate = engine.gate()
    assert isinstance(gate, DockerGate)
    assert gate.endpoint == f"unix://{engine.path}"
    assert engine.seen == []
    gate.close()


# -- restarts -------------------------------------------------------------


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
