"""One packet in full: what it means, its layers, its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from netwiz.probes.facts.packets import PacketKind, PacketRow
from netwiz.probes.reading.layers import hexdump
from netwiz.tui.captures import reason
from netwiz.tui.screens.row_screen import RowScreen
from netwiz.widgets.lines import Line
from netwiz.widgets.packets.detail import Section
from netwiz.widgets.packets.layer_lines import byte_lines, layer_sections
from netwiz.widgets.packets.row_line import (
    SIGNS,
    TEXT_STYLES,
    lag_text,
    local_time,
)
from netwiz.widgets.packets.view import PacketsView

ABSENT = (
    "No packet: what should have come and did not.",
    "netwiz says so when the time for it is over; the packet that waits for it is "
    "the one that this line is about.",
)


class PacketScreen(RowScreen):
    """Shows the packet under the list's cursor; the cursor goes along."""

    KEYS_OF = "packet"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Back", id="packet.close"),
        Binding("left,h", "turn(-1)", "Before", key_display="←", id="packet.before"),
        Binding("right,l", "turn(1)", "Next", key_display="→", id="packet.next"),
        Binding("n", "problem(1)", "Problem", id="packet.problem"),
        Binding("N", "problem(-1)", "Problem before", show=False, id="packet.back"),
        Binding("a", "about", "About", id="packet.about"),
        Binding("f", "stream", "Stream", id="packet.stream"),
        Binding("w", "wizard", "Wizard", id="packet.wizard"),
        Binding("y", "copy", "Copy", id="packet.copy"),
    ]

    def __init__(self, view: PacketsView, row: PacketRow) -> None:
        super().__init__(view, row)
        self._layers: Sequence[Section] = ()

    def on_mount(self) -> None:
        """Nothing may move away from under the reader."""
        if self._view.following:
            self._view.hold()
        self._show()

    def _show(self) -> None:
        row = self.row
        self._layers = ()
        self.detail.set_title(((f"Packet {row.number}", ""),))
        self._fill(keep=False)
        if row.raw:
            self.run_worker(
                self._read(row),
                group="layers",
                exclusive=True,
                exit_on_error=False,
                description="read the layers of a packet",
            )

    def _fill(self, *, keep: bool) -> None:
        row = self.row
        sections = [Section(*_meaning(row, self._view)), *self._layers]
        if row.raw and not self._layers:
            sections.append(Section((("reading its layers …", "dim"),)))
        if row.raw:
            kept = "" if len(row.raw) >= row.size else f", {len(row.raw)} of them kept"
            head = (("Bytes", "strong"), (f"  {row.size} on the wire{kept}", "dim"))
            sections.append(Section(head, byte_lines(hexdump(row.raw))))
        self.detail.show(sections, keep=keep)

    async def _read(self, row: PacketRow) -> None:
        # Its library takes most of a second to load.
        link = self._view.standing.linktype(row.tap)
        try:
            found = await asyncio.to_thread(_layers, link, row.raw)
        except Exception as error:  # noqa: BLE001 - the bytes are shown all the same
            why = reason(error)
            found = [Section((("✗ ", "bad"), (f"its layers: {why}", "")))]
        if row is self.row:
            self._layers = found
            self._fill(keep=True)

    def action_turn(self, by: int) -> None:
        """The packet before or after it in the list."""
        self._view.go(self._view.cursor + by)
        self._turned()

    def action_problem(self, step: int) -> None:
        """The next problem, or the one before."""
        self._view.action_problem(step)
        self._turned()

    def action_about(self) -> None:
        """The packet that it answers, repeats or misses."""
        if not self.row.about:
            self.notify("it is about no other packet", timeout=2)
        elif self._view.go_to(self.row.about):
            self._turned()
        else:
            self.notify(f"packet {self.row.about} is not kept any more", timeout=3)

    def _turned(self) -> None:
        row = self._view.selected
        if row is not None and row.number != self.row.number:
            self.row = row
            self._show()

    def action_stream(self) -> None:
        """The conversation that it belongs to."""
        self._view.post_message(PacketsView.StreamWanted(self._view, self.row))

    def action_wizard(self) -> None:
        """Back to the list, and from there into the wizard."""
        self.dismiss(None)
        self._view.post_message(PacketsView.WizardWanted(self._view, self.row))

    def action_copy(self) -> None:
        """All of it as text."""
        self.copy(self.detail.text)


def _meaning(row: PacketRow, view: PacketsView) -> tuple[Line, list[Line]]:
    """What the list says of it, without anything cut."""
    sign, style = SIGNS[row.level]
    mark = ((f"{sign} ", style),) if sign.strip() else ()
    head: Line = (*mark, (row.text or "nothing to say", TEXT_STYLES[row.level]))
    lines: list[Line] = []
    pair = view.ends.pair(row.source, row.destination)
    raw = f"{row.source} → {row.destination}"
    if pair:
        known = f"   {raw}" if raw != pair else ""
        lines.append(((pair, ""), (known, "dim")))
    at = f"{local_time(row.at_ns):%Y-%m-%d %H:%M:%S}.{row.at_ns % 10**9:09}"
    taps = view.standing.tap_names
    where = f" at {taps[row.tap]}" if row.tap < len(taps) else ""
    verb = "said" if row.kind is PacketKind.ABSENCE else "seen"
    lines.append(((f"{verb}{where} {at}", "dim"),))
    if row.kind is PacketKind.ABSENCE:
        lines += [((text, ""),) for text in ABSENT]
    if row.about:
        lines.append(_about(row, view))
    return head, lines


def _about(row: PacketRow, view: PacketsView) -> Line:
    place = view.store.place_of(row.about)
    if place < 0:
        return ((f"about packet {row.about}, which is not kept any more", "dim"),)
    other = view.store.row(place)
    ago = lag_text(max(row.at_ns - other.at_ns, 0))[1:]
    return (
        (f"about packet {row.about}", "label"),
        (f", {ago} before: ", "dim"),
        (other.text, ""),
        ("  a shows it", "dim"),
    )


def _layers(link: int, raw: bytes) -> list[Section]:
    """What a dissector makes of it; slow the first time, so it runs in a thread."""
    from netwiz.probes.reading.layers import dissect

    return layer_sections(dissect(raw, link))
