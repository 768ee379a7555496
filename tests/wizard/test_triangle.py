"""The vantages of a case, what they mean, and that only a dead end asks for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwiz.probes import requests as ask
from netwiz.probes.facts import After, Connection, Outcome, PortMapping
from netwiz.wizard.triangle import BUDGET_MS, NTH
from netwiz.wizard.verdict import Diagnosis, Result
from tests.wizard.judge_table import OPEN, SHUT
from tests.wizard.world import ORDER, PG, World, case, container, walk

WEB = container("web", 7)
PUBLISHED = replace(PG, published=(PortMapping(3000, "tcp", "0.0.0.0", 8080),))


def only(*reached: str) -> World:
    """Pg listens and refuses without a rule; it works at these addresses alone."""

    def works(link: Connection) -> Connection:
        if link.address in reached and link.place != ORDER.place:
            return replace(link, outcome=Outcome.CONNECTED, after=After.OPEN)
        return link

    return World(containers=(ORDER, PUBLISHED, WEB), sockets=OPEN, connection=works)


def seen(found: Diagnosis) -> dict[tuple[str, str], str]:
    return {(v.where, v.target): v.outcome for v in found.vantages.rows}


async def test_a_dead_end_is_looked_at_from_everywhere() -> None:
    found = await walk(only("127.0.0.1"))
    assert found.result is Result.UNDETERMINED
    assert seen(found) == {
        ("order", "172.18.0.2:3000"): "refused",
        ("pg, its own loopback", "127.0.0.1:3000"): "answers",
        ("pg, its own address", "172.18.0.2:3000"): "refused",
        ("this host", "172.18.0.2:3000"): "refused",
        ("this host, its loopback", "127.0.0.1:8080"): "answers",
        ("this host, published", "10.99.0.1:8080"): "refused",
        ("web, on the same network", "172.18.0.2:3000"): "refused",
    }
    meanings = {v.where: v.meaning for v in found.vantages.rows}
    assert meanings["pg, its own loopback"] == "the service answers inside"
    assert meanings["web, on the same network"].endswith("others on its network, too")
    assert [v.works for v in found.vantages.rows].count(True) == 2


async def test_they_are_asked_side_by_side_and_cheaply() -> None:
    world = only()
    await walk(world)
    mine = [r for r in world.asked if isinstance(r, ask.Attempt) and r.nth == NTH]
    assert len(mine) == len(set(mine)) == 6
    assert world.asked[-6:] == mine
    assert not any(r.taps or r.counters for r in mine)
    assert {r.budget_ms for r in mine} == {BUDGET_MS}


async def test_a_cause_needs_none_of_it() -> None:
    world = World(containers=(ORDER, PUBLISHED, WEB), sockets=SHUT)
    found = await walk(world)
    assert found.result is Result.FAULT
    assert found.vantages.rows == ()
    assert not [r for r in world.asked if isinstance(r, ask.Attempt) and r.nth == NTH]


@pytest.mark.parametrize("to", ["203.0.113.9", "172.18.0.99"])
async def test_nobody_is_asked_where_there_is_no_server(to: str) -> None:
    world = World(containers=(ORDER, PG, WEB))
    found = await walk(world, case(to))
    assert found.vantages.rows == ()


async def test_the_client_is_no_neighbour_of_the_server() -> None:
    world = only()
    world.containers = (ORDER, PUBLISHED)
    found = await walk(world)
    assert not [v for v in found.vantages.rows if "same network" in v.where]
