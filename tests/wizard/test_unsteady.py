"""What comes and goes, and what is merely slow: nobody is blamed without numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from netwiz.probes import requests as ask
from netwiz.probes.facts import Finding, Outcome
from netwiz.wizard.verdict import Result
from tests.wizard.judge_table import API, RULE, hit
from tests.wizard.table_load import (
    SLOW,
    SLOW_HTTP,
    WAY,
    conversation,
    losing,
    many,
    open_,
    pressures,
    queues,
    steady,
)
from tests.wizard.world import ORDER, case, walk


async def test_twenty_prompt_answers_are_healthy() -> None:
    found = await walk(steady(), SLOW)
    assert found.result is Result.HEALTHY
    assert "20 probes: 20 within 0.4 ms" in " ".join(s.answer for s in found.steps)


async def test_one_success_is_not_enough_when_many_were_asked_for() -> None:
    world = steady(Repeat=many(*[0.4] * 9, refused=1))
    assert (await walk(world, case())).result is Result.HEALTHY
    found = await walk(world, replace(case(), repeat=10))
    assert found.result is not Result.HEALTHY
    asked = [r for r in world.asked if isinstance(r, ask.Repeat)]
    assert [r.count for r in asked] == [10]


async def test_a_limit_that_nothing_runs_into_is_none() -> None:
    world = steady(
        ReadQueues=queues(64000, 40),
        Converse=conversation(20.0),
        ReadPressure=pressures(1),
    )
    assert (await walk(world, SLOW_HTTP)).result is Result.HEALTHY


async def test_a_server_that_takes_its_time_is_no_fault_of_the_network() -> None:
    found = await walk(steady(), SLOW_HTTP)
    assert found.result is Result.UNDETERMINED
    assert "takes its time" in found.summary


async def test_a_shaper_that_stands_idle_beside_a_slow_server_is_not_blamed() -> None:
    found = await walk(steady(ReadQueues=queues(64000, 0)), SLOW_HTTP)
    assert found.result is Result.UNDETERMINED
    assert "takes its time" in found.summary


@pytest.mark.parametrize("refused", [1, 3])
async def test_refusals_at_times_need_a_reason(refused: int) -> None:
    found = await walk(steady(Repeat=many(*[0.4] * 9, refused=refused)), SLOW)
    assert found.result is Result.UNDETERMINED
    assert f"{refused} refused" in found.summary


async def test_none_answered_any_more_is_no_loss() -> None:
    world = steady(Repeat=many(*[0.0] * 20))
    found = await walk(world, SLOW)
    assert found.result is Result.UNDETERMINED
    assert "a moment ago" in found.summary
    assert Outcome.TIMEOUT not in world.outcomes.values()


@pytest.mark.parametrize("dead", [False, True])
async def test_a_replica_is_dead_only_when_it_is_silent_again(dead: bool) -> None:
    addresses = ("172.18.0.5", "172.18.0.6")
    world = replace(
        steady(),
        containers=(ORDER, *API),
        names={"pg": addresses},
        connection=lambda c: open_(c) if c.outcome is Outcome.CONNECTED else c,
    )

    def attempt(request: ask.Request) -> Finding:
        asked = cast("ask.Attempt", request)
        lost = asked.address == addresses[1] and (dead or asked.nth < 6)
        end = Outcome.TIMEOUT if lost else Outcome.CONNECTED
        world.outcomes = {asked.address: end}
        return world._attempt(asked)

    world.answers = {**world.answers, ask.Attempt: attempt}
    found = await walk(world, SLOW)
    cause = found.cause.id if found.cause else ""
    assert (cause == "one-dead-replica") is dead


@pytest.mark.parametrize("met", [3, 16])
async def test_a_rule_that_met_other_packets_by_chance_is_not_blamed(met: int) -> None:
    """Both count around the first lost ones; in the end only one does, or nobody is."""
    world = losing()
    taking = replace(RULE, text="at random", verdict="DROP", reject_with="")
    other = replace(taking, text="large ones")
    lost = 0

    def watched(request: ask.Request) -> Finding:
        nonlocal lost
        asked = cast("ask.Attempt", request)
        gone = asked.nth >= 30
        lost += gone
        world.hits = hit(taking) + (hit(other) if lost <= met else ()) if gone else ()
        world.outcomes = {"172.18.0.2": Outcome.TIMEOUT if gone else Outcome.CONNECTED}
        world.sightings = WAY if gone else None
        return world._attempt(asked)

    world.answers = {**world.answers, ask.Attempt: watched}
    found = await walk(world, SLOW)
    assert found.cause is not None
    assert found.cause.id == "packet-loss"
    blamed = [line for line in found.cause.evidence if "counted each probe" in line]
    assert [("at random" in line) for line in blamed] == ([True] if met < 16 else [])
    assert lost == (4 if met < 16 else 16)
