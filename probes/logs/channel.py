"""One container's log, as the engine sends it, on a connection of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from netwiz.probes.engine.endpoint import EngineEndpoint
from netwiz.probes.engine.errors import explained
from netwiz.probes.engine.stream import open_stream
from netwiz.probes.facts.logs import LogLine
from netwiz.probes.logs.entries import EntryReader
from netwiz.probes.logs.frames import STAMP, Demultiplexer, RawLine
from netwiz.probes.logs.intake import Intake

SECOND_NS = 1_000_000_000
GULP_S = 0.001
"""Between two reads of a flood: the engine sends each line by itself, and to read them
one by one costs three times what is done with them. Longer would hold the engine up:
a socket of 208 KiB takes only some 270 of such lines (unix(7), SO_SNDBUF)."""
GULP = 16_384
"""Octets of a read that is worth its cost."""
CATCH_UP = 2000
"""Lines that are read of what was written while a log was not followed."""

REMEMBERED = 4096
"""Lines of a container that are known again when the engine repeats them."""


class Channel:
    """Follows a log: puts what comes into its intake, and says that something came."""

    def __init__(
        self,
        key: str,
        where: EngineEndpoint,
        prefix: str,
        timeout_s: float,
        wake: Callable[[], None],
    ) -> None:
        self.key = key
        self.intake = Intake(time.monotonic())
        self.reader = EntryReader(key)
        self.fed_at = 0.0
        """When the reader was last given something (monotonic)."""
        self.task: asyncio.Task[None] | None = None
        self._where = where
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._wake = wake
        self._newest: dict[object, bytes] = {}
        self._told: deque[int] = deque(maxlen=REMEMBERED)

    @property
    def busy(self) -> bool:
        """Whether something waits to be told."""
        return bool(len(self.intake) or self.intake.flooded or self.reader.waits)

    @staticmethod
    def now() -> datetime:
        """This moment, where no line tells one."""
        return datetime.now(UTC)

    def stop(self) -> None:
        """Follow no longer; what waits is forgotten."""
        if self.task is not None:
            self.task.cancel()

    async def follow(self, tail: int, resume_ns: int) -> str:
        """Until the log ends; why it could not be followed, empty if it just ended.

        Args:
            tail: how many of the last lines are read at the beginning.
            resume_ns: lines up to this moment (nanoseconds since 1970) were told.
        """
        query = f"follow=1&stdout=1&stderr=1&timestamps=1&tail={tail}"
        if resume_ns:
            # More than the tail may have been written since.
            since = f"{resume_ns // SECOND_NS}.{resume_ns % SECOND_NS:09d}"
            query = query.replace(f"tail={tail}", f"tail={CATCH_UP}&since={since}")
        resume = _stamp(resume_ns)
        return await self._read(query, lambda lines: self._put(lines, resume))

    async def past(self, since: str, first_ns: int, count: int) -> list[LogLine]:
        """At most `count` lines from before a moment (nanoseconds since 1970).

        `since` is the moment from which on, in the engine's notation; empty: all.
        """
        until = f"{first_ns // SECOND_NS}.{first_ns % SECOND_NS:09d}"
        before = _stamp(first_ns)
        query = f"stdout=1&stderr=1&timestamps=1&tail={count}"
        query += f"&until={until}" + f"&since={since}" * bool(since)
        found: list[RawLine] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._read(query, found.extend)
        reader = EntryReader(self.key)
        # The engine counts the moment itself in.
        older = [line for line in found if line[1][:STAMP] < before]
        return [*reader.feed(older[-count:]), *reader.rest()]

    async def _read(self, query: str, take: Callable[[list[RawLine]], None]) -> str:
        what = f"the log of container {self.key[:12]}"
        path = f"{self._prefix}/containers/{self.key}/logs?{query}"
        cut = Demultiplexer()
        try:
            stream = await open_stream(self._where, path, self._timeout_s)
            async with stream, contextlib.aclosing(stream.pieces()) as pieces:
                async for piece in pieces:
                    take(cut.feed(piece))
                    # Others get their turn, however fast this one writes.
                    if self.intake.flooded and len(piece) < GULP:
                        await stream.gather(GULP_S)
                    else:
                        await asyncio.sleep(0)
            take(cut.rest())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            return explained(what, error, self._where).what
        return ""

    def _put(self, lines: list[RawLine], resume: bytes) -> None:
        if resume:
            # Time stamps are of fixed width: the order of their octets is theirs.
            lines = [line for line in lines if line[1][:STAMP] > resume]
        lines = self._once(lines)
        if lines:
            self.intake.put(lines, time.monotonic())
            self._wake()

    def _once(self, lines: list[RawLine]) -> list[RawLine]:
        """Without what the engine tells twice: it goes back where it rotates a file.

        Only what is no newer than the last line, and was told to the letter and the
        nanosecond, is left out: a clock that was set back loses nothing.
        """
        found: list[RawLine] = []
        for line in lines:
            stream, text = line[0], line[1]
            stamp = text[:STAMP]
            if stamp > self._newest.get(stream, b""):
                self._newest[stream] = stamp
            elif hash(text) in self._told:
                continue
            self._told.append(hash(text))
            found.append(line)
        return found


def _stamp(at_ns: int) -> bytes:
    """The engine's stamp of a moment; empty for none."""
    if not at_ns:
        return b""
    at = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ns % SECOND_NS:09d}Z".encode()
