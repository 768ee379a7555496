"""The walk: each question, how it was answered, and how long it took to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from netwiz.widgets.choice_list import ChoiceList, Entry
from netwiz.widgets.columns import row
from netwiz.widgets.lines import MARK_STYLES, Line
from netwiz.wizard.verdict import Mark, Step

RUNNING = "running"
"""Key of the line that says what is being asked now."""


class WalkView(ChoiceList):
    """The steps so far; Enter opens one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Open", id="walk.open"),
    ]

    @dataclass
    class Opened(Message):
        """Somebody wants to see all of a step."""

        widget: WalkView
        step: Step

        @property
        def control(self) -> WalkView:
            """Who says so; `@on` selects by it."""
            return self.widget

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.steps: tuple[Step, ...] = ()

    def show_steps(
        self, steps: Sequence[Step], asking: str = "", *, paused: bool = False
    ) -> None:
        """Show the steps; `asking` is the question whose probes run now."""
        following = self.highlighted is None or self.highlighted >= len(self.steps) - 1
        self.steps = tuple(steps)
        head = question_width([step.question for step in steps] + [asking])
        entries = [
            Entry(str(number), partial(draw_step, step, head))
            for number, step in enumerate(steps)
        ]
        if asking:
            entries.append(Entry(RUNNING, partial(draw_asking, asking, head, paused)))
        last = entries[-1].key if entries else ""
        self.show(entries, last if following else None)
        if following:
            self.scroll_to_highlight()

    def point_at(self, wanted: Callable[[Step], bool]) -> bool:
        """Put the cursor on the last such step; say whether there is one."""
        numbers = [n for n, step in enumerate(self.steps) if wanted(step)]
        if numbers:
            self.highlighted = numbers[-1]
            self.scroll_to_highlight()
        return bool(numbers)

    @property
    def step(self) -> Step | None:
        """The step under the cursor."""
        key = self.chosen
        return self.steps[int(key)] if key.isdecimal() else None

    @on(ChoiceList.OptionSelected)
    def _open(self, event: ChoiceList.OptionSelected) -> None:
        event.stop()
        if self.step is not None:
            self.post_message(self.Opened(self, self.step))


def question_width(questions: Sequence[str]) -> int:
    """The column in which answers begin; a very long question stands alone."""
    longest = max(map(cell_len, questions), default=0)
    return min(max(longest, 20), 36) + 4


def draw_step(step: Step, head_width: int, width: int) -> Content:
    """A step as a line, or a few where the answer is long."""
    style = MARK_STYLES[step.mark]
    skipped = step.mark is Mark.SKIPPED
    bad = step.mark is Mark.BAD
    head: Line = (
        (f"{step.mark} ", style),
        (step.question, "dim" if skipped else "strong" if bad else ""),
    )
    body: Line = (
        (step.answer, "dim" if skipped else style if bad else "strong"),
        ("  [your answer]" if step.overridden else "", "odd"),
    )
    tail: Line = ((f"{step.ms:.0f} ms", "dim"),) if step.looks else ()
    return row(head, body, tail, width, min(head_width, width // 2))


def draw_asking(question: str, head_width: int, paused: bool, width: int) -> Content:
    """The question whose probes run now, or wait for a key."""
    words = "paused: space asks it" if paused else "looking"
    head: Line = ((f"{Mark.RUNNING} ", "odd"), (question, ""))
    return row(head, ((words, "odd"),), (), width, min(head_width, width // 2))
