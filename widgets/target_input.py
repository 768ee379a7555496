"""Step 3: where it wants to go, typed or taken from what the client itself says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from netwiz.widgets.choice_list import ChoiceList, Entry
from netwiz.widgets.columns import row
from netwiz.widgets.lines import Line, clip, line_content
from netwiz.widgets.type_ahead import TypeAhead
from netwiz.wizard.case import BadInput, Target, parse_target
from netwiz.wizard.suggest import Suggestion

TARGET_COLUMN = 28


class TargetInput(TypeAhead):
    """Asks for the target. What is typed counts, unless the arrows chose a line."""

    QUESTION: ClassVar[str] = "Where does it want to go?"
    PLACEHOLDER: ClassVar[str] = "pg:5432 · [fd00::2]:80 · https://api.example · a name"

    @dataclass
    class Chosen(Message):
        """A target was given."""

        widget: TargetInput
        target: Target

        @property
        def control(self) -> TargetInput:
            """Who says so; `@on` selects by it."""
            return self.widget

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._suggestions: tuple[Suggestion, ...] = ()

    def show_suggestions(self, suggestions: Sequence[Suggestion]) -> None:
        """Offer these."""
        untouched = not self.input.value and not self.choices.highlighted
        self._suggestions = tuple(suggestions)
        self._narrow()
        if untouched:
            self.choices.action_first()

    def prefill(self, text: str) -> None:
        """Fill in what was said; behind a colon the port is typed."""
        box = self.input
        box.select_on_focus = not text.endswith(":")
        box.value = text
        box.cursor_position = len(text)

    def complain(self, words: str) -> None:
        """Say in one line why a target cannot be used."""
        line: Line = (("✗ ", "bad"), (words, "bad"))
        self.query_one("#below", Static).update(line_content(line))
        self.screen.set_focus(self.input)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._narrow()
        self._say_meaning()

    def _narrow(self) -> None:
        wanted = self.input.value.casefold().split()
        found = [s for s in self._suggestions if _matches(s, wanted)]
        entries = [Entry(s.target.text, partial(_draw, s)) for s in found]
        self.choices.show(entries)
        if wanted:
            self.choices.highlighted = None
        elif self.choices.highlighted is None and entries:
            self.choices.highlighted = 0

    def _say_meaning(self) -> None:
        words = ""
        if self.input.value.strip():
            try:
                words = meaning(parse_target(self.input.value))
            except BadInput:
                words = "not complete yet"
        self.query_one("#below", Static).update(Content(words))

    @on(Input.Submitted)
    @on(ChoiceList.OptionSelected)
    def _give(self, event: Input.Submitted | ChoiceList.OptionSelected) -> None:
        event.stop()
        try:
            target = parse_target(self.choices.chosen or self.input.value)
        except BadInput as error:
            self.complain(str(error))
        else:
            self.post_message(self.Chosen(self, target))


def meaning(target: Target) -> str:
    """What netwiz will do with a target, in words."""
    if target.address and target.name_only:
        return f"add the port that was dialled, as in {target.host}:3000"
    if target.name_only:
        return f"look up the name {target.host} only; add :port to connect"
    return f"connect to {target.host}, port {target.port}, by {target.scheme}"


def _matches(suggestion: Suggestion, wanted: list[str]) -> bool:
    said = (suggestion.target.text, suggestion.reason, suggestion.caveat)
    text = " ".join(said).casefold()
    return all(word in text for word in wanted)


def _draw(suggestion: Suggestion, width: int) -> Content:
    name = clip(suggestion.target.text, TARGET_COLUMN - 2)
    head: Line = ((name, "strong"),)
    caveat = f", {suggestion.caveat}" if suggestion.caveat else ""
    body: Line = ((suggestion.reason, "dim"), (caveat, "odd"))
    return row(head, body, (), width, TARGET_COLUMN)
