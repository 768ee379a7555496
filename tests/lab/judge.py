"""Runs the real netwiz on the lab's host and compares what it says."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.lab import leftovers
from tests.lab.engine import Lab
from tests.lab.scenario import Case, Expect, Step
from tests.lab.stage import Stage

SCHEMA = "netwiz.diagnosis/1"
EXIT_CODES = {"healthy": 0, "fault": 1, "undetermined": 3}
LOOKING = re.compile(r"(docker logs|iptables-save|iptables -t \w+ -S)\b")
"""Commands that look and mend nothing."""

Told = dict[str, Any]
"""What netwiz told: the JSON object of DESIGN section 5."""


@dataclass(frozen=True)
class Verdict:
    """One run of `netwiz diagnose`, and what it left on the host."""

    command: str
    code: int
    told: Told
    stderr: str = ""
    left: list[str] = field(default_factory=list)

    @property
    def cause(self) -> Told:
        return self.told.get("cause") or {}

    def __str__(self) -> str:
        cause = self.cause.get("id", "no cause")
        outcome = self.told.get("outcome", "no outcome")
        return f"{outcome}: {cause}, exit {self.code}, {self.told.get('elapsed_ms')} ms"


def netwiz_command() -> list[str]:
    """The netwiz under test: NETWIZ_BIN, the checkout's, or this Python's."""
    if named := os.environ.get("NETWIZ_BIN"):
        return [named]
    repository = Path(__file__).resolve().parents[2]
    for program in (
        repository / ".venv/bin/netwiz",
        Path(sys.executable).with_name("netwiz"),
    ):
        if program.exists():
            return [str(program)]
    return [sys.executable, "-m", "netwiz"]


def diagnose(raised: Stage, case: Case) -> Verdict:
    """Diagnose a case as a person on the lab's host would."""
    lab = raised.lab
    words = ["diagnose", case.from_, raised.fill(case.to), "--json"]
    if case.pass_symptom:
        # What is unsteady is slow in the words of netwiz, and so it is once mended.
        seen = "ok" if case.times > 1 else case.symptom
        said = "slow" if seen == "ok" else seen
        words += ["--symptom", said]
    if case.error:
        words += ["--error", raised.fill(case.error)]
    words += case.args
    verdict = ask(lab, [*netwiz_command(), *words])
    _note(raised, case, verdict)
    return verdict


def _note(raised: Stage, case: Case, verdict: Verdict) -> None:
    """Write down how long it took, where NETWIZ_TIMES names a file for that."""
    name = os.environ.get("NETWIZ_TIMES")
    if not name:
        return
    told = {
        "scenario": raised.play.id,
        "symptom": "ok (healthy)" if case.symptom == "ok" else case.symptom,
        "outcome": verdict.told.get("outcome"),
        "cause": verdict.cause.get("id", ""),
        "seconds": float(verdict.told.get("elapsed_ms", 0.0)) / 1000,
    }
    with Path(name).open("a", encoding="utf-8") as file:
        file.write(json.dumps(told) + "\n")


def ask(lab: Lab, argv: list[str]) -> Verdict:
    """Run netwiz between two looks at everything that it could change."""
    before = leftovers.look(lab)
    done = lab.run(argv, part=leftovers.PART)
    left = leftovers.differences(before, leftovers.look(lab))
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = {"unreadable": done.stdout[-2000:]}
    return Verdict(" ".join(argv), done.returncode, told, done.stderr[-4000:], left)


def expected(raised: Stage, expect: Expect) -> Expect:
    """With the addresses filled in that only the raised scenario knows."""
    return replace(
        expect,
        evidence=tuple(map(raised.fill, expect.evidence)),
        fix_mentions=tuple(map(raised.fill, expect.fix_mentions)),
    )


def complaints(verdict: Verdict, expect: Expect) -> list[str]:
    """Everything that is not as expected; empty if the verdict is right."""
    told = verdict.told
    if "unreadable" in told:
        return [f"stdout is not one JSON object: {told['unreadable']!r}"]
    found = [f"left behind: {line}" for line in verdict.left]
    if told.get("schema") != SCHEMA:
        found.append(f"schema {told.get('schema')!r}, expected {SCHEMA!r}")
    if told.get("outcome") != expect.outcome:
        found.append(f"outcome {told.get('outcome')!r}, expected {expect.outcome!r}")
    if verdict.code != EXIT_CODES[expect.outcome]:
        found.append(f"exit {verdict.code}, expected {EXIT_CODES[expect.outcome]}")
    if verdict.cause.get("id", "") != expect.cause:
        found.append(f"cause {verdict.cause.get('id')!r}, expected {expect.cause!r}")
    also = {entry["id"] for entry in told.get("also", [])}
    if expect.outcome == "healthy" and also:
        found.append(f"blames {sorted(also)} on a healthy network")
    found += [f"not in also: {cause}" for cause in expect.also if cause not in also]
    ruled_out = {entry["id"] for entry in told.get("ruled_out", [])}
    found += [
        f"not ruled out: {cause}"
        for cause in expect.ruled_out
        if cause not in ruled_out
    ]
    return found + _missing_words(verdict, expect)


def _missing_words(verdict: Verdict, expect: Expect) -> list[str]:
    evidence = json.dumps(verdict.cause.get("evidence", []), ensure_ascii=False)
    fix = json.dumps(verdict.cause.get("fix", []), ensure_ascii=False)
    found = [
        f"evidence lacks {x!r}: {evidence}"
        for x in expect.evidence
        if x not in evidence
    ]
    return found + [
        f"fix lacks {x!r}: {fix}" for x in expect.fix_mentions if x not in fix
    ]


def commands(verdict: Verdict, step: Step) -> list[str]:
    """The commands of netwiz's prescription: the first one that has any, or
    the one that the scenario picks among several ways out."""
    fixes: list[list[str]] = [
        [str(line) for line in fix.get("commands", [])]
        for fix in verdict.cause.get("fix", [])
    ]
    if step.pick is not None:
        return fixes[step.pick] if step.pick < len(fixes) else []
    return next((lines for lines in fixes if lines), [])


def left_out(verdict: Verdict, steps: Sequence[Step]) -> str:
    """What is wrong where a scenario mends by other means than netwiz prints.

    Allowed where the first fix with commands only looks, or with a reason.
    """
    first = commands(verdict, Step())
    mends = any(not LOOKING.match(line) for line in first)
    reasons = [step.not_run for step in steps if step.not_run]
    if reasons and not mends:
        return f"not_run says {reasons[0]!r}, but netwiz prints nothing to run"
    if mends and not reasons and not any(step.from_netwiz for step in steps):
        return f"netwiz prints {first}, which is not run; not_run does not say why"
    return ""
