"""Lines of a report for people: measured in terminal cells, wrapped, with a tone.

A tone says what a line means, so that a terminal may colour it; the words and marks
alone already say the same.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import Enum, auto


class Tone(Enum):
    """What a line is, for those who can see colour."""

    PLAIN = auto()
    HEADING = auto()
    GOOD = auto()
    BAD = auto()
    ODD = auto()
    FAINT = auto()
    COMMAND = auto()


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line break."""

    text: str = ""
    tone: Tone = Tone.PLAIN


BLANK = Line()


def cells(text: str) -> int:
    """How many terminal columns a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cell, text))


def _cell(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def pad(text: str, width: int) -> str:
    """Filled with blanks up to a width in cells."""
    return text + " " * (width - cells(text))


def clip(text: str, width: int) -> str:
    """Cut to a width in cells, marked when something is gone."""
    if cells(text) <= width:
        return text
    return _head(text, max(width - 1, 0)) + "…"


def wrap(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """A text of one paragraph in lines of a width; `first` and `rest` lead them in."""
    hang = " " * cells(first) if rest is None else rest
    done: list[str] = []
    current, empty = first, True
    for word in text.split(" "):
        left = word
        while True:
            gap = "" if empty else " "
            if cells(current) + len(gap) + cells(left) <= width:
                current, empty = current + gap + left, False
                break
            if not empty:
                done.append(current)
                current, empty = hang, True
                continue
            # Longer than a whole line: cut, since nothing may run over the edge.
            head = _head(left, max(width - cells(current), 2))
            done.append(current + head)
            current, left = hang, left[len(head) :]
    return [*done, current]


def _head(text: str, width: int) -> str:
    used = 0
    for at, char in enumerate(text):
        used += _cell(char)
        if used > width:
            return text[:at]
    return text
