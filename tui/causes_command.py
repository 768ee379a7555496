"""`netwiz causes`: the catalogue of root causes, as a list or one by one."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator

from netwiz.probes.text import plain
from netwiz.tui.exits import Exit
from netwiz.tui.terminal import Terminal, complain
from netwiz.wizard.causes import CAUSES, Cause
from netwiz.wizard.report_layout import BLANK, Line, Tone, wrap

SCHEMA = "netwiz.causes/1"


def run_causes(cause_id: str | None, *, as_json: bool) -> int:
    """Print all causes or one; an unknown id is a usage error."""
    if cause_id is None:
        chosen: Iterable[Cause] = CAUSES.values()
    elif cause_id in CAUSES:
        chosen = (CAUSES[cause_id],)
    else:
        near = difflib.get_close_matches(cause_id[:80], CAUSES, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see netwiz causes"
        complain(f"no cause is named '{plain(cause_id, 80)}': {hint}")
        return Exit.USAGE
    if as_json:
        _print_json(chosen)
        return Exit.OK
    terminal = Terminal(sys.stdout)
    if cause_id is None:
        terminal.show(_list(chosen, terminal.width))
    else:
        for cause in chosen:
            terminal.show(_page(cause, terminal.width))
    return Exit.OK


def _print_json(causes: Iterable[Cause]) -> None:
    told = {"schema": SCHEMA, "causes": [_told(cause) for cause in causes]}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


def _told(cause: Cause) -> dict[str, object]:
    return {
        "id": cause.id,
        "title": cause.title,
        "group": cause.group,
        "explanation": cause.explanation,
        "decisive": cause.decisive,
        "look_alikes": [
            {"id": other, "separated_by": what} for other, what in cause.look_alikes
        ],
        "references": list(cause.references),
    }


def _list(causes: Iterable[Cause], width: int) -> Iterator[Line]:
    group = ""
    for cause in causes:
        if cause.group != group:
            if group:
                yield BLANK
            group = cause.group
            yield Line(group, Tone.HEADING)
        first = f"  {cause.id:<32}  "
        for part in wrap(cause.title, width, first):
            yield Line(part)


def _page(cause: Cause, width: int) -> Iterator[Line]:
    yield Line(cause.title, Tone.HEADING)
    yield Line(f"{cause.id} · {cause.group}", Tone.FAINT)
    for title, texts in (
        ("", [cause.explanation]),
        ("What decides", [cause.decisive]),
        ("Looks alike", [f"{other}: {what}" for other, what in cause.look_alikes]),
        ("Read more", list(cause.references)),
    ):
        if not any(texts):
            continue
        yield BLANK
        if title:
            yield Line(title, Tone.HEADING)
        for text in texts:
            for part in wrap(text, width, "  "):
                yield Line(part)
