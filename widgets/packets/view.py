"""The packet list: what its keys do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from netwiz.probes.facts.packets import Level, PacketRow
from netwiz.widgets.filtering import Filter
from netwiz.widgets.packets.keys import PACKET_KEYS
from netwiz.widgets.packets.pane import BREATH_S, HEAD, SLICE_S, PacketsPane
from netwiz.widgets.packets.row_line import local_time
from netwiz.widgets.packets.sieve import Wanted

SHIFT = 16
"""Columns by which a long line is moved sideways."""


class PacketsView(PacketsPane):
    """Packets as they come, one line each; what came is kept in a ring."""

    BINDINGS: ClassVar[list[BindingType]] = list(PACKET_KEYS)

    @dataclass
    class Opened(Message):
        """Somebody wants to see all of a packet."""

        view: PacketsView
        row: PacketRow

    @dataclass
    class StreamWanted(Message):
        """Somebody wants to follow the conversation that a packet belongs to."""

        view: PacketsView
        row: PacketRow

    @dataclass
    class WizardWanted(Message):
        """Somebody wants to know why a packet says what it says."""

        view: PacketsView
        row: PacketRow

    @dataclass
    class StopWanted(Message):
        """Somebody wants the capture to end."""

        view: PacketsView

    @dataclass
    class SaveWanted(Message):
        """Somebody wants what is kept in a file."""

        view: PacketsView

    _search = 0

    def action_move(self, by: int) -> None:
        self.go(self.cursor + by)

    def action_first(self) -> None:
        self.go(0)

    def action_last(self) -> None:
        self.follow()

    def action_page(self, direction: int) -> None:
        self.go(self.cursor + direction * max(self.room // 2, 1))

    def action_pause(self) -> None:
        if self.following:
            self.hold()
        else:
            self.follow()

    def action_shift(self, direction: int) -> None:
        self._shift = max(self._shift + direction * SHIFT, 0)
        self.refresh()

    def action_times(self) -> None:
        self.relative = not self.relative
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click chooses and holds, a double click opens."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < HEAD:
            return
        index = offset.y - HEAD + self.scroll_offset.y
        if index < len(self.sieve):
            self.go(index)
            if event.chain == 2:
                self.action_open()

    def action_open(self) -> None:
        if row := self.selected:
            self.post_message(self.Opened(self, row))

    def action_stream(self) -> None:
        if row := self.selected:
            self.post_message(self.StreamWanted(self, row))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a packet the wizard is the screen's to open."""
        del parameters
        return action != "wizard" or bool(len(self.sieve))

    def action_wizard(self) -> None:
        if row := self.selected:
            self.post_message(self.WizardWanted(self, row))

    def action_stop(self) -> None:
        if self.standing.running:
            self.post_message(self.StopWanted(self))

    def action_save(self) -> None:
        if len(self.store):
            self.post_message(self.SaveWanted(self))

    # What is in view

    def set_filter(self, pattern: str) -> None:
        """Leave only the packets that match."""
        self.looked_for = pattern or self.looked_for
        if pattern != self.sieve.wanted.pattern:
            self.show_only(replace(self.sieve.wanted, pattern=pattern))

    def action_errors(self) -> None:
        wanted = self.sieve.wanted
        self.show_only(replace(wanted, errors=not wanted.errors))

    def action_only_stream(self) -> None:
        row, wanted = self.selected, self.sieve.wanted
        if wanted.stream:
            self.show_only(replace(wanted, stream=None))
        elif row and row.source:
            ends = (row.source, row.destination)
            self.show_only(replace(wanted, stream=ends))

    def action_only_tap(self) -> None:
        row, wanted = self.selected, self.sieve.wanted
        if wanted.tap is not None:
            self.show_only(replace(wanted, tap=None))
        elif row:
            self.show_only(replace(wanted, tap=row.tap))

    def back(self) -> bool:
        """Undo one thing that hides something; False when nothing does."""
        wanted = self.sieve.wanted
        if wanted.pattern:
            self.set_filter("")
        elif wanted.stream or wanted.tap is not None:
            self.show_only(replace(wanted, stream=None, tap=None))
        elif wanted.errors:
            self.action_errors()
        elif not self.following and self.standing.running:
            self.follow()
        else:
            return False
        return True

    # Places to jump to

    def go_to(self, number: int) -> bool:
        """Put the cursor on the packet of a number; False when it is not kept."""
        place = self.store.place_of(number)
        if place < 0:
            return False
        index = self.sieve.index_of(place)
        if index >= len(self.sieve) or self.sieve[index] != place:
            # What hides it has to give way: it was asked for by name.
            self.show_only(Wanted())
            index = self.sieve.index_of(place)
        if self.following:
            self.hold()
        self.go(index)
        return True

    def action_problem(self, step: int) -> None:
        """To the next problem; where there is none at all, to what is odd."""
        if self.selected is None:
            return
        least = Level.PROBLEM if self.store.problems else Level.ODD
        place = self.sieve[self.cursor]
        while (place := self.store.next_odd(place, step, least)) >= 0:
            index = self.sieve.index_of(place)
            if index < len(self.sieve) and self.sieve[index] == place:
                if self.following:
                    self.hold()
                self.go(index)
                return
        where = "further down" if step > 0 else "further up"
        self.notify(f"no problem {where}", timeout=2)

    def action_mark(self) -> None:
        if row := self.selected:
            self.marks ^= {row.number}
            self.refresh_row(self.cursor + HEAD)
            if self.following:
                self.hold()

    def action_next_mark(self) -> None:
        """To the next mark; after the last one to the first."""
        row = self.selected
        kept = [n for n in sorted(self.marks) if self.store.place_of(n) >= 0]
        if row is None or not kept:
            self.notify("no mark: m sets one", timeout=2)
            return
        self.go_to(next((n for n in kept if n > row.number), kept[0]))

    def action_find(self, step: int) -> None:
        """To the next packet that has what was filtered by last."""
        if not self.looked_for:
            self.notify("nothing to look for: / first", timeout=2)
            return
        self._search += 1
        self._look(self.cursor + step, step, Filter(self.looked_for), self._search)

    def _look(self, index: int, step: int, pattern: Filter, search: int) -> None:
        if search != self._search:
            return
        found = self.sieve.find(index, step, pattern, SLICE_S)
        if found >= 0:
            if self.following:
                self.hold()
            self.go(found)
        elif found == -1:
            self.notify(f"no further {pattern.pattern}", timeout=2, markup=False)
        else:
            # Rows may leave meanwhile: then a few are looked at twice or not at all.
            self.set_timer(
                BREATH_S, lambda: self._look(-2 - found, step, pattern, search)
            )

    def copied(self) -> str:
        """The packet under the cursor as one would paste it elsewhere."""
        row = self.selected
        if row is None:
            return ""
        at = f"{local_time(row.at_ns):%Y-%m-%dT%H:%M:%S}"
        at += f".{row.at_ns % 1_000_000_000 // 1000:06}"
        pair = self.ends.pair(row.source, row.destination)
        return " ".join(part for part in (at, pair, row.text) if part)
