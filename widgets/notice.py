"""A few lines below the status line: what is missing, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from netwiz.widgets.drawn import Drawn
from netwiz.widgets.lines import Line, wrapped


class Notice(Drawn):
    """As high as what it says; nothing to say, nothing there."""

    DEFAULT_CSS = """
    Notice {
        max-height: 6;
        padding: 0 1;
        display: none;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: tuple[Line, ...] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Say this instead."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.display = bool(lines)
            self.refresh(layout=True)

    def drawn(self, width: int) -> list[Content]:
        """What it says, wrapped."""
        return [part for line in self._lines for part in wrapped(line, width)]
