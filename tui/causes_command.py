"""`netwiz causes`: the catalogue of root causes, as a list or one by one.

The texts of the catalogue have gaps that a walk fills with what it found; here they
are shown as <server>.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator

from netwiz.probes.text import plain
from netwiz.tui.exits import Exit
from netwiz.tui.terminal import Terminal, complain, put
from netwiz.wizard.causes import CAUSES, Cause
from netwiz.wizard.causes.model import FixPlan
from netwiz.wizard.drawing import asked_before, shown
from netwiz.wizard.report_layout import BLANK, Line, Tone, wrap
from netwiz.wizard.trees import NODES, TREES

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
    put(json.dumps(told, indent=2) + "\n")


def _told(cause: Cause) -> dict[str, object]:
    return {
        "id": cause.id,
        "title": shown(cause.title),
        "group": cause.group,
        "explanation": shown(cause.explanation),
        "decisive": shown(cause.decisive),
        "fix": [
            {"text": shown(plan.text), "commands": [*map(shown, plan.commands)]}
            for plan in cause.fixes
        ],
        "look_alikes": [
            {"id": other, "separated_by": shown(what)}
            for other, what in cause.look_alikes
        ],
        "references": list(cause.references),
        "asked": list(asked_before(cause.id, NODES, TREES[None].root)),
        "proof": cause.proof,
    }


def _list(causes: Iterable[Cause], width: int) -> Iterator[Line]:
    group = ""
    known = list(causes)
    room = max(len(cause.id) for cause in known)
    for cause in known:
        if cause.group != group:
            if group:
                yield BLANK
            group = cause.group
            yield Line(group, Tone.HEADING)
        first = f"  {cause.id:<{room}}  "
        for part in wrap(shown(cause.title), width, first):
            yield Line(part)


def _page(cause: Cause, width: int) -> Iterator[Line]:
    for part in wrap(shown(cause.title), width):
        yield Line(part, Tone.HEADING)
    yield Line(f"{cause.id} · {cause.group}", Tone.FAINT)
    yield BLANK
    for part in wrap(shown(cause.explanation), width, "  "):
        yield Line(part)
    yield from _section("What decides", [shown(cause.decisive)], width)
    yield from _mending(cause.fixes, width)
    look_alikes = [f"{other}: {shown(what)}" for other, what in cause.look_alikes]
    yield from _section("Looks alike", look_alikes, width)
    way = asked_before(cause.id, NODES, TREES[None].root)
    asked = [shown(NODES[id_].question) for id_ in way]
    yield from _section("Asked on the way", asked, width)
    yield from _section("Read more", cause.references, width)


def _mending(fixes: Iterable[FixPlan], width: int) -> Iterator[Line]:
    for nth, plan in enumerate(fixes):
        if not nth:
            yield BLANK
            yield Line("Mend it", Tone.HEADING)
        for part in wrap(shown(plan.text), width, "  - "):
            yield Line(part)
        for command in plan.commands:
            yield Line(f"    $ {shown(command)}", Tone.COMMAND)


def _section(title: str, texts: Iterable[str], width: int) -> Iterator[Line]:
    for nth, text in enumerate(texts):
        if not nth:
            yield BLANK
            yield Line(title, Tone.HEADING)
        for part in wrap(text, width, "  - "):
            yield Line(part)
