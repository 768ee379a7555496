"""The verdict and the steps as text, at any width."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from netwiz.widgets.document import Block, lay_out
from netwiz.widgets.step_blocks import commands_of, step_blocks
from netwiz.widgets.steps_header import Heading, draw_heading
from netwiz.widgets.verdict_blocks import fix_commands, outcome_words, verdict_blocks
from netwiz.widgets.walk_view import draw_asking, draw_step, question_width
from netwiz.wizard.verdict import Diagnosis, Fix
from tests.screens import samples, shop

ALL = {
    "fault": samples.REFUSED,
    "rejected": samples.FORWARD_REJECT,
    "healthy": samples.HEALTHY,
    "undetermined": samples.UNDETERMINED,
    "hostile": samples.hostile(shop.HOSTILE.name),
    "what if": samples.overridden(samples.FORWARD_REJECT),
}


def shown_at(blocks: Sequence[Block], width: int) -> str:
    return "\n".join(line.plain for line in lay_out(blocks, width))


def verdict(diagnosis: Diagnosis, before: Diagnosis | None = None) -> str:
    return shown_at(verdict_blocks(diagnosis, before), 76)


@pytest.mark.parametrize("width", [34, 40, 76, 120, 200])
@pytest.mark.parametrize("diagnosis", ALL.values(), ids=ALL)
def test_no_line_is_longer_than_the_pane(diagnosis: Diagnosis, width: int) -> None:
    laid = lay_out(verdict_blocks(diagnosis, samples.REFUSED), width)
    assert all(line.cell_length <= width for line in laid)
    head = question_width([step.question for step in diagnosis.steps])
    for step in diagnosis.steps:
        drawn = draw_step(step, head, width)
        assert all(line.cell_length <= width for line in drawn.split("\n"))


def test_a_fault_says_all_that_there_is_to_say() -> None:
    shown = verdict(samples.REFUSED)
    for words in (
        "✗ The service listens on 127.0.0.1 only",
        "Evidence  · in pg: LISTEN 127.0.0.1:3000",
        "Mend it   Let node listen on every address",
        "$ docker compose -p shop up -d --force-recreate pg",
        "│       HOST: 0.0.0.0",
        "! interrupts pg while it restarts",
        "! a restart of engine or host may undo it",
        "Prove it  v  probe again",
        "Not it    · service-not-listening: node does listen",
        "Assumed   · the application",
    ):
        assert words in shown


def test_what_is_wrong_too_is_named() -> None:
    assert "host-port-used-inside-network" in verdict(samples.FORWARD_REJECT)


def test_health_is_calm() -> None:
    shown = verdict(samples.HEALTHY)
    assert shown.startswith("✓ order reaches pg:3000")
    assert "✗" not in shown
    assert "Mend it" not in shown


def test_undetermined_says_what_is_missing() -> None:
    shown = verdict(samples.UNDETERMINED)
    assert shown.startswith("? The packet left order")
    assert "Missing   · the rules of this host could not be read" in shown
    assert "Unseen    · nftables sets" in shown


def test_what_rests_on_the_persons_word_says_so() -> None:
    shown = verdict(samples.overridden(samples.FORWARD_REJECT))
    assert "! What if: it rests on your own answer to “who refused?”" in shown


def test_a_recheck_compares() -> None:
    shown = verdict(samples.HEALTHY, samples.REFUSED)
    assert shown.startswith("was: refused, service-bound-loopback  →  now: healthy")
    case = replace(samples.CASE, symptom=None)
    assert outcome_words(replace(samples.REFUSED, case=case)).startswith("broken, ")


def test_the_fix_to_copy_is_a_command_or_else_a_stanza() -> None:
    cause = samples.LOOPBACK
    assert fix_commands(samples.REFUSED).startswith("docker compose")
    stanza = replace(cause, fixes=(Fix("set it", snippet="a: 1"),))
    assert fix_commands(replace(samples.REFUSED, cause=stanza)) == "a: 1"
    assert fix_commands(samples.HEALTHY) == ""


def test_a_step_tells_how_a_person_sees_the_same() -> None:
    shown = shown_at(step_blocks(samples.WHO_STEP), 60)
    assert "Evidence  · SYN seen at pg eth0 after 36 µs" in shown
    assert "Looked    Attempt  from order  41.0 ms" in shown
    assert "Answers   ▸ the server itself" in shown
    assert commands_of(samples.WHO_STEP).startswith("nsenter -t 4121 -n tcpdump")


def test_a_hanging_indent_hangs() -> None:
    block = Block((("one two three four five", ""),), lead=(("lead  ", ""),))
    assert shown_at([block], 16).splitlines() == [
        "lead  one two",
        "      three four",
        "      five",
    ]


def test_a_paused_question_names_the_key() -> None:
    assert "space asks it" in draw_asking("who?", 24, True, 80).plain
    assert "looking" in draw_asking("who?", 24, False, 80).plain


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_heading_keeps_to_one_line(width: int) -> None:
    heading = Heading(4, shop.HOSTILE.name, "pg." + "x" * 80, "refused", "", 212)
    drawn = draw_heading(heading, width)
    assert drawn.cell_length <= max(width, 66)
    assert drawn.plain.endswith("step 4 of 4 · walk · 0.2 s")
