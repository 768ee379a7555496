"""The child's side of the pipe: never waits for a parent that does not listen.

What does not fit into the pipe stays here. While that is much, nobody reads packets
(`full`), so rows are not made that nobody could take; rings and files go on.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from typing import Any

from netwiz.probes.capture.order import Told, framed

ENOUGH = 1024 * 1024
"""Bytes that wait here at most before reading stops."""
_BATCH = 64 * 1024
"""Rows are sent when they are so many bytes together,"""
_EVERY_S = 0.05
"""or when so much time is over since the last ones."""


class ParentGoneError(Exception):
    """Nobody is there to tell anything to."""


class Pipe:
    """What is said to the parent, and the two words that come from it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._rows: list[bytes] = []
        self._rows_bytes = 0
        self._out = bytearray()
        self._sent = 0.0
        link.setblocking(False)

    def fileno(self) -> int:
        return self._link.fileno()

    @property
    def full(self) -> bool:
        """Whether more rows would only pile up here."""
        return len(self._out) > ENOUGH

    @property
    def pending(self) -> bool:
        """Whether something waits for room in the pipe."""
        return bool(self._out)

    def row(self, packed: bytes) -> None:
        """Take a row; it goes with the next batch."""
        self._rows.append(packed)
        self._rows_bytes += len(packed)
        if self._rows_bytes >= _BATCH:
            self._batch()

    def say(self, kind: Told, /, **what: Any) -> None:
        """Take something else; rows that were read before go before it."""
        self._batch()
        self._out += framed(kind, json.dumps(what).encode())

    def due_s(self) -> float | None:
        """When rows that wait should go; None when there are none."""
        if not self._rows:
            return None
        return max(self._sent + _EVERY_S - time.monotonic(), 0.0)

    def flush(self) -> None:
        """Send what is due and fits, and wait for nothing. Raises ParentGoneError."""
        if self.due_s() == 0.0:
            self._batch()
        if not self._out:
            return
        try:
            sent = self._link.send(self._out)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            raise ParentGoneError from error
        del self._out[:sent]

    def _batch(self) -> None:
        if self._rows:
            self._out += framed(Told.ROWS, b"".join(self._rows))
            self._rows.clear()
            self._rows_bytes = 0
        self._sent = time.monotonic()

    def finish(self, within_s: float) -> None:
        """Send everything, for so long at most."""
        self._batch()
        end = time.monotonic() + within_s
        poller = select.poll()
        poller.register(self._link, select.POLLOUT)
        with contextlib.suppress(ParentGoneError):
            while self._out and time.monotonic() < end:
                poller.poll(max((end - time.monotonic()) * 1000, 1))
                self.flush()

    def heard(self) -> bytes | None:
        """What the parent said: empty for nothing yet. None: it is gone."""
        try:
            return self._link.recv(64) or None
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            return None
