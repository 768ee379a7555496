"""Writing for people: colour where it is wanted, marks where it is not."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO

from netwiz.probes.text import plain
from netwiz.wizard.report_layout import Line, Tone, clip

WIDEST = 100
"""Prose is not read well in longer lines, however wide the terminal is."""
_CODES = {
    Tone.HEADING: "1",
    Tone.GOOD: "32",
    Tone.BAD: "31",
    Tone.ODD: "33",
    Tone.FAINT: "2",
    Tone.COMMAND: "36",
}
_ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "○": "o", "…": "...", "→": "->", "·": "-", "µ": "u"}
)


class CannotWriteError(Exception):
    """Our output cannot be written (a full disk, not a reader that left)."""


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Tell errors of our output from all others, which also come as OSError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWriteError(error.strerror or str(error)) from error


def put(text: str) -> None:
    """Write to standard output, now."""
    with writing():
        sys.stdout.write(text)
        sys.stdout.flush()


class Terminal:
    """A stream that a person reads: a terminal, a pipe or a file."""

    def __init__(
        self, stream: TextIO, environ: Mapping[str, str] | None = None
    ) -> None:
        environ = os.environ if environ is None else environ
        self._stream = stream
        self.interactive = stream.isatty() and environ.get("TERM") != "dumb"
        self.colour = self.interactive and not environ.get("NO_COLOR")
        self.width = 80
        if self.interactive:
            self.width = min(shutil.get_terminal_size().columns, WIDEST)
        self._passing = False

    def show(self, lines: Iterable[Line]) -> None:
        """Write these lines, now."""
        self._wipe()
        self._write("".join(map(self._row, lines)))

    def passing(self, text: str) -> None:
        """A line that the next one replaces; only where somebody watches."""
        if not self.interactive:
            return
        self._wipe()
        self._passing = True
        self._write(clip(plain(text), self.width - 1))

    def close(self) -> None:
        """Leave no passing line behind."""
        self._wipe()

    def _wipe(self) -> None:
        if self._passing:
            self._passing = False
            self._write("\r\x1b[K")

    def _row(self, line: Line) -> str:
        code = _CODES.get(line.tone) if self.colour and line.text else None
        return f"\x1b[{code}m{line.text}\x1b[0m\n" if code else f"{line.text}\n"

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            text = text.translate(_ASCII)
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        with writing():
            self._stream.write(text)
            self._stream.flush()


def complain(message: str) -> None:
    """One clear line on standard error."""
    if sys.stderr is None:
        return
    # Nobody is left to be told that standard error is closed.
    with contextlib.suppress(CannotWriteError, BrokenPipeError, ValueError):
        Terminal(sys.stderr).show([Line(f"netwiz: {plain(message, 1000)}")])
