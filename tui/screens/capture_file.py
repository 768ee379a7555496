"""`netwiz capture -r FILE` on the screen: the packets of a file, without an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from netwiz.probes.errors import ProbeError
from netwiz.tui.app import NetwizApp
from netwiz.tui.capture_names import names_in
from netwiz.tui.captures import Captures
from netwiz.tui.exits import Exit
from netwiz.tui.screens.capture_host import CaptureScreen
from netwiz.widgets.filter_bar import FilterBar
from netwiz.widgets.key_line import KeyLine
from netwiz.widgets.packets.store import PacketStore
from netwiz.widgets.packets.view import PacketsView

if TYPE_CHECKING:
    from netwiz.probes.capture.wanted import CaptureStream, CaptureWanted
    from netwiz.tui.captures import Open
    from netwiz.tui.config import Config

ROWS, BYTES = 300_000, 96 * 1024 * 1024
"""Kept of a file: more than of a wire, for nothing else needs the memory."""


def open_file(
    wanted: CaptureWanted,
) -> AbstractAsyncContextManager[CaptureStream]:
    """The stream of a file; it needs no machine."""
    from netwiz.probes.capture.stream import open_capture

    return open_capture(None, wanted)


def _names(path: str) -> Mapping[str, str]:
    """What its addresses are called; the capture says it if it cannot be read."""
    with suppress(ProbeError, OSError):
        return names_in(path)
    return {}


class CaptureFileScreen(CaptureScreen):
    """Nothing but the packet list and its filter."""

    KEYS_OF = "capture"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "Filter",
            key_display="/",
            id="file.filter",
            tooltip="leave only packets that match",
        ),
        Binding("y", "copy", "Copy", id="file.copy", tooltip="copy the line"),
        Binding("escape", "back", "Undo filter", show=False, id="file.back"),
    ]
    DEFAULT_CSS = """
    CaptureFileScreen PacketsView {
        height: 1fr;
        border: round $border;
        padding: 0 0 0 1;
        background: $background;
    }
    """

    def __init__(self, wanted: CaptureWanted, open_: Open) -> None:
        super().__init__()
        self._wanted = wanted
        self._captures = Captures(open_, self.post_message)

    def compose(self) -> ComposeResult:
        yield PacketsView(store=PacketStore(ROWS, BYTES), id="packets")
        yield FilterBar()
        yield KeyLine()

    @property
    def captures(self) -> Captures:
        """The one that reads the file."""
        return self._captures

    def on_mount(self) -> None:
        """Paint first, then read."""
        self.packets.set_title((("Packets of ", ""), (self._wanted.source, "label")))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(
            self._read(), group="file", exit_on_error=False, description="read a file"
        )

    async def _read(self) -> None:
        found = await asyncio.to_thread(_names, self._wanted.source)
        self.start_capture(replace(self._wanted, names={**found, **self._wanted.names}))

    def action_filter(self) -> None:
        """Ask what to leave in the list."""
        self.query_one(FilterBar).open("packets", self.packets.sieve.wanted.pattern)

    @on(FilterBar.Typed)
    def _filter_typed(self, event: FilterBar.Typed) -> None:
        self.packets.set_filter(event.pattern)

    @on(FilterBar.Closed)
    def _filter_closed(self, event: FilterBar.Closed) -> None:
        self.packets.set_filter(event.pattern)
        self.set_focus(self.packets)

    def action_back(self) -> None:
        """Undo one thing that hides something."""
        self.packets.back()

    def action_copy(self) -> None:
        """The packet under the cursor as text."""
        if text := self.packets.copied():
            self.app.copy_to_clipboard(text)
            self.notify(f"copied: {text}", timeout=2, markup=False)


class CaptureFileApp(NetwizApp):
    """The packets of a file, and what can be opened from them."""

    def __init__(
        self,
        wanted: CaptureWanted,
        config: Config | None = None,
        *,
        open_: Open = open_file,
    ) -> None:
        super().__init__(config=config)
        self.screen_of_file = CaptureFileScreen(wanted, open_)

    def get_default_screen(self) -> Screen[None]:
        """There is no overview: there may be no engine."""
        return self.screen_of_file

    def on_mount(self, event: events.Mount | None = None) -> None:
        """No session is begun: nothing of this machine is looked at."""
        if event is not None:
            event.prevent_default()


def show_file(wanted: CaptureWanted, config: Config | None = None) -> int:
    """Show the file that `wanted.source` names until the person leaves."""
    app = CaptureFileApp(wanted, config)
    app.run()
    return app.return_code or Exit.OK
