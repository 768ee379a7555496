"""Lines of text as an SVG picture that needs nothing beside itself. Pure.

Made by hand and not from the screen: the whole map, not the part in sight, and without
the web font that a screenshot of the framework refers to, so that the file shows the
same in a ticket, offline.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rich.cells import cell_len

from netwiz.widgets.lines import Line, cells

COLUMN, ROW, SIZE = 8.4, 18, 14
MARGIN = 14
FONT = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
GROUND, TEXT = "#16181d", "#d8dee9"
COLOURS = {
    "good": "#8fce7e",
    "bad": "#ff6b6b",
    "odd": "#e5c07b",
    "dim": "#8a93a3",
    "code": "#7fc8d8",
    "label": "#82aaff",
}
BOLD = ("bad", "strong", "label")


def svg(title: str, lines: Sequence[Line]) -> str:
    """The lines as a picture; texts are placed by column, so that lines meet."""
    columns = max([cell_len(title), *map(cells, lines)], default=1)
    width = columns * COLUMN + 2 * MARGIN
    height = (len(lines) + 2) * ROW + 2 * MARGIN
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}" '
        f'font-size="{SIZE}">',
        f"<title>{_text(title)}</title>",
        f'<rect width="100%" height="100%" rx="6" fill="{GROUND}"/>',
        _piece(title, "label", 0, 0),
    ]
    for row, line in enumerate(lines, start=2):
        column = 0
        for text, style in line:
            if text.strip():
                lead = len(text) - len(text.lstrip(" "))
                parts.append(_piece(text.strip(" "), style, column + lead, row))
            column += cell_len(text)
    return "\n".join([*parts, "</svg>\n"])


def _piece(text: str, style: str, column: int, row: int) -> str:
    x, y = MARGIN + column * COLUMN, MARGIN + (row + 0.8) * ROW
    weight = ' font-weight="bold"' if style in BOLD else ""
    # The length is said, so that another font keeps the columns.
    length = cell_len(text) * COLUMN
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{COLOURS.get(style, TEXT)}"{weight} '
        f'textLength="{length:.1f}" xml:space="preserve">{_text(text)}</text>'
    )


def _text(text: str) -> str:
    """Escaped, and without what XML 1.0 does not allow."""
    return escape("".join(c for c in text if c >= " " and c not in "\ufffe\uffff"))
