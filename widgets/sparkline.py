"""A row of blocks for a row of values: how something went, in a few columns. Pure.

Which blocks a terminal has differs. Fonts of terminal emulators have all eighths; the
256 characters of the Linux console's usual font (code page 437) have only the half and
the full block, so there a line has three heights; where the encoding is not UTF-8, it
is drawn in ASCII.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

EIGHTHS = "▁▂▃▄▅▆▇█"
CONSOLE = "_▄█"
ASCII = "_.-=+*#@"


def blocks(environ: Mapping[str, str], encoding: str = "utf-8") -> tuple[str, ...]:
    """The heights that this terminal can show, the lowest first."""
    if encoding.lower().replace("-", "") not in ("utf8", "utf16", "utf32"):
        return tuple(ASCII)
    return tuple(CONSOLE if environ.get("TERM", "") == "linux" else EIGHTHS)


def sparkline(
    values: Sequence[float],
    width: int,
    *,
    top: float | None = None,
    heights: Sequence[str] = EIGHTHS,
) -> str:
    """The newest `width` values, the newest at the right; blank where there are none.

    The lowest height is nought, the highest `top`, or the largest value that is shown:
    say beside it which that is (`peak`), for two lines need not have the same scale.
    What is above nought is never drawn as nought, and what is not a number is blank.
    """
    if width <= 0:
        return ""
    shown = [float(value) for value in values[-width:]]
    limit = peak(shown, width) if top is None else top
    drawn = "".join(_block(value, limit, heights) for value in shown)
    return drawn.rjust(width)


def peak(values: Sequence[float], width: int) -> float:
    """The largest of the values that a line of this width shows."""
    return max((v for v in values[-width:] if not math.isnan(v)), default=0.0)


def summed(lines: Sequence[Sequence[float]], length: int) -> tuple[float, ...]:
    """Several rows of values added up from their newest end."""
    sums = [0.0] * min(max((len(line) for line in lines), default=0), length)
    for line in lines:
        for back in range(1, min(len(line), len(sums)) + 1):
            sums[-back] += line[-back]
    return tuple(sums)


def _block(value: float, limit: float, heights: Sequence[str]) -> str:
    if math.isnan(value):
        return " "
    if value <= 0:
        return heights[0]
    steps = len(heights) - 1
    # Also for an infinite value or limit: the share is then 1 or not a number.
    share = 1.0 if limit <= 0 or value >= limit else value / limit
    return heights[max(1, min(steps, round(share * steps)))]
