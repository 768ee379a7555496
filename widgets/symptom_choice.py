"""Step 1: what the application reports, by its words or by a pasted error line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from netwiz.probes.text import plain
from netwiz.widgets.choice_list import ChoiceList, Entry
from netwiz.widgets.columns import row
from netwiz.wizard.case import Symptom

FIND_OUT = "probe"
"""Key of the choice that leaves the symptom to be found out."""

WORDS = {
    Symptom.REFUSED: "connection refused · ECONNREFUSED · Errno 111",
    Symptom.TIMEOUT: "timed out · i/o timeout · ETIMEDOUT · deadline exceeded",
    Symptom.DNS: "no such host · failure in name resolution · ENOTFOUND",
    Symptom.TLS: "x509: … · certificate verify failed · handshake failure",
    Symptom.RESET: "connection reset by peer · ECONNRESET · unexpected EOF",
    Symptom.UNREACHABLE: "no route to host · EHOSTUNREACH · ENETUNREACH",
    Symptom.SLOW: "it hangs, or answers late",
}
"""What clients print."""


class ErrorBox(Input):
    """Takes a pasted error of any number of lines as one."""

    def _on_paste(self, event: events.Paste) -> None:
        self.insert_text_at_cursor(plain(" ".join(event.text.split()), 600))
        event.stop()
        event.prevent_default()


class SymptomChoice(VerticalScroll, can_focus=False):
    """Asks what is wrong."""

    DEFAULT_CSS = """
    SymptomChoice {
        padding: 1 2;
        .question { text-style: bold; margin: 0 0 1 1; }
        .paste { margin: 1 0 0 1; }
        ErrorBox { margin: 0 0 0 0; }
        #reading { padding: 0 1; height: auto; color: $text-muted; }
    }
    """

    @dataclass
    class Chosen(Message):
        """A symptom was chosen; None leaves it to be found out."""

        widget: SymptomChoice
        symptom: Symptom | None

        @property
        def control(self) -> SymptomChoice:
            """Who says so; `@on` selects by it."""
            return self.widget

    @dataclass
    class ErrorEdited(Message):
        """The error line changed; whoever can read it answers with `show_reading`."""

        widget: SymptomChoice
        text: str

        @property
        def control(self) -> SymptomChoice:
            """Who says so; `@on` selects by it."""
            return self.widget

    @dataclass
    class ErrorGiven(Message):
        """Enter was pressed on the error line."""

        widget: SymptomChoice
        text: str

        @property
        def control(self) -> SymptomChoice:
            """Who says so; `@on` selects by it."""
            return self.widget

    def compose(self) -> ComposeResult:
        yield Static("What does the application report?", classes="question")
        yield ChoiceList(id="symptoms")
        yield Static("or paste the line that it printed", classes="paste")
        yield ErrorBox(
            id="error-line",
            placeholder="dial tcp 172.18.0.2:3000: connect: connection refused",
            max_length=600,
        )
        yield Static("", id="reading", markup=False)

    def on_mount(self) -> None:
        """List the symptoms."""
        entries = [
            Entry(symptom.value, partial(_draw, symptom.value, words))
            for symptom, words in WORDS.items()
        ]
        words = "I don't know: probe, and see what comes back"
        entries.append(Entry(FIND_OUT, partial(_draw, "find out", words)))
        self.query_one(ChoiceList).show(entries, Symptom.REFUSED.value)

    def prefill(self, symptom: str, error: str) -> None:
        """Put the cursor and the error line where they were said to be."""
        if symptom:
            self.query_one(ChoiceList).move_to(symptom)
        if error:
            self.query_one(ErrorBox).value = plain(error, 600)

    def focus_first(self) -> None:
        """Where the keys should go."""
        self.screen.set_focus(self.query_one(ChoiceList))

    def show_reading(self, words: str, symptom: str = "") -> None:
        """Say what was read from the error line, and put the cursor on it."""
        self.query_one("#reading", Static).update(Content(words))
        if symptom:
            self.query_one(ChoiceList).move_to(symptom)

    def on_paste(self, event: events.Paste) -> None:
        """A line pasted anywhere here is an error line."""
        box = self.query_one(ErrorBox)
        box.value = plain(" ".join(event.text.split()), 600)
        self.screen.set_focus(box)
        event.stop()

    @on(ChoiceList.OptionSelected)
    def _chosen(self, event: ChoiceList.OptionSelected) -> None:
        event.stop()
        key = self.query_one(ChoiceList).chosen
        symptom = None if key == FIND_OUT else Symptom(key)
        self.post_message(self.Chosen(self, symptom))

    @on(Input.Changed)
    def _edited(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.ErrorEdited(self, event.value))

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.ErrorGiven(self, event.value))


def _draw(name: str, words: str, width: int) -> Content:
    return row(((name, "strong"),), ((words, "dim"),), (), width, 14)
