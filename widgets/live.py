"""The Live pane: what happens now, as tabs; each tab is a view of its own.

Views that are not in sight at first are loaded and mounted after the first paint, one
at a time, or when somebody asks for one: that is a twentieth of a second sooner on the
screen. What is told to a view reaches it in any case, for asking for it makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from netwiz.widgets.line_view import LineView
from netwiz.widgets.lines import Line
from netwiz.widgets.log_view import LogView

if TYPE_CHECKING:
    from netwiz.widgets.flows_view import FlowsView
    from netwiz.widgets.packets.view import PacketsView
    from netwiz.widgets.suspects_view import SuspectsView

HEAD = "Live ─ "
BETWEEN = " │ "


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab: its name, and the view that shows it."""

    name: str
    view: str
    """Id of the view; two tabs may look at one view in two ways."""
    make: Callable[[], LineView] | None = None
    """Loads and makes the view; None where an earlier tab has made it."""


def _packets() -> LineView:
    from netwiz.widgets.packets.view import PacketsView

    return PacketsView(id="packets")


def _flows() -> LineView:
    from netwiz.widgets.flows_view import FlowsView

    return FlowsView(id="flows")


def _suspects() -> LineView:
    from netwiz.widgets.suspects_view import SuspectsView

    return SuspectsView(id="suspects")


TABS: tuple[Tab, ...] = (
    Tab("Log", "log", lambda: LogView(id="log")),
    Tab("Packets", "packets", _packets),
    Tab("Flows", "flows", _flows),
    Tab("Suspects", "suspects", _suspects),
    Tab("Events", "log"),
)
"""Log has everything that was said, Events only what the engine did."""


class LivePane(Container):
    """Shows one of its views at a time; the border of each names all the tabs."""

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

    @dataclass
    class TabChanged(Message):
        """Another tab is in view."""

        pane: LivePane
        name: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._tab = 0
        self._views: dict[str, LineView] = {}
        """Those that are there, by id; the others are made when they are needed."""

    def compose(self) -> ComposeResult:
        yield self._make(TABS[self._tab].view)

    def on_mount(self) -> None:
        """Name the tabs."""
        self._tell()
        self.log_view.set_subtitle(self._standing())
        self.call_after_refresh(self._complete)

    def _make(self, name: str) -> LineView:
        make = next(tab.make for tab in TABS if tab.view == name and tab.make)
        view = self._views[name] = make()
        return view

    def _complete(self) -> None:
        """Mount the next view that is missing; keys are heard between two of them."""
        missing = [tab.view for tab in TABS if tab.view not in self._views]
        if missing:
            self._view(missing[0])
            self.call_later(self._complete)

    def _view(self, name: str) -> LineView:
        view = self._views.get(name)
        if view is None:
            view = self._make(name)
            view.display = False
            self.mount(view)
        return view

    def has(self, name: str) -> bool:
        """Whether a view is there already."""
        return name in self._views

    @property
    def log_view(self) -> LogView:
        """The time line."""
        return self.query_one(LogView)

    @property
    def packets(self) -> PacketsView:
        """The packet list."""
        return cast("PacketsView", self._view("packets"))

    @property
    def flows(self) -> FlowsView:
        """The list of flows."""
        return cast("FlowsView", self._view("flows"))

    @property
    def suspects(self) -> SuspectsView:
        """The list of suspects."""
        return cast("SuspectsView", self._view("suspects"))

    @property
    def tab(self) -> str:
        """The name of the tab in view."""
        return TABS[self._tab].name

    @property
    def current(self) -> LineView:
        """The view that is shown."""
        return self._view(TABS[self._tab].view)

    def show_tab(self, name: str) -> None:
        """Bring a tab into view; whoever had the keys keeps them."""
        number = next(n for n, tab in enumerate(TABS) if tab.name == name)
        if number == self._tab:
            return
        had_keys, before = self.has_focus_within, self.current
        self._tab = number
        if TABS[number].view == "log":
            self.log_view.show_only(events=name == "Events")
        if self.current is not before:
            before.display = False
            self.current.display = True
        self._tell()
        if had_keys:
            # At once: `focus()` would let keys typed ahead go to the old view.
            self.screen.set_focus(self.current)
        self.post_message(self.TabChanged(self, name))

    def action_tab(self, step: int) -> None:
        self.show_tab(TABS[(self._tab + step) % len(TABS)].name)

    def on_click(self, event: events.Click) -> None:
        """A click on a tab's name in the border opens it."""
        if event.screen_y != self.region.y:
            return
        # The border's title begins after a corner and a blank.
        left = self.region.x + 2 + cell_len(HEAD)
        for tab in TABS:
            right = left + cell_len(tab.name)
            if left <= event.screen_x < right:
                self.show_tab(tab.name)
                return
            left = right + cell_len(BETWEEN)

    @on(LogView.Changed)
    def _log_changed(self) -> None:
        self.log_view.set_subtitle(self._standing())

    def _tell(self) -> None:
        title: list[tuple[str, str]] = [(HEAD, "")]
        for number, tab in enumerate(TABS):
            title.append((BETWEEN, "dim") if number else ("", ""))
            title.append((tab.name, "label" if number == self._tab else "dim"))
        self.current.set_title(tuple(title))

    def _standing(self) -> Line:
        log = self.log_view
        return log.standing(max(log.size.width - 2, 20))
