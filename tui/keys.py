"""Every key there is, in one place: bindings, footer, help and `[keys]` read it.

Panes bring the keys that they understand themselves; here they are put together per
screen. An action's id is what the configuration calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from textual.binding import Binding, BindingType

APP_KEYS = (
    Binding("question_mark,f1", "help", "Help", key_display="?", id="app.help"),
    Binding("q", "quit", "Quit", id="app.quit"),
    # Also while something is being typed, where a letter is only a letter.
    Binding("ctrl+c", "quit", "Quit at once", show=False, priority=True, id="app.stop"),
)
OVERVIEW_KEYS = (
    Binding("w", "wizard", "Wizard", id="overview.wizard"),
    Binding("slash", "filter", "Filter", key_display="/", id="overview.filter"),
    Binding("s", "suspects", "Suspects", id="overview.suspects"),
    Binding("plus,underscore", "zoom", "Zoom", key_display="+", id="overview.zoom"),
    Binding("y", "copy", "Copy", id="overview.copy"),
    Binding("r", "relist", "Look again", show=False, id="overview.relist"),
    Binding("escape", "back", "Clear", show=False, id="overview.back"),
    Binding("1", "pane('networks')", "Networks", show=False, id="overview.networks"),
    Binding(
        "2", "pane('containers')", "Containers", show=False, id="overview.containers"
    ),
    Binding("3", "pane('live')", "Live", show=False, id="overview.live"),
    Binding("tab", "app.focus_next", "Next pane", show=False, id="overview.next"),
    Binding(
        "shift+tab",
        "app.focus_previous",
        "Previous pane",
        show=False,
        id="overview.previous",
    ),
)
READER_KEYS = (
    Binding("escape,q", "close", "Back", id="reader.close"),
    Binding("y", "copy", "Copy", id="reader.copy"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """The keys of one place."""

    title: str
    where: str
    """``overview`` or ``wizard``: the screen on which they work."""
    bindings: tuple[Binding, ...]


def sections() -> tuple[Section, ...]:
    """All keys, in the order in which help tells them."""
    from netwiz.tui.keys_wizard import WIZARD_KEYS
    from netwiz.widgets.choice_list import ChoiceList
    from netwiz.widgets.containers import ContainersPane
    from netwiz.widgets.filter_bar import FilterBar
    from netwiz.widgets.list_pane import LIST_KEYS
    from netwiz.widgets.live import LivePane
    from netwiz.widgets.log_view import LogView
    from netwiz.widgets.networks import NetworksPane
    from netwiz.widgets.walk_view import WalkView

    lists = _own(ContainersPane, ContainersPane.__base__)
    log = [b for b in _own(LogView, LivePane) if b not in LIST_KEYS]
    return (
        Section("Everywhere", "", APP_KEYS),
        Section("Overview", "overview", OVERVIEW_KEYS),
        Section("In a list or the log", "overview", tuple(lists)),
        Section("Networks", "overview", tuple(_own(NetworksPane))),
        Section("Live", "overview", tuple(log)),
        Section("While filtering", "overview", tuple(_own(FilterBar))),
        Section("Wizard", "wizard", tuple(WIZARD_KEYS)),
        Section("In a list of the wizard", "wizard", tuple(_own(ChoiceList, WalkView))),
        Section("In a text that is open", "", READER_KEYS),
    )


def _own(*classes: type | None) -> Iterator[Binding]:
    for owner in classes:
        found: Iterable[BindingType] = vars(owner).get("BINDINGS", ()) if owner else ()
        for binding in found:
            if isinstance(binding, Binding):
                yield binding


def actions() -> dict[str, Binding]:
    """All actions by id."""
    return {b.id: b for section in sections() for b in section.bindings if b.id}


_SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "underscore": "_",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


def shown(keys: str) -> str:
    """Keys as people read them: ``↑ k``, ``ctrl+d pgdn``."""
    return " ".join(_SHOWN.get(key.strip(), key.strip()) for key in keys.split(","))
