"""A capture without a kernel: tests say what it tells, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from netwiz.probes.capture.wanted import CaptureWanted, Said
from netwiz.probes.facts.packets import CaptureEnded


class FakeCapture:
    """The stream and its context in one; remembers how it was left."""

    def __init__(self, wanted: CaptureWanted) -> None:
        self.wanted = wanted
        self.queue: asyncio.Queue[Said | Exception] = asyncio.Queue()
        self.refused: Exception | None = None
        """What entering it raises."""
        self.open = False
        self.left = False

    async def __aenter__(self) -> Self:
        if self.refused:
            raise self.refused
        self.open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.open = False
        self.left = True

    async def __aiter__(self) -> AsyncIterator[Said]:
        while True:
            said = await self.queue.get()
            if isinstance(said, Exception):
                raise said
            yield said
            if isinstance(said, CaptureEnded):
                return

    async def stop(self) -> None:
        self.say(CaptureEnded(why="stopped"))

    # What tests do

    def say(self, *said: Said | Exception) -> None:
        for one in said:
            self.queue.put_nowait(one)
