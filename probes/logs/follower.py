"""All logs as they come: read by a child process, so that a screen never waits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import netwiz
from netwiz.probes.engine import fields as js
from netwiz.probes.engine.endpoint import EngineEndpoint
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure
from netwiz.probes.facts.logs import LogBroke, LogLine, LogSaid
from netwiz.probes.logs import wire
from netwiz.probes.machine import EngineGate, Ground

QUEUE = 20_000
"""Entries that wait for a reader: as many as the child tells at once."""
MAX_REMEMBERED = 5000
"""Containers whose last moment is kept, so that nothing is shown twice."""
MAX_FOLLOWED = 500
"""Logs followed at once; each holds a connection to the engine."""
MAX_PAST = 2000
"""Lines of one container that are asked for at once when a person looks back."""
DYING_S = 1.0
CALM_S = 60.0
"""A child that ends twice within so long is not started again."""


class LogFollower:
    """The logs of many containers as one stream, in order of arrival.

    ``async with LogFollower(ground) as logs:`` then `add` and `remove` containers at
    any time, and read with ``async for said in logs`` or, for a screen that paints ten
    times a second, with `take`. One child process reads them all (`child`), one
    connection per container; it is started by the first `add` and ends with the block.

    When nobody reads, the oldest go and `dropped` counts them; what the child left out
    because it came too fast is told as a `LogGap` where it is missing. A log ends when
    its container stops or the engine breaks off: add it again when it is back, and it
    goes on behind the last line that was seen. A child that ends by itself is told of
    as a `LogBroke`, and started again once.
    """

    def __init__(self, ground: Ground, *, tail: int = 50, queue: int = QUEUE) -> None:
        self._gate = ground.engine
        self._where = followable(ground.engine)
        self._tail = tail
        self._said: deque[LogSaid] = deque(maxlen=queue)
        self._ready = asyncio.Event()
        self._followed: dict[str, None] = {}
        self._seen: dict[str, int] = {}
        self._first: dict[str, int] = {}
        """Nanoseconds since 1970 of the oldest line that was told of each."""
        self._asked = 0
        self._pasts: dict[int, asyncio.Event] = {}
        self._running: asyncio.Task[None] | None = None
        self._mouth: asyncio.StreamWriter | None = None
        self._pid = 0
        self.dropped = 0
        self.errors: dict[str, str] = {}
        """Container id to why its log cannot be followed."""

    async def __aenter__(self) -> Self:
        """Ready to follow."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all of it."""
        self._followed.clear()
        if self._running is not None:
            self._running.cancel()
            # It ends by itself; if ever not, nobody who quits waits for it.
            await asyncio.wait({self._running}, timeout=2 * DYING_S)

    @property
    def following(self) -> frozenset[str]:
        """Ids of the containers whose log is being followed."""
        return frozenset(self._followed)

    @property
    def child(self) -> int:
        """Pid of the process that reads; 0 while there is none."""
        return self._pid

    def add(self, container_ids: Iterable[str]) -> None:
        """Follow these as well; one that is followed already stays as it is."""
        for given in container_ids:
            key = js.identity(given)
            if key and key not in self._followed and len(self._followed) < MAX_FOLLOWED:
                self.errors.pop(key, None)
                while len(self._seen) > MAX_REMEMBERED:
                    del self._seen[next(iter(self._seen))]
                self._followed[key] = None
                self._send(("add", key, self._tail, self._seen.get(key, 0)))
        if self._followed and (self._running is None or self._running.done()):
            self._running = asyncio.ensure_future(self._run())

    def remove(self, container_ids: Iterable[str]) -> None:
        """Follow these no longer; what of them waits is still given."""
        gone = [key for key in container_ids if key in self._followed]
        for key in gone:
            del self._followed[key]
        if gone:
            self._send(("remove", gone))

    async def past(
        self,
        container_ids: Iterable[str],
        since: datetime | None,
        count: int = MAX_PAST,
    ) -> None:
        """Have the engine tell what was said before that which was told.

        At most `count` lines of each container, the newest of them; none twice. They
        come by the stream like all others; this returns when they have.
        """
        if self._mouth is None:
            return
        self._asked += 1
        done = self._pasts[self._asked] = asyncio.Event()
        wanted = [
            (key, self._first.get(key, time.time_ns()))
            for key in container_ids
            if key in self._followed
        ]
        begin = f"{since.timestamp():.6f}" if since else ""
        self._send(("past", self._asked, wanted, begin, min(count, MAX_PAST)))
        await done.wait()

    def take(self, limit: int = QUEUE) -> list[LogSaid]:
        """What waits, oldest first, without waiting for any."""
        count = min(limit, len(self._said))
        found = [self._said.popleft() for _ in range(count)]
        if not self._said:
            self._ready.clear()
        return found

    async def __aiter__(self) -> AsyncIterator[LogSaid]:
        """One by one, without end."""
        while True:
            await self._ready.wait()
            for said in self.take(100):
                yield said

    # The child

    def _send(self, message: wire.Message) -> None:
        if self._mouth is not None:
            self._mouth.write(wire.packed(message))

    async def _run(self) -> None:
        """Have a child read, and another one if it ends before its time."""
        begun = -CALM_S
        while self._followed:
            again = time.monotonic() - begun >= CALM_S
            begun = time.monotonic()
            try:
                because = await self._one_child()
            except ProbeError as error:
                # No child was begun: there is no engine to follow.
                self.errors.update(dict.fromkeys(self._followed, error.what))
                self._followed.clear()
                return
            for done in self._pasts.values():
                done.set()
            again = again or time.monotonic() - begun >= CALM_S
            self._put([LogBroke(datetime.now(UTC), because, again)])
            if not again:
                for key in self._followed:
                    self.errors[key] = because
                self._followed.clear()

    async def _one_child(self) -> str:
        """A child's life; why it ended."""
        version = await self._gate.call("the logs", lambda c: c.api_version)
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-S", "-m", "netwiz.probes.logs.child"),
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 20,
            env=os.environ | {"PYTHONPATH": str(Path(netwiz.__file__).parents[1])},
            # Of no terminal: it hears of the end by the kernel and by its input.
            start_new_session=True,
        )
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("a child without pipes")
        self._mouth, self._pid = child.stdin, child.pid
        try:
            self._send(_engine(self._where, f"/v{version}"))
            for key in self._followed:
                self._send(("add", key, self._tail, self._seen.get(key, 0)))
            await self._hear(child.stdout)
            with contextlib.suppress(TimeoutError):
                # It has closed its mouth: it is dead, most likely, and to kill it
                # would reap it behind the back of asyncio.
                async with asyncio.timeout(DYING_S):
                    await child.wait()
        finally:
            self._mouth, self._pid = None, 0
            if not child.stdin.transport.is_closing():
                # One that is closed already fails at it (asyncio of Python 3.11).
                child.stdin.transport.abort()
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
            code = await status_of(child)
        return f"the process that reads the logs ended (status {code})"

    async def _hear(self, ear: asyncio.StreamReader) -> None:
        while True:
            try:
                (size,) = wire.LENGTH.unpack(await ear.readexactly(wire.LENGTH.size))
                if size > wire.MAX_MESSAGE:
                    return
                what, *rest = wire.unpacked(await ear.readexactly(size))
            except (asyncio.IncompleteReadError, OSError, ValueError):
                return
            if what == "said":
                self._said_by(*rest)
            elif what == "ended":
                key, because = rest
                if self._followed.pop(key, self) is None and because:
                    self.errors[key] = because
            elif what == "past" and rest[0] in self._pasts:
                self._pasts.pop(rest[0]).set()
            # However much it has to say: keys are heard in between.
            await asyncio.sleep(0)

    def _said_by(self, key: str, told: list[wire.Message], seen_ns: int) -> None:
        if seen_ns:
            self._seen[key] = max(seen_ns, self._seen.get(key, 0))
        first = min((one[0] for one in told if len(one) > 3), default=0)
        if first:
            self._first[key] = min(first, self._first.get(key, first))
        self._put([wire.to_said(key, one) for one in told])

    def _put(self, said: Iterable[LogSaid]) -> None:
        for one in said:
            if len(self._said) == self._said.maxlen:
                oldest = self._said[0]
                self.dropped += isinstance(oldest, LogLine)
            self._said.append(one)
        if self._said:
            self._ready.set()


async def status_of(child: asyncio.subprocess.Process) -> int | None:
    """How a child that was killed, or closed its mouth, ended; None if nobody knows.

    `wait` of Python 3.11 also waits for the end of its output, which nobody sees while
    too much of it waits to be read.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DYING_S):
            while child.stdout is not None and await child.stdout.read(1 << 20):
                pass
            return await child.wait()
    return child.returncode


def followable(gate: EngineGate) -> EngineEndpoint:
    """Where the engine of a gate listens.

    Raises:
        ProbeError: the gate does not tell (a fake one, say).
    """
    where = getattr(gate, "where", None)
    if not isinstance(where, EngineEndpoint):
        raise ProbeError(Failure.ENGINE, f"{gate.endpoint} cannot be followed")
    return where


def _engine(where: EngineEndpoint, prefix: str) -> wire.Message:
    tls = where.tls
    keys = (tls.ca, tls.certificate, tls.key, tls.verify) if tls else None
    timeout_s = 5.0
    return (
        *("engine", where.path, where.host, where.port, where.url),
        *(keys, prefix, timeout_s),
    )
