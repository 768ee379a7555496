"""The catalogue as one page of documentation: every cause, every tree. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netwiz.wizard.causes import CAUSES, Cause
from netwiz.wizard.causes.model import FixPlan
from netwiz.wizard.drawing import asked_before, drawn, shown
from netwiz.wizard.trees import NODES, ROOMS, TREES

_HEAD = """\
# What netwiz knows

Made by `tools/causes.py` from the registry and the trees that netwiz itself reasons
with; a test keeps the two equal. In a terminal: `netwiz causes`, `netwiz causes ID`.

A gap that a walk fills with what it found is written `<like this>`.
"""
_TREES = """\
## The trees

Every walk begins with *start* and goes on by what was seen: the symptom that was named
decides what is asked about a connection that works, never what is believed. A name
behind `→` is a question of this or another room; `●` is where a walk ends. Every
question has one more answer, *it could not be seen*, which ends undetermined.
"""
_PROOF = {
    "lab": "a real fault in the lab",
    "recorded": "findings written down: one machine cannot be made to suffer it",
}


def to_markdown() -> str:
    """The whole page; ends with a line break."""
    return "\n".join([_HEAD, *_contents(), "## The causes\n", *_causes(), *_rooms()])


def _by_group() -> dict[str, list[Cause]]:
    groups: dict[str, list[Cause]] = {}
    for cause in CAUSES.values():
        groups.setdefault(cause.group, []).append(cause)
    return groups


def _contents() -> Iterator[str]:
    yield f"{len(CAUSES)} causes, {len(NODES)} questions.\n"
    for group, causes in _by_group().items():
        ids = ", ".join(f"[{cause.id}](#{cause.id})" for cause in causes)
        yield f"- {group}: {ids}"
    yield ""


def _causes() -> Iterator[str]:
    for group, causes in _by_group().items():
        yield f"### {group}\n"
        for cause in causes:
            yield from _cause(cause)


def _cause(cause: Cause) -> Iterator[str]:
    yield f"#### {cause.id}\n"
    yield f"**{_plain(cause.title)}.** {_plain(cause.explanation)}\n"
    yield f"- What decides: {_plain(cause.decisive)}."
    way = ", then ".join(asked_before(cause.id, NODES, TREES[None].root))
    if way:
        yield f"- Asked on the way: {way}"
    yield f"- Tested by: {_PROOF[cause.proof]}"
    yield from (
        f"- Looks like [{other}](#{other}): {_plain(what)}"
        for other, what in cause.look_alikes
    )
    if cause.references:
        yield f"- Read more: {', '.join(cause.references)}"
    yield ""
    for plan in cause.fixes:
        yield from _fix(plan)


def _fix(plan: FixPlan) -> Iterator[str]:
    notes = [] if plan.lasting else ["a restart of engine or host may undo it"]
    notes += [f"interrupts {_plain(plan.interrupts)}"] if plan.interrupts else []
    said = f" *({'; '.join(notes)})*" if notes else ""
    yield f"Mend it: {_plain(plan.text)}{said}\n"
    yield from _code((shown(command) for command in plan.commands), "sh")
    yield from _code(shown(plan.snippet).splitlines(), "yaml")


def _code(lines: Iterable[str], language: str) -> Iterator[str]:
    body = list(lines)
    if body:
        yield from (f"```{language}", *body, "```\n")


def _rooms() -> Iterator[str]:
    yield _TREES
    for room in ROOMS:
        path = room.__name__.partition(".trees.")[2].removesuffix(".entry")
        about = (room.__doc__ or "").split("\n", 1)[0]
        yield f"### {path.replace('.', ': ').replace('_', ' ')}\n"
        yield f"{about}\n"
        yield from _code(drawn(room.NODES), "text")


def _plain(template: str) -> str:
    """A text whose gaps do not vanish as tags in a reader of markdown."""
    return shown(template).replace("<", "&lt;").replace(">", "&gt;")
