"""`netwiz capture`: packets of containers, networks and the host, in lines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netwiz.probes.capture.wanted import SNAPLEN, CaptureWanted, FileWanted
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import Failure
from netwiz.probes.text import plain
from netwiz.tui.capture_names import names_in, places_for, shown_names
from netwiz.tui.capture_tellers import (
    FileTeller,
    JsonTeller,
    LinesTeller,
    PipeTeller,
    Teller,
    Wish,
)
from netwiz.tui.case_input import CannotLookError
from netwiz.tui.exits import Exit
from netwiz.tui.looking import opened_machine, snapshot_of
from netwiz.tui.terminal import complain
from netwiz.wizard.case import BadInput

if TYPE_CHECKING:
    from netwiz.probes.capture.wanted import CaptureStream
    from netwiz.probes.capture.words import Filter
    from netwiz.probes.machine import Ground, Machine


PIPE = "-"
"""The file's name that means standard output."""
_EXITS = {
    Failure.RIGHTS: Exit.CANNOT_LOOK,
    Failure.ENGINE: Exit.CANNOT_LOOK,
    Failure.GONE: Exit.USAGE,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of `netwiz capture`."""

    words: tuple[str, ...] = ()
    """NAME and FILTER, or FILTER alone where a file is read or everything is meant."""
    read: str = ""
    write: str = ""
    json: bool = False
    count: int = 0
    seconds: float = 0.0
    errors: bool = False
    device: str = ""
    every: bool = False
    own_ssh: bool = False
    file_mb: int = 0
    files: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Whom to listen to: the first word, in which commas part several."""
        if self.read or self.every:
            return ()
        return tuple(self.words[0].split(",")) if self.words else ()

    @property
    def filter(self) -> str:
        """All other words, as tcpdump joins them."""
        rest = self.words if self.read or self.every else self.words[1:]
        return " ".join(rest)


def run_capture(asked: Asked) -> int:
    """Listen or read, print what was seen, return the exit status."""
    try:
        _check(asked)
        if asked.read:
            return _read(asked)
        with opened_machine() as machine:
            return asyncio.run(_listen(asked, machine))
    except asyncio.CancelledError:
        # Somebody insisted; what was captured is printed and written already.
        return Exit.INTERRUPTED
    except BadInput as bad:
        complain(str(bad))
        return Exit.USAGE
    except CannotLookError as cannot:
        complain("; ".join(part for part in (str(cannot), cannot.remedy) if part))
        return Exit.CANNOT_LOOK
    except ProbeError as error:
        complain("; ".join(part for part in (error.what, error.remedy) if part))
        return Exit.USAGE if asked.read else _EXITS.get(error.kind, Exit.UNDETERMINED)


def _check(asked: Asked) -> None:
    """What can be said without looking."""
    if asked.read:
        wrong = [
            option
            for option, given in (
                ("-w", asked.write),
                ("--all", asked.every),
                ("--device", asked.device),
                ("--seconds", asked.seconds),
            )
            if given
        ]
        if wrong:
            raise BadInput(f"{wrong[0]} is for listening; -r reads a file")
    elif not asked.words and not asked.every:
        raise BadInput(
            "NAME is missing: a container, a network, host, several with commas, "
            "or --all; -r FILE reads a file"
        )
    if asked.write == PIPE:
        if asked.json or asked.errors:
            raise BadInput("-w - writes packets to standard output, and nothing else")
        if sys.stdout.isatty():
            raise BadInput("-w - writes packets: pipe it to what reads them")
    if (asked.file_mb or asked.files) and asked.write in ("", PIPE):
        raise BadInput("--file-size and --files are for the file of -w")


def _read(asked: Asked) -> int:
    """A file, without engine and rights."""
    names = names_in(asked.read)
    chosen = _filter(asked, names)
    wanted = CaptureWanted(source=asked.read, filter=asked.filter, names=names)
    if _on_screen(asked):
        return _show(asked, wanted)
    for note in chosen.notes:
        complain(note)
    return asyncio.run(_run(wanted, None, _teller(asked, names, chosen)))


def _on_screen(asked: Asked) -> bool:
    """Whether somebody sits there who can be shown the packets themselves."""
    if asked.json or asked.count or os.environ.get("TERM") == "dumb":
        return False
    streams = (sys.stdin, sys.stdout)
    return all(stream is not None and stream.isatty() for stream in streams)


def _show(asked: Asked, wanted: CaptureWanted) -> int:
    """The packet view that the overview has, with this file in it."""
    from netwiz.tui import frames

    frames.quicken()
    from netwiz.tui.config import BadConfigError, read_config
    from netwiz.tui.screens.capture_file import show_file

    try:
        config = read_config()
    except BadConfigError as bad:
        raise BadInput(str(bad)) from bad
    if asked.errors:
        wanted = replace(wanted, filter=f"errors {wanted.filter}".strip())
    return show_file(wanted, config)


async def _listen(asked: Asked, machine: Machine) -> int:
    """Listen until it is enough."""
    snapshot = await snapshot_of(machine)
    places = places_for(asked.names, snapshot, device=asked.device, every=asked.every)
    names = shown_names(snapshot)
    chosen = _filter(asked, names)
    wanted = CaptureWanted(
        taps=places.taps,
        filter=asked.filter,
        file=_file(asked),
        names=names,
        own_ssh=asked.own_ssh,
    )
    if asked.write == PIPE:
        # A program that reads packets gets what the filter says, no more.
        wanted = replace(wanted, snaplen=SNAPLEN, refusals=False)
    for note in (*places.notes, *chosen.notes):
        complain(note)
    return await _run(
        wanted, machine.ground, _teller(asked, names, chosen), asked.seconds
    )


def _filter(asked: Asked, names: Mapping[str, str]) -> Filter:
    """The filter, looked at before anything is opened. Raises BadInput."""
    from netwiz.probes.capture.filters import BadFilterError
    from netwiz.probes.capture.words import parse

    try:
        return parse(asked.filter, names)
    except BadFilterError as bad:
        shown = plain(bad.text, 200)
        where = f"at character {bad.at + 1}" if bad.at < len(bad.text) else "at its end"
        told = f"the filter '{shown}' is wrong {where}: {bad.message}"
        raise BadInput(told) from bad


def _file(asked: Asked) -> FileWanted | None:
    if asked.write in ("", PIPE):
        return None
    usual = FileWanted(asked.write)
    return replace(
        usual,
        rotate_bytes=asked.file_mb * 1_000_000 or usual.rotate_bytes,
        keep=asked.files or usual.keep,
    )


def _teller(asked: Asked, names: Mapping[str, str], chosen: Filter) -> Teller:
    wish = Wish(names, asked.count, errors=asked.errors or chosen.errors)
    if asked.json:
        return JsonTeller(wish)
    if asked.write == PIPE:
        return PipeTeller(wish)
    if asked.write:
        return FileTeller(wish)
    return LinesTeller(wish, of_file=bool(asked.read))


async def _run(
    wanted: CaptureWanted, ground: Ground | None, teller: Teller, seconds: float = 0.0
) -> int:
    """Follow a capture to its end; its exit status."""
    from netwiz.probes.capture.stream import open_capture

    enough = _Enough(seconds)
    try:
        async with (
            open_capture(ground, wanted) as stream,
            asyncio.TaskGroup() as tasks,
        ):
            stopping = tasks.create_task(enough.stop(stream))
            async for said in stream:
                teller.take(said)
                if teller.full:
                    enough.now()
            stopping.cancel()
    except BaseExceptionGroup as group:
        # Only what is done here can fail: what prints, or the stream itself.
        raise group.exceptions[0] from None
    finally:
        enough.close()
    return teller.end()


class _Enough:
    """When a capture is to end: by a signal, a count, a time."""

    def __init__(self, seconds: float) -> None:
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._caught: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        if seconds:
            self._timer = self._loop.call_later(seconds, self.now)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # What nohup(1) has us ignore stays ignored.
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            # Not the main thread: whoever runs us has a way of their own.
            with contextlib.suppress(RuntimeError, ValueError):
                self._loop.add_signal_handler(number, self._signalled)
                self._caught.append(number)

    def close(self) -> None:
        """Give signals and timer back."""
        for number in self._caught:
            self._loop.remove_signal_handler(number)
        if self._timer is not None:
            self._timer.cancel()

    def _signalled(self) -> None:
        """The first ends the capture in order; who insists need not wait for that."""
        if self._event.is_set() and self._task is not None:
            self._task.cancel()
        self.now()

    def now(self) -> None:
        """It is enough."""
        self._event.set()

    async def stop(self, stream: CaptureStream) -> None:
        """Wait until it is enough, and end the stream."""
        await self._event.wait()
        await stream.stop()
