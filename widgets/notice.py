"""A few lines below the status line: what is missing, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from netwiz.widgets.lines import Line, wrapped


class Notice(Widget):
    """As high as what it says; nothing to say, nothing there."""

    DEFAULT_CSS = """
    Notice {
        height: auto;
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

    def get_content_height(
        self,
        container: Size,  # noqa: ARG002
        viewport: Size,  # noqa: ARG002
        width: int,
    ) -> int:
        return len(self._wrapped(width))

    def render(self) -> Content:
        """The lines for the width it has."""
        return Content("\n").join(self._wrapped(self.size.width))

    def _wrapped(self, width: int) -> list[Content]:
        return [part for line in self._lines for part in wrapped(line, width)]
