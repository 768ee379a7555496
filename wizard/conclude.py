"""From a leaf to the diagnosis: cause and fixes filled in, look-alikes ruled out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from netwiz.probes.facts import Failure
from netwiz.wizard.case import Case, Symptom
from netwiz.wizard.causes import CAUSES, Cause
from netwiz.wizard.causes.model import FixPlan
from netwiz.wizard.fill import fill
from netwiz.wizard.path import path_of
from netwiz.wizard.record import Answered, steps_of
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Leaf
from netwiz.wizard.triangle import matrix
from netwiz.wizard.verdict import (
    CauseFound,
    Diagnosis,
    Fix,
    Mark,
    Result,
    RuledOut,
)

CANNOT_LOOK = (Failure.RIGHTS.value, Failure.ENGINE.value)


def conclude(
    case: Case, leaf: Leaf, so_far: tuple[Answered, ...], scene: Scene
) -> Diagnosis:
    """Everything that the walk found, as one value."""
    values = scene.values
    if case.symptom is None and values.get("symptom"):
        case = replace(case, symptom=Symptom(values["symptom"]))
    cause = _cause(leaf, so_far, values) if leaf.cause else None
    missing = tuple(
        text
        for text in (fill(leaf.why, values), fill(leaf.settle, values))
        if leaf.result is Result.UNDETERMINED and text
    )
    return Diagnosis(
        case=case,
        result=leaf.result,
        summary=_summary(case, leaf, cause, values),
        cause=cause,
        also=_also(leaf, so_far, values),
        ruled_out=_ruled_out(leaf, so_far),
        path=path_of(scene),
        vantages=matrix(scene),
        steps=steps_of(so_far),
        missing=missing,
        assumptions=_gathered(a.ruling.assumptions for a in so_far),
        unsupported=_gathered(a.ruling.unsupported for a in so_far),
        cannot_look=leaf.result is Result.UNDETERMINED
        and values.get("blind", "") in CANNOT_LOOK,
    )


def _cause(
    leaf: Leaf, so_far: tuple[Answered, ...], values: Mapping[str, str]
) -> CauseFound:
    return _filled(CAUSES[leaf.cause], _evidence(so_far), values)


def _also(
    leaf: Leaf, so_far: tuple[Answered, ...], values: Mapping[str, str]
) -> tuple[CauseFound, ...]:
    """Second faults that were proven on the way; only beside a first one."""
    if leaf.result is not Result.FAULT:
        return ()
    found: dict[str, CauseFound] = {}
    for also in (a for answered in so_far for a in answered.ruling.also):
        if also.cause != leaf.cause:
            own = {**values, **also.values}
            filled = _filled(CAUSES[also.cause], also.evidence, own)
            found.setdefault(also.cause, filled)
    return tuple(found.values())


def _filled(
    cause: Cause, evidence: tuple[str, ...], values: Mapping[str, str]
) -> CauseFound:
    return CauseFound(
        id=cause.id,
        title=fill(cause.title, values),
        explanation=fill(cause.explanation, values),
        evidence=evidence,
        fixes=tuple(_fix(plan, values) for plan in cause.fixes if _fits(plan, values)),
        verify=(*(fill(v, values) for v in cause.verify), _again(values)),
        references=cause.references,
    )


def _evidence(so_far: tuple[Answered, ...]) -> tuple[str, ...]:
    """The deciding step's evidence first, then that of the other telling steps."""
    decisive = so_far[-1].ruling.evidence if so_far else ()
    rest = (
        line
        for answered in so_far[:-1]
        if answered.ruling.mark in (Mark.BAD, Mark.ODD)
        for line in answered.ruling.evidence
    )
    return tuple(dict.fromkeys((*decisive, *rest)))


def _fits(plan: FixPlan, values: Mapping[str, str]) -> bool:
    return not plan.when or bool(values.get(plan.when))


def _fix(plan: FixPlan, values: Mapping[str, str]) -> Fix:
    commands = tuple(
        line
        for command in plan.commands
        for line in fill(command, values).splitlines()
        if line
    )
    return Fix(
        text=fill(plan.text, values),
        commands=commands,
        lasting=plan.lasting,
        interrupts=fill(plan.interrupts, values),
        snippet=fill(plan.snippet, values),
    )


def _again(values: Mapping[str, str]) -> str:
    return fill("netwiz diagnose {client!q} {target!q}", values)


def _ruled_out(leaf: Leaf, so_far: tuple[Answered, ...]) -> tuple[RuledOut, ...]:
    """Causes that a question asked on the way would have led to, had it been so.

    Overridden answers exclude nothing: a person's word is no finding.
    """
    out: dict[str, str] = {}
    blamed = {leaf.cause, *(a.cause for s in so_far for a in s.ruling.also)}
    for answered in so_far:
        ruling = answered.ruling
        if answered.overridden or ruling.quiet or ruling.mark is Mark.UNKNOWN:
            continue
        for key, branch in answered.node.branches.items():
            if key == ruling.branch or not isinstance(branch.to, Leaf):
                continue
            known: Cause | None = CAUSES.get(branch.to.cause)
            if known is not None and known.id not in blamed:
                out.setdefault(known.id, ruling.answer)
    return tuple(RuledOut(id_, because) for id_, because in out.items())


def _summary(
    case: Case, leaf: Leaf, cause: CauseFound | None, values: Mapping[str, str]
) -> str:
    if cause is not None:
        return cause.title
    if leaf.result is Result.HEALTHY:
        done = values.get("worked", "it works")
        return f"{case.client.name} reaches {case.target.text}: {done}"
    return fill(leaf.why, values)


def _gathered(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    lines: dict[str, None] = {}
    for part in parts:
        lines.update(dict.fromkeys(part))
    return tuple(lines)
