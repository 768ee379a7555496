"""The process that captures: rings in, file and rows out.

A process of its own, because a thread that empties a busy ring makes the screen's keys
wait for the interpreter's lock (measured: 37 ms against 3). It knows its parent's pid
and holds one end of a socket pair; when the parent is gone, by whatever means, it ends:
the socket says so, and a stopped process is killed by the kernel (PR_SET_PDEATHSIG).
It makes nothing but sockets, rings and the file that was asked for, so nothing remains
of it whatever ends it.

Each round: take every block that the rings have ready, write it down, keep for reading
what there is time for, read for some milliseconds, tell.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import socket
import sys
from typing import TYPE_CHECKING

from netwiz.probes.capture.order import FRAME, MAX_FRAME, Order, Told
from netwiz.probes.capture.saying import ParentGoneError, Pipe

if TYPE_CHECKING:
    from netwiz.probes.capture.backlog import PacketReader

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_FINISH_S = 2.0
"""So long the last words may take, for a parent that is slow to listen."""


def main(fd: int) -> int:
    """Run one capture as told through `fd`; the exit status."""
    _prepare()
    link = socket.socket(fileno=fd)
    try:
        order = Order.unpacked(_received(link))
    except (OSError, EOFError):
        return 1
    if os.getppid() != order.parent:
        return 1  # it died before the kernel was asked to tell
    pipe = Pipe(link)
    gc.freeze()  # what is loaded stays: the collector need not walk over it
    try:
        _run(order, pipe)
    except ParentGoneError:
        return 1
    pipe.finish(_FINISH_S)
    return 0


def _prepare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NAME, b"netwiz-capture", 0, 0, 0)
    # The terminal's keys are for the parent, which stops us as it should be done.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    # Four files for each container: 300 of them are more than a shell's usual limit.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.set_threshold(50_000, 20, 100)


def _received(link: socket.socket) -> bytes:
    """The order, which the parent sends first."""
    length, _ = FRAME.unpack(_exactly(link, FRAME.size))
    if length > MAX_FRAME:
        raise EOFError
    return _exactly(link, length)


def _exactly(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = link.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _run(order: Order, pipe: Pipe) -> None:
    from netwiz.probes.errors import ProbeError, mapped

    reader = _reader(order)
    try:
        with mapped("the capture"):
            if order.source:
                from netwiz.probes.capture.replay import replay

                replay(order, pipe, reader)
            else:
                from netwiz.probes.capture.live import Live

                Live(order, pipe, reader).run()
    except ProbeError as error:
        if isinstance(error.__cause__, ParentGoneError):
            raise ParentGoneError from error
        failed = error.finding()
        pipe.say(
            Told.FAILED, failure=failed.kind, what=failed.what, remedy=failed.remedy
        )


def _reader(order: Order) -> PacketReader:
    from netwiz.probes.reading.reader import Reader

    reader = Reader(order.names)
    # What is not told of while answers are filtered out, see `Filter.both_ways`.
    reader.both_ways = order.both_ways
    return reader


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
