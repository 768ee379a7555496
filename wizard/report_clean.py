"""What every report does to text before it shows it: nothing in it may act."""

from __future__ import annotations

import math

from netwiz.probes.text import plain

LINE_LIMIT = 2000
"""Characters of one line of a report; what is longer is cut, and marked so."""
LINES_LIMIT = 400


def line(text: str) -> str:
    """One harmless line: whatever was a line break or an escape is shown as such."""
    return plain(text, LINE_LIMIT)


def lines(text: str) -> list[str]:
    """The harmless lines of a text that may have several; none for an empty one."""
    parts = text.replace("\r\n", "\n").split("\n")
    while parts and not parts[-1].strip():
        parts.pop()
    if len(parts) > LINES_LIMIT:
        parts = [*parts[:LINES_LIMIT], "…"]
    return [line(part) for part in parts]


def block(text: str) -> str:
    """The same as one text: newline is the only control character left in it."""
    return "\n".join(lines(text))


def number(value: float) -> float:
    """A figure that JSON can carry, to a thousandth."""
    return round(value, 3) if math.isfinite(value) else 0.0
