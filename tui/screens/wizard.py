"""The wizard: symptom, client, target, and the walk from there to the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Static

from netwiz.probes.facts import Snapshot
from netwiz.tui.keys_wizard import WIZARD_KEYS
from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.wizard_draft import (
    CLIENT,
    SYMPTOM,
    TARGET,
    WALK,
    draft_of,
    read_line,
    written_target,
)
from netwiz.tui.screens.wizard_pane import WalkPane
from netwiz.tui.screens.wizard_target import look_around
from netwiz.tui.screens.wizard_walk import Diagnose, Performs, Walker
from netwiz.widgets.client_choice import ClientChoice
from netwiz.widgets.key_line import KeyLine
from netwiz.widgets.lines import line_content
from netwiz.widgets.steps_header import Heading, StepsHeader
from netwiz.widgets.symptom_choice import SymptomChoice
from netwiz.widgets.target_input import TargetInput
from netwiz.wizard.case import BadInput, Client, check_port
from netwiz.wizard.suggest import suggest


def _now() -> datetime:
    return datetime.now().astimezone()


class WizardScreen(Screen[None]):
    """Asks for what the machine cannot know, and looks at all the rest itself."""

    CSS_PATH = "../styles/wizard.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(WIZARD_KEYS)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide"), (180, "-huge")]  # noqa: RUF012
    AUTO_FOCUS = None

    def __init__(
        self,
        machine: Performs,
        snapshot: Snapshot,
        prefill: Prefill = Prefill(),  # noqa: B008 - it cannot change
        *,
        diagnose: Diagnose | None = None,
        now: Callable[[], datetime] = _now,
        folder: Path | None = None,
    ) -> None:
        super().__init__()
        self._machine = machine
        self._snapshot = snapshot
        self._prefill = prefill
        self._diagnose = diagnose
        self._now = now
        self._folder = folder
        self._draft, self._problem = draft_of(prefill, snapshot)
        self._step = 0

    def compose(self) -> ComposeResult:
        yield StepsHeader()
        with ContentSwitcher(initial="symptom"):
            yield SymptomChoice(id="symptom")
            yield ClientChoice(id="client")
            yield TargetInput(id="target")
            yield WalkPane(self._walker, self._now, self._folder, id="walk")
        yield Static("", id="notice", markup=False)
        yield KeyLine()

    def _walker(self, post: Callable[[Message], object]) -> Walker:
        return Walker(self._machine, self._diagnose, post)

    def on_mount(self) -> None:
        """Fill in what is known and go to the first open question."""
        symptom = self._draft.symptom
        self.query_one(SymptomChoice).prefill(
            symptom.value if symptom else "", self._draft.error
        )
        self.query_one(ClientChoice).show_snapshot(self._snapshot)
        written = written_target(self._prefill, self._draft)
        self.query_one(TargetInput).prefill(written)
        self._go_to(self._draft.next_step())
        if self._problem:
            self._notice(self._problem, bad=True)

    # From question to question

    def _go_to(self, step: int) -> None:
        self._step = step
        self._notice("")
        enter = {
            SYMPTOM: self._enter_symptom,
            CLIENT: self._enter_client,
            TARGET: self._enter_target,
            WALK: self._enter_walk,
        }
        enter[step]()
        self._show_heading()
        self.refresh_bindings()

    def _enter_symptom(self) -> None:
        self.query_one(ContentSwitcher).current = "symptom"
        self.query_one(SymptomChoice).focus_first()

    def _enter_client(self) -> None:
        self.query_one(ContentSwitcher).current = "client"
        pane = self.query_one(ClientChoice)
        if self._draft.client:
            pane.prefill(self._draft.client)
        pane.focus_first()

    def _enter_target(self) -> None:
        self.query_one(ContentSwitcher).current = "target"
        pane = self.query_one(TargetInput)
        if self._draft.target:
            pane.prefill(self._draft.target.text)
        pane.focus_first()
        client = self._draft.client
        if client:
            pane.show_suggestions(suggest(self._snapshot, client))
            self.run_worker(
                self._suggest(client),
                group="suggest",
                exclusive=True,
                exit_on_error=False,
                description=f"sockets around {client.name}",
            )

    async def _suggest(self, client: Client) -> None:
        found = await look_around(self._machine, self._snapshot, client)
        self.query_one(TargetInput).show_suggestions(found)

    def _enter_walk(self) -> None:
        self.query_one(ContentSwitcher).current = "walk"
        case = self._draft.case
        if case:
            self.query_one(WalkPane).start(case)

    def action_back(self) -> None:
        """To the question before; out of the wizard from the first one."""
        self.query_one(WalkPane).stop()
        if self._step == SYMPTOM:
            self.dismiss()
        else:
            self._go_to(self._step - 1)

    # Answers

    @on(SymptomChoice.Chosen)
    def _symptom_chosen(self, event: SymptomChoice.Chosen) -> None:
        self._draft = self._draft.with_symptom(event.symptom)
        self._go_to(self._draft.next_step(SYMPTOM))

    @on(SymptomChoice.ErrorEdited)
    def _error_edited(self, event: SymptomChoice.ErrorEdited) -> None:
        reading = read_line(event.text, self._snapshot)
        words = reading.words if event.text.strip() else ""
        symptom = reading.symptom.value if reading.symptom else ""
        event.control.show_reading(words, symptom)

    @on(SymptomChoice.ErrorGiven)
    def _error_given(self, event: SymptomChoice.ErrorGiven) -> None:
        reading = read_line(event.text, self._snapshot)
        if reading.symptom is None and reading.target is None:
            self._notice("choose the symptom: this line does not tell", bad=True)
            event.control.focus_first()
            return
        self._draft = self._draft.with_error(event.text, reading)
        self._go_to(self._draft.next_step(SYMPTOM))

    @on(ClientChoice.Chosen)
    def _client_chosen(self, event: ClientChoice.Chosen) -> None:
        self._draft = replace(self._draft, client=event.client)
        self._go_to(self._draft.next_step(CLIENT))

    @on(TargetInput.Chosen)
    def _target_chosen(self, event: TargetInput.Chosen) -> None:
        try:
            target = check_port(event.target, self._draft.symptom)
        except BadInput as bad:
            event.widget.complain(str(bad))
            return
        self._draft = replace(self._draft, target=target)
        self._go_to(WALK)

    # What the walk says

    @on(WalkPane.Told)
    def _told(self, event: WalkPane.Told) -> None:
        self._notice(event.text, bad=event.bad)

    @on(WalkPane.StateChanged)
    def _state_changed(self, event: WalkPane.StateChanged) -> None:
        if event.snapshot is not None:
            self._snapshot = event.snapshot
            self.query_one(ClientChoice).show_snapshot(event.snapshot)
        self._show_heading(event.state, event.elapsed_ms)

    def _show_heading(self, state: str = "", elapsed_ms: float = 0.0) -> None:
        draft = self._draft
        self.query_one(StepsHeader).heading = Heading(
            step=self._step,
            client=draft.client.name if draft.client else "",
            target=draft.target.text if draft.target else "",
            symptom=draft.symptom.value if draft.symptom else "",
            state=state,
            elapsed_ms=elapsed_ms,
        )

    def _notice(self, text: str, *, bad: bool = False) -> None:
        line = self.query_one("#notice", Static)
        line.update(
            line_content(((f"✗ {text}" if bad else text, "bad" if bad else ""),))
        )
        line.display = bool(text)
