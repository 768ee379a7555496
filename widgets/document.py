"""A text of paragraphs with hanging indents, laid out for the width it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from netwiz.widgets.drawn import Drawn
from netwiz.widgets.lines import Line, cells, line_content, wrapped


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph."""

    text: Line
    lead: Line = ()
    """Stands before its first line; the others are indented by as much."""
    gap: bool = False
    """Keep a blank line before it."""


def lay_out(blocks: Sequence[Block], width: int) -> list[Content]:
    """The paragraphs as lines of at most `width` columns."""
    lines: list[Content] = []
    for block in blocks:
        if block.gap and lines:
            lines.append(Content(""))
        margin = cells(block.lead)
        body = wrapped(block.text, width - margin) or [Content("")]
        lines.append(Content.assemble(line_content(block.lead), body[0]))
        lines.extend(Content(" " * margin) + part for part in body[1:])
    return lines


def rows_of(blocks: Sequence[Block], width: int) -> int:
    """How many lines they take."""
    return len(lay_out(blocks, width)) if width > 0 else 0


class Document(Drawn):
    """Shows blocks, as high as they need."""

    def __init__(self, blocks: Sequence[Block] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._blocks = tuple(blocks)

    def show(self, blocks: Sequence[Block]) -> None:
        """Show other paragraphs."""
        self._blocks = tuple(blocks)
        self.refresh(layout=True)

    def drawn(self, width: int) -> list[Content]:
        """The paragraphs at this width."""
        return lay_out(self._blocks, width)
