"""The diagnosis as an incident report to paste into a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netwiz import __version__
from netwiz.wizard.markdown import cell, code, prose, span
from netwiz.wizard.report_clean import lines
from netwiz.wizard.report_text import path_lines
from netwiz.wizard.verdict import (
    CauseFound,
    Diagnosis,
    Fix,
    Mark,
    Matrix,
    Result,
    Step,
    by_reason,
)

_VERDICTS = {
    Result.HEALTHY: "healthy",
    Result.FAULT: "root cause found",
    Result.UNDETERMINED: "undetermined",
}
_PATH_WIDTH = 100


def to_markdown(diagnosis: Diagnosis) -> str:
    """The whole report; ends with a line break."""
    parts = [
        *_head(diagnosis),
        *_verdict(diagnosis),
        *_path(diagnosis),
        *_vantages(diagnosis.vantages),
        *_also(diagnosis),
        *_bullets("Ruled out", _excluded(diagnosis)),
        *_bullets("Not known", map(prose, diagnosis.missing)),
        *_bullets("Taken for granted", map(prose, diagnosis.assumptions)),
        *_bullets("Not looked at", map(prose, diagnosis.unsupported)),
        *_steps(diagnosis.steps),
        "",
        _foot(diagnosis),
    ]
    return "\n".join(parts) + "\n"


def _foot(diagnosis: Diagnosis) -> str:
    took = f"{diagnosis.elapsed_ms / 1000:.2f} s"
    return f"netwiz {__version__}, {len(diagnosis.steps)} steps in {took}"


def _head(diagnosis: Diagnosis) -> Iterator[str]:
    case = diagnosis.case
    yield f"# {prose(case.client.name)} to {prose(case.target.text)}"
    yield ""
    yield f"- From: {span(case.client.name)} ({case.client.kind.value})"
    yield f"- To: {span(case.target.text)}"
    yield f"- Symptom: {case.symptom.value if case.symptom else 'not given'}"
    if case.error:
        yield f"- Error line: {span(case.error)}"
    yield f"- Outcome: **{_VERDICTS[diagnosis.result]}**"


def _verdict(diagnosis: Diagnosis) -> Iterator[str]:
    yield ""
    if diagnosis.cause is None:
        yield "## Verdict"
        yield ""
        yield prose(diagnosis.summary)
        return
    yield f"## Root cause: {prose(diagnosis.cause.title)}"
    yield ""
    yield f"Cause id: {span(diagnosis.cause.id)}"
    yield from _cause(diagnosis.cause, "###")


def _cause(cause: CauseFound, level: str) -> Iterator[str]:
    for paragraph in lines(cause.explanation):
        yield ""
        yield prose(paragraph)
    yield from _bullets("Evidence", map(prose, cause.evidence), level)
    if cause.fixes:
        yield ""
        yield f"{level} Mend it"
    for nth, fix in enumerate(cause.fixes, 1):
        yield ""
        yield from _fix(fix, nth)
    if cause.verify:
        yield ""
        yield f"{level} Prove it"
        yield ""
        yield from code(cause.verify, "sh")
    yield from _bullets("Read more", map(prose, cause.references), level)


def _fix(fix: Fix, nth: int) -> Iterator[str]:
    lead = f"{nth}. "
    rest = " " * len(lead)
    head, *more = lines(fix.text) or [""]
    yield (lead + prose(head)).rstrip()
    for paragraph in more:
        yield rest + prose(paragraph)
    if fix.interrupts:
        yield f"{rest}(interrupts: {prose(fix.interrupts)})"
    if not fix.lasting:
        yield f"{rest}(not lasting: a restart of the engine or the host may undo it)"
    if fix.commands:
        yield ""
        yield from code(fix.commands, "sh", rest)
    if fix.snippet:
        yield ""
        yield from code([fix.snippet], "", rest)


def _path(diagnosis: Diagnosis) -> Iterator[str]:
    drawn = [part.text for part in path_lines(diagnosis.path, _PATH_WIDTH)]
    if drawn:
        yield ""
        yield "## Path of the packet"
        yield ""
        yield from code(drawn, "text")


def _vantages(matrix: Matrix) -> Iterator[str]:
    if not matrix.rows:
        return
    yield ""
    yield "## Seen from elsewhere"
    yield ""
    yield "| | From | To | Outcome | ms | Which means |"
    yield "|-|-|-|-|-:|-|"
    for row in matrix.rows:
        mark = Mark.GOOD if row.works else Mark.BAD
        told = (prose(row.where), cell(row.target), prose(row.outcome))
        rest = (f"{row.ms:.1f}", prose(row.meaning))
        yield "| " + " | ".join((mark.value, *told, *rest)) + " |"


def _also(diagnosis: Diagnosis) -> Iterator[str]:
    for cause in diagnosis.also:
        yield ""
        yield f"## Also wrong: {prose(cause.title)}"
        yield ""
        yield f"Cause id: {span(cause.id)}"
        yield from _cause(cause, "###")


def _excluded(diagnosis: Diagnosis) -> Iterator[str]:
    for out in by_reason(diagnosis.ruled_out):
        more = f" and {out.more} more" if out.more else ""
        yield f"{', '.join(map(span, out.ids))}{more}: {prose(out.because)}"


def _bullets(title: str, items: Iterable[str], level: str = "##") -> Iterator[str]:
    given = [item for item in items if item]
    if not given:
        return
    yield ""
    yield f"{level} {title}"
    yield ""
    for item in given:
        yield f"- {item}"


def _steps(steps: tuple[Step, ...]) -> Iterator[str]:
    if not steps:
        return
    yield ""
    yield "## How it was found"
    yield ""
    yield "| | Question | Answer | Seen from | Command | ms |"
    yield "|-|-|-|-|-|-:|"
    for step in steps:
        yield _row((step.mark.value, prose(step.question), prose(step.answer)), step)


def _row(told: tuple[str, str, str], step: Step) -> str:
    seen_from = dict.fromkeys(cell(look.vantage) for look in step.looks if look.vantage)
    commands = dict.fromkeys(cell(look.command) for look in step.looks if look.command)
    took = f"{step.ms:.1f}" if step.looks else ""
    rest = ("<br>".join(seen_from), "<br>".join(commands), took)
    return "| " + " | ".join((*told, *rest)) + " |"
