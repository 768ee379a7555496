"""The capture that runs: one at a time, told to the screen four times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from textual.message import Message

from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureStarted,
    CaptureTapGone,
)
from netwiz.probes.text import plain
from netwiz.tui.messages import LinesArrived
from netwiz.tui.notes import (
    capture_begun_note,
    capture_over_note,
    capture_without_note,
)

if TYPE_CHECKING:
    from netwiz.probes.capture.wanted import CaptureStream, CaptureWanted, Said
    from netwiz.widgets.packets.standing import Standing
    from netwiz.widgets.timeline import LiveLine

    Open = Callable[[CaptureWanted], AbstractAsyncContextManager[CaptureStream]]

BEAT_S = 0.25
"""What was said is handed on so often: each message costs the screen a little."""


@dataclass
class CaptureBegun(Message):
    """A capture is being started; what another one told before counts no more."""

    wanted: CaptureWanted


@dataclass
class CaptureSaid(Message):
    """What the capture told since the last time, in order."""

    said: tuple[Said, ...]


@dataclass
class CaptureFailed(Message):
    """The capture could not be started, or broke off; nothing of it runs any more."""

    why: str


class Captures:
    """Owns the running capture; `run` is a worker, cancelled to end it at once."""

    def __init__(
        self,
        open_: Open,
        post: Callable[[Message], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._open = open_
        self._post = post
        self._now = now
        self._stream: CaptureStream | None = None
        self._one = asyncio.Lock()
        self._waiting: list[Said] = []
        self._standing: Standing | None = None
        self._told_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.wanted: CaptureWanted | None = None
        """What is captured now; None while nothing is."""

    @property
    def running(self) -> bool:
        """Whether there is a capture."""
        return self.wanted is not None

    async def run(self, wanted: CaptureWanted) -> None:
        """Capture until it ends, is stopped, or this is cancelled.

        Whoever starts another one cancels this: it is waited for, so that two never
        write one file.
        """
        from netwiz.widgets.packets.standing import Standing

        async with self._one:
            self.wanted = wanted
            self._task = asyncio.current_task()
            standing = self._standing = Standing(wanted)
            self._post(CaptureBegun(wanted))
            try:
                async with self._open(wanted) as stream:
                    self._stream = stream
                    async for said in stream:
                        self._note(standing, said)
                        self._say(said)
                self._tell()
            except Exception as error:  # noqa: BLE001 - said on the screen, not raised
                self._tell()
                standing.wrong = reason(error)
                self._post(CaptureFailed(standing.wrong))
            finally:
                self._stream = self._task = self.wanted = self._standing = None
                self._forget()
                self._note_end(standing)

    async def stop(self) -> None:
        """End it; what it still has to tell is told."""
        if self._stream is not None:
            with suppress(OSError):
                await self._stream.stop()
        elif self._task is not None:
            self._task.cancel()
            self._post(CaptureFailed("stopped before it began"))

    def _say(self, said: Said) -> None:
        self._waiting.append(said)
        if self._timer is not None:
            return
        left = self._told_at + BEAT_S - monotonic()
        if left <= 0:
            # The first packet after a silence is shown at once.
            self._tell()
        else:
            self._timer = asyncio.get_running_loop().call_later(left, self._tell)

    def _note(self, standing: Standing, said: Said) -> None:
        """Keep how it stands; its beginning belongs into the time line."""
        if isinstance(
            said, CaptureStarted | CaptureCounts | CaptureTapGone | CaptureEnded
        ):
            standing.hear(said)
        if isinstance(said, CaptureStarted) and not standing.is_file:
            self._line(capture_begun_note(standing, self._now()))

    def _note_lost(self, taps: list[int]) -> None:
        """Whoever looks elsewhere is to know, too, that a place is heard no more."""
        now = self._standing
        if taps and now is not None and len(now.gone) < len(now.tap_names):
            self._line(capture_without_note(now, taps, self._now()))

    def _note_end(self, standing: Standing) -> None:
        if not standing.is_file:
            self._line(capture_over_note(standing, self._now()))

    def _line(self, line: LiveLine) -> None:
        self._post(LinesArrived((line,)))

    def _tell(self) -> None:
        said = tuple(self._waiting)
        self._forget()
        self._told_at = monotonic()
        if said:
            self._post(CaptureSaid(said))
            self._note_lost(
                [one.tap for one in said if isinstance(one, CaptureTapGone)]
            )

    def _forget(self) -> None:
        self._waiting = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def reason(error: BaseException) -> str:
    """Why something failed, as one clear line."""
    if isinstance(error, BaseExceptionGroup):
        return reason(error.exceptions[0])
    if isinstance(error, OSError) and error.strerror:
        path = f"{error.filename}: " if error.filename else ""
        return plain(f"{path}{error.strerror}", 300)
    return plain(str(error), 300) or type(error).__name__
