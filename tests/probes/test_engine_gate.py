from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwiz.probes.engine.gate import DockerGate
from netwiz.probes.engine.read import get, get_json
from netwiz.probes.engine.senses import (
    open_engine,
    refresh,
    take_snapshot,
)
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import Snapshot, SnapshotTaken
from netwiz.probes.machine import Ground, Machine
from netwiz.probes.requests import TakeSnapshot
from tests.probes.fake_engine import FakeEngine, Request, close

ROUND = TakeSnapshot(fresh=True)


async def look(stage: Ground) -> Snapshot:
    return (await take_snapshot(stage, ROUND)).snapshot


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
    monkeypatch.setattr("netwiz.probes.engine.read.WHOLE_ANSWER_S", 0.05)
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
