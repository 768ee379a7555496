"""Step 4: the path above, the walk and the verdict below it, and the keys on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from netwiz.probes.facts import Snapshot
from netwiz.tui.keys_wizard import WALK_KEYS
from netwiz.tui.screens.wizard_dialogs import OverrideChoice, StepDetail
from netwiz.tui.screens.wizard_export import ExportError, write_report
from netwiz.tui.screens.wizard_walk import WalkEnded, Walker, WalkMoved
from netwiz.widgets.path_view import PathView
from netwiz.widgets.verdict_blocks import fix_commands
from netwiz.widgets.verdict_view import VerdictView
from netwiz.widgets.walk_panes import WalkPanes
from netwiz.widgets.walk_view import WalkView
from netwiz.wizard import verdict as types
from netwiz.wizard.case import Case
from netwiz.wizard.verdict import Diagnosis, Mark, Progress, Step

DECISIVE = (Mark.BAD, Mark.UNKNOWN)
"""On which steps a verdict rests, if it is not that all is well."""
BEGIN = "what is there to see?"
"""Stands where the questions will be until the first one comes."""


class PathScroll(VerticalScroll, can_focus=False):
    """Takes the focus only when there is something to scroll to."""

    def on_resize(self) -> None:
        """The drawing may have wrapped."""
        self.can_focus = self.max_scroll_y > 0


class WalkPane(Vertical):
    """Walks a case, and shows how."""

    BINDINGS: ClassVar[list[BindingType]] = list(WALK_KEYS)

    @dataclass
    class Told(Message):
        """There is something to say in one line."""

        widget: WalkPane
        text: str
        bad: bool = False

        @property
        def control(self) -> WalkPane:
            """Who says so; `@on` selects by it."""
            return self.widget

    @dataclass
    class StateChanged(Message):
        """The walk began, paused, went on or ended."""

        widget: WalkPane
        state: str
        elapsed_ms: float
        snapshot: Snapshot | None = None
        """The machine as it is now, if it was looked at anew."""

        @property
        def control(self) -> WalkPane:
            """Who says so; `@on` selects by it."""
            return self.widget

    @dataclass
    class Concluded(Message):
        """A walk has come to its end; the application notes it in the time line."""

        diagnosis: Diagnosis

    def __init__(
        self,
        make_walker: Callable[[Callable[[Message], object]], Walker],
        now: Callable[[], datetime],
        folder: Path | None,
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._walker = make_walker(self.post_message)
        self._now = now
        self._folder = folder
        self._case: Case | None = None
        self._overrides: dict[str, str] = {}
        self._before: Diagnosis | None = None
        self._keys = (False, False)
        self.diagnosis: Diagnosis | None = None

    def compose(self) -> ComposeResult:
        with PathScroll(id="path"):
            yield PathView()
        yield WalkPanes(id="panes")

    def on_mount(self) -> None:
        """Name the panes."""
        self.walk_view.border_title = "Walk"

    @property
    def walk_view(self) -> WalkView:
        """The steps."""
        return self.query_one(WalkView)

    @property
    def verdict_view(self) -> VerdictView:
        """What came out."""
        return self.query_one(VerdictView)

    def focus_first(self) -> None:
        """Where the keys should go."""
        self._focus(self.verdict_view if self.diagnosis else self.walk_view)

    def _focus(self, widget: Widget) -> None:
        """At once: `focus()` would let keys that were typed ahead go elsewhere."""
        self.screen.set_focus(widget)

    # Walking

    def start(self, case: Case) -> None:
        """Walk a case from its beginning, with nobody's word but the machine's."""
        self._overrides.clear()
        self._before = None
        self._walk(case)

    def stop(self) -> None:
        """Leave off."""
        self.workers.cancel_group(self, "walk")

    def _walk(self, case: Case, *, fresh: bool = False) -> None:
        self._case = case
        self.diagnosis = None
        self._show(Progress(case, (), BEGIN))
        self.verdict_view.show_waiting()
        self._focus(self.walk_view)
        self._say("")
        self._tell_state("walking")
        self.run_worker(
            self._walker.walk(case, self._overrides, fresh=fresh),
            group="walk",
            exclusive=True,
            exit_on_error=False,
            description=f"walk {case.text}",
        )

    @on(WalkMoved)
    def _moved(self, event: WalkMoved) -> None:
        if self.diagnosis is None:
            self._show(event.progress, paused=event.paused)
            state = "paused: space asks" if event.paused else "walking"
            self._tell_state(state, event.progress.elapsed_ms)

    @on(WalkEnded)
    def _ended(self, event: WalkEnded) -> None:
        self._conclude(event.diagnosis, event.snapshot)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A walk that failed still ends in words, never in a crash."""
        failed = event.state is WorkerState.ERROR and event.worker.group == "walk"
        if failed and self._case and event.worker.error:
            self._conclude(self._walker.broken(self._case, event.worker.error), None)

    def _conclude(self, diagnosis: Diagnosis, snapshot: Snapshot | None) -> None:
        self._case = diagnosis.case
        self.diagnosis = diagnosis
        self.walk_view.show_steps(diagnosis.steps)
        if not self.walk_view.point_at(lambda step: step.overridden):
            self.walk_view.point_at(lambda step: step.mark in DECISIVE)
        self._show_path(diagnosis.path)
        self.verdict_view.show_diagnosis(diagnosis, self._before)
        self.query_one(WalkPanes).share_out()
        self._focus(self.verdict_view)
        self._say("")
        self._tell_state("", diagnosis.elapsed_ms, snapshot)
        self.post_message(self.Concluded(diagnosis))

    def _show(self, progress: Progress, *, paused: bool = False) -> None:
        self.walk_view.show_steps(progress.steps, progress.asking, paused=paused)
        self._show_path(progress.path)
        self.query_one(WalkPanes).share_out()

    def _show_path(self, path: types.Path) -> None:
        known = path.forward or path.backward or path.verdict
        self.query_one("#path").display = bool(known)
        self.query_one(PathView).show(path)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """A key that can do nothing now is not offered."""
        if action in ("recheck", "copy", "export"):
            return self.diagnosis is not None
        if action == "go":
            return self._walker.paused
        return True

    def action_recheck(self) -> None:
        """Walk the same case again on the machine as it is now."""
        if self.diagnosis is not None:
            self._before = self.diagnosis
            self._overrides.clear()
            self._walk(self.diagnosis.case, fresh=True)

    def action_step_mode(self) -> None:
        """Pause before each question, or run."""
        on_now = self._walker.step_or_run()
        self._say(
            "step by step from here on: space asks the next question"
            if on_now
            else "from here on the walk runs by itself"
        )

    def action_go(self) -> None:
        """Ask the question that waits."""
        self._walker.go()

    def action_pane(self, which: str) -> None:
        """Go to a pane."""
        self._focus(self.verdict_view if which == "verdict" else self.walk_view)

    def action_copy(self) -> None:
        """The commands that mend it, if the verdict is looked at; else the report."""
        if self.diagnosis is None:
            return
        commands = fix_commands(self.diagnosis) if self.verdict_view.has_focus else ""
        if commands:
            self.app.copy_to_clipboard(commands)
            self._say("copied the fix")
            return
        from netwiz.wizard.report import to_text

        self.app.copy_to_clipboard(to_text(self.diagnosis))
        self._say("copied the report")

    async def action_export(self) -> None:
        """Write the report into the current directory."""
        if self.diagnosis is None:
            return
        folder = self._folder or Path.cwd()
        try:
            path = await asyncio.to_thread(
                write_report, folder, self.diagnosis, self._now()
            )
        except ExportError as error:
            self._say(str(error), bad=True)
        else:
            self._say(f"report written to {path}")

    def action_override(self) -> None:
        """Answer the step under the cursor differently."""
        step = self.walk_view.step
        if step is None or not step.options or not step.node:
            self._say("this step has no other answer", bad=True)
            return

        def answered(branch: str | None) -> None:
            if branch is not None and self._case is not None:
                self._override(step, branch)

        self.app.push_screen(OverrideChoice(step), answered)

    def _override(self, step: Step, branch: str) -> None:
        if self._case is None:
            return
        if branch:
            self._overrides[step.node] = branch
        else:
            self._overrides.pop(step.node, None)
        self._before = None
        self._walk(self._case)

    @on(WalkView.Opened)
    def _open_step(self, event: WalkView.Opened) -> None:
        steps = event.control.steps

        def closed(override: bool | None) -> None:
            self._focus(self.walk_view)
            if override:
                self.action_override()

        index = event.control.highlighted or 0
        self.app.push_screen(StepDetail(steps, index, self.walk_view), closed)

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.post_message(self.Told(self, text, bad))

    def _tell_state(
        self, state: str, elapsed_ms: float = 0.0, snapshot: Snapshot | None = None
    ) -> None:
        self.post_message(self.StateChanged(self, state, elapsed_ms, snapshot))
        keys = (self.diagnosis is not None, self._walker.paused)
        if keys != self._keys:
            # The footer is made anew each time, which is dear while steps fly by.
            self._keys = keys
            self.refresh_bindings()
