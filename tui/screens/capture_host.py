"""What every screen with a packet list does: start, stop, open, follow, save."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from netwiz.probes.capture.wanted import CaptureWanted
    from netwiz.probes.facts import Snapshot
    from netwiz.tui.captures import (
        CaptureBegun,
        CaptureFailed,
        Captures,
        CaptureSaid,
    )
    from netwiz.tui.prefill import Prefill
    from netwiz.widgets.packets.view import PacketsView


class CaptureScreen(Screen[None]):
    """Base of the overview and of the screen that shows a file of packets."""

    @property
    def packets(self) -> PacketsView:
        """The packet list."""
        from netwiz.widgets.packets.view import PacketsView

        return self.query_one(PacketsView)

    # What a screen says

    @property
    def captures(self) -> Captures | None:
        """Whoever captures; nobody before the first paint."""
        raise NotImplementedError

    @property
    def capture_snapshot(self) -> Snapshot | None:
        """The machine whose containers can be listened to."""
        return None

    def capture_target(self) -> str:
        """The name of what the cursor is on."""
        return ""

    def bring_packets(self) -> None:
        """The packet list is to be seen and to get the keys."""
        self.set_focus(self.packets)

    def diagnose(self, prefill: Prefill) -> None:
        """Open the wizard with what is known."""
        del prefill
        self.notify("a file cannot be diagnosed: netwiz can, where it runs", timeout=4)

    # What a capture tells. Handlers by their names and not by `@on`: the overview is
    # painted before all that captures is loaded.

    def on_capture_begun(self, event: CaptureBegun) -> None:
        """Forget what another one told."""
        from netwiz.probes.capture.words import ERRORS
        from netwiz.widgets.packets.sieve import Wanted

        wanted = event.wanted
        self.packets.begin(wanted, wanted.names)
        if ERRORS.intersection(wanted.filter.lower().split()):
            self.packets.show_only(Wanted(errors=True))

    def on_capture_said(self, event: CaptureSaid) -> None:
        """Show it."""
        self.packets.take(event.said)

    def on_capture_failed(self, event: CaptureFailed) -> None:
        """Say why."""
        self.packets.fail(event.why)

    # What the list says

    def on_packets_view_opened(self, event: PacketsView.Opened) -> None:
        """Layers and bytes of a packet."""
        from netwiz.tui.screens.packet import PacketScreen

        self.app.push_screen(PacketScreen(event.view, event.row))

    def on_packets_view_stream_wanted(self, event: PacketsView.StreamWanted) -> None:
        """The conversation that a packet belongs to."""
        from netwiz.tui.screens.stream import StreamScreen

        if event.row.source:
            self.app.push_screen(StreamScreen(event.view, event.row))

    def on_packets_view_wizard_wanted(self, event: PacketsView.WizardWanted) -> None:
        """Why a packet says what it says."""
        from netwiz.tui.screens.packet_prefill import prefill_of_row

        self.diagnose(prefill_of_row(event.row, event.view))

    def on_packets_view_save_wanted(self) -> None:
        """Ask where to write what is kept."""
        from netwiz.tui.screens.capture_save import SaveDialog
        from netwiz.widgets.packets.standing import what_text

        view = self.packets
        at = datetime.now().astimezone()
        what = "-".join(what_text(view.standing).replace(",", " ").split()[:3])
        name = f"netwiz-{what or 'packets'}-{at:%Y%m%d-%H%M%S}.pcapng"
        self.app.push_screen(
            SaveDialog(len(view.store), name.replace("/", "-")), self._save_packets
        )

    def _save_packets(self, path: str | None) -> None:
        if path:
            self.run_worker(
                self._write_packets(path),
                group="save packets",
                exit_on_error=False,
                description="write the packets that are kept",
            )

    async def _write_packets(self, path: str) -> None:
        from netwiz.probes.capture.keep_rows import write_rows
        from netwiz.probes.errors import ProbeError
        from netwiz.tui.captures import reason
        from netwiz.widgets.packets.standing import count_text, size_text

        view = self.packets
        started = view.standing.started
        taps = started.taps if started is not None else ()
        try:
            written, size = await asyncio.to_thread(
                write_rows, path, view.store.batches, taps, view.ends.names
            )
        except (ProbeError, OSError) as error:
            self.notify(f"not written: {reason(error)}", severity="error", markup=False)
        else:
            count = f"{count_text(written)} packets, {size_text(size)}"
            self.notify(f"{count} written to {path}", markup=False)

    # Start and stop

    def action_capture(self, target: str = "") -> None:
        """Ask what to capture; Enter alone starts at what the cursor is on."""
        snapshot, captures = self.capture_snapshot, self.captures
        if snapshot is None or captures is None:
            self.notify("still looking around", timeout=3)
            return
        from netwiz.tui.screens.capture_dialog import Asked, CaptureDialog
        from netwiz.widgets.packets.standing import what_text

        now = self.packets.standing
        running = " · ".join(filter(None, (what_text(now), now.filter)))
        target = target or self.capture_target()
        self.app.push_screen(
            CaptureDialog(snapshot, Asked(target), running if captures.running else ""),
            self._capture_answered,
        )

    def action_capture_all(self) -> None:
        """The same for all containers and the host, merged by time."""
        self.action_capture("all")

    def _capture_answered(self, answer: CaptureWanted | str | None) -> None:
        if isinstance(answer, str):
            self.on_packets_view_stop_wanted()
        elif answer is not None:
            self.start_capture(answer)

    def start_capture(self, wanted: CaptureWanted) -> None:
        """Capture this; what was captured before ends."""
        if self.captures is None:
            return
        self.bring_packets()
        self.run_worker(
            self.captures.run(wanted),
            group="capture",
            exclusive=True,
            exit_on_error=False,
            description="capture packets",
        )

    def on_packets_view_stop_wanted(self) -> None:
        """End the capture; what it still has to tell is told."""
        if self.captures is not None:
            self.run_worker(
                self.captures.stop(),
                group="capture stop",
                exit_on_error=False,
                description="end the capture",
            )
