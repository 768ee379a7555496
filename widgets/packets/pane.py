"""The packets on the screen: they follow the wire, can be held, are never in the way.

However fast packets come, the screen is brought up to date four times a second at most
and only lines that changed are sent: over SSH that is what keeps keys quick.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.message import Message
from textual.strip import Strip

from netwiz.probes.capture.batch import Batch
from netwiz.widgets.line_view import LineView
from netwiz.widgets.lines import Line, cells
from netwiz.widgets.packets.ends import Ends
from netwiz.widgets.packets.nothing import nothing_lines
from netwiz.widgets.packets.row_line import Columns, columns_for, draw_row
from netwiz.widgets.packets.sieve import Sieve, Wanted
from netwiz.widgets.packets.standing import (
    Seen,
    Standing,
    counts_line,
    head_line,
)
from netwiz.widgets.packets.store import PacketStore

if TYPE_CHECKING:
    from netwiz.probes.capture.wanted import CaptureWanted, Said
    from netwiz.probes.facts.packets import PacketRow

BEAT_S = 0.25
"""Between two updates of the screen, at least."""
LINE_BYTES = 320
"""What a line costs on its way to the terminal besides its columns: colours."""
BYTES_PER_S = 26_000
"""What the packets may take of an SSH connection: many lines are sent less often."""
AT_ONCE_S = 0.02
"""What a filter may take of one update."""
SLICE_S, BREATH_S = 0.006, 0.004
"""How long a filter works, and how long it lets others work, until it is through."""
HEAD = 1
"""Lines above the packets."""


class PacketsPane(LineView, can_focus=True):
    """Packets as they come, one line each; what is in view and how it is painted."""

    @dataclass
    class Changed(Message):
        """Filter, holding or the capture's state changed."""

        view: PacketsPane

    def __init__(
        self,
        *,
        store: PacketStore | None = None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self.store = PacketStore() if store is None else store
        self.ends = Ends()
        self.sieve = Sieve(self.store, self.ends)
        self.standing = Standing()
        self.following = True
        self.looked_for = ""
        self.marks: set[int] = set()
        self.relative = False
        self._place = 0
        self._held_at = 0
        self._shift = 0
        self._pending: list[Said] = []
        self._painted_at = 0.0
        self._beat_s = BEAT_S
        self._awaited = False
        self._working = False
        self._ends_width = 0
        self._on_screen: list[int] = []
        self._head: Line = ()

    # What the screen does

    def begin(self, wanted: CaptureWanted, names: Mapping[str, str]) -> None:
        """A capture was asked for: forget the one before."""
        self.store.clear()
        self.standing = Standing(wanted)
        self.ends.names = names
        self.marks.clear()
        self._pending.clear()
        self._ends_width = 0
        # A file is read from its beginning, a wire at its end.
        self.following = not wanted.source
        self._place = self._held_at = self.store.end
        self.sieve.taps = self.standing.tap_names
        self.sieve.set(Wanted())
        self._settle(whole=True)

    def take(self, said: Iterable[Said]) -> None:
        """What a capture told, in order; shown at the next beat."""
        self._pending += said
        self.soon()

    def fail(self, why: str) -> None:
        """There is no capture, or no more of it, and this is why."""
        self._apply()
        self.standing.wrong = why
        self._settle(whole=True)

    def set_names(self, names: Mapping[str, str]) -> None:
        """Call addresses by these names from now on."""
        if names == self.ends.names:
            return
        self.ends.names = names
        if self.sieve.wanted.pattern:
            self.show_only(self.sieve.wanted)
        else:
            self._settle(whole=True)

    @property
    def selected(self) -> PacketRow | None:
        """The packet under the cursor."""
        return self.store.row(self.sieve[self.cursor]) if len(self.sieve) else None

    @property
    def seen(self) -> Seen:
        """How the view stands, for the lines that tell it."""
        store, sieve = self.store, self.sieve
        missed = len(sieve) - sieve.index_of(self._held_at)
        return Seen(
            kept=len(store),
            limit=store.limit,
            evicted=store.evicted,
            problems=store.problems,
            shown=len(sieve),
            wanted=sieve.wanted,
            following=self.following,
            missed=0 if self.following else max(missed, 0),
            progress=sieve.progress,
            looked_for=self.looked_for,
        )

    # Keeping up

    def soon(self) -> None:
        """Bring the screen up to date, now or when its time has come."""
        left = self._painted_at + self._beat_s - monotonic()
        if self._awaited or not self.is_mounted:
            return
        if left <= 0:
            self.catch_up()
        else:
            self._awaited = True
            self.set_timer(left, self.catch_up)

    def catch_up(self) -> None:
        """Take in what has come and show it."""
        self._awaited = False
        self._apply()
        self.sieve.work(AT_ONCE_S)
        self._settle()
        self._work_on()

    def _apply(self) -> None:
        pending, self._pending = self._pending, []
        for said in pending:
            if isinstance(said, Batch):
                self.store.add(said)
            else:
                self.standing.hear(said)
        self.sieve.taps = self.standing.tap_names
        self.sieve.trim()

    def _work_on(self) -> None:
        """Let a filter go on, a slice at a time."""
        if self.sieve.left and not self._working:
            self._working = True
            self.set_timer(BREATH_S, self._slice)

    def _slice(self) -> None:
        self._working = False
        if self.sieve.work(SLICE_S) or monotonic() - self._painted_at >= self._beat_s:
            self._settle()
        self._work_on()

    def show_only(self, wanted: Wanted) -> None:
        """Choose anew what is in view; the cursor stays on its packet if it can."""
        self.sieve.set(wanted)
        self.sieve.work(AT_ONCE_S)
        self._settle()
        self._work_on()
        self.post_message(self.Changed(self))

    # Where the cursor is

    @property
    def cursor(self) -> int:
        """Index in view of the row under the cursor."""
        last = max(len(self.sieve) - 1, 0)
        return last if self.following else min(self.sieve.index_of(self._place), last)

    def go(self, index: int) -> None:
        """Put the cursor on a row in view, and look there."""
        if not len(self.sieve):
            return
        last = len(self.sieve) - 1
        before, index = self.cursor, max(0, min(index, last))
        if self.following and index < last:
            self.hold()
        self._place = self.sieve[index]
        self._refresh_at(before)
        self._refresh_at(index)
        top, height = self.scroll_offset.y, self.room
        if index < top:
            self._scroll(index)
        elif index >= top + height:
            self._scroll(index - height + 1)
        if not self.following:
            self._tell()

    def hold(self) -> None:
        """Stand still; the capture goes on."""
        if self.following and len(self.sieve):
            self._place = self.sieve[self.cursor]
        self.following = False
        self._held_at = self.store.end
        self._tell()
        self.post_message(self.Changed(self))

    def follow(self) -> None:
        """Run with the newest packet."""
        self.following = True
        self._settle()
        self.post_message(self.Changed(self))

    # Painting

    @property
    def room(self) -> int:
        """How many packets fit into the pane."""
        return max(self.scrollable_content_region.height - HEAD, 1)

    @property
    def layout_columns(self) -> Columns:
        """The parts of a line for the width that there is."""
        names = set(self.sieve.taps)
        tap = max(map(cell_len, names), default=0) if len(names) > 1 else 0
        return columns_for(self.columns, self._ends_width, tap)

    def _settle(self, *, whole: bool = False) -> None:
        """Show the state as it is; send only what changed of it."""
        if not self.is_mounted or self.columns <= 0:
            return
        self._painted_at = monotonic()
        top = len(self.sieve) - self.room if self.following else self._held_top()
        self.set_rows(len(self.sieve) + HEAD)
        before = self.scroll_offset.y
        self._scroll(max(top, 0))
        whole = self._widen() or whole or self.scroll_offset.y != before
        now = self._visible()
        if whole or not now or not self._on_screen:
            self.refresh()
            lines = self.room
        else:
            lines = self._refresh_changed(now)
        cost = lines * (LINE_BYTES + self.columns) / BYTES_PER_S
        self._beat_s = max(BEAT_S, cost)
        self._on_screen = now
        self._tell()

    def _held_top(self) -> int:
        """Where to look so that nothing moves: at the cursor, else at what is seen."""
        shown = self._on_screen
        if self._place in shown:
            return self.cursor - shown.index(self._place)
        return self.sieve.index_of(shown[0]) if shown else self.scroll_offset.y

    def _visible(self) -> list[int]:
        top = self.scroll_offset.y
        rows = range(top, min(top + self.room, len(self.sieve)))
        return [self.sieve[index] for index in rows]

    def _refresh_changed(self, now: list[int]) -> int:
        """Send the lines that are others now; how many."""
        old = self._on_screen
        last_cursor = old[-1] if old and self.following else -1
        sent = 0
        for y in range(max(len(now), len(old))):
            was = old[y] if y < len(old) else -1
            place = now[y] if y < len(now) else -1
            if was != place or place == last_cursor:
                self.refresh_row(self.scroll_offset.y + y + HEAD)
                sent += 1
        return sent

    def _widen(self) -> bool:
        """Give the ends the width that those in sight need; it only ever grows."""
        columns = self.layout_columns
        widest = self._ends_width
        for place in self._visible():
            row = self.store.row(place)
            text = self.ends.pair(row.source, row.destination, ports=columns.ports)
            widest = max(widest, cell_len(text))
        grown = widest > self._ends_width
        self._ends_width = widest
        return grown and self.layout_columns != columns

    def _tell(self) -> None:
        """The line above the packets, and the border below them."""
        head = head_line(self.standing, self.seen, self.columns)
        if head != self._head:
            self._head = head
            self.refresh_row(self.scroll_offset.y)
        room = self.outer_size.width - 6
        self.set_subtitle(counts_line(self.standing, self.seen, room))

    def _scroll(self, top: int) -> None:
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolled: what is in sight now is what is to stay there."""
        super().watch_scroll_y(old_value, new_value)
        self._on_screen = self._visible()

    def _refresh_at(self, index: int) -> None:
        self.refresh_row(index + HEAD)

    def render_line(self, y: int) -> Strip:
        width = self.columns
        if y < HEAD:
            return self.strip(self._head, width)
        index = y - HEAD + self.scroll_offset.y
        if index >= len(self.sieve):
            lines = nothing_lines(self.standing, self.seen) if not self.sieve else ()
            return self.strip(lines[index] if index < len(lines) else (), width)
        cursor = index == self.cursor and (self.has_focus or not self.following)
        return self.strip(self._line(index), width, cursor=cursor)

    def _line(self, index: int) -> Line:
        row = self.store.row(self.sieve[index])
        since = None
        if self.relative:
            before = self.store.row(self.sieve[max(index - 1, 0)])
            since = before.at_ns
        line = draw_row(
            row,
            self.layout_columns,
            self.ends,
            self.sieve.taps,
            marked=row.number in self.marks,
            since_ns=since,
            shift=self._shift,
        )
        return line if cells(line) else ()

    # Size, focus, mouse

    def on_mount(self) -> None:
        """Show what there is already."""
        self._settle(whole=True)

    def on_resize(self) -> None:
        """Another width has other columns."""
        self._on_screen = []
        self._settle(whole=True)
        if not self.following:
            self.go(self.cursor)

    def on_show(self) -> None:
        """The tab came into view."""
        self._settle(whole=True)

    def on_focus(self) -> None:
        """The cursor shows while the view has the keys."""
        self._refresh_at(self.cursor)

    def on_blur(self) -> None:
        """And not any more."""
        self._refresh_at(self.cursor)

    def on_mouse_scroll_up(self) -> None:
        """Looking back holds the view, or it would run away."""
        if self.following and len(self.sieve) > self.room:
            self.hold()
