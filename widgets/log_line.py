"""How one line of the timeline looks."""

from __future__ import annotations

import re
from zlib import crc32

from rich.cells import cell_len

from netwiz.probes.facts.logs import LogLevel
from netwiz.widgets.filtering import Filter
from netwiz.widgets.lines import Line, Piece, clip
from netwiz.widgets.timeline import LiveKind, LiveLine

HINT = "⏎ diagnose"
NARROW = 60
WIDE = 110
"""From here on every line says what Enter would do; else only the cursor's."""
COLOURS = 6
"""Styles `who0` ... that tell containers apart; more could not be told apart."""
TRACEBACK = "Traceback (most recent call last)"
BETWEEN = " ⋯ "
"""Between the first line of a block and the one that says most."""

# The engine's time stands before it already; the whole still has it.
_OWN_TIME = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?:Z| ?[+-]\d\d:?\d\d| UTC)?\]?[ \t]+"
)
_PACKAGES = re.compile(r"\b(?:[a-z_]\w{0,40}\.){1,12}(?=[A-Z]\w)")
_NO_SEARCH = Filter()
_MARKS = {
    LogLevel.WARN: ("! ", "odd"),
    LogLevel.ERROR: ("✗ ", "bad"),
    LogLevel.FATAL: ("✗ ", "bad"),
}


def draw_line(
    line: LiveLine,
    width: int,
    shift: int = 0,
    *,
    cursor: bool,
    search: Filter = _NO_SEARCH,
) -> Line:
    """``12:04:31 order        ⚠ connect ECONNREFUSED 127.0.0.1:3000  ⏎ diagnose``."""
    source_width = 10 if width < NARROW else 12 if width < WIDE else 22
    source = clip(line.source, source_width)
    at = f"{line.at.astimezone():%H:%M:%S}"
    mark, style = _mark(line)
    head: list[Piece] = [
        (at + " ", "dim"),
        (source + " " * (source_width - cell_len(source) + 1), _source_style(line)),
        (mark, style),
    ]
    room = width - len(at) - source_width - 4
    fits = cursor or width >= WIDE
    hint = HINT if line.suspect and fits and room > 2 * len(HINT) else ""
    if hint:
        room -= cell_len(hint) + 2
    room = max(room, 8)
    folded = _folded(line)
    if folded and room > 2 * len(folded):
        room -= len(folded) + 1
    else:
        folded = ""
    text = clip(_text(line, room, shift), room)
    head += _marked(text, _text_style(line), search)
    if folded:
        head += [(" ", ""), (folded, "dim")]
    if hint:
        head += [("  ", ""), (hint, "label" if cursor else "dim")]
    return tuple(head)


def _text(line: LiveLine, room: int, shift: int) -> str:
    """What of its words is drawn: of a block, its beginning and what says most."""
    text = _OWN_TIME.sub("", line.text, 1) or line.text
    telling = _PACKAGES.sub("", line.telling.strip().removeprefix("Caused by: "))
    if shift:
        text = f"{text}{BETWEEN}{telling}" if telling else text
        return "…" + text[shift + 1 : shift + 4 * room] if len(text) > shift else "…"
    text = text[: 4 * room]
    if not telling:
        return text
    if text.startswith(TRACEBACK):
        return f"Traceback{BETWEEN}{telling[: 4 * room]}"
    left = room - cell_len(telling[: 4 * room]) - len(BETWEEN)
    # The first line has a right to a third of the room, and to what the other leaves.
    return clip(text, max(left, room // 3)) + BETWEEN + telling[: 4 * room]


def _folded(line: LiveLine) -> str:
    if line.kind is LiveKind.GAP:
        return ""
    count = len(line.more) + line.cut
    return f"(+{count} line{'s' * (count != 1)})" if count else ""


def _marked(text: str, style: str, search: Filter) -> list[Piece]:
    """The text in pieces, so that what is searched for can be seen."""
    pieces: list[Piece] = []
    at = 0
    for start, end in search.spans(text):
        if start >= at:
            pieces += [(text[at:start], style), (text[start:end], "found")]
            at = end
    return [*pieces, (text[at:], style)]


def colour_of(source: str) -> str:
    """The style of a container's name: the same at every start."""
    return f"who{crc32(source.encode()) % COLOURS}"


def _mark(line: LiveLine) -> Piece:
    if line.suspect:
        return "⚠ ", "bad"
    if line.kind is LiveKind.GAP:
        return "… ", "odd"
    if line.kind is not LiveKind.LOG:
        return "· ", "label"
    return _MARKS.get(line.level, ("  ", ""))


def _source_style(line: LiveLine) -> str:
    return colour_of(line.source) if line.container_id else "dim"


def _text_style(line: LiveLine) -> str:
    if line.suspect:
        return "bad"
    if line.kind is LiveKind.GAP:
        return "odd"
    if line.level is LogLevel.FATAL:
        return "strong"
    quiet = line.kind is not LiveKind.LOG or line.level is LogLevel.DEBUG
    return "dim" if quiet else ""
