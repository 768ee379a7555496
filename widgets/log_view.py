"""The timeline on the screen: what of it is in view, and what can be done with it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from netwiz.probes.facts.logs import LogLevel
from netwiz.widgets.filtering import Filter
from netwiz.widgets.lines import Line
from netwiz.widgets.log_keys import LEVELS, LOG_KEYS, PAST, Past
from netwiz.widgets.log_roll import LogRoll
from netwiz.widgets.log_standing import Standing, standing_line
from netwiz.widgets.timeline import LIMIT, LiveKind, LiveLine, Timeline, searched

COUNT_S = 2.0
"""To search twenty thousand lines takes long enough to be felt at every line."""

GAP_S = 2.0
"""What was left out within so long is said in the border, as a rate."""


class LogView(LogRoll, can_focus=True):
    """A log of which one may choose what is in view, search it and take it away."""

    BINDINGS: ClassVar[list[BindingType]] = list(LOG_KEYS)

    @dataclass
    class Opened(Message):
        """Somebody wants to go into a line."""

        pane: LogView
        line: LiveLine
        whole: bool = False
        """To read all of it, whatever else could be done with it."""

    @dataclass
    class Wanted(Message):
        """Something that the screen has to do: ``search``, ``save``, ``copy``."""

        pane: LogView
        what: str

    @dataclass
    class PastWanted(Message):
        """Lines from before those that are here; the engine has them, perhaps."""

        pane: LogView
        past: Past

    def __init__(self, *, limit: int = LIMIT, id: str | None = None) -> None:  # noqa: A002
        super().__init__(limit=limit, id=id)
        self._past = 0
        self._count_was, self._counted_at = 0, -COUNT_S
        self._only: dict[str, str] = {}
        self._gaps: deque[tuple[float, int]] = deque()
        self._gap_told = False
        self.now: Callable[[], datetime] = lambda: datetime.now().astimezone()
        """The clock, for `since`."""

    @property
    def only(self) -> dict[str, str]:
        """The chosen containers, id to name; empty: all."""
        return dict(self._only)

    def standing(self, width: int) -> Line:
        """What is in view and how, for the border."""
        lines = self._lines
        now = Standing(
            only=tuple(self._only.values()),
            suspects=lines.suspects_only,
            least=lines.least,
            since=PAST[self._past].word,
            filter=lines.filter.pattern,
            search=self.search.pattern,
            found=self._count(),
            skipped=self._skipped(),
            held=not self.following,
            missed=self.missed,
        )
        return standing_line(now, width)

    def extend(self, lines: Sequence[LiveLine]) -> None:
        """Take lines in; what is missing between them is said in the border as well."""
        super().extend(lines)
        gaps = [x.cut for x in lines if x.kind is LiveKind.GAP]
        if gaps:
            self._gaps.append((time.monotonic(), sum(gaps)))
            if not self._gap_told:
                self._gap_told = True
                self.set_timer(GAP_S / 2, self._tell_gaps)

    def _tell_gaps(self) -> None:
        self._gap_told = bool(self._skipped())
        if self._gap_told:
            self.set_timer(GAP_S / 2, self._tell_gaps)
        self.post_message(self.Changed(self))

    def _skipped(self) -> int:
        """Lines a second that were left out of late."""
        oldest = time.monotonic() - GAP_S
        while self._gaps and self._gaps[0][0] < oldest:
            self._gaps.popleft()
        return round(sum(count for _, count in self._gaps) / GAP_S)

    def _count(self) -> int:
        """Lines with what is searched for; counted anew every now and then only."""
        if not self.search:
            return 0
        now = time.monotonic()
        if now - self._counted_at >= COUNT_S:
            found = (self.search.matches(searched(x)) for x in self._lines.view)
            self._count_was, self._counted_at = sum(found), now
        return self._count_was

    # What is in view

    def set_filter(self, pattern: str) -> None:
        """Leave only the lines that match."""
        self._sift(lambda lines: setattr(lines, "filter", Filter(pattern)))

    def set_search(self, pattern: str) -> None:
        """Mark what matches, and hide nothing."""
        self.search = Filter(pattern)
        self._counted_at = -COUNT_S
        self.refresh()
        self.post_message(self.Changed(self))

    def show_only(
        self, *, events: bool | None = None, suspects: bool | None = None
    ) -> None:
        """Leave out the logs, or whatever does not complain."""

        def change(lines: Timeline) -> None:
            lines.events_only = lines.events_only if events is None else events
            lines.suspects_only = lines.suspects_only if suspects is None else suspects

        self._sift(change)

    def choose(self, containers: Iterable[tuple[str, str]]) -> None:
        """Leave only what concerns these containers (id, name); none means all."""
        self._only = dict(containers)
        self._sift(lambda lines: setattr(lines, "chosen", frozenset(self._only)))

    def toggle(self, key: str, name: str) -> None:
        """Add a container to the chosen ones, or take it away."""
        chosen = dict(self._only)
        if chosen.pop(key, None) is None:
            chosen[key] = name
        self.choose(chosen.items())

    def set_least(self, least: LogLevel) -> None:
        """Leave only lines of this level and graver ones, and what has none."""
        self._sift(lambda lines: setattr(lines, "least", least))

    def undo(self) -> bool:
        """Take back one thing that hides lines; False when nothing does."""
        lines = self._lines
        if self.search:
            self.set_search("")
        elif lines.filter:
            self.set_filter("")
        elif lines.least:
            self.set_least(LogLevel.UNKNOWN)
        elif self._past:
            self._look_back(0)
        elif self._only:
            self.choose(())
        else:
            return False
        return True

    def _sift(self, change: Callable[[Timeline], None]) -> None:
        held = self.selected
        change(self._lines)
        self._lines.sift()
        self._place(held)
        self.post_message(self.Changed(self))

    def action_next(self, step: int) -> None:
        """To the next line with what is searched for, else with a network error."""
        search = self.search

        def wanted(line: LiveLine) -> bool:
            if search:
                return search.matches(searched(line))
            return line.suspect is not None

        row = self._lines.find(self._row + step, step, wanted)
        if row >= 0:
            self._go(row)

    def to_match(self) -> None:
        """To the newest match, unless the cursor is on one."""
        line = self.selected
        if line is None or not self.search.matches(searched(line)):
            self.action_next(-1)

    def action_open(self) -> None:
        line = self.selected
        if line is not None:
            self.post_message(self.Opened(self, line))

    def action_whole(self) -> None:
        """Read all of an entry, also of one that could be diagnosed."""
        line = self.selected
        if line is not None:
            self.post_message(self.Opened(self, line, whole=True))

    def action_level(self) -> None:
        """All, warnings and errors, errors only."""
        now = self._lines.least
        self.set_least(LEVELS[(LEVELS.index(now) + 1) % len(LEVELS)])

    def action_since(self) -> None:
        """All that is here, from now on, the last minutes, the last hour, all."""
        self._look_back((self._past + 1) % len(PAST))

    def _look_back(self, number: int) -> None:
        self._past, past = number, PAST[number]
        since = self.now() - past.span if past.span is not None else None
        self._sift(lambda lines: setattr(lines, "since", since))
        if past.ask:
            self.post_message(self.PastWanted(self, past))

    def action_only(self) -> None:
        """The log of the line's container alone, or all again."""
        line = self.selected
        if line is not None and line.container_id and not self._only:
            self.choose([(line.container_id, line.source)])
        else:
            self.choose(())

    def action_ask(self, what: str) -> None:
        """Have the screen do something with it."""
        self.post_message(self.Wanted(self, what))
