"""What several modules of this folder stand on: a wire, and a container on it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from netwiz.probes.machine import Ground
from netwiz.probes.names import dns_search
from tests.lab.plugin import lab
from tests.probes.fake_engine import FakeEngine, close
from tests.probes.wire import SERVER4, Box, Wire
from tests.probes.zone import NAMES, zone

__all__ = ["lab"]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as made:
        yield made


@pytest.fixture
def box(wire: Wire, tmp_path: Path) -> Iterator[Box]:
    """A container with the usual hosts file, whose name server is the server."""
    with contextlib.closing(Box(wire, tmp_path)) as made:
        made.write("etc/resolv.conf", f"nameserver {SERVER4}\n")
        made.write("etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n")
        yield made


@pytest.fixture
async def server(wire: Wire) -> AsyncIterator[None]:
    async with wire.answering(zone(NAMES), port=53):
        yield


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_search, "PATIENCE_S", 0.2)
    monkeypatch.setattr(dns_search, "LAST_PATIENCE_S", 0.4)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with FakeEngine() as made:
        yield made


@pytest.fixture
def stage(engine: FakeEngine) -> Iterator[Ground]:
    made = engine.ground()
    yield made
    close(made)
