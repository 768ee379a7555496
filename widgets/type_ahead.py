"""An input with a list below: what is typed narrows the list, arrows move in it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from netwiz.widgets.choice_list import ChoiceList


class Box(Input):
    """An input that says what Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Next", id="choice.next"),
    ]


class TypeAhead(Vertical, can_focus=False):
    """Keeps the focus in the input, so that nobody has to think about focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "down", "Down", show=False, id="choice.down"),
        Binding("up,ctrl+p", "up", "Up", show=False, id="choice.up"),
        Binding(
            "pagedown", "page_down", "Page down", show=False, id="choice.page_down"
        ),
        Binding("pageup", "page_up", "Page up", show=False, id="choice.page_up"),
    ]
    DEFAULT_CSS = """
    TypeAhead {
        padding: 1 2;
        .question { text-style: bold; margin: 0 0 1 1; }
        #below { height: 1; padding: 0 1; color: $text-muted; }
        ChoiceList { height: 1fr; margin: 1 0 0 0; }
        /* The keys go to this list, though the focus is in the input. */
        ChoiceList > .option-list--option-highlighted { background: $primary 45%; }
    }
    """
    QUESTION: ClassVar[str] = ""
    PLACEHOLDER: ClassVar[str] = ""

    def compose(self) -> ComposeResult:
        yield Static(self.QUESTION, classes="question")
        yield Box(placeholder=self.PLACEHOLDER, max_length=300)
        yield Static("", id="below", markup=False)
        yield ChoiceList(led=True)

    @property
    def input(self) -> Input:
        """Where one types."""
        return self.query_one(Input)

    @property
    def choices(self) -> ChoiceList:
        """What there is to choose from."""
        return self.query_one(ChoiceList)

    def focus_first(self) -> None:
        """Where the keys should go."""
        self.screen.set_focus(self.input)

    def action_down(self) -> None:
        """To the next entry."""
        self.choices.action_cursor_down()

    def action_up(self) -> None:
        """To the entry above."""
        self.choices.action_cursor_up()

    def action_page_down(self) -> None:
        """A page of entries down."""
        self.choices.turn_page(1)

    def action_page_up(self) -> None:
        """A page of entries up."""
        self.choices.turn_page(-1)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A click into the list leaves the keys with the input."""
        if isinstance(event.widget, ChoiceList):
            self.screen.set_focus(self.input)
