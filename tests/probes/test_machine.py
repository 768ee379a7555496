"""The border: whatever a sense raises leaves as a finding, within its budget."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from typing import get_args

import pytest

from netwiz.probes import machine as machine_module
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import (
    HOST,
    Container,
    Engine,
    Failed,
    Failure,
    Finding,
    NamespaceIdentity,
    Place,
    Snapshot,
    State,
)
from netwiz.probes.machine import SENSES, FakeMachine, Ground, Machine, SenseEntry
from netwiz.probes.requests import IdentifyNamespace, Repeat, Request, WatchUplink
from tests.probes.little_net import ground

ASK = IdentifyNamespace(HOST)
LONGEST_S = {Repeat: 35.0, WatchUplink: 7 * 86400.0}
"""Up to a thousand probes; and a person who waits for a packet ends that by hand."""


async def _sense(_: Ground, request: IdentifyNamespace) -> Finding:
    """Stands in for a sense; the request's place says how it ends."""
    match request.place.key:
        case "gone":
            raise FileNotFoundError(2, "No such file or directory")
        case "rights":
            raise PermissionError(1, "Operation not permitted")
        case "clear":
            raise ProbeError(Failure.ENGINE, "the engine is away", "start it")
        case "defect":
            raise RuntimeError("\x1b]0;evil\x07" + "x" * 5000)
        case "late":
            await asyncio.Event().wait()
    return NamespaceIdentity(place=request.place, inode=7)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setattr(machine_module, "_stand_in", _sense, raising=False)
    entry = SenseEntry(machine_module.__name__, "_stand_in", 0.05)
    monkeypatch.setitem(SENSES, IdentifyNamespace, entry)
    made = Machine(ground().engine)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("gone", Failure.GONE),
        ("rights", Failure.RIGHTS),
        ("clear", Failure.ENGINE),
        ("defect", Failure.BROKEN),
        ("late", Failure.BUDGET),
    ],
)
async def test_failures_are_findings(machine: Machine, key: str, kind: Failure) -> None:
    found = await machine.perform(IdentifyNamespace(Place.netns(key)))
    assert isinstance(found, Failed)
    assert found.kind is kind
    assert found.what.isprintable()
    assert len(found.what) <= 301
    assert found.ms > 0


@pytest.mark.parametrize(
    ("local", "kind", "words"),
    [(True, Failure.GONE, "not running"), (False, Failure.ENGINE, "another machine")],
)
def test_a_container_without_a_pid(local: bool, kind: Failure, words: str) -> None:
    stands = ground()
    far = Container("a" * 64, "order", state=State.RUNNING)
    stands.snapshot = Snapshot(
        dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
        engine=Engine("tcp://198.51.100.7:2376", local=local),
        containers=(far,),
    )
    with pytest.raises(ProbeError, match=words) as caught:
        stands.pid_of(far.id)
    assert caught.value.kind is kind
    stands.namespaces.close()


async def test_a_finding_is_timed(machine: Machine) -> None:
    found = await machine.perform(ASK)
    assert isinstance(found, NamespaceIdentity)
    assert found.inode == 7
    assert found.ms > 0


async def test_cancelling_is_not_swallowed(machine: Machine) -> None:
    waiting = asyncio.ensure_future(
        machine.perform(IdentifyNamespace(Place.netns("late")))
    )
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_every_request_has_a_sense_that_exists() -> None:
    assert set(SENSES) == set(get_args(Request))
    for request, entry in SENSES.items():
        module = __import__(entry.module, fromlist=[entry.name])
        assert asyncio.iscoroutinefunction(getattr(module, entry.name))
        assert entry.budget_s <= LONGEST_S.get(request, 10.0)


async def test_the_fake_answers_from_its_table() -> None:
    known = NamespaceIdentity(place=HOST, inode=1)
    fake = FakeMachine({ASK: known})
    assert await fake.perform(ASK) is known
    assert isinstance(await fake.perform(IdentifyNamespace(Place.netns("x"))), Failed)
    assert fake.asked[0] == ASK
    fake.close()


async def test_a_cancellation_is_not_lost_where_an_answer_comes_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """wait_for of Python 3.11 forgets it, and a loop that asks would never end."""
    entry = SenseEntry(__name__, "_sense", 30.0)
    monkeypatch.setitem(machine_module.SENSES, IdentifyNamespace, entry)
    machine = Machine(ground().engine)
    answers = 0

    async def asking() -> None:
        nonlocal answers
        me = asyncio.current_task()
        assert me is not None
        loop = asyncio.get_running_loop()
        # Just when the sense has ended and whoever waits for it has not heard of it.
        loop.call_soon(lambda: loop.call_soon(me.cancel))
        for _ in range(50):
            await machine.perform(ASK)
            await asyncio.sleep(0)
            answers += 1

    task = asyncio.ensure_future(asking())
    await asyncio.wait({task})
    machine.close()
    assert task.cancelled()
    assert answers < 50
