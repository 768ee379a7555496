"""`netwiz diagnose --watch`: the same case walked again and again, until Ctrl-C.

What changes is told in full, what stays is told in a line. With --json every round is
one line of its own (NDJSON), so that a program can read along.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from netwiz.probes.text import plain
from netwiz.tui.exits import Exit
from netwiz.tui.terminal import Terminal, put
from netwiz.wizard.report_json import to_json
from netwiz.wizard.report_layout import BLANK, Line, Tone
from netwiz.wizard.report_text import case_lines, conclusion_lines, step_lines
from netwiz.wizard.verdict import Diagnosis, Mark, Result

Walk = Callable[[], Awaitable[Diagnosis]]

TONES = {
    Result.HEALTHY: Tone.GOOD,
    Result.FAULT: Tone.BAD,
    Result.UNDETERMINED: Tone.ODD,
}


@dataclass(slots=True)
class Rounds:
    """What the rounds brought so far."""

    count: int = 0
    last: Diagnosis | None = None
    seen: dict[str, int] = field(default_factory=dict)
    """How often each outcome came, by its words."""

    def note(self, diagnosis: Diagnosis) -> bool:
        """Take a round in; whether it says something else than the one before."""
        before = words_of(self.last) if self.last else ""
        now = words_of(diagnosis)
        self.count += 1
        self.last = diagnosis
        self.seen[now] = self.seen.get(now, 0) + 1
        return now != before


def words_of(diagnosis: Diagnosis) -> str:
    """An outcome in a word: ``healthy``, a cause's id, ``undetermined``."""
    return diagnosis.cause.id if diagnosis.cause else diagnosis.result.value


async def watch(
    first: Diagnosis, walk: Walk, every_s: float, teller: JsonLines | TextLines
) -> None:
    """Walk again `every_s` seconds after the last walk's beginning; never returns."""
    diagnosis = first
    began = time.monotonic() - first.elapsed_ms / 1000
    while True:
        teller.tell(diagnosis, datetime.now().astimezone())
        await asyncio.sleep(max(0.0, began + every_s - time.monotonic()))
        began = time.monotonic()
        diagnosis = await walk()


class JsonLines:
    """One JSON object a line, each a diagnosis with the time of its end."""

    def __init__(self) -> None:
        self.rounds = Rounds()

    def tell(self, diagnosis: Diagnosis, at: datetime) -> None:
        """Print a round."""
        self.rounds.note(diagnosis)
        told = {"at": at.isoformat(timespec="milliseconds"), **to_json(diagnosis)}
        put(json.dumps(told, allow_nan=False) + "\n")

    def leave(self) -> None:
        """Nothing is left to say."""


class TextLines:
    """For people: the first round and every change in full, the rest in a line."""

    def __init__(self, terminal: Terminal | None = None) -> None:
        self.rounds = Rounds()
        self._terminal = terminal or Terminal(sys.stdout)

    def tell(self, diagnosis: Diagnosis, at: datetime) -> None:
        """Print a round."""
        changed = self.rounds.note(diagnosis)
        terminal, width = self._terminal, self._terminal.width
        said = f"{at:%H:%M:%S}  {words_of(diagnosis)}  {plain(diagnosis.summary, 300)}"
        if not changed:
            if terminal.interactive:
                times = self.rounds.seen[words_of(diagnosis)]
                terminal.passing(f"{said}  ({times} times so far)")
            else:
                terminal.show([Line(said, TONES[diagnosis.result])])
            return
        if self.rounds.count == 1:
            terminal.show(case_lines(diagnosis.case, width))
        terminal.show([BLANK, Line(said, TONES[diagnosis.result])])
        for step in diagnosis.steps:
            if step.mark is not Mark.RUNNING:
                terminal.show(step_lines(step, width))
        terminal.show(conclusion_lines(diagnosis, width))

    def leave(self) -> None:
        """Say what all the rounds brought."""
        self._terminal.close()
        if self.rounds.count:
            parts = (f"{words} {times}" for words, times in self.rounds.seen.items())
            told = f"{self.rounds.count} rounds: {', '.join(parts)}"
            self._terminal.show([BLANK, Line(told, Tone.HEADING)])


def status_after(rounds: Rounds, status: Callable[[Diagnosis], Exit]) -> Exit:
    """The exit status of the last round; of an interruption if there was none."""
    return status(rounds.last) if rounds.last else Exit.INTERRUPTED
