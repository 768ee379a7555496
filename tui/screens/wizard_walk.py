"""Runs the walk for the screen, step by step if wanted, and tells of it by messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from textual.message import Message

from netwiz.probes.facts import Finding, Snapshot, SnapshotTaken
from netwiz.probes.requests import Request, TakeSnapshot
from netwiz.probes.text import plain
from netwiz.tui.screens.wizard_draft import rebound
from netwiz.wizard.case import Case
from netwiz.wizard.verdict import Diagnosis, Progress, Result


class Performs(Protocol):
    """What the wizard needs of the machine."""

    async def perform(self, request: Request) -> Finding:
        """The finding for a request."""


class Diagnose(Protocol):
    """`netwiz.wizard.walk.diagnose`, or a script in its place."""

    def __call__(
        self,
        case: Case,
        perform: Callable[[Request], Awaitable[Finding]],
        *,
        overrides: Mapping[str, str] | None = None,
        tell: Callable[[Progress], None] | None = None,
    ) -> Awaitable[Diagnosis]:
        """Walk the case to its end."""


def real_diagnose() -> Diagnose:
    """The reasoning, imported when it is first wanted."""
    from netwiz.wizard.walk import diagnose

    return diagnose


@dataclass
class WalkMoved(Message):
    """A question was answered, or the next one began."""

    progress: Progress
    paused: bool = False

    def can_replace(self, message: Message) -> bool:
        """Only the newest state is worth drawing."""
        return isinstance(message, WalkMoved)


@dataclass
class WalkEnded(Message):
    """The walk arrived at a verdict."""

    diagnosis: Diagnosis
    snapshot: Snapshot | None = None
    """The machine as it is now, when the walk began by looking anew."""


class Walker:
    """One walk at a time; the screen runs `walk` in an exclusive worker."""

    def __init__(
        self,
        machine: Performs,
        diagnose: Diagnose | None,
        post: Callable[[Message], object],
    ) -> None:
        self._machine = machine
        self._diagnose = diagnose
        self._post = post
        self._gate = asyncio.Event()
        self._gate.set()
        self._last: Progress | None = None
        self.stepping = False

    @property
    def paused(self) -> bool:
        """Whether a question waits for the person."""
        return not self._gate.is_set()

    async def walk(
        self, case: Case, overrides: Mapping[str, str], *, fresh: bool = False
    ) -> None:
        """Walk the case; `fresh` asks engine and kernel again first."""
        self._last = None
        self._gate.set()
        snapshot = None
        if fresh:
            taken = await self._machine.perform(TakeSnapshot(fresh=True))
            if isinstance(taken, SnapshotTaken):
                snapshot = taken.snapshot
                case = rebound(case, snapshot)
        diagnose = self._diagnose or real_diagnose()
        diagnosis = await diagnose(
            case, self._perform, overrides=dict(overrides), tell=self._told
        )
        self._post(WalkEnded(diagnosis, snapshot))

    def step_or_run(self) -> bool:
        """Switch between pausing before each question and running through."""
        self.stepping = not self.stepping
        if not self.stepping:
            self.go()
        return self.stepping

    def go(self) -> None:
        """Ask the question that waits."""
        if self.paused and self._last is not None:
            self._gate.set()
            self._post(WalkMoved(self._last))

    def broken(self, case: Case, error: BaseException) -> Diagnosis:
        """What to show when the reasoning itself failed: what it found, no verdict."""
        last = self._last or Progress(case, ())
        reason = plain(f"{type(error).__name__}: {error}", 200)
        return Diagnosis(
            case,
            Result.UNDETERMINED,
            "netwiz itself failed on the way; what it had found by then is below.",
            path=last.path,
            steps=last.steps,
            missing=(f"a defect of netwiz: {reason}", "probing again may get further"),
            elapsed_ms=last.elapsed_ms,
        )

    async def _perform(self, request: Request) -> Finding:
        await self._gate.wait()
        return await self._machine.perform(request)

    def _told(self, progress: Progress) -> None:
        known = self._last.asking if self._last else ""
        if self.stepping and progress.asking and progress.asking != known:
            self._gate.clear()
        self._last = progress
        self._post(WalkMoved(progress, self.paused))
