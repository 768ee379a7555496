"""An application with nothing but the wizard, and a scripted diagnosis behind it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from rich.cells import cell_len
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, Static
from textual.worker import Worker

from netwiz.probes.facts import Finding, Snapshot
from netwiz.probes.machine import FakeMachine
from netwiz.probes.requests import ReadSockets, Request, TakeSnapshot
from netwiz.tui import styles
from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.wizard import WizardScreen
from netwiz.wizard.case import Case
from netwiz.wizard.verdict import Diagnosis, Progress
from tests.screens import samples, shop

STYLES = Path(styles.__file__).parent
PREFILLED = Prefill("order", "pg:3000", "refused")


class Script:
    """Plays prepared diagnoses, one per walk, as `diagnose` would.

    With `hold` set, a walk stops before the question of that number until `release`.
    """

    def __init__(self, *diagnoses: Diagnosis, hold: int | None = None) -> None:
        self.diagnoses = list(diagnoses)
        self.hold = hold
        self.released = asyncio.Event()
        self.cases: list[Case] = []
        self.overrides: list[Mapping[str, str]] = []
        self.cancelled = 0

    async def __call__(
        self,
        case: Case,
        perform: Callable[[Request], Awaitable[Finding]],
        *,
        overrides: Mapping[str, str] | None = None,
        tell: Callable[[Progress], None] | None = None,
    ) -> Diagnosis:
        self.cases.append(case)
        self.overrides.append(dict(overrides or {}))
        played = self.diagnoses.pop(0)
        asked = [s for s in played.steps if s.looks]
        try:
            for number, step in enumerate(asked):
                if tell:
                    done = tuple(asked[:number])
                    path = played.path if number > 2 else type(played.path)()
                    ms = sum(s.ms for s in done)
                    tell(Progress(case, done, step.question, path, ms))
                if number == self.hold:
                    await self.released.wait()
                await perform(TakeSnapshot())
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return played


class WizardApp(App[None]):
    """Opens the wizard and nothing else, in the real application's clothes."""

    CSS_PATH = STYLES / "app.tcss"

    def __init__(
        self,
        script: Script | None = None,
        prefill: Prefill = PREFILLED,
        *,
        snapshot: Snapshot | None = None,
        folder: Path | None = None,
        real_reasoning: bool = False,
    ) -> None:
        # As NetwizApp does: no colour at all, rather than grey.
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") else None)
        self.script = script or Script(samples.REFUSED)
        self.machine = FakeMachine({ReadSockets(shop.ORDER.place): shop.SOCKETS})
        self.wizard = WizardScreen(
            self.machine,
            snapshot or shop.snapshot(),
            prefill,
            diagnose=None if real_reasoning else self.script,
            now=lambda: shop.NOON,
            folder=folder,
        )
        self.copied: list[str] = []

    def on_mount(self) -> None:
        self.push_screen(self.wizard)

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)


class Broken(Script):
    """A reasoning with a defect: it answers one question and falls over."""

    async def __call__(
        self,
        case: Case,
        perform: Callable[[Request], Awaitable[Finding]],  # noqa: ARG002
        *,
        overrides: Mapping[str, str] | None = None,  # noqa: ARG002
        tell: Callable[[Progress], None] | None = None,
    ) -> Diagnosis:
        if tell:
            tell(Progress(case, self.diagnoses[0].steps[:1], "who refused?"))
        raise ZeroDivisionError


async def settle(pilot: Pilot[None], *, walked: bool = True) -> None:
    """Wait until nothing is under way but what the script holds back."""
    app = pilot.app
    assert isinstance(app, WizardApp)
    held = app.script.hold is not None and not app.script.released.is_set()
    if walked and not held:
        await app.workers.wait_for_complete(_waitable(app))
    for _ in range(3):
        await pilot.pause()
    # A cursor that blinks shows or not, depending on how long all this took.
    for box in app.screen.query(Input):
        box._pause_blink(visible=True)
    await pilot.pause()


def _waitable(app: WizardApp) -> list[Worker[object]]:
    return [w for w in app.workers if not isinstance(app.script, Broken)]


def text_of(app: WizardApp) -> str:
    """What is on the screen, as lines of text."""
    width, height = app.size
    screen = app.screen
    strips = screen._compositor.render_strips()
    lines = ["".join(segment.text for segment in strip) for strip in strips]
    assert [cell_len(line) for line in lines] == [width] * height
    return "\n".join(line.rstrip() for line in lines)


def notice(app: WizardApp) -> str:
    """The line that the wizard says something in."""
    static = app.wizard.query_one("#notice", Static)
    return str(static.content) if static.display else ""
