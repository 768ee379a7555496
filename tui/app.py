"""The application: one machine, one overview, and whatever is opened on top of it."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.screen import Screen
from textual.worker import Worker, WorkerError, WorkerState

from netwiz.tui import collector
from netwiz.tui.config import BadConfigError, Config, read_config
from netwiz.tui.exits import Exit
from netwiz.tui.feed import EngineFeed, Feed
from netwiz.tui.keys import APP_KEYS
from netwiz.tui.messages import LinesArrived, WorkFailed
from netwiz.tui.screens.overview import OverviewScreen

if TYPE_CHECKING:
    from netwiz.tui.screens.wizard_pane import WalkPane
    from netwiz.tui.session import Session


GOODBYE_S = 3.0
"""How long the end waits for work to stop; children die with us in any case."""
LOADED_S = 3.0
"""After so long the engine was asked, and all libraries that takes are loaded."""


def _now() -> datetime:
    return datetime.now().astimezone()


class NetwizApp(App[int]):
    """Opens on the overview; the work begins after the first paint."""

    TITLE = "netwiz"
    CSS_PATH = Path(__file__).with_name("styles") / "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(APP_KEYS)
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        feed: Feed | None = None,
        config: Config | None = None,
        *,
        now: Callable[[], datetime] = _now,
        loaded: Callable[[], None] | None = None,
    ) -> None:
        # By https://no-color.org an empty NO_COLOR says nothing; a set one means no
        # colour at all, not grey: only with the terminal's own colours can Textual
        # leave them out.
        plain = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=True if plain else None)
        config = config or Config()
        if config.theme:
            self.theme = config.theme
        self.set_keymap(config.keys)
        self.now = now
        self._feed = feed or EngineFeed()
        self._overview = OverviewScreen(now)
        self._loaded = loaded
        """Called once, when all is loaded that the work needs."""
        self.session: Session | None = None
        """The work; there is none before the first paint."""

    def get_default_screen(self) -> Screen[None]:
        """Start on the overview: no paint is wasted on an empty screen."""
        return self._overview

    def on_mount(self) -> None:
        """Paint first, then look."""
        self._overview.call_after_refresh(self._start)

    def _start(self) -> None:
        self.run_worker(
            self._work(),
            group="session",
            exclusive=True,
            exit_on_error=False,
            description="follow the engine's events and the containers' logs",
        )

    async def _work(self) -> None:
        # Loading this takes longer than a paint should wait for.
        await asyncio.to_thread(importlib.import_module, "netwiz.tui.session")
        await asyncio.to_thread(importlib.import_module, "netwiz.probes.engine.senses")
        from netwiz.tui.session import Session

        if self._loaded is not None:
            self.set_timer(LOADED_S, self._loaded)
        self.session = Session(self._feed, self._overview.post_message, self.now)
        await self.session.run()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that failed is told of; the screen stays."""
        if event.state is WorkerState.ERROR:
            worker = event.worker
            self._overview.post_message(
                WorkFailed(f"{worker.description}: {worker.error!r}")
            )

    def on_walk_pane_concluded(self, event: WalkPane.Concluded) -> None:
        """A diagnosis belongs into the time line, between what led to it."""
        from netwiz.tui.notes import diagnosis_note

        line = diagnosis_note(event.diagnosis, self.now())
        self._overview.post_message(LinesArrived((line,)))

    async def on_unmount(self) -> None:
        """Let what runs give back what it holds, then threads and connections.

        The framework cancels workers and waits for none of them: children that read
        logs or packets would outlive the screen for a moment.
        """
        workers = list(self.workers)
        self.workers.cancel_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                for worker in workers:
                    with suppress(WorkerError):
                        await worker.wait()
        self._feed.close()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy so that it works over SSH, in tmux and in screen."""
        from netwiz.tui import clipboard

        self._clipboard = text
        found = clipboard.sequence(text)
        if found:
            if self._driver is not None:
                self._driver.write(found)
            return
        try:
            path = clipboard.save(text, self.now())
        except OSError as error:
            problem = f"too long to copy, and not saved: {error.strerror}"
            self.notify(problem, severity="error", markup=False)
        else:
            self.notify(f"too long to copy: saved to {path}", markup=False)

    def action_help(self) -> None:
        """All keys."""
        from netwiz.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self._keymap))


def run(config: Config | None = None) -> int:
    """Open the screen and stay until the person leaves."""
    if config is None:
        try:
            config = read_config()
        except BadConfigError as error:
            from netwiz.tui.terminal import complain

            complain(str(error))
            return Exit.USAGE
    collector.hold()
    app = NetwizApp(config=config, loaded=collector.settle)
    app.run()
    return app.return_code or Exit.OK
