"""The Live pane: what happens now, as tabs over one timeline."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from netwiz.widgets.lines import Line
from netwiz.widgets.log_view import LogView

TABS = ("Log", "Events")
"""Log has everything, Events only what the engine did."""


class LivePane(LogView):
    """A log view whose border names the tabs and tells how it stands."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left_square_bracket",
            "tab(-1)",
            "Previous tab",
            show=False,
            id="live.previous",
        ),
        Binding(
            "right_square_bracket", "tab(1)", "Next tab", show=False, id="live.next"
        ),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._tab = 0

    def on_mount(self) -> None:
        """Name the tabs."""
        self._tell()

    @on(LogView.Changed)
    def _told(self) -> None:
        self._tell()

    def on_focus(self) -> None:
        """The cursor's line shows while the pane has the keys."""
        self.refresh_row(self._row)

    def on_blur(self) -> None:
        """And not any more."""
        self.refresh_row(self._row)

    def action_tab(self, step: int) -> None:
        self._tab = (self._tab + step) % len(TABS)
        self.show_only(events=TABS[self._tab] == "Events")

    def _tell(self) -> None:
        title: list[tuple[str, str]] = [("Live ─ ", "")]
        for number, name in enumerate(TABS):
            title.append((" │ ", "dim") if number else ("", ""))
            title.append((name, "label" if number == self._tab else "dim"))
        self.set_title(tuple(title))
        self.set_subtitle(self._standing())

    def _standing(self) -> Line:
        parts: list[str] = []
        if self.lines.suspects_only:
            parts.append("suspects only")
        if self.lines.filter:
            parts.append(f"/{self.lines.filter.pattern}")
        if not self.following:
            parts.append(f"held · {self.missed} new" if self.missed else "held")
        return ((" · ".join(parts), "odd"),) if parts else ()
