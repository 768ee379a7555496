"""The diagnosis as plain text for a terminal: 80 columns, readable without colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netwiz.wizard.case import Case
from netwiz.wizard.report_clean import line, lines
from netwiz.wizard.report_layout import BLANK, Line, Tone, cells, clip, pad, wrap
from netwiz.wizard.verdict import (
    CauseFound,
    Diagnosis,
    Fix,
    Mark,
    Matrix,
    Path,
    PathHop,
    Result,
    Step,
    by_reason,
)

WIDTH = 80
MARK_TONES = {
    Mark.GOOD: Tone.GOOD,
    Mark.BAD: Tone.BAD,
    Mark.ODD: Tone.ODD,
    Mark.UNKNOWN: Tone.ODD,
    Mark.SKIPPED: Tone.FAINT,
    Mark.RUNNING: Tone.FAINT,
}
_VERDICTS = {
    Result.HEALTHY: ("Healthy", Tone.GOOD),
    Result.FAULT: ("Root cause", Tone.BAD),
    Result.UNDETERMINED: ("Undetermined", Tone.ODD),
}


def to_text(diagnosis: Diagnosis, width: int = WIDTH) -> str:
    """The whole report; ends with a line break."""
    parts = [
        *case_lines(diagnosis.case, width),
        *([BLANK] if diagnosis.steps else []),
        *(row for step in diagnosis.steps for row in step_lines(step, width)),
        *conclusion_lines(diagnosis, width),
    ]
    return "".join(f"{part.text}\n" for part in parts)


def case_lines(case: Case, width: int = WIDTH) -> Iterator[Line]:
    """What is being looked into."""
    symptom = case.symptom.value if case.symptom else "symptom to be found out"
    title = f"{line(case.client.name)} -> {line(case.target.text)}   {symptom}"
    yield from _wrapped(title, width, tone=Tone.HEADING)
    if case.error:
        yield from _wrapped(line(case.error), width, first="  said: ", tone=Tone.FAINT)


def step_lines(step: Step, width: int = WIDTH) -> Iterator[Line]:
    """One question and its answer."""
    text = f"{line(step.question)}  {line(step.answer)}".rstrip()
    tone = MARK_TONES[step.mark]
    yield from _wrapped(text, width, first=f" {step.mark.value} ", tone=tone)


def conclusion_lines(diagnosis: Diagnosis, width: int = WIDTH) -> Iterator[Line]:
    """Everything after the steps: the path, the verdict, what to do about it."""
    drawn = list(path_lines(diagnosis.path, width))
    yield from [BLANK, *drawn] if drawn else []
    seen = list(vantage_lines(diagnosis.vantages, width))
    yield from [BLANK, *seen] if seen else []
    yield from _verdict_lines(diagnosis, width)
    yield from _list("Also wrong", _also(diagnosis), width)
    yield from _list("Ruled out", excluded(diagnosis), width)
    yield from _list("Not known", diagnosis.missing, width)
    yield from _list("Taken for granted", diagnosis.assumptions, width)
    yield from _list("Not looked at", diagnosis.unsupported, width)
    yield BLANK
    took = f"{len(diagnosis.steps)} steps, {diagnosis.elapsed_ms / 1000:.2f} s"
    yield Line(took, Tone.FAINT)


def excluded(diagnosis: Diagnosis) -> Iterator[str]:
    """What was ruled out, a line for each reason."""
    for out in by_reason(diagnosis.ruled_out):
        more = f" and {out.more} more" if out.more else ""
        yield f"{', '.join(out.ids)}{more}: {out.because}"


def _verdict_lines(diagnosis: Diagnosis, width: int) -> Iterator[Line]:
    word, tone = _VERDICTS[diagnosis.result]
    cause = diagnosis.cause
    yield BLANK
    said = cause.title if cause else diagnosis.summary
    yield from _wrapped(f"{word}: {line(said)}", width, rest="  ", tone=tone)
    if cause is None:
        return
    yield Line(f"  [{line(cause.id)}]", Tone.FAINT)
    yield from _cause_lines(cause, width)


def _cause_lines(cause: CauseFound, width: int) -> Iterator[Line]:
    for paragraph in lines(cause.explanation):
        yield from _wrapped(paragraph, width, first="  ")
    yield from _list("Evidence", cause.evidence, width)
    if cause.fixes:
        yield BLANK
        yield Line("Mend it", Tone.HEADING)
        for nth, fix in enumerate(cause.fixes, 1):
            yield from _fix_lines(fix, f"  {nth}. ", width)
    if cause.verify:
        yield BLANK
        yield Line("Prove it", Tone.HEADING)
        for check in cause.verify:
            yield Line(f"  {line(check)}", Tone.COMMAND)


def _fix_lines(fix: Fix, first: str, width: int) -> Iterator[Line]:
    rest = " " * len(first)
    for paragraph in lines(fix.text) or [""]:
        yield from _wrapped(paragraph, width, first=first, rest=rest)
        first = rest
    if fix.interrupts:
        warning = f"(interrupts: {line(fix.interrupts)})"
        yield from _wrapped(warning, width, first=rest, tone=Tone.ODD)
    if not fix.lasting:
        warning = "(not lasting: a restart of the engine or the host may undo it)"
        yield from _wrapped(warning, width, first=rest, tone=Tone.ODD)
    # Never wrapped: a command is there to be copied.
    for command in fix.commands:
        head, *more = lines(command) or [""]
        yield Line(f"{rest}$ {head}", Tone.COMMAND)
        for part in more:
            yield Line(f"{rest}  {part}", Tone.COMMAND)
    for part in lines(fix.snippet):
        yield Line(f"{rest}| {part}", Tone.COMMAND)


def _also(diagnosis: Diagnosis) -> Iterator[str]:
    for cause in diagnosis.also:
        yield f"{cause.title} [{cause.id}]"
        for proof in cause.evidence:
            yield f"  {proof}"
        for fix in cause.fixes:
            commands = "; ".join(fix.commands)
            yield f"  mend it: {fix.text}" + (f" $ {commands}" if commands else "")


def path_lines(path: Path, width: int = WIDTH) -> Iterator[Line]:
    """The packet's way there and back, one hop a line."""
    hops = path.forward + path.backward
    if not hops:
        return
    verdict = f": {line(path.verdict)}" if path.verdict else ""
    yield from _wrapped(f"The packet{verdict}", width, tone=Tone.HEADING)
    where = min(max(cells(line(hop.where)) for hop in hops), 24, width * 3 // 10)
    device = min(max(cells(line(hop.device)) for hop in hops), 16, width // 5)
    for name, way in (("there", path.forward), ("back", path.backward)):
        word, before = name, ""
        for hop in way:
            mark = Mark.GOOD if hop.seen else Mark.BAD
            first = f"  {word:<6}{mark.value} {_hop_place(hop, where, device)}  "
            told = _hop_told(hop, before)
            rest = " " * 10
            tone = MARK_TONES[mark]
            yield from _wrapped(told, width, first=first, rest=rest, tone=tone)
            before, word = line(hop.packet) or before, ""


def vantage_lines(matrix: Matrix, width: int = WIDTH) -> Iterator[Line]:
    """What works from where, one vantage a line, in columns."""
    rows = matrix.rows
    if not rows:
        return
    yield Line("Seen from", Tone.HEADING)
    where = min(max(cells(line(row.where)) for row in rows), 30, width * 3 // 8)
    target = min(max(cells(line(row.target)) for row in rows), 24, width // 4)
    for row in rows:
        mark = Mark.GOOD if row.works else Mark.BAD
        places = ((row.where, where), (row.target, target))
        place = "  ".join(pad(clip(line(t), room), room) for t, room in places)
        told = f"{line(row.outcome)}: {line(row.meaning)}"
        yield from _wrapped(
            told,
            width,
            first=f"  {mark.value} {place}  ",
            rest=" " * 6,
            tone=MARK_TONES[mark],
        )


def _hop_place(hop: PathHop, where: int, device: int) -> str:
    return "  ".join(
        pad(clip(line(text), room), room)
        for text, room in ((hop.where, where), (hop.device, device))
    )


def _hop_told(hop: PathHop, before: str) -> str:
    """The packet where it is new or rewritten, not at every hop alike."""
    packet = line(hop.packet) if hop.seen else "not seen"
    told = ("as before" if packet and packet == before else packet, line(hop.note))
    return ", ".join(part for part in told if part)


def _list(title: str, items: Iterable[str], width: int) -> Iterator[Line]:
    given = [line(item) for item in items]
    if not given:
        return
    yield BLANK
    yield Line(title, Tone.HEADING)
    for item in given:
        inset = len(item) - len(item.lstrip(" "))
        first = "  " + " " * inset + ("- " if not inset else "  ")
        yield from _wrapped(item.strip(), width, first=first)


def _wrapped(
    text: str,
    width: int,
    *,
    first: str = "",
    rest: str | None = None,
    tone: Tone = Tone.PLAIN,
) -> Iterator[Line]:
    for part in wrap(text, max(width, 40), first, rest):
        yield Line(part.rstrip(), tone)
