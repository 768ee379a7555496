"""Containers' logs: the recent network errors in one, and all of them as they come."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any, Self

from netwiz.probes.engine import fields as js
from netwiz.probes.engine.read import get
from netwiz.probes.engine.stream import streaming
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.logs import LogLine
from netwiz.probes.facts.various import LogErrors
from netwiz.probes.logs.frames import Demultiplexer, RawLine, log_line
from netwiz.probes.logs.neterrors import looks_like_network_error
from netwiz.probes.machine import Ground
from netwiz.probes.requests import ReadLogErrors

MAX_TAIL = 10_000
MAX_BODY = 64 << 20
"""Octets of a tail: lines have 16 KiB at most in the engine's files."""
MAX_KEPT = 200
"""Lines with an error that a finding carries, the newest ones."""
QUEUE = 5000
"""Lines of `LogFollower` that wait for a reader."""
STAMP = 30
"""Octets of a time stamp: RFC 3339 with nanoseconds, in UTC."""
MAX_REMEMBERED = 5000
"""Containers whose last time stamp is kept, so that nothing is shown twice."""
MAX_FOLLOWED = 500
"""Logs followed at once; each holds a connection to the engine."""


async def read_log_errors(ground: Ground, request: ReadLogErrors) -> LogErrors:
    """Lines with a network error among the last ones of a container's log.

    Raises:
        ProbeError: container or engine are gone, or the logging driver keeps no log
            that the engine could read.
    """
    key = js.identity(request.container_id)
    count = min(max(request.lines, 1), MAX_TAIL)

    def read(client: Any) -> tuple[LogLine, ...]:
        found = [log_line(key, raw) for raw in read_tail(client, key, count)]
        return tuple(x for x in found if looks_like_network_error(x.text))[-MAX_KEPT:]

    return LogErrors(
        command=f"docker logs --timestamps --tail {count} {key[:12]}",
        container_id=key,
        lines=await ground.engine.call(f"the log of container {key[:12]}", read),
    )


def read_tail(client: Any, key: str, count: int) -> list[RawLine]:
    """The last lines of both streams; for use inside a call of the gate."""
    body = get(
        client,
        f"/containers/{key}/logs",
        limit=MAX_BODY,
        stdout=1,
        stderr=1,
        timestamps=1,
        tail=count,
    )
    cut = Demultiplexer()
    return (cut.feed(body) + cut.rest())[-count:]


def last_lines(client: Any, key: str, count: int) -> tuple[str, ...]:
    """The last lines as text; empty when the engine has no log to read."""
    try:
        raw = read_tail(client, key, count)
    except Exception:  # noqa: BLE001 - a log that cannot be read is no reason to fail
        return ()
    return tuple(log_line(key, line).text for line in raw)


class LogFollower:
    """The logs of many containers as one stream of lines, in order of arrival.

    ``async with LogFollower(ground) as logs:`` then `add` and `remove` containers at
    any time, and read with ``async for line in logs`` or, for a screen that paints ten
    times a second, with `take`. Everything runs on the event loop, one connection per
    container and no thread; leaving the block ends all of it at once.

    When nobody reads, the oldest lines go and `dropped` counts them. A log ends when
    its container stops or the engine breaks off: add it again when it is back, and it
    goes on behind the last line that was seen.
    """

    def __init__(self, ground: Ground, *, tail: int = 50, queue: int = QUEUE) -> None:
        self._gate = streaming(ground.engine)
        self._tail = tail
        self._lines: deque[tuple[str, RawLine]] = deque(maxlen=queue)
        self._ready = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, bytes] = {}
        self._group = asyncio.TaskGroup()
        self.dropped = 0
        self.errors: dict[str, str] = {}
        """Container id to why its log cannot be followed."""

    async def __aenter__(self) -> Self:
        """Ready to follow."""
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all of it."""
        for task in self._tasks.values():
            task.cancel()
        # What the block raised leaves it as it is, not as a group.
        await self._group.__aexit__(None, None, None)

    @property
    def following(self) -> frozenset[str]:
        """Ids of the containers whose log is being followed."""
        return frozenset(self._tasks)

    def add(self, container_ids: Iterable[str]) -> None:
        """Follow these as well; one that is followed already stays as it is."""
        for given in container_ids:
            key = js.identity(given)
            if key and key not in self._tasks and len(self._tasks) < MAX_FOLLOWED:
                self.errors.pop(key, None)
                while len(self._seen) > MAX_REMEMBERED:
                    del self._seen[next(iter(self._seen))]
                task = self._group.create_task(self._follow(key))
                self._tasks[key] = task
                task.add_done_callback(functools.partial(self._ended, key))

    def remove(self, container_ids: Iterable[str]) -> None:
        """Follow these no longer; their lines that wait are still given."""
        for key in container_ids:
            task = self._tasks.pop(key, None)
            if task is not None:
                task.cancel()

    def take(self, limit: int = QUEUE) -> list[LogLine]:
        """The lines that wait, oldest first, without waiting for any."""
        count = min(limit, len(self._lines))
        found = [log_line(*self._lines.popleft()) for _ in range(count)]
        if not self._lines:
            self._ready.clear()
        return found

    async def __aiter__(self) -> AsyncIterator[LogLine]:
        """Line by line, without end."""
        while True:
            await self._ready.wait()
            for line in self.take(100):
                yield line

    def _ended(self, key: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

    async def _follow(self, key: str) -> None:
        query = "follow=1&stdout=1&stderr=1&timestamps=1"
        what = f"the log of container {key[:12]}"
        cut = Demultiplexer()
        resume = self._seen.get(key, b"")
        try:
            path = f"/containers/{key}/logs?{query}&tail={self._tail}"
            async with await self._gate.stream(what, path) as stream:
                async with contextlib.aclosing(stream.pieces()) as pieces:
                    async for piece in pieces:
                        self._put(key, cut.feed(piece), resume)
                        # Others get their turn, however fast this one writes.
                        await asyncio.sleep(0)
                self._put(key, cut.rest(), resume)
        except ProbeError as error:
            self.errors[key] = error.what

    def _put(self, key: str, lines: list[RawLine], resume: bytes) -> None:
        for line in lines:
            # Time stamps are of fixed width: the order of their octets is theirs.
            stamp = line[1][:STAMP]
            if stamp <= resume:
                continue
            self._seen[key] = max(stamp, self._seen.get(key, b""))
            if len(self._lines) == self._lines.maxlen:
                self.dropped += 1
            self._lines.append((key, line))
        if self._lines:
            self._ready.set()
