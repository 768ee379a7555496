"""Other engines on this machine: found by their sockets, asked for what is missed."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from netwiz.probes.engine import elsewhere
from netwiz.probes.engine.elsewhere import find_elsewhere, sockets_here
from netwiz.probes.machine import Ground
from netwiz.probes.requests import FindElsewhere
from tests.probes.fake_engine import FakeEngine


def link(run: Path, engine: FakeEngine, name: str) -> Path:
    path = run / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(engine.path)
    return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(elsewhere, "RUN", tmp_path)
    return tmp_path


async def test_another_engine_is_asked(
    run: Path, engine: FakeEngine, stage: Ground
) -> None:
    engine.add(1)
    link(run, engine, "docker.sock")
    with FakeEngine() as other:
        other.add(7)
        path = link(run, other, "user/1000/docker.sock")
        found = await find_elsewhere(stage, FindElsewhere("c7"))
        none = await find_elsewhere(stage, FindElsewhere("c1"))
    assert found.engines == (f"unix://{path}",)
    assert [(s.name, s.endpoint) for s in found.found] == [("c7", f"unix://{path}")]
    assert found.unseen == none.unseen == ()
    assert none.found == ()
    assert f"docker -H unix://{path} ps -a" in found.command


async def test_an_engine_that_does_not_answer_is_named(
    run: Path, stage: Ground
) -> None:
    (run / "podman").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(run / "podman/podman.sock"))
    found = await find_elsewhere(stage, FindElsewhere("c7"))
    assert found.found == ()
    assert len(found.unseen) == 1
    assert "podman.sock: " in found.unseen[0]


def test_a_socket_under_two_names_is_one(run: Path, engine: FakeEngine) -> None:
    link(run, engine, "docker.sock")
    link(run, engine, "user/1000/docker.sock")
    (run / "snap.docker").mkdir()
    (run / "snap.docker/docker.sock").write_text("no socket")
    assert len(sockets_here("", run)) == 1
    assert sockets_here(str(engine.path), run) == ()
