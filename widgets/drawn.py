"""A widget that is as high as what it draws at its width."""

from __future__ import annotations

from abc import abstractmethod

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget


class Drawn(Widget):
    """Subclasses say what they draw; height and rendering follow from it."""

    DEFAULT_CSS = """
    Drawn {
        height: auto;
        width: 1fr;
    }
    """

    @abstractmethod
    def drawn(self, width: int) -> list[Content]:
        """The lines at this width."""

    def get_content_height(
        self,
        container: Size,  # noqa: ARG002
        viewport: Size,  # noqa: ARG002
        width: int,
    ) -> int:
        """As many rows as there are lines."""
        return len(self.drawn(width)) if width > 0 else 0

    def render(self) -> Content:
        """The lines at the present width."""
        return Content("\n").join(self.drawn(self.content_size.width))
