"""A conversation: what both sides said, in order."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from netwiz.probes.facts.packets import PacketRow
from netwiz.tui.captures import reason
from netwiz.tui.screens.row_screen import RowScreen
from netwiz.widgets.lines import Line, plain_text
from netwiz.widgets.packets.detail import Section
from netwiz.widgets.packets.row_line import (
    SIGNS,
    TEXT_STYLES,
    lag_text,
    time_text,
)
from netwiz.widgets.packets.sieve import Sieve, Wanted
from netwiz.widgets.packets.standing import count_text
from netwiz.widgets.packets.turns import turn_sections
from netwiz.widgets.packets.view import PacketsView

if TYPE_CHECKING:
    from netwiz.probes.reading.stream import Conversation

SLICE_S = 0.006
"""How long packets are looked for before keys are answered again."""
MOST_ROWS = 50_000
MOST_PASSED = 200


class StreamScreen(RowScreen):
    """Follows the connection that a packet belongs to, as far as it is kept."""

    KEYS_OF = "stream"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Back", id="stream.close"),
        Binding("x", "hex", "Text or bytes", id="stream.hex"),
        Binding("r", "again", "Look again", id="stream.again"),
        Binding("y", "copy", "Copy", id="stream.copy"),
        Binding("s", "save", "Save", id="stream.save"),
    ]

    def __init__(self, view: PacketsView, row: PacketRow) -> None:
        super().__init__(view, row)
        self.conversation: Conversation | None = None
        """What was put together; None until then, or when there is none."""
        self.done = False
        self._hex = False
        self._passed: list[Line] = []

    def on_mount(self) -> None:
        """Look for its packets."""
        self.action_again()

    def action_again(self) -> None:
        """Put it together from all that is kept by now."""
        ends = self._view.ends
        pair = ends.pair(self.row.source, self.row.destination)
        self.detail.set_title((("Stream  ", ""), (pair.replace(" → ", " ⇄ "), "label")))
        if not self.detail.sections:
            self.detail.show([Section((("looking for its packets …", "dim"),))])
        self.run_worker(
            self._follow(),
            group="stream",
            exclusive=True,
            exit_on_error=False,
            description="follow a stream",
        )

    async def _follow(self) -> None:
        from netwiz.probes.reading.stream import follow

        of = self._packet()
        rows = await self._rows(of)
        link = self._view.standing.linktype(of.tap)
        try:
            self.conversation = await asyncio.to_thread(follow, rows, of, link)
        except Exception as error:  # noqa: BLE001 - said on the screen, not raised
            self.detail.show([Section((("✗ ", "bad"), (reason(error), "")))])
        else:
            self._passed = [_passed(row, rows[0].at_ns) for row in rows[:MOST_PASSED]]
            self._show(keep=False)
        self.done = True

    def _packet(self) -> PacketRow:
        """The row itself, or the packet it is about when it has no bytes of its own."""
        store = self._view.store
        if self.row.about and (not self.row.raw or ":" not in self.row.source):
            place = store.place_of(self.row.about)
            if place >= 0:
                return store.row(place)
        return self.row

    async def _rows(self, of: PacketRow) -> list[PacketRow]:
        """Its packets at the same place: elsewhere they would be seen twice."""
        store = self._view.store
        sieve = Sieve(store, self._view.ends)
        sieve.set(Wanted(stream=(of.source, of.destination), tap=of.tap))
        done = False
        while not done:
            done = sieve.work(SLICE_S)
            await asyncio.sleep(0)
        places = [sieve[index] for index in range(len(sieve))][-MOST_ROWS:]
        rows: list[PacketRow] = []
        for number, place in enumerate(places):
            if place >= store.first:
                rows.append(store.row(place))
            if number % 500 == 0:
                await asyncio.sleep(0)
        return rows

    def _show(self, *, keep: bool) -> None:
        found = self.conversation
        if found is None:
            text = "this packet is in no conversation of TCP or UDP"
            self.detail.show([Section(((text, "dim"),))])
            return
        if not found.turns:
            text = "Nothing was said in it. What passed:"
            self.detail.show([Section(((text, "strong"),), self._passed)])
        else:
            self.detail.show(self._sections(found), keep=keep)
        self.detail.set_subtitle(self._standing(found))

    def _sections(self, found: Conversation, *, whole: bool = False) -> list[Section]:
        named = self._view.ends.named
        client, server = named(found.client), named(found.server)
        return turn_sections(found, client, server, as_hex=self._hex, whole=whole)

    def _standing(self, found: Conversation) -> Line:
        asked, told = count_text(found.bytes_client), count_text(found.bytes_server)
        packets = f"{count_text(found.packets)} packets"
        line = [(f"{packets} · ▶ {asked} B  ◀ {told} B", "")]
        standing, store = self._view.standing, self._view.store
        if standing.counts.sampled or store.evicted:
            line.append((" · parts were not kept", "odd"))
        if self._hex:
            line.append((" · bytes", "dim"))
        return tuple(line)

    def action_hex(self) -> None:
        """Text, or bytes."""
        self._hex = not self._hex
        if self.conversation is not None:
            self._show(keep=True)

    def _text(self) -> str:
        if self.conversation is None:
            return ""
        lines: list[Line] = []
        for section in self._sections(self.conversation, whole=True):
            lines += [section.head, *section.lines, ()]
        return plain_text(lines)

    def action_copy(self) -> None:
        """All of it as text."""
        self.copy(self._text())

    def action_save(self) -> None:
        """Into a file of the person's own."""
        text = self._text()
        if not text:
            return
        from netwiz.tui import clipboard

        now = datetime.now().astimezone()
        try:
            path = clipboard.save(text, now, name="stream")
        except OSError as error:
            self.notify(f"not saved: {reason(error)}", severity="error", markup=False)
        else:
            self.notify(f"saved to {path}", markup=False)


def _passed(row: PacketRow, began_ns: int) -> Line:
    at = f"{time_text(row.at_ns, 12)}  {lag_text(row.at_ns - began_ns):>9}  "
    return ((at, "dim"), SIGNS[row.level], (f" {row.text}", TEXT_STYLES[row.level]))
