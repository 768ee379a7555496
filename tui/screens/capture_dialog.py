"""The line in which a capture is asked for: where, which packets, into which file.

Everything is filled in from where the person was, so Enter alone starts it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from netwiz.probes.capture.wanted import CaptureWanted, FileWanted
from netwiz.tui.captures import reason
from netwiz.widgets.lines import Line, content
from netwiz.widgets.packets.standing import size_text

if TYPE_CHECKING:
    from netwiz.probes.facts import Snapshot

EVERYTHING = "all"
"""What stands for all containers at once."""
FILTER_HELP = "pg and port 5432"
_FILE = FileWanted("")
HELP = {
    "targets": "containers, networks, host, all: several with blanks between",
    "filter": "tcpdump's words, names, ports, errors; empty takes everything",
    "path": f"pcapng: a new file every {size_text(_FILE.rotate_bytes)}, "
    f"the newest {_FILE.keep} stay",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person is offered, and what they made of it."""

    targets: str
    """Names with spaces between them, as `netwiz capture` takes them."""
    filter: str = ""
    path: str = ""


class BadAnswerError(Exception):
    """An answer that cannot be used: which one, and what to say below it."""

    def __init__(self, field: str, lines: tuple[Line, ...]) -> None:
        super().__init__(field)
        self.field = field
        self.lines = lines


STOP = "stop"


class CaptureDialog(ModalScreen[CaptureWanted | str | None]):
    """Hands back what to capture, `STOP`, or None to leave all as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Back", id="capture.close"),
        Binding("ctrl+x", "stop", "Stop", id="capture.stop", priority=True),
        Binding("down", "app.focus_next", "Next answer", show=False, id="capture.next"),
        Binding(
            "up", "app.focus_previous", "Answer before", show=False, id="capture.before"
        ),
    ]
    DEFAULT_CSS = """
    CaptureDialog .dialog { width: 92%; max-width: 110; }
    CaptureDialog Horizontal { height: 1; }
    CaptureDialog Label { width: 11; color: $text-muted; }
    CaptureDialog Input {
        border: none; height: 1; padding: 0; width: 1fr; background: $foreground 6%;
    }
    CaptureDialog Input:focus {
        background: $primary 30%; background-tint: transparent;
    }
    CaptureDialog .below { height: auto; min-height: 1; padding: 0 0 0 11; }
    CaptureDialog .hints { color: $text-muted; height: auto; }
    """

    def __init__(self, snapshot: Snapshot, asked: Asked, running: str = "") -> None:
        super().__init__()
        self._snapshot = snapshot
        self._asked = asked
        self._busy_with = running

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Capture packets"
            yield from self._field("targets", "listen at", self._asked.targets)
            yield from self._field("filter", "filter", self._asked.filter, FILTER_HELP)
            yield from self._field("path", "file", self._asked.path, "none is written")
            yield Static("", classes="hints", markup=False)

    def _field(
        self, name: str, label: str, value: str, empty: str = ""
    ) -> ComposeResult:
        with Horizontal():
            yield Label(label, markup=False)
            box = Input(value, placeholder=empty, compact=True, id=name)
            # A cursor that blinks is sent over SSH twice a second.
            box.cursor_blink = False
            yield box
        yield Static("", classes="below", id=f"{name}-below", markup=False)

    def on_mount(self) -> None:
        """Begin at what is most likely still to be said."""
        first = "filter" if self._asked.targets else "targets"
        self.set_focus(self.query_one(f"#{first}", Input))

    @on(events.DescendantFocus)
    def _focused(self, event: events.DescendantFocus) -> None:
        """Say what may be answered here, and what the keys do."""
        hints = "enter starts   ↑↓ other answers   esc back"
        lines: list[Line] = [((HELP.get(event.widget.id or "", ""), ""),)]
        if self._busy_with:
            hints = "enter ends it and starts this   ctrl+x stops it   esc back"
            lines.append((("● ", "good"), (f"running: {self._busy_with}", "")))
        lines.append(((hints, ""),))
        self.query_one(".hints", Static).update(content(lines))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.run_worker(self._check(str(event.input.id)), group="check", exclusive=True)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.run_worker(self._start(), group="start", exclusive=True)

    async def _check(self, field: str) -> None:
        """Say at once what is wrong with an answer, while it is being typed."""
        said: tuple[Line, ...] = ()
        try:
            if field == "targets":
                self._places()
            elif field == "filter":
                said = await self._filter()
            elif self._value("path"):
                said = await asyncio.to_thread(check_path, self._value("path"))
        except BadAnswerError as error:
            said = error.lines
        self._below(field, said)

    async def _start(self) -> None:
        try:
            wanted = self._places()
            await self._filter()
            path = self._value("path")
            if path:
                await asyncio.to_thread(check_path, path)
        except BadAnswerError as error:
            self._below(error.field, error.lines)
            self.set_focus(self.query_one(f"#{error.field}", Input))
            return
        self.dismiss(
            CaptureWanted(
                taps=wanted.taps,
                filter=self._value("filter"),
                file=FileWanted(str(full_path(path))) if path else None,
                names=wanted.names,
            )
        )

    def _value(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value.strip()

    def _below(self, field: str, lines: tuple[Line, ...]) -> None:
        self.query_one(f"#{field}-below", Static).update(content(lines))

    def _places(self) -> CaptureWanted:
        try:
            return wanted_at(self._value("targets"), self._snapshot)
        except ValueError as error:
            said = (("✗ ", "bad"), (reason(error), ""))
            raise BadAnswerError("targets", (said,)) from error

    async def _filter(self) -> tuple[Line, ...]:
        from netwiz.tui.capture_names import names_of

        text = self.query_one("#filter", Input).value
        width = self.query_one("#filter", Input).size.width - 1
        names = names_of(self._snapshot)
        return await asyncio.to_thread(check_filter, text, names, width)

    def action_stop(self) -> None:
        """End the capture that runs."""
        if self._busy_with:
            self.dismiss(STOP)

    def action_close(self) -> None:
        """Leave all as it is."""
        self.dismiss(None)


def wanted_at(targets: str, snapshot: Snapshot) -> CaptureWanted:
    """The places that these names mean, and the names; raises ValueError with why."""
    from netwiz.tui.capture_names import places_for, shown_names
    from netwiz.tui.case_input import CannotLookError
    from netwiz.wizard.case import BadInput

    words = targets.replace(",", " ").split()
    if not words:
        raise ValueError("name a container, a network, host, or all")
    every = EVERYTHING in words
    names = [word for word in words if word != EVERYTHING]
    try:
        places = places_for(names, snapshot, every=every)
    except (BadInput, CannotLookError) as error:
        raise ValueError(str(error)) from error
    if not places.taps:
        raise ValueError("nothing is there to listen to")
    return CaptureWanted(taps=places.taps, names=shown_names(snapshot))


def check_filter(text: str, names: dict[str, str], width: int) -> tuple[Line, ...]:
    """What to say below a filter; raises BadAnswerError with a caret under the place.

    Compiles it, so it does not belong on the event loop.
    """
    from netwiz.probes.capture.filters import BadFilterError
    from netwiz.probes.capture.words import parse

    try:
        found = parse(text, names)
    except BadFilterError as error:
        shown, caret = error.picture(max(width, 8))
        lines: list[Line] = []
        if shown != text:
            # The box shows another part of it, or it holds what cannot be shown.
            lines.append(((shown, "code"),))
        lines.append(((caret, "bad"),))
        lines.append((("✗ ", "bad"), (error.message, "")))
        raise BadAnswerError("filter", tuple(lines)) from error
    said: list[Line] = []
    if found.source and found.source != text.strip():
        said.append(((f"tcpdump: {found.source}", "dim"),))
    if found.errors:
        said.append((("shows only what goes wrong", "dim"),))
    said += [(("! ", "odd"), (n, "dim")) for n in found.notes]
    return tuple(said)


def full_path(path: str) -> Path:
    """Where a file is, ``~`` included."""
    return Path(path).expanduser().absolute()


def check_path(path: str) -> tuple[Line, ...]:
    """What to say below a file's name; raises BadAnswerError when it cannot be."""
    at = full_path(path)
    wrong = ""
    if at.is_dir():
        wrong = "that is a folder: name a file in it"
    elif not at.parent.is_dir():
        wrong = f"there is no folder {at.parent}"
    if wrong:
        said = (("✗ ", "bad"), (wrong, ""))
        raise BadAnswerError("path", (said,))
    if at.exists():
        words = f"what is there already moves to {at.stem}.1{at.suffix}"
        return ((("! ", "odd"), (words, "dim")),)
    return ()
