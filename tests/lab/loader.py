"""Reads scenario files, strictly.

A key that is not known is an error that names the file and the key, because a
misspelt `expext_fail` would otherwise make a test pass for the wrong reason.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.lab.scenario import Options, Round, Scenario, Step

FOLDER = Path(__file__).parent / "scenarios"
OUTCOMES = ("healthy", "fault", "undetermined")
SYMPTOMS = ("ok", "refused", "timeout", "dns", "tls", "reset", "unreachable", "slow")
RARE_SYMPTOMS = ("no-address", "denied", "unsteady")


class ScenarioError(ValueError):
    """A scenario file says something that has no meaning."""


def load(path: Path) -> Scenario:
    """Read one file; every complaint names it."""
    try:
        said = tomllib.loads(path.read_text())
        said["id"] = identify(path)
        scenario: Scenario = build(Scenario, said, "")
        _check(scenario)
    except (ScenarioError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{path.name}: {error}") from None
    return scenario


def identify(path: Path) -> str:
    """The name of a scenario is its path below the folder, without suffix."""
    if path.is_relative_to(FOLDER):
        return path.relative_to(FOLDER).with_suffix("").as_posix()
    return path.stem


def all_paths() -> list[Path]:
    return sorted(FOLDER.rglob("*.toml"))


def by_engine(paths: Sequence[Path] | None = None) -> list[Path]:
    """In an order that starts the engine anew as seldom as can be."""
    usual = Options()

    def options(path: Path) -> tuple[bool, str]:
        try:
            wanted = load(path).engine
        except ScenarioError:
            wanted = usual  # the test of that file says what is wrong with it
        return wanted != usual, repr(wanted)

    return sorted(all_paths() if paths is None else paths, key=options)


def find(name: str) -> Path:
    """A scenario by its id, by the end of its id, or by a path."""
    if name.endswith(".toml") and Path(name).exists():
        return Path(name)
    for path in all_paths():
        if identify(path) == name or identify(path).endswith(f"/{name}"):
            return path
    raise ScenarioError(f"no scenario is called {name}; see `python -m tests.lab list`")


def build(kind: Any, said: Any, where: str) -> Any:
    """Turn parsed TOML into the dataclass `kind`, refusing what is unknown."""
    if not isinstance(said, dict):
        raise ScenarioError(f"{where}: a table is wanted, not {said!r}")
    hints = typing.get_type_hints(kind)
    known = {f.name.rstrip("_"): f for f in dataclasses.fields(kind)}
    for key in said:
        if key not in known:
            raise ScenarioError(f"unknown key {_join(where, key)}")
    values = {}
    for key, entry in known.items():
        if key in said:
            values[entry.name] = _value(hints[entry.name], said[key], _join(where, key))
        elif (
            entry.default is dataclasses.MISSING
            and entry.default_factory is dataclasses.MISSING
        ):
            raise ScenarioError(f"missing key {_join(where, key)}")
    return kind(**values)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _value(hint: Any, said: Any, where: str) -> Any:
    """One value, checked against its type; lists may be shortened."""
    origin = typing.get_origin(hint)
    if isinstance(hint, types.UnionType):
        hint = next(x for x in typing.get_args(hint) if x is not type(None))
    if hint is Any:
        return said
    if dataclasses.is_dataclass(hint):
        return build(hint, said, where)
    if origin is tuple:
        return _tuple(typing.get_args(hint)[0], said, where)
    if origin is dict:
        return _dict(typing.get_args(hint)[1], said, where)
    if not isinstance(said, hint) or (hint is int and isinstance(said, bool)):
        raise ScenarioError(f"{where}: {hint.__name__} is wanted, not {said!r}")
    return said


def _tuple(hint: Any, said: Any, where: str) -> tuple[Any, ...]:
    """A single text stands for a list of one."""
    if isinstance(said, str):
        said = [said]
    if not isinstance(said, list):
        raise ScenarioError(f"{where}: a list is wanted, not {said!r}")
    return tuple(_value(hint, x, f"{where}[{i}]") for i, x in enumerate(said))


def _dict(hint: Any, said: Any, where: str) -> dict[str, Any]:
    """A list of names stands for a table of defaults: networks = ["app"]."""
    if isinstance(said, list) and dataclasses.is_dataclass(hint):
        said = {name: {} for name in said}
    if not isinstance(said, dict):
        raise ScenarioError(f"{where}: a table is wanted, not {said!r}")
    return {key: _value(hint, x, _join(where, key)) for key, x in said.items()}


def _check(scenario: Scenario) -> None:
    """What types cannot say."""
    for turn in scenario.rounds:
        _check_round(scenario, turn)
    if scenario.healthy and (scenario.case.symptom != "ok" or scenario.fix):
        raise ScenarioError("a healthy baseline has no symptom and no fix")
    if any(turn.expect.outcome != "fault" for turn in scenario.rounds[:-1]):
        raise ScenarioError("only what was mended can be followed by another round")
    for name, container in scenario.containers.items():
        for network in container.networks:
            if network not in scenario.networks and network != "bridge":
                raise ScenarioError(f"containers.{name}: no network {network}")
    if scenario.healthy and scenario.fault:
        raise ScenarioError("a healthy baseline has no fault; decoys are a setup")
    _check_swarm(scenario)
    for step in (*scenario.setup, *scenario.fault):
        _check_step(scenario, step)


def _check_round(scenario: Scenario, turn: Round) -> None:
    expect = turn.expect
    if expect.outcome not in OUTCOMES:
        raise ScenarioError(f"expect.outcome: one of {', '.join(OUTCOMES)}")
    if turn.symptom not in (*SYMPTOMS, *RARE_SYMPTOMS):
        raise ScenarioError(f"case.symptom: one of {', '.join(SYMPTOMS)}")
    if (expect.outcome == "fault") != bool(expect.cause):
        raise ScenarioError("expect.cause belongs to the outcome fault, and only there")
    if expect.outcome == "fault" and not turn.fix:
        raise ScenarioError("a fault needs a fix that is tried")
    for step in turn.fix:
        _check_step(scenario, step)


def _check_swarm(scenario: Scenario) -> None:
    for name, service in scenario.services.items():
        for network in service.networks:
            if network not in scenario.networks:
                raise ScenarioError(f"services.{name}: no network {network}")
    beside = scenario.services or any(c.on for c in scenario.containers.values())
    if beside and not scenario.engine.swarm:
        raise ScenarioError("services, and containers `on` second, need engine.swarm")


def _check_step(scenario: Scenario, step: Step) -> None:
    acts = [step.run, step.background, step.by_hand, step.recreate, step.from_netwiz]
    if sum(map(bool, acts)) > 1 or not (any(acts) or step.until):
        raise ScenarioError(
            "a step has one of run, background, by_hand, recreate, from_netwiz"
        )
    if step.from_netwiz != bool(step.reference):
        raise ScenarioError("reference says what netwiz's own fix would come to")
    if step.recreate and step.recreate not in scenario.containers:
        raise ScenarioError(f"recreate: no container {step.recreate}")
