"""The state machine: exactly one of run, ask, conclude; pure, and repeatable."""

from __future__ import annotations

from collections import Counter

import pytest

from netwiz.probes.facts import Finding
from netwiz.probes.requests import Request, TakeSnapshot
from netwiz.wizard.tree import HEALTHY, UNSAID, Branch, Node, Ruling, Tree
from netwiz.wizard.verdict import Progress, Result
from netwiz.wizard.walk import (
    CIRCLES,
    MAX_ROUNDS,
    MAX_VISITS,
    Ask,
    Conclude,
    Run,
    diagnose,
    step,
)
from tests.wizard.judge_table import Told
from tests.wizard.tables import TABLE
from tests.wizard.world import ORDER, PG, World, case, container, listener, walk

CACHE = container("cache", 7)
DOUBT = World(
    containers=(ORDER, PG, CACHE),
    sockets={"cache": (listener("0.0.0.0:3000", owner=CACHE),)},
)
"""pg serves nothing at all, and cache serves the port: which one was meant?"""


async def test_nothing_is_known_at_first_so_probes_are_wanted() -> None:
    first = step(case(), {})
    assert isinstance(first, Run)
    assert first.requests == (TakeSnapshot(),)
    assert first.so_far == ()
    assert first.asking == "can order be looked at?"


async def test_the_same_findings_give_the_same_answer_and_nothing_is_asked_twice() -> (
    None
):
    world = World()
    found: dict[Request, Finding] = {}
    while isinstance(reached := step(case(), found), Run):
        assert not set(reached.requests) & set(found)
        assert step(case(), found) == reached
        for request in reached.requests:
            found[request] = await world.perform(request)
    assert isinstance(reached, Conclude)
    assert reached.leaf.cause == "service-not-listening"
    assert len(world.asked) == len(set(world.asked))


async def test_the_person_is_asked_what_no_probe_can_tell() -> None:
    asked: list[Ask] = []

    async def no(question: Ask) -> str:
        asked.append(question)
        return "no"

    found = await diagnose(case(), DOUBT.perform, ask=no)
    assert [q.node for q in asked] == ["meant"]
    assert asked[0].question == ("is pg the one to ask on port 3000, and not cache?")
    assert [o.key for o in asked[0].options] == ["yes", "no", UNSAID]
    assert found.cause is not None
    assert found.cause.id == "wrong-target-address"
    assert any("you said" in line for line in found.cause.evidence)
    told = next(s for s in found.steps if s.node == "meant")
    assert told.overridden
    assert "your word" in told.answer


async def test_where_nobody_answers_the_walk_goes_on_with_care() -> None:
    found = await walk(DOUBT)
    assert found.cause is not None
    assert found.cause.id == "service-not-listening"
    told = next(s for s in found.steps if s.node == "meant")
    assert not told.overridden
    assert "only you can tell" in told.answer

    async def shrugs(_: Ask) -> str:
        return ""

    again = await diagnose(case(), DOUBT.perform, ask=shrugs)
    assert again.cause == found.cause


async def test_an_answer_given_before_is_not_asked_for_again() -> None:
    async def never(_: Ask) -> str:
        raise AssertionError

    said = {"meant": "yes"}
    found = await diagnose(case(), DOUBT.perform, overrides=said, ask=never)
    assert found.cause is not None
    assert found.cause.id == "service-not-listening"


async def test_an_override_leads_elsewhere_and_says_what_was_seen() -> None:
    found = await diagnose(case(), World().perform, overrides={"listening": "loopback"})
    assert found.cause is not None
    assert found.cause.id == "service-bound-loopback"
    told = next(s for s in found.steps if s.node == "listening")
    assert told.overridden
    assert "seen: nothing on port 3000" in told.answer
    assert told.evidence == ()
    assert not found.ruled_out or all(r.id != "startup-race" for r in found.ruled_out)


async def test_an_unknown_override_changes_nothing() -> None:
    plain = await walk(World())
    odd = {"listening": "no such branch", "no such node": "yes"}
    found = await diagnose(case(), World().perform, overrides=odd)
    assert found.cause == plain.cause


async def test_progress_is_told_question_by_question() -> None:
    told: list[Progress] = []
    found = await diagnose(case(), World().perform, tell=told.append)
    assert told[0].steps == ()
    assert told[-1].steps == found.steps
    assert told[-1].asking == ""
    lengths = [len(p.steps) for p in told]
    assert lengths == sorted(lengths)
    elapsed = [p.elapsed_ms for p in told]
    assert elapsed == sorted(elapsed)


async def test_a_tree_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect in a tree must not hang anybody: the walk is bounded."""
    asked = iter(range(10_000))

    def restless(scene: object) -> Ruling:
        from netwiz.probes.requests import FindListeners
        from netwiz.wizard.scene import Needed

        del scene
        raise Needed(FindListeners(next(asked) % 60_000 + 1))

    node = Node("a", "and now?", restless, {"x": Branch("x", HEALTHY)})
    tree = Tree(None, "a", {"a": node})
    monkeypatch.setattr("netwiz.wizard.walk.tree_for", lambda _: tree)
    found = await diagnose(case(), World().perform)
    assert found.result is Result.UNDETERMINED
    assert "circles" in found.missing[0]


async def test_a_tree_that_leads_in_a_circle_is_left() -> None:
    """Two nodes that send a walk to each other, with everything known already."""

    def onwards(_: object) -> Ruling:
        return Ruling("on", "it is not here")

    nodes = {
        "egress": Node("egress", "out?", onwards, {"on": Branch("no", "wire")}),
        "wire": Node("wire", "on the wire?", onwards, {"on": Branch("no", "egress")}),
    }
    ended = step(case(), {}, tree=Tree(None, "egress", nodes))
    assert isinstance(ended, Conclude)
    assert ended.leaf is CIRCLES
    assert [a.node.id for a in ended.so_far] == ["egress", "wire"] * MAX_VISITS


@pytest.mark.parametrize("told", TABLE.values(), ids=TABLE)
async def test_no_walk_of_ours_comes_near_its_bounds(told: Told) -> None:
    rounds, visits = 0, Counter[str]()
    found: dict[Request, Finding] = {}
    while not isinstance(reached := step(told.about, found), Conclude):
        rounds += 1
        if isinstance(reached, Run):
            for request in reached.requests:
                found[request] = await told.world.perform(request)
        else:
            break
    visits.update(answered.node.id for answered in reached.so_far)
    assert rounds <= MAX_ROUNDS / 2
    assert max(visits.values()) < MAX_VISITS


async def test_questions_that_did_not_arise_are_not_shown() -> None:
    found = await walk(World(), case("172.18.0.2"))
    shown = {s.node for s in found.steps}
    assert {"client", "reach", "listening"} <= shown
    assert not {"rides", "meaning", "left_behind"} & shown
    forced = await diagnose(
        case("172.18.0.2"), World().perform, overrides={"rides": "own"}
    )
    assert "rides" in {s.node for s in forced.steps}
