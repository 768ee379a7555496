"""The Flows tab alone on a screen, with a clock that tests turn."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.message import Message

from netwiz.probes.facts.flows import FlowTable
from netwiz.widgets.flows_view import FlowsView
from tests.widgets.flow_samples import TABLE


class FlowsApp(App[None]):
    """Shows one table from the start."""

    CSS = "FlowsView { height: 1fr; border: round $foreground 30%; }"
    BINDINGS: ClassVar = []

    def __init__(self, table: FlowTable | None = TABLE) -> None:
        super().__init__()
        self.at = 1000.0
        self.first = table
        self.said: list[Message] = []
        self.view = FlowsView(id="flows", clock=lambda: self.at)

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.set_title((("Flows", ""),))
        if self.first is not None:
            self.view.show_table(self.first)

    def on_flows_view_flow_opened(self, event: FlowsView.FlowOpened) -> None:
        self.said.append(event)

    @property
    def rows(self) -> list[str]:
        """The text of every line."""
        width = self.view.columns
        lines = (self.view.render_line(y) for y in range(self.view.size.height))
        return [strip.crop(0, width).text.rstrip() for strip in lines]
