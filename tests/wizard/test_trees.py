"""Every branch of every tree is walked, and every leaf is a cause that exists."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from netwiz.probes.facts import Failed, Failure, Finding
from netwiz.probes.requests import Request
from netwiz.wizard.case import Case, Client, ClientKind, Symptom, Target
from netwiz.wizard.causes import CAUSES
from netwiz.wizard.fill import fields
from netwiz.wizard.tree import BLIND, Leaf, Tree
from netwiz.wizard.trees import TREES
from netwiz.wizard.verdict import Result
from netwiz.wizard.walk import diagnose
from tests.wizard.tables import TABLE

SCENARIOS = Path(__file__).parents[1] / "lab" / "scenarios"
CASE = Case(Client(ClientKind.CONTAINER, "order", "0" * 64), Target("pg", 3000))


async def sees_nothing(request: Request) -> Finding:
    return Failed(kind=Failure.GONE, what=f"no {type(request).__name__} here")


def leaves(tree: Tree) -> Iterator[Leaf]:
    return (to for _, _, to in tree.edges() if isinstance(to, Leaf))


@pytest.mark.parametrize("symptom", [None, *Symptom])
async def test_every_branch_ends_at_its_leaf(symptom: Symptom | None) -> None:
    tree = TREES[symptom]
    walked = 0
    for path, leaf in tree.tour():
        found = await diagnose(CASE, sees_nothing, overrides=dict(path))
        assert found.result is leaf.result
        assert (found.cause.id if found.cause else "") == leaf.cause
        assert [s.node for s in found.steps if s.node] == [node for node, _ in path]
        walked += 1
    assert walked > len(tree.nodes)


def test_every_node_is_reached() -> None:
    for tree in TREES.values():
        reached = {node for node, _, _ in tree.edges()}
        assert reached == set(tree.nodes)


def test_every_leaf_is_a_known_cause_or_says_why_not() -> None:
    for tree in TREES.values():
        for leaf in leaves(tree):
            match leaf.result:
                case Result.FAULT:
                    assert leaf.cause in CAUSES
                case Result.UNDETERMINED:
                    assert leaf.why
                    assert leaf.settle or leaf is BLIND
                case Result.HEALTHY:
                    assert not leaf.cause


def test_every_cause_is_a_leaf_and_is_reached_by_a_scenario() -> None:
    staged = set()
    for file in SCENARIOS.rglob("*.toml"):
        expected = tomllib.loads(file.read_text())["expect"]
        staged.add(expected.get("cause", ""))
    led_to = {leaf.cause for leaf in leaves(TREES[Symptom.REFUSED]) if leaf.cause}
    assert led_to == set(CAUSES)
    assert {c.id for c in CAUSES.values() if c.proof == "lab"} <= staged
    recorded = {told.cause for told in TABLE.values()}
    assert {c.id for c in CAUSES.values() if c.proof == "recorded"} <= recorded


def test_ids_are_those_of_the_catalogue() -> None:
    for id_, cause in CAUSES.items():
        assert id_ == cause.id
        assert cause.title
        assert cause.explanation
        assert cause.decisive
        assert cause.fixes
        for other, difference in cause.look_alikes:
            assert other in CAUSES, f"{id_} names {other}"
            assert difference


def test_templates_have_plain_fields() -> None:
    for cause in CAUSES.values():
        texts = [cause.title, cause.explanation, *cause.verify]
        for plan in cause.fixes:
            texts += [plan.text, plan.snippet, plan.interrupts, *plan.commands]
        for text in texts:
            assert all(name.isidentifier() for name in fields(text)), text


def test_a_healthy_leaf_is_never_beside_missing_findings() -> None:
    """What could not be seen ends undetermined: healthy is said of what was seen."""
    for tree in TREES.values():
        for node in tree.nodes.values():
            assert node.follow("unseen").to is BLIND
