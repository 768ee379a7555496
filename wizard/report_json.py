"""The diagnosis as the JSON of `netwiz diagnose --json` (docs/report.schema.json)."""

from __future__ import annotations

from collections.abc import Iterable

from netwiz import __version__
from netwiz.wizard.case import Case
from netwiz.wizard.report_clean import block, line, number
from netwiz.wizard.verdict import (
    CauseFound,
    Diagnosis,
    Fix,
    Look,
    Path,
    PathHop,
    Step,
    Vantage,
)

SCHEMA = "netwiz.diagnosis/1"

Json = dict[str, object]


def to_json(diagnosis: Diagnosis) -> Json:
    """The whole diagnosis as values that `json.dumps` takes."""
    return {
        "schema": SCHEMA,
        "netwiz": __version__,
        "case": _case(diagnosis.case),
        "outcome": diagnosis.result.value,
        "summary": line(diagnosis.summary),
        "cause": _cause(diagnosis.cause) if diagnosis.cause else None,
        "also": [_cause(cause) for cause in diagnosis.also],
        "ruled_out": [
            {"id": line(out.id), "because": line(out.because)}
            for out in diagnosis.ruled_out
        ],
        "path": _path(diagnosis.path),
        "vantages": [_vantage(seen) for seen in diagnosis.vantages.rows],
        "steps": [_step(step) for step in diagnosis.steps],
        "missing": _texts(diagnosis.missing),
        "assumptions": _texts(diagnosis.assumptions),
        "unsupported": _texts(diagnosis.unsupported),
        "cannot_look": diagnosis.cannot_look,
        "elapsed_ms": number(diagnosis.elapsed_ms),
    }


def _texts(texts: Iterable[str]) -> list[str]:
    return [line(text) for text in texts]


def _case(case: Case) -> Json:
    return {
        "from": line(case.client.name),
        "from_kind": case.client.kind.value,
        "to": line(case.target.text),
        "symptom": case.symptom.value if case.symptom else None,
        "error": line(case.error),
    }


def _cause(cause: CauseFound) -> Json:
    return {
        "id": line(cause.id),
        "title": line(cause.title),
        "explanation": block(cause.explanation),
        "evidence": _texts(cause.evidence),
        "fix": [_fix(fix) for fix in cause.fixes],
        "verify": _texts(cause.verify),
        "references": _texts(cause.references),
    }


def _fix(fix: Fix) -> Json:
    return {
        "text": block(fix.text),
        "commands": [block(command) for command in fix.commands],
        "lasting": fix.lasting,
        "interrupts": line(fix.interrupts),
        "snippet": block(fix.snippet),
    }


def _path(path: Path) -> Json:
    return {
        "forward": [_hop(hop) for hop in path.forward],
        "return": [_hop(hop) for hop in path.backward],
        "verdict": line(path.verdict),
    }


def _hop(hop: PathHop) -> Json:
    return {
        "where": line(hop.where),
        "namespace": line(hop.namespace),
        "device": line(hop.device),
        "seen": hop.seen,
        "packet": line(hop.packet),
        "at_us": None if hop.at_us is None else number(hop.at_us),
        "note": line(hop.note),
    }


def _vantage(seen: Vantage) -> Json:
    return {
        "where": line(seen.where),
        "target": line(seen.target),
        "outcome": line(seen.outcome),
        "works": seen.works,
        "ms": number(seen.ms),
        "meaning": line(seen.meaning),
    }


def _step(step: Step) -> Json:
    first = step.looks[0] if step.looks else Look("", "", "", 0.0)
    return {
        "question": line(step.question),
        "answer": line(step.answer),
        "probe": line(first.probe),
        "vantage": line(first.vantage),
        "command": block(first.command),
        "ms": number(step.ms),
        "node": line(step.node),
        "mark": step.mark.name.lower(),
        "branch": line(step.branch),
        "overridden": step.overridden,
        "evidence": _texts(step.evidence),
        "looks": [_look(look) for look in step.looks],
    }


def _look(look: Look) -> Json:
    return {
        "probe": line(look.probe),
        "vantage": line(look.vantage),
        "command": block(look.command),
        "ms": number(look.ms),
    }
