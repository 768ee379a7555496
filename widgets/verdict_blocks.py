"""The verdict as paragraphs: what it is, why we know, how to mend and to prove it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netwiz.widgets.document import Block
from netwiz.widgets.lines import Line
from netwiz.wizard.report_layout import cells, pad
from netwiz.wizard.report_text import excluded
from netwiz.wizard.verdict import CauseFound, Diagnosis, Fix, Result

COLUMN = 10
HEADS = {
    Result.HEALTHY: ("✓", "good", "Healthy"),
    Result.FAULT: ("✗", "bad", "Root cause"),
    Result.UNDETERMINED: ("?", "odd", "Undetermined"),
}
"""Mark, style and heading of each outcome."""


def verdict_blocks(diagnosis: Diagnosis, before: Diagnosis | None) -> list[Block]:
    """All that there is to say; `before` is the verdict that a re-check follows."""
    return [
        *_change(diagnosis, before),
        *_head(diagnosis),
        *_cause(diagnosis.cause),
        *_listed("Missing", diagnosis.missing),
        *_vantages(diagnosis),
        *_prove(diagnosis),
        *_listed("Also", [f"{c.title} ({c.id})" for c in diagnosis.also], "✗ ", "bad"),
        *_listed("Not it", tuple(excluded(diagnosis))),
        *_listed("Assumed", diagnosis.assumptions),
        *_listed("Unseen", diagnosis.unsupported),
        *_listed("Read on", diagnosis.cause.references if diagnosis.cause else ()),
    ]


def essential_blocks(diagnosis: Diagnosis, before: Diagnosis | None) -> list[Block]:
    """The beginning of it: what it is, and what that rests on."""
    cause = diagnosis.cause
    return [
        *_change(diagnosis, before),
        *_head(diagnosis),
        *_listed("Evidence", cause.evidence if cause else ()),
        *_listed("Missing", diagnosis.missing),
    ]


def outcome_words(diagnosis: Diagnosis) -> str:
    """The outcome in two or three words, for a comparison."""
    symptom = diagnosis.case.symptom
    if diagnosis.result is Result.FAULT and diagnosis.cause:
        name = symptom.value if symptom else "broken"
        return f"{name}, {diagnosis.cause.id}"
    return diagnosis.result.value


def fix_commands(diagnosis: Diagnosis) -> str:
    """The commands of the first fix that has any; else its snippet; else nothing."""
    fixes = diagnosis.cause.fixes if diagnosis.cause else ()
    for fix in fixes:
        if fix.commands:
            return "\n".join(fix.commands)
    return next((fix.snippet for fix in fixes if fix.snippet), "")


def overridden(diagnosis: Diagnosis) -> tuple[str, ...]:
    """The questions that the person answered in the place of the probes."""
    return tuple(step.question for step in diagnosis.steps if step.overridden)


def _change(diagnosis: Diagnosis, before: Diagnosis | None) -> Iterator[Block]:
    if before is None:
        return
    style = HEADS[diagnosis.result][1]
    yield Block(
        (
            ("was: ", "dim"),
            (outcome_words(before), ""),
            ("  →  now: ", "dim"),
            (outcome_words(diagnosis), f"{style}"),
        )
    )


def _head(diagnosis: Diagnosis) -> Iterator[Block]:
    mark, style, _ = HEADS[diagnosis.result]
    cause = diagnosis.cause
    title = _sentence(cause.title) if cause else diagnosis.summary
    yield Block(((title, style),), lead=((f"{mark} ", style),), gap=True)
    for question in overridden(diagnosis):
        yield Block(
            ((f"What if: it rests on your own answer to “{question}”", "odd"),),
            lead=(("! ", "odd"),),
        )
    if cause and cause.explanation:
        yield Block(((cause.explanation, ""),), gap=True)


def _cause(cause: CauseFound | None) -> Iterator[Block]:
    if cause is None:
        return
    yield from _listed("Evidence", cause.evidence)
    for number, fix in enumerate(cause.fixes):
        yield from _fix(fix, "Mend it" if not number else "or")


def _fix(fix: Fix, word: str) -> Iterator[Block]:
    yield Block(((fix.text, "strong"),), lead=_lead(word), gap=True)
    for command in fix.commands:
        yield Block(((command, "code"),), lead=(*_lead(""), ("$ ", "dim")))
    for line in fix.snippet.splitlines():
        indent = len(line) - len(line.lstrip())
        yield Block(
            ((line.lstrip(), "code"),),
            lead=(*_lead(""), ("│ ", "dim"), (" " * indent, "")),
        )
    remarks = [] if fix.lasting else ["a restart of engine or host may undo it"]
    remarks += [f"interrupts {fix.interrupts}"] if fix.interrupts else []
    if remarks:
        yield Block((("; ".join(remarks), "odd"),), lead=(*_lead(""), ("! ", "odd")))


def _vantages(diagnosis: Diagnosis) -> Iterator[Block]:
    """What works from where; the marks say it without any colour."""
    rows = diagnosis.vantages.rows
    where = max((cells(row.where) for row in rows), default=0)
    target = max((cells(row.target) for row in rows), default=0)
    for number, row in enumerate(rows):
        mark, style = ("✓ ", "good") if row.works else ("✗ ", "bad")
        columns = f"{pad(row.where, where)}  {pad(row.target, target)}  "
        yield Block(
            ((columns, ""), (row.outcome, style), (f"  {row.meaning}", "dim")),
            lead=(*_lead("Seen from" if not number else ""), (mark, style)),
            gap=not number,
        )


def _prove(diagnosis: Diagnosis) -> Iterator[Block]:
    again: Line = (("v", "code"), ("  probe again", ""))
    word = "Prove it" if diagnosis.cause else "Again"
    yield Block(again, lead=_lead(word), gap=True)
    for text in diagnosis.cause.verify if diagnosis.cause else ():
        yield Block(((text, ""),), lead=(*_lead(""), ("· ", "dim")))


def _listed(
    word: str, texts: Sequence[str], bullet: str = "· ", style: str = "dim"
) -> Iterator[Block]:
    for number, text in enumerate(texts):
        lead = _lead(word if not number else "")
        yield Block(((text, ""),), lead=(*lead, (bullet, style)), gap=not number)


def _lead(word: str) -> Line:
    return ((word.ljust(COLUMN), "label"),)


def _sentence(title: str) -> str:
    return title[:1].upper() + title[1:]
