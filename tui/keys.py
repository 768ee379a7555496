"""Every key there is, in one place: bindings, footer, help and `[keys]` read it.

Panes bring the keys that they understand themselves; here they are put together per
screen. An action's id is what the configuration calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from textual.binding import Binding, BindingType

APP_KEYS = (
    Binding(
        "question_mark,f1",
        "help",
        "Help",
        key_display="?",
        id="app.help",
        tooltip="all keys of this screen",
    ),
    Binding("q", "quit", "Quit", id="app.quit", tooltip="quit"),
    # Also while something is being typed, where a letter is only a letter.
    Binding(
        "ctrl+c",
        "quit",
        "Quit",
        show=False,
        priority=True,
        id="app.stop",
        tooltip="quit, whatever has the keys",
    ),
)


def _hidden(keys: str, action: str, name: str, words: str) -> Binding:
    """A key that works without standing in the footer."""
    return Binding(keys, action, words.capitalize(), False, id=name, tooltip=words)


OVERVIEW_KEYS = (
    Binding(
        "w",
        "wizard",
        "Wizard",
        id="overview.wizard",
        tooltip="diagnose what the cursor is on",
    ),
    Binding(
        "slash",
        "filter",
        "Filter",
        key_display="/",
        id="overview.filter",
        tooltip="filter this pane (or regex)",
    ),
    Binding(
        "s",
        "suspects",
        "Suspects",
        id="overview.suspects",
        tooltip="only what is in trouble",
    ),
    Binding(
        "plus,underscore",
        "zoom",
        "Zoom",
        key_display="+",
        id="overview.zoom",
        tooltip="this pane alone, or all again",
    ),
    Binding(
        "y",
        "copy",
        "Copy",
        id="overview.copy",
        tooltip="copy the line (also over SSH)",
    ),
    Binding(
        "t",
        "topology",
        "Map",
        id="overview.topology",
        tooltip="map of the networks",
    ),
    Binding(
        "c",
        "capture",
        "Capture",
        id="overview.capture",
        tooltip="packets of what it is on",
    ),
    _hidden("C", "capture_all", "overview.capture_all", "packets of all at once"),
    _hidden("r", "relist", "overview.relist", "look at everything anew"),
    _hidden("escape", "back", "overview.back", "undo zoom, filter, suspects"),
    _hidden("1", "pane('networks')", "overview.networks", "to Networks"),
    _hidden("2", "pane('containers')", "overview.containers", "to Containers"),
    _hidden("3", "pane('live')", "overview.live", "to Live"),
    _hidden("tab", "app.focus_next", "overview.next", "to the next pane"),
    _hidden(
        "shift+tab", "app.focus_previous", "overview.previous", "to the one before"
    ),
)
OVERVIEW_SPARE = ("topology", "copy", "zoom")
"""What leaves the footer first where there is no room for all: help has them still."""
TOPOLOGY_KEYS = (
    Binding("w", "wizard", "Wizard", id="topology.wizard", tooltip="diagnose this"),
    Binding(
        "slash",
        "filter",
        "Filter",
        key_display="/",
        id="topology.filter",
        tooltip="leave only what matches",
    ),
    Binding("e", "export", "Save SVG", id="topology.export", tooltip="save a picture"),
    Binding("y", "copy", "Copy", id="topology.copy", tooltip="copy it as text"),
    Binding("escape,t", "close", "Back", id="topology.close", tooltip="back"),
)
READER_KEYS = (
    Binding("escape,q", "close", "Back", id="reader.close", tooltip="back"),
    Binding("y", "copy", "Copy", id="reader.copy", tooltip="copy all of it"),
)
HELP_KEYS = (
    Binding("escape,q,question_mark", "close", "Back", id="help.close", tooltip="back"),
    _hidden("down,j", "scroll(1)", "help.down", "further down"),
    _hidden("up,k", "scroll(-1)", "help.up", "further up"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """The keys of one place."""

    title: str
    where: str
    """The screens on which they work: ``overview``, ``wizard``, or the `KEYS_OF` that
    a screen's class says; empty for all."""
    bindings: tuple[Binding, ...]


def sections() -> tuple[Section, ...]:
    """All keys, in the order in which help tells them."""
    from netwiz.tui.keys_wizard import WALK_KEYS, WIZARD_KEYS
    from netwiz.tui.screens.capture_dialog import CaptureDialog
    from netwiz.tui.screens.capture_file import CaptureFileScreen
    from netwiz.tui.screens.capture_save import SaveDialog
    from netwiz.tui.screens.packet import PacketScreen
    from netwiz.tui.screens.stream import StreamScreen
    from netwiz.tui.screens.wizard_dialogs import OverrideChoice, StepDetail
    from netwiz.widgets.choice_list import ChoiceList
    from netwiz.widgets.containers import ContainersPane
    from netwiz.widgets.filter_bar import FilterBar
    from netwiz.widgets.flows_view import FlowsView
    from netwiz.widgets.list_pane import LIST_KEYS
    from netwiz.widgets.live import LivePane
    from netwiz.widgets.log_view import LogView
    from netwiz.widgets.networks import NetworksPane
    from netwiz.widgets.packets.detail import DetailView
    from netwiz.widgets.packets.view import PacketsView
    from netwiz.widgets.suspects_view import SuspectsView
    from netwiz.widgets.type_ahead import Box, TypeAhead
    from netwiz.widgets.verdict_view import VerdictView
    from netwiz.widgets.walk_view import WalkView

    lists = _own(ContainersPane, ContainersPane.__base__)
    log = [b for b in _own(LogView, LivePane) if b not in LIST_KEYS]
    suspects = [b for b in _own(SuspectsView) if b not in LIST_KEYS]
    packets = [b for b in _own(PacketsView) if b not in LIST_KEYS]
    return (
        Section("Everywhere", "", APP_KEYS),
        Section("Overview", "overview", OVERVIEW_KEYS),
        Section("In a list or the log", "overview capture packet stream", tuple(lists)),
        Section("Networks", "overview", tuple(_own(NetworksPane))),
        Section("Live", "overview", tuple(log)),
        Section("Packets", "overview capture", tuple(packets)),
        Section("A file of packets", "capture", tuple(_own(CaptureFileScreen))),
        Section("Writing packets", "overview capture", tuple(_own(SaveDialog))),
        Section("Asking for a capture", "overview", tuple(_own(CaptureDialog))),
        Section("Flows", "overview", tuple(_own(FlowsView))),
        Section("Suspects", "overview", tuple(suspects)),
        Section("A packet", "packet", tuple(_own(PacketScreen, DetailView))),
        Section("A stream", "stream", tuple(_own(StreamScreen, DetailView))),
        Section("While filtering", "overview capture", tuple(_own(FilterBar))),
        Section("Map", "topology", TOPOLOGY_KEYS),
        Section("Wizard", "wizard", (*WIZARD_KEYS, *_own(Box, TypeAhead))),
        Section("In the walk", "wizard", (*WALK_KEYS, *_own(WalkView))),
        Section("In a list of the wizard", "wizard", tuple(_own(ChoiceList))),
        Section("In the verdict", "wizard", tuple(_own(VerdictView))),
        Section("In a step that is open", "wizard", tuple(_own(StepDetail))),
        Section("In the other answers", "wizard", tuple(_own(OverrideChoice))),
        Section("In a text that is open", "", READER_KEYS),
        Section("In this help", "", HELP_KEYS),
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
