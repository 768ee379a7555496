"""The pane with the packet's path."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from netwiz.widgets.lines import Line, content
from netwiz.widgets.path_drawing import draw_path
from netwiz.wizard.verdict import Path


class PathView(Widget, can_focus=False):
    """Draws the path for whatever width it has."""

    DEFAULT_CSS = """
    PathView {
        height: auto;
        width: 1fr;
    }
    """

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

    def get_content_height(
        self,
        container: Size,  # noqa: ARG002
        viewport: Size,  # noqa: ARG002
        width: int,
    ) -> int:
        """As many lines as the drawing takes."""
        return len(self.lines(width))

    def render(self) -> Content:
        """The drawing at the present width."""
        return content(self.lines(self.content_size.width))
