"""Who tells of a capture while it runs: in lines, as JSON, or of its file alone."""

from __future__ import annotations

import contextlib
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netwiz.probes.capture import pcapng
from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.wanted import SNAPLEN, Said
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureStarted,
    CaptureTapGone,
    Level,
    PacketRow,
)
from netwiz.probes.text import plain
from netwiz.tui import capture_lines
from netwiz.tui.capture_lines import Json, Wording
from netwiz.tui.exits import Exit
from netwiz.tui.terminal import CannotWriteError, Terminal, put, writing
from netwiz.wizard.report_layout import Line

COUNTS_S = 1.0
"""How often counts are told, at the most."""


class Notes:
    """What is said beside the packets, on standard error."""

    def __init__(self) -> None:
        self._terminal = Terminal(sys.stderr) if sys.stderr is not None else None

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._terminal:
            with _unheard():
                self._terminal.show([Line(f"netwiz: {plain(text, 1000)}")])

    def passing(self, text: str) -> None:
        """A line that the next one replaces; only where somebody watches."""
        if self._terminal:
            with _unheard():
                self._terminal.passing(text)

    def close(self) -> None:
        """Leave no passing line behind."""
        if self._terminal:
            with _unheard():
                self._terminal.close()


def _unheard() -> contextlib.AbstractContextManager[None]:
    """Nobody is left to be told that standard error is closed."""
    return contextlib.suppress(CannotWriteError, BrokenPipeError, ValueError)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a capture is to be told."""

    names: Mapping[str, str]
    """Address to the name of who has it."""
    limit: int = 0
    """Packets after which it is enough; 0 for no end."""
    errors: bool = False
    """Only what is odd or worse."""


class Teller(ABC):
    """Takes what a capture says, and tells it as it comes."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.wording = Wording(wish.names)
        self.counts = CaptureCounts()
        self.told = 0
        self.ended: CaptureEnded | None = None
        self.notes = Notes()

    @property
    def full(self) -> bool:
        """Whether as many packets were told as were asked for."""
        return bool(self.wish.limit) and self.told >= self.wish.limit

    def take(self, said: Said) -> None:
        """Tell it."""
        if isinstance(said, Batch):
            rows = self._wanted(said)
            self.told += len(rows)
            if rows:
                self.rows(rows)
        elif isinstance(said, CaptureCounts):
            self.counts = said
            self.counted(said)
        elif isinstance(said, CaptureStarted):
            self.wording.started(said)
            self.started(said)
        elif isinstance(said, CaptureTapGone):
            self.gone(said)
        else:
            self.ended = said

    def _wanted(self, batch: Batch) -> list[PacketRow]:
        """Those that are to be told; the others need not be unpacked."""
        least = Level.ODD if self.wish.errors else Level.PLAIN
        chosen = [n for n in range(len(batch)) if batch.level(n) >= least]
        if self.wish.limit:
            chosen = chosen[: self.wish.limit - self.told]
        return [batch.row(n) for n in chosen]

    @abstractmethod
    def started(self, started: CaptureStarted) -> None:
        """It listens."""

    @abstractmethod
    def rows(self, rows: Sequence[PacketRow]) -> None:
        """Packets came."""

    @abstractmethod
    def counted(self, counts: CaptureCounts) -> None:
        """How complete it is by now."""

    @abstractmethod
    def gone(self, gone: CaptureTapGone) -> None:
        """A tap ended before the others."""

    @abstractmethod
    def close(self) -> None:
        """Say what it came to."""

    def end(self) -> Exit:
        """Say what it came to; the exit status."""
        self.notes.close()
        self.close()
        ended = self.ended
        if ended is not None and not ended.wrong:
            return Exit.OK
        why = ended.why if ended else "the capture broke off without a word"
        self.notes.say(why)
        return Exit.UNDETERMINED


class LinesTeller(Teller):
    """A line for each packet."""

    def __init__(self, wish: Wish, *, of_file: bool = False) -> None:
        super().__init__(wish)
        self._reads = of_file
        self._terminal = Terminal(sys.stdout)
        self._path = ""
        self._warned: set[str] = set()
        if of_file:
            self.wording = Wording(wish.names, dated=True)

    def started(self, started: CaptureStarted) -> None:
        self._path = started.path
        if not self._reads:
            self.notes.say(capture_lines.beginning(started))

    def rows(self, rows: Sequence[PacketRow]) -> None:
        self._terminal.show([line for row in rows for line in self.wording.lines(row)])

    def counted(self, counts: CaptureCounts) -> None:
        if counts.dropped:
            self._warn("dropped", "the kernel drops packets: more come than fit in")
        if counts.read < counts.seen and not self._reads:
            self._warn(
                "sampled", "more packets come than can be read: these are a sample"
            )

    def _warn(self, what: str, words: str) -> None:
        """Once: the numbers are told at the end."""
        if what not in self._warned:
            self._warned.add(what)
            self.notes.say(words)

    def gone(self, gone: CaptureTapGone) -> None:
        self.notes.say(f"{self.wording.tap(gone.tap)}: {gone.why}")

    def close(self) -> None:
        told = capture_lines.summary(self.counts, self.told, self._path)
        self.notes.say(told)


class FileTeller(LinesTeller):
    """Packets go to a file; only how many they are is told."""

    @property
    def full(self) -> bool:
        return bool(self.wish.limit) and self.counts.seen >= self.wish.limit

    def rows(self, rows: Sequence[PacketRow]) -> None:
        """They are in the file."""

    def counted(self, counts: CaptureCounts) -> None:
        if counts.dropped:
            self._warn("dropped", "the kernel drops packets: more come than fit in")
        self.notes.passing(capture_lines.summary(counts, None, self._path))

    def close(self) -> None:
        self.notes.say(capture_lines.summary(self.counts, None, self._path))


class PipeTeller(FileTeller):
    """Packets go to standard output as pcapng, for a program that reads it.

    What more comes than can be read is not in it; that is told at the end.
    """

    def started(self, started: CaptureStarted) -> None:
        super().started(started)
        self._path = ""
        head = pcapng.section("netwiz capture")
        for tap in started.taps:
            head += pcapng.interface(tap.name, tap.place.label, tap.linktype, SNAPLEN)
        self._numbers = range(len(started.taps))
        self._put(head + pcapng.names(self.wish.names))

    def rows(self, rows: Sequence[PacketRow]) -> None:
        """Packets as they were; an absence is none."""
        taken = [(row.at_ns, row.tap, row.size, row.raw) for row in rows if row.raw]
        self._put(pcapng.packets(taken, self._numbers))

    def close(self) -> None:
        self.notes.say(capture_lines.summary(self.counts, self.told, ""))

    @staticmethod
    def _put(data: bytes) -> None:
        with writing():
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


class JsonTeller(Teller):
    """One object a line (NDJSON); nothing else on standard output."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish)
        self._counted_at = float("-inf")
        self._told_counts: Json = {}

    def started(self, started: CaptureStarted) -> None:
        self._put([capture_lines.started_object(started)])

    def rows(self, rows: Sequence[PacketRow]) -> None:
        self._put(list(map(self.wording.packet, rows)))

    def counted(self, counts: CaptureCounts) -> None:
        fields = capture_lines.counts_fields(counts, self.told)
        now = time.monotonic()
        if fields == self._told_counts or now - self._counted_at < COUNTS_S:
            return
        self._told_counts, self._counted_at = fields, now
        self._put([{"type": "counts", **fields}])

    def gone(self, gone: CaptureTapGone) -> None:
        self._put([capture_lines.gone_object(gone, self.wording)])

    def close(self) -> None:
        ended = self.ended
        if ended is None:
            ended = CaptureEnded(why="the capture broke off without a word", wrong=True)
        self._put([capture_lines.ended_object(ended, self.counts, self.told)])

    @staticmethod
    def _put(objects: Sequence[Json]) -> None:
        put(capture_lines.dumped(objects))
