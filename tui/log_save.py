"""What is in view of the log as text, and as a file in the current directory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from netwiz.probes.text import plain
from netwiz.widgets.timeline import LiveLine

MAX_TRIES = 100


class SaveError(Exception):
    """It could not be written; the message is one line for the person."""


def line_text(line: LiveLine) -> str:
    """A line as one would paste it elsewhere: further lines stay further lines."""
    return f"{line.at.astimezone():%Y-%m-%dT%H:%M:%S%z} {line.source} {line.whole}"


def log_text(lines: Iterable[LiveLine]) -> str:
    """Many of them, each from the beginning of a line."""
    return "".join(f"{line_text(line)}\n" for line in lines)


def save_log(folder: Path, lines: Iterable[LiveLine], now: datetime) -> Path:
    """Write them where only their owner can read them, over nothing; say where.

    Raises:
        SaveError: it is not possible there.
    """
    name = f"netwiz-log-{now:%Y%m%d-%H%M%S}"
    text = log_text(lines)
    for number in range(1, MAX_TRIES):
        path = folder / (f"{name}-{number}.txt" if number > 1 else f"{name}.txt")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise _failed(folder, error) from error
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            raise _failed(folder, error) from error
        return path
    raise SaveError(f"there are {MAX_TRIES} logs named {name} already")


def _failed(folder: Path, error: OSError) -> SaveError:
    reason = error.strerror or type(error).__name__
    return SaveError(f"cannot save the log in {plain(str(folder), 200)}: {reason}")
