"""The wizard's two dialogues: all of one step, and another answer to it."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from netwiz.widgets.choice_list import ChoiceList, Entry
from netwiz.widgets.document import Document
from netwiz.widgets.lines import line_content
from netwiz.widgets.step_blocks import commands_of, step_blocks
from netwiz.widgets.walk_view import WalkView
from netwiz.wizard.verdict import Step

FOUND = ""
"""The answer that stands for what the probes found."""


class StepDetail(ModalScreen[bool]):
    """Evidence, probes and commands of a step; True: another answer is wanted.

    The walk's cursor goes along, so that it is on the right step afterwards.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close", "Back", id="detail.close"),
        Binding("left,h", "turn(-1)", "Step before", id="detail.previous"),
        Binding("right,l", "turn(1)", "Next step", id="detail.next"),
        Binding("y", "copy", "Copy commands", id="detail.copy"),
        Binding("o", "override", "Override", id="detail.override"),
        Binding("j", "scroll(1)", "Down", show=False, id="detail.down"),
        Binding("k", "scroll(-1)", "Up", show=False, id="detail.up"),
    ]

    def __init__(self, steps: tuple[Step, ...], index: int, walk: WalkView) -> None:
        super().__init__()
        self._steps = steps
        self._walk = walk
        self.index = index

    @property
    def step(self) -> Step:
        """The step on show."""
        return self._steps[self.index]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            with VerticalScroll():
                yield Document()
            yield Static("", classes="hints")

    def on_mount(self) -> None:
        """Show the step that was opened."""
        self.action_turn(0)

    def action_turn(self, by: int) -> None:
        """Show the step before or after."""
        self.index = min(max(self.index + by, 0), len(self._steps) - 1)
        self._walk.highlighted = self.index
        self.query_one(
            ".dialog"
        ).border_title = f"Step {self.index + 1} of {len(self._steps)}"
        self.query_one(Document).show(step_blocks(self.step))
        self.query_one(VerticalScroll).scroll_home(animate=False)
        hints = "esc back   ←→ other steps   y copy commands"
        if self.step.options:
            hints += "   o other answer"
        self.query_one(".hints", Static).update(Content(hints))

    def action_scroll(self, by: int) -> None:
        """Scroll by a line."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_copy(self) -> None:
        """Copy the commands by which a person sees the same."""
        text = commands_of(self.step)
        if text:
            self.app.copy_to_clipboard(text)
            self.query_one(".hints", Static).update(Content("copied"))

    def action_override(self) -> None:
        """Back to the screen, which asks for the other answer."""
        if self.step.options:
            self.dismiss(True)

    def action_close(self) -> None:
        """Back to the walk."""
        self.dismiss(False)


class OverrideChoice(ModalScreen[str | None]):
    """Asks for another answer to a step; None: leave it as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Back", id="override.close"),
    ]

    def __init__(self, step: Step) -> None:
        super().__init__()
        self._step = step

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content(self._step.question), classes="question")
            yield ChoiceList()
            yield Static(
                Content("enter walks on from there   esc leaves it as it is"),
                classes="hints",
            )

    def on_mount(self) -> None:
        """List the answers there are."""
        self.query_one(".dialog").border_title = "Another answer"
        step = self._step
        entries = [
            Entry(
                option.key,
                partial(_draw, option.words, taken=option.key == step.branch),
            )
            for option in step.options
        ]
        if step.overridden:
            words = "what the probes find"
            entries.append(Entry(FOUND, partial(_draw, words, taken=False)))
        self.query_one(ChoiceList).show(entries, step.branch)
        self.set_focus(self.query_one(ChoiceList))

    @on(ChoiceList.OptionSelected)
    def _chosen(self, event: ChoiceList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self.query_one(ChoiceList).chosen)

    def action_close(self) -> None:
        """Leave it as it is."""
        self.dismiss(None)


def _draw(words: str, width: int, *, taken: bool) -> Content:
    mark = ("▸ ", "good") if taken else ("  ", "")
    lines = Content(words).wrap(max(width - 2, 8))
    first = Content.assemble(line_content((mark,)), lines[0])
    return Content("\n").join([first, *(Content("  ") + part for part in lines[1:])])
