"""The screen on a terminal of our own: when it is painted, what it costs when idle."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte

from tests.lab.engine import Lab

ROWS, COLUMNS = 40, 120
PAINTED = ("Networks", "Containers", "Live")
"""Titles of the panes: when all are there, the screen is."""
PATIENCE_S = 30.0


class Screen:
    """netwiz on a pseudo-terminal, seen as a person would."""

    def __init__(
        self, lab: Lab, argv: list[str], size: tuple[int, int] = (ROWS, COLUMNS)
    ) -> None:
        rows, columns = size
        self._fd, theirs = pty.openpty()
        fcntl.ioctl(
            theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0)
        )
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            lab.command(argv),
            env=lab.env() | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd="/",
            start_new_session=True,
        )
        os.close(theirs)

    def read(self, timeout_s: float) -> bytes:
        """What it wrote next; empty when nothing came in time."""
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return b""
        try:
            return os.read(self._fd, 1 << 16)
        except OSError as error:
            raise RuntimeError(f"the screen ended:\n{self._shown()}") from error

    def until(
        self, seen: Callable[[str], bool], what: str, since: float | None = None
    ) -> float:
        """Seconds from the start, or since then, until the screen shows it."""
        end = time.perf_counter() + PATIENCE_S
        while time.perf_counter() < end:
            part = self.read(0.1)
            at = time.perf_counter()
            # Feeding takes its time as well; it is not netwiz's.
            self._stream.feed(part)
            if part and seen(self._shown()):
                return at - (self.begun if since is None else since)
        raise RuntimeError(f"not seen within {PATIENCE_S} s: {what}\n{self._shown()}")

    def until_shown(self, seen: Callable[[str], bool]) -> str:
        """What the screen shows once it shows what is wanted."""
        self.until(seen, "what is wanted")
        return self._shown()

    def press(self, key: bytes) -> None:
        """Type something."""
        os.write(self._fd, key)

    def take_for(self, seconds: float) -> bytes:
        """What it writes within a time, drawn as well."""
        end = time.perf_counter() + seconds
        parts = []
        while (left := end - time.perf_counter()) > 0:
            parts.append(self.read(left))
        data = b"".join(parts)
        self._stream.feed(data)
        return data

    def effect_ms(self, key: bytes, effect: bytes) -> float:
        """Milliseconds from a key until what it does is written to the terminal."""
        begun = time.perf_counter()
        self.press(key)
        data = b""
        while effect not in data:
            if time.perf_counter() - begun > PATIENCE_S:
                raise RuntimeError(f"{key!r} did nothing\n{self._shown()}")
            data += self.read(0.1)
        took = (time.perf_counter() - begun) * 1000
        self._stream.feed(data)
        return took

    def _shown(self) -> str:
        rows = (row.rstrip() for row in self._screen.display)
        return "\n".join(row for row in rows if row)

    def bytes_for(self, seconds: float) -> int:
        """How much it writes while nothing happens."""
        end = time.perf_counter() + seconds
        count = 0
        while (left := end - time.perf_counter()) > 0:
            count += len(self.read(left))
        return count

    def cpu_s(self) -> float:
        """Processor time that it has used (proc(5), stat)."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Memory that it holds (proc(5), status)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kib = next(row for row in status.splitlines() if row.startswith("VmRSS"))
        return int(kib.split()[1]) / 1024

    def close(self) -> None:
        """Quit as a person would, and insist if that is not heard."""
        try:
            os.write(self._fd, b"q")
            end = time.monotonic() + 5
            while self.process.poll() is None and time.monotonic() < end:
                try:
                    self.read(0.05)
                except RuntimeError:
                    break
            self.process.wait(timeout=2)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        finally:
            os.close(self._fd)


@contextmanager
def opened(
    lab: Lab, argv: list[str], size: tuple[int, int] = (ROWS, COLUMNS)
) -> Iterator[Screen]:
    """A screen that is closed again."""
    screen = Screen(lab, argv, size)
    try:
        yield screen
    finally:
        screen.close()


def painted(text: str) -> bool:
    """Whether every pane is there."""
    return all(title in text for title in PAINTED)
