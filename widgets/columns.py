"""Lines with columns: a head, a body that wraps under itself, something at the end."""

from __future__ import annotations

from textual.content import Content

from netwiz.widgets.lines import Line, cells, line_content, wrapped

NARROW = 56
"""Below this the body goes under the head instead of beside it."""


def row(head: Line, body: Line, tail: Line, width: int, head_width: int) -> Content:
    """`head` and beside it `body`, wrapped; `tail` at the right edge."""
    room = width - (cells(tail) + 2 if tail else 0)
    if width < NARROW or cells(head) > head_width:
        lines = _stacked(head, body, room)
    else:
        space = head_width - cells(head)
        beside = wrapped(body, room - head_width) or [Content("")]
        lines = [Content.assemble(line_content(head), " " * space, beside[0])]
        lines += [Content(" " * head_width) + part for part in beside[1:]]
    if tail:
        gap = max(width - lines[0].cell_length - cells(tail), 1)
        lines[0] = Content.assemble(lines[0], " " * gap, line_content(tail))
    return Content("\n").join(lines)


def _stacked(head: Line, body: Line, room: int) -> list[Content]:
    first = wrapped(head, room) or [Content("")]
    rest = wrapped(body, room - 4) if cells(body) else []
    return [*first, *(Content("    ") + part for part in rest)]
