"""How one line of the timeline looks."""

from __future__ import annotations

from rich.cells import cell_len

from netwiz.widgets.lines import Line, clip
from netwiz.widgets.timeline import LiveKind, LiveLine

HINT = "⏎ diagnose"
NARROW = 60


def draw_line(line: LiveLine, width: int, shift: int = 0, *, cursor: bool) -> Line:
    """``12:04:31 order   ⚠ connect ECONNREFUSED 127.0.0.1:3000     ⏎ diagnose``."""
    source_width = 10 if width < NARROW else 12 if width < 110 else 22
    source = clip(line.source, source_width)
    at = f"{line.at.astimezone():%H:%M:%S}"
    head: list[tuple[str, str]] = [
        (at + " ", "dim"),
        (source + " " * (source_width - cell_len(source) + 1), _source_style(line)),
    ]
    room = width - len(at) - source_width - 2
    hint = HINT if line.suspect and (cursor or width >= NARROW) else ""
    if hint:
        room -= cell_len(hint) + 2
    mark, style = _mark(line)
    text = mark + line.text
    if shift:
        text = "…" + text[shift + 1 :] if len(text) > shift else "…"
    text = clip(text, max(room, 8))
    if mark and text.startswith(mark):
        head += [(mark, style), (text[len(mark) :], _text_style(line))]
    else:
        head.append((text, _text_style(line)))
    if hint:
        head += [("  ", ""), (hint, "label" if cursor else "dim")]
    return tuple(head)


def _mark(line: LiveLine) -> tuple[str, str]:
    if line.suspect:
        return "⚠ ", "bad"
    return ("· ", "label") if line.kind is not LiveKind.LOG else ("", "")


def _source_style(line: LiveLine) -> str:
    return "strong" if line.suspect else "label" if line.container_id else "dim"


def _text_style(line: LiveLine) -> str:
    if line.suspect:
        return "bad"
    return "" if line.kind is LiveKind.LOG else "dim"
