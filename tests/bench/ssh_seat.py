"""A person's terminal: a program on a pty, and the time from a key to its effect."""

from __future__ import annotations

import fcntl
import math
import os
import pty
import random
import select
import signal
import struct
import subprocess
import termios
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import pyte

PATIENCE_S = 60.0


class Seat:
    """What is on the terminal, and how long it takes to change."""

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], size: tuple[int, int]
    ) -> None:
        columns, rows = size
        self._fd, theirs = pty.openpty()
        shape = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, shape)
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.begun = self._came_at = time.perf_counter()
        # The pty is its controlling terminal, as after a login: Ctrl-C is a signal.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            env={**environ, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd="/",
        )
        os.close(theirs)

    # -- eyes ------------------------------------------------------------

    def read(self, timeout_s: float) -> bytes:
        """What was written next; empty when nothing came in time."""
        if not select.select([self._fd], [], [], max(timeout_s, 0))[0]:
            return b""
        try:
            part = os.read(self._fd, 1 << 16)
            # Drawing it takes this terminal 3 ms for 7 KiB; that is not netwiz's.
            self._came_at = time.perf_counter()
        except OSError as error:
            raise RuntimeError(f"the program ended:\n{self.shown()}") from error
        self._stream.feed(part)
        return part

    def shown(self) -> str:
        """The screen as text."""
        rows = (row.rstrip() for row in self._screen.display)
        return "\n".join(rows)

    def lit(self, column: int) -> tuple[int, ...]:
        """Rows below the title with an unusual background: where cursors are."""
        rows = range(1, self._screen.lines)
        grounds = {row: self._screen.buffer[row][column].bg for row in rows}
        usual = Counter(grounds.values()).most_common(1)[0][0]
        return tuple(row for row in rows if grounds[row] != usual)

    def until(self, seen: Callable[[str], bool], what: str) -> float:
        """Seconds since the start when the screen showed what is wanted."""
        end = time.perf_counter() + PATIENCE_S
        while not seen(self.shown()):
            if time.perf_counter() > end:
                raise RuntimeError(f"never seen: {what}\n{self.shown()}")
            self.read(0.1)
        return time.perf_counter() - self.begun

    def bytes_for(self, seconds: float) -> int:
        """How much is written in so long."""
        end = time.perf_counter() + seconds
        count = 0
        while (left := end - time.perf_counter()) > 0:
            count += len(self.read(left))
        return count

    # -- hands -----------------------------------------------------------

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def latency_ms(self, key: str, effect: Effect) -> float:
        """From the key to the first bytes after which what it changes is another."""
        before = effect(self)
        pressed = time.perf_counter()
        self.press(key)
        while time.perf_counter() - pressed < PATIENCE_S:
            part = self.read(0.1)
            if part and effect(self) != before:
                return (self._came_at - pressed) * 1000
        raise RuntimeError(f"{key!r} had no effect:\n{self.shown()}")

    def latencies_ms(self, keys: str, effect: Effect, count: int) -> list[float]:
        """Of many keys in turn, at times that keep no step with what repaints."""
        found = []
        for nth in range(count):
            found.append(self.latency_ms(keys[nth % len(keys)], effect))
            self.bytes_for(random.uniform(0.05, 0.2))
        return found

    # -- end -------------------------------------------------------------

    def ended(self) -> int:
        """Wait for its end, reading what it still says; its exit code."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < end:
            with suppress(RuntimeError):
                self.read(0.05)
        return self.process.wait(timeout=PATIENCE_S)

    def cut(self) -> None:
        """As when the connection breaks: the client dies, nothing says goodbye."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it, whatever it does."""
        with suppress(OSError):
            self.press("q")
            end = time.monotonic() + 5
            while self.process.poll() is None and time.monotonic() < end:
                with suppress(RuntimeError):
                    self.read(0.05)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._fd)


Effect = Callable[[Seat], object]
"""What a key changes, seen on the screen."""


@contextmanager
def seated(
    argv: Sequence[str], environ: Mapping[str, str], size: tuple[int, int] = (80, 24)
) -> Iterator[Seat]:
    """A seat that is left again."""
    seat = Seat(argv, environ, size)
    try:
        yield seat
    finally:
        seat.close()


def percentile(samples: Sequence[float], share: float) -> float:
    """The value below which so large a share lies (nearest rank)."""
    ordered = sorted(samples)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
