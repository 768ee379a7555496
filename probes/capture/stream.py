"""A capture from outside: start the child, hear what it says, be sure that it ends.

The filter is compiled here, so that a bad one is said at once, before any process is
made. Namespaces are opened here, too, and handed to the child as files.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.order import FRAME, MAX_FRAME, STOP, Told
from netwiz.probes.capture.ordering import Ordered, ordered
from netwiz.probes.capture.refusals import LEFT_IN
from netwiz.probes.capture.wanted import CaptureWanted, Said
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Failure
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureStarted,
    CaptureTap,
    CaptureTapGone,
)
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

_START_S = 30.0
"""A child that has not begun by then is stuck: rings of 300 namespaces take 1 s."""
_STOP_S = 4.0
_PIPE_BYTES = 512 * 1024
_CHILD = (
    "import sys;fd=int(sys.argv[1]);sys.path[:]=sys.argv[2:];"
    "from netwiz.probes.capture.child import main;sys.exit(main(fd))"
)
"""Like ``python -m``, without what site would load; the path is ours, or nothing."""


class LiveStream:
    """A capture that runs in a child process (`wanted.CaptureStream`)."""

    def __init__(self, order: Ordered) -> None:
        self._order = order
        self._received = bytearray()
        self._link: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._hearing = asyncio.Lock()
        self._ended = False
        self._stopping = False
        self._begun = False
        self._first: Said | None = None
        self.pid = 0
        """Of the child."""

    async def begin(self) -> None:
        """Start the child and wait until it listens. Raises ProbeError."""
        with mapped("the process that captures"):
            ours, theirs = socket.socketpair()
            with theirs:
                self._link = ours
                for end in (ours, theirs):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIPE_BYTES)
                ours.setblocking(False)
                self._process = _spawn(theirs.fileno(), self._order.fds)
            self.pid = self._process.pid
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(_START_S):
                await loop.sock_sendall(ours, self._order.order.packed())
                self._first = await self._heard()
        if isinstance(self._first, CaptureEnded):
            raise ProbeError(Failure.BROKEN, f"the capture ended: {self._first.why}")
        self._begun = True

    async def __aiter__(self) -> AsyncIterator[Said]:
        """What it says; can be taken up again where somebody left off."""
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        while (said := await self._next()) is not None:
            yield said

    async def _next(self) -> Said | None:
        """The next thing that is said; who leaves the context may hear it first."""
        async with self._hearing:
            return None if self._ended else await self._heard()

    async def stop(self) -> None:
        """Ask it to end."""
        if self._stopping or self._ended or self._link is None:
            return
        self._stopping = True
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._link, STOP)

    async def close(self) -> None:
        """Be sure that nothing is left of it, whatever state it is in."""
        try:
            if self._process is not None:
                async with asyncio.timeout(_STOP_S):
                    await self.stop()
                    while await self._next() is not None:
                        pass
        except (TimeoutError, ProbeError):
            pass  # it is killed below
        finally:
            if self._link is not None:
                self._link.close()
            if self._process is not None:
                _reap(self._process)

    async def _heard(self) -> Said:
        """The next thing that is said."""
        while True:
            frame = self._frame()
            if frame is not None:
                said = self._said(*frame)
                self._ended = isinstance(said, CaptureEnded)
                return said
            try:
                data = await self._received_more()
            except OSError:
                data = b""
            if not data:
                self._ended = True
                return await self._broken_off()
            self._received += data

    async def _received_more(self) -> bytes:
        if self._link is None:
            return b""
        return await asyncio.get_running_loop().sock_recv(self._link, 1 << 18)

    def _frame(self) -> tuple[int, bytes] | None:
        got = self._received
        if len(got) < FRAME.size:
            return None
        length, kind = FRAME.unpack_from(got)
        if length > MAX_FRAME:
            raise ProbeError(Failure.BROKEN, "the capture speaks nonsense")
        end = FRAME.size + length
        if len(got) < end:
            return None
        body = bytes(got[FRAME.size : end])
        del got[:end]
        return kind, body

    def _said(self, kind: int, body: bytes) -> Said:
        if kind == Told.ROWS:
            return Batch(body)
        what: dict[str, Any] = json.loads(body)
        if kind == Told.COUNTS:
            return CaptureCounts(**what)
        if kind == Told.TAP_GONE:
            return CaptureTapGone(tap=what["tap"], why=plain(what["why"], 300))
        if kind == Told.ENDED:
            return CaptureEnded(why=plain(what["why"], 300), wrong=what["wrong"])
        if kind == Told.FAILED:
            if self._begun:
                return CaptureEnded(why=plain(what["what"], 300), wrong=True)
            raise ProbeError(Failure(what["failure"]), what["what"], what["remedy"])
        return self._started(what["taps"], what.get("names", {}))

    def _started(self, taps: list[list[Any]], names: dict[str, str]) -> CaptureStarted:
        known = self._order
        named = zip(known.taps, taps, strict=False) if known.taps else ()
        return CaptureStarted(
            taps=tuple(
                CaptureTap(place, name, device, linktype)
                for (place, name), (device, linktype) in named
            )
            or tuple(
                CaptureTap(known.place, plain(name, 80), "", linktype)
                for name, linktype in taps
            ),
            filter=known.order.filter,
            left_out=known.left_out,
            left_in=(LEFT_IN,) if known.order.refusals else (),
            path=known.order.file.path if known.order.file else "",
            names=names,
            command=known.command,
        )

    async def _broken_off(self) -> CaptureEnded:
        """The pipe ended without a word."""
        status: int | None = None
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            status = self._process.poll() if self._process else None
            if status is not None:
                break
            await asyncio.sleep(0.01)
        if status is not None and status < 0:
            name = signal.Signals(-status).name
            why = f"the process that captures was killed ({name})"
        else:
            why = "the process that captures has gone"
        return CaptureEnded(why=why, wrong=True)


def _spawn(fd: int, fds: tuple[int, ...]) -> subprocess.Popen[bytes]:
    """Start the child from this thread: it dies when the thread that made it does.

    (PR_SET_PDEATHSIG is of threads, prctl(2).) A process group of its own keeps the
    terminal's keys from it; of the session it stays, whose share of the processors it
    has (sched(7), autogroup).
    """
    import netwiz

    package = Path(netwiz.__file__ or ".").absolute().parent
    path = [str(package.parent), *(p for p in sys.path if p.startswith("/"))]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _CHILD, str(fd), *path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(fd, *fds),
        process_group=0,
        cwd="/",
    )


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Kill what still runs; wait for it elsewhere, for closing its rings takes time."""
    if process.poll() is None:
        process.kill()
        threading.Thread(target=process.wait, daemon=True).start()


@contextlib.asynccontextmanager
async def open_capture(
    ground: Ground | None, wanted: CaptureWanted
) -> AsyncIterator[LiveStream]:
    """Start a capture; it runs until it is stopped or the context is left.

    Raises BadFilterError with the place, and ProbeError when it cannot begin: no
    rights, no such container or device, a file that cannot be written or read.
    """
    order = await ordered(ground, wanted)
    try:
        stream = LiveStream(order)
        try:
            await stream.begin()
        except BaseException:
            await stream.close()
            raise
    finally:
        order.close()
    try:
        yield stream
    finally:
        await stream.close()
