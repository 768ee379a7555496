"""The pane with the packet's path."""

from __future__ import annotations

from textual.content import Content

from netwiz.widgets.drawn import Drawn
from netwiz.widgets.lines import Line, line_content
from netwiz.widgets.path_drawing import draw_path
from netwiz.wizard.verdict import Path


class PathView(Drawn, can_focus=False):
    """Draws the path for whatever width it has."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._path = Path()

    def show(self, path: Path) -> None:
        """Draw another path."""
        self._path = path
        self.refresh(layout=True)

    def lines(self, width: int) -> list[Line]:
        """The drawing at a width."""
        return draw_path(self._path, width)

    def drawn(self, width: int) -> list[Content]:
        """The drawing at this width."""
        return [line_content(line) for line in self.lines(width)]
