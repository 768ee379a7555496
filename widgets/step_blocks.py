"""Everything about one step, as paragraphs."""

from __future__ import annotations

from collections.abc import Iterator

from netwiz.widgets.document import Block
from netwiz.widgets.lines import MARK_STYLES
from netwiz.wizard.verdict import Look, Step


def step_blocks(step: Step) -> list[Block]:
    """Question, answer, evidence, probes with their commands, the other branches."""
    return [*_answer(step), *_evidence(step), *_looks(step), *_options(step)]


def commands_of(step: Step) -> str:
    """The commands by which a person sees the same, one to a line."""
    return "\n".join(look.command for look in step.looks if look.command)


def _answer(step: Step) -> Iterator[Block]:
    style = MARK_STYLES[step.mark]
    yield Block(((step.question, "strong"),))
    yield Block(((step.answer, style),), lead=((f"{step.mark} ", style),))
    if step.overridden:
        yield Block((("this is your answer, not what was found", "odd"),))


def _evidence(step: Step) -> Iterator[Block]:
    for number, text in enumerate(step.evidence):
        lead = "Evidence  " if not number else " " * 10
        yield Block(
            ((text, ""),), lead=((lead, "label"), ("· ", "dim")), gap=not number
        )


def _looks(step: Step) -> Iterator[Block]:
    for number, look in enumerate(step.looks):
        lead = "Looked    " if not number else " " * 10
        yield Block(
            (
                (look.probe, "strong"),
                (f"  from {look.vantage}", ""),
                (f"  {look.ms:.1f} ms", "dim"),
            ),
            lead=((lead, "label"),),
            gap=not number,
        )
        if look.command:
            yield _command(look)


def _command(look: Look) -> Block:
    return Block(((look.command, "code"),), lead=((" " * 10, ""), ("$ ", "dim")))


def _options(step: Step) -> Iterator[Block]:
    for number, option in enumerate(step.options):
        lead = "Answers   " if not number else " " * 10
        taken = option.key == step.branch
        yield Block(
            ((option.words, "strong" if taken else "dim"),),
            lead=((lead, "label"), ("▸ " if taken else "  ", "good")),
            gap=not number,
        )
