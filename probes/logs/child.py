"""The process that follows logs, so that the one with the screen never waits for them.

    python -m netwiz.probes.logs.child PARENT

`netwiz.probes.logs.follower` starts it, tells it by its standard input what to follow,
and hears from its standard output what to show (`wire`). It ends with its parent,
however that ends: by PR_SET_PDEATHSIG (prctl(2)) and by the end of its input. It
writes nothing else anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from netwiz.probes.engine.endpoint import EngineEndpoint, Tls
from netwiz.probes.facts.logs import LogGap, LogLine
from netwiz.probes.logs import wire
from netwiz.probes.logs.channel import Channel
from netwiz.probes.logs.intake import Told

TICK_S = 0.1
"""So often is told what came; a line that may go on is held as long."""
RATE = 2000
"""Lines a second that the screen takes of all containers together, for long."""
BURST = 20_000
"""Lines that it takes at once: the tails of three hundred logs when it begins."""
LEAST = 20
"""Lines of each container that are told whatever the others write."""
PORTION = 500
"""Entries of one message: the screen does something else between two of them."""
FULL = 1 << 20
"""Octets that wait in the pipe: then the screen is behind, and lines wait here."""
PR_SET_PDEATHSIG = 1
NICE = 5


class Child:
    """Reads the logs that it is told to, and tells what they say."""

    def __init__(self, out: asyncio.WriteTransport) -> None:
        self._out = out
        self._channels: dict[str, Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.TimerHandle | None = None
        self._credit, self._at = float(BURST), time.monotonic()
        self._where: EngineEndpoint | None = None
        self._prefix, self._timeout_s = "", 5.0

    def hear(self, message: wire.Message) -> None:
        """Do what the parent says."""
        what, *rest = message
        if what == "engine":
            path, host, port, url, tls, self._prefix, self._timeout_s = rest
            self._where = EngineEndpoint(
                url, path=path, host=host, port=port, tls=Tls(*tls) if tls else None
            )
        elif what == "add":
            self._add(*rest)
        elif what == "remove":
            for key in rest[0]:
                if channel := self._channels.pop(key, None):
                    channel.stop()
        elif what == "past":
            self._spawn(self._past(*rest))

    def _spawn(self, work: object) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task  # type: ignore[no-any-return]

    def _add(self, key: str, tail: int, resume_ns: int) -> None:
        if self._where is None:
            return
        if old := self._channels.get(key):
            old.stop()
        channel = Channel(key, self._where, self._prefix, self._timeout_s, self._wake)
        self._channels[key] = channel
        channel.task = self._spawn(self._follow(channel, tail, resume_ns))

    async def _follow(self, channel: Channel, tail: int, resume_ns: int) -> None:
        because = await channel.follow(tail, resume_ns)
        if self._channels.get(channel.key) is channel:
            # What it said last comes before the word that it has ended.
            self._tell(channel.key, channel.intake.take(time.monotonic(), BURST))
            self._write(channel.key, channel.reader.rest())
            del self._channels[channel.key]
            self._out.write(wire.packed(("ended", channel.key, because)))

    async def _past(
        self, number: int, wanted: list[tuple[str, int]], since: str, count: int
    ) -> None:
        """Tell what the logs said before, then that this was all of it."""
        for key, first_ns in wanted:
            if self._where is None:
                break
            channel = Channel(
                key, self._where, self._prefix, self._timeout_s, lambda: None
            )
            self._write(key, await channel.past(since, first_ns, count), 0)
        self._out.write(wire.packed(("past", number)))

    # What came, told in portions

    def _wake(self) -> None:
        if self._ticking is None:
            loop = asyncio.get_running_loop()
            self._ticking = loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._ticking = None
        now = time.monotonic()
        self._credit = min(self._credit + (now - self._at) * RATE, BURST)
        self._at = now
        busy = [c for c in self._channels.values() if c.busy]
        if self._out.get_write_buffer_size() < FULL:
            due = [c for c in busy if c.intake.due(now)]
            share = max(int(self._credit) // max(len(due), 1), LEAST)
            for channel in due:
                told = channel.intake.take(now, share)
                self._credit -= len(told.lines)
                self._tell(channel.key, told)
                channel.fed_at = now
            for channel in busy:
                if channel.reader.waits and now - channel.fed_at >= TICK_S * 0.9:
                    self._write(channel.key, channel.reader.rest())
        if any(channel.busy for channel in busy):
            self._wake()

    def _tell(self, key: str, told: Told) -> None:
        channel = self._channels[key]
        if not told.skipped and not told.errors:
            self._write(key, channel.reader.feed(told.lines))
            return
        # Nothing that came before a gap goes on behind it.
        said: list[LogLine | LogGap] = [*channel.reader.rest()]
        said += map(channel.reader.single, told.errors)
        newest = channel.reader.feed(told.lines)
        if told.skipped:
            whose = newest or said
            at = whose[0].at if newest else whose[-1].at if whose else channel.now()
            said.append(LogGap(at, key, told.skipped, told.skipped_errors))
        self._write(key, [*said, *newest])

    def _write(
        self, key: str, said: Iterable[LogLine | LogGap], told_ns: int | None = None
    ) -> None:
        channel = self._channels.get(key)
        if told_ns is None:
            told_ns = channel.reader.told_ns if channel else 0
        plain = [
            wire.from_gap(x) if isinstance(x, LogGap) else wire.from_line(x)
            for x in said
        ]
        for start in range(0, len(plain), PORTION):
            part = plain[start : start + PORTION]
            self._out.write(wire.packed(("said", key, part, told_ns)))


class _Mouth(asyncio.Protocol):
    """Writing ends with whoever listens."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        os._exit(0)


async def run() -> None:
    """Hear and tell until the input ends."""
    loop = asyncio.get_running_loop()
    out, _ = await loop.connect_write_pipe(_Mouth, os.fdopen(1, "wb", 0))
    reader = asyncio.StreamReader(limit=wire.MAX_MESSAGE)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb", 0)
    )
    child = Child(out)
    with contextlib.suppress(asyncio.IncompleteReadError, ValueError):
        while True:
            (size,) = wire.LENGTH.unpack(await reader.readexactly(wire.LENGTH.size))
            child.hear(wire.unpacked(await reader.readexactly(size)))


def main() -> None:
    """Begin; never returns."""
    # Keys pressed at the terminal are for the screen.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        # It was gone before it could be watched.
        os._exit(0)
    # The screen comes first, and its processor may be this one.
    os.nice(NICE)
    with contextlib.suppress(OSError):
        # In a session of its own it is weighed with that (sched(7), autogroup).
        Path("/proc/self/autogroup").write_text(str(NICE))
    # Lists of lines die young; to look through all of them at each turn costs a tenth.
    gc.set_threshold(50_000, 20, 50)
    asyncio.run(run())
    os._exit(0)


if __name__ == "__main__":
    main()
