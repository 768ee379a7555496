"""Styled lines: the form in which drawing functions hand over what they drew.

A drawing function is pure and is tested as text; only here do its lines become
something that Textual can show. Style names say what a piece means, not its colour,
and no piece is ever read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual.content import Content

Piece = tuple[str, str]
"""Text, and the name of its style (a key of STYLES)."""
Line = tuple[Piece, ...]

STYLES = {
    "": "",
    "good": "$text-success",
    "bad": "bold $text-error",
    "odd": "$text-warning",
    "dim": "$foreground-muted",
    "strong": "bold",
    "code": "$text-accent",
    "label": "bold $text-primary",
}

MARK_STYLES = {
    "✓": "good",
    "✗": "bad",
    "!": "odd",
    "?": "odd",
    "○": "dim",
    "…": "odd",
}
"""The style of each mark of `netwiz.wizard.verdict.Mark`."""


def cells(line: Iterable[Piece]) -> int:
    """How many columns of the terminal a line takes."""
    return sum(cell_len(text) for text, _ in line)


def plain_text(lines: Iterable[Line]) -> str:
    """The lines without their styles, for tests and for the clipboard."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def line_content(line: Iterable[Piece]) -> Content:
    """One line for the screen."""
    return Content.assemble(*((text, STYLES[style]) for text, style in line if text))


def content(lines: Sequence[Line]) -> Content:
    """All lines for the screen."""
    return Content("\n").join([line_content(line) for line in lines])


def wrapped(line: Line, width: int) -> list[Content]:
    """A line broken between words, and within one that is too long by itself."""
    return [part.rstrip() for part in line_content(line).wrap(max(width, 8))]


def clip(text: str, width: int) -> str:
    """A text cut to a number of columns; an ellipsis says that something is gone."""
    if cell_len(text) <= width:
        return text
    kept = ""
    for char in text:
        if cell_len(kept + char) > width - 1:
            break
        kept += char
    return kept + "…"
