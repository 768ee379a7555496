"""The look-alikes of the field: each is staged, in nothing different but the cause.

That netwiz tells them apart is for test_lab_scenarios.py, which runs them all.
"""

from __future__ import annotations

import dataclasses
import tomllib
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.lab import loader
from tests.lab.scenario import Scenario
from tests.wizard.tables import TABLE

FILE = Path(__file__).with_name("look_alikes.toml")
PAIRS: list[dict[str, Any]] = tomllib.loads(FILE.read_text())["look_alike"]
STAGED = [pair for pair in PAIRS if "staged" in pair]
RECORDED = [pair for pair in PAIRS if "recorded" in pair]
NUMBERS = range(1, 31)
BESIDE = ("id", "title", "twin", "expect", "fault", "fix", "then", "after")
"""What is said of a scenario, or done to it; the rest is its topology and case."""


def _name(pair: dict[str, Any]) -> str:
    return f"{pair['number']}: {pair['separates']}"


def _plays(pair: dict[str, Any]) -> list[Scenario]:
    return [loader.load(loader.find(name)) for name in pair["staged"]]


def test_each_of_the_thirty_is_staged_or_recorded() -> None:
    assert sorted({pair["number"] for pair in PAIRS}) == list(NUMBERS)
    assert len(STAGED) + len(RECORDED) == len(PAIRS)


@pytest.mark.parametrize("pair", STAGED, ids=_name)
def test_look_alikes_differ_in_nothing_but_their_cause(pair: dict[str, Any]) -> None:
    first, *others = _plays(pair)
    assert others
    found = set().union(*(_differences(first, other) for other in others))
    allowed = pair.get("differ", [])
    assert [x for x in sorted(found) if not _within(x, allowed)] == []
    # What no longer differs is no longer said to.
    assert [x for x in allowed if not any(_within(y, [x]) for y in found)] == []


@pytest.mark.parametrize("pair", STAGED, ids=_name)
def test_look_alikes_have_verdicts_of_their_own(pair: dict[str, Any]) -> None:
    plays = _plays(pair)
    causes = [play.expect.cause or play.expect.outcome for play in plays]
    assert len(set(causes)) == len(causes)
    for one, other in combinations(plays, 2):
        for play, than in ((one, other), (other, one)):
            word = pair["staged"][play.id]
            assert bool(word) == (play.expect.outcome == "fault")
            if word:
                assert any(word in said for said in play.expect.evidence)
                assert not any(word in said for said in than.expect.evidence)


@pytest.mark.parametrize("pair", STAGED, ids=_name)
def test_look_alikes_name_each_other(pair: dict[str, Any]) -> None:
    """Where what is seen is the same too; a twin's case is that of the other."""
    for one, other in pairwise(_plays(pair)):
        if one.case == other.case:
            assert other.id in _family(one.id)


@pytest.mark.parametrize("pair", RECORDED, ids=_name)
def test_recorded_look_alikes_have_worlds(pair: dict[str, Any]) -> None:
    causes = [TABLE[name].cause for name in pair["recorded"]]
    assert len(causes) > 1
    assert len(set(causes)) == len(causes)


def _within(path: str, allowed: list[str]) -> bool:
    return any(path == x or path.startswith(f"{x}.") for x in allowed)


def _differences(one: Scenario, other: Scenario) -> set[str]:
    ours, theirs = _facts(one), _facts(other)
    return {x for x in ours.keys() | theirs.keys() if ours.get(x) != theirs.get(x)}


def _facts(play: Scenario) -> dict[str, object]:
    """The topology and the case, by the path of each value; nothing for defaults."""
    whole = {
        field.name: getattr(play, field.name)
        for field in dataclasses.fields(play)
        if field.name not in BESIDE
    }
    return _flat(whole, "")


def _flat(value: object, where: str) -> dict[str, object]:
    if dataclasses.is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, dict) and value:
        found: dict[str, object] = {}
        for key, entry in value.items():
            path = f"{where}.{key}".lstrip(".")
            # That it is there at all tells, though all about it were a default.
            found |= {path: True} if dataclasses.is_dataclass(entry) else {}
            found |= _flat(entry, path)
        return found
    # What must be listening follows from what is run.
    plain = value in (None, "", (), {}) or where.endswith(".ready")
    return {} if plain else {where: value}


def _family(name: str) -> set[str]:
    """Everybody whom that scenario is a twin of, by any number of steps."""
    twins = [(play.id, play.twin) for play in _ALL.values() if play.twin]
    known = {name}
    while True:
        more = {b for a, b in twins if a in known} | {a for a, b in twins if b in known}
        if more <= known:
            return known
        known |= more


_ALL = {loader.identify(path): loader.load(path) for path in loader.all_paths()}
