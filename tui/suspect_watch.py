"""Lets the patrol go round, and tells the screen when suspects come, change or heal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from textual.message import Message

from netwiz.tui.messages import LinesArrived, SuspectsSeen, WorkFailed
from netwiz.tui.notes import note
from netwiz.tui.suspect_book import SuspectBook
from netwiz.wizard.suspects.suspect import Standing, Suspect

if TYPE_CHECKING:
    from netwiz.probes.engine.watch import EngineEvent
    from netwiz.probes.facts import Snapshot
    from netwiz.probes.facts.signs import Signs
    from netwiz.tui.feed import Feed, Patrols

CALM = timedelta(seconds=1.9)
"""A count that goes up is told no oftener than this; what is new, at once."""
AGAIN_S = 2.0
"""So often the book is read anew without a sign: silence changes things as well."""


class SuspectWatch:
    """Keeps the book, and posts a `SuspectsSeen` whenever what it says has changed."""

    def __init__(
        self,
        feed: Feed,
        post: Callable[[Message], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._feed = feed
        self._post = post
        self._now = now
        self._book = SuspectBook()
        self._patrol: Patrols | None = None
        self._told: tuple[Suspect, ...] | None = None
        """None before the first time: that there are none is worth being told."""
        self._heads: tuple[tuple[str, Standing, str], ...] = ()
        self._posted = datetime.min.replace(tzinfo=UTC)
        self._standings: dict[str, Standing] = {}
        self._blind: tuple[str, ...] = ()
        self._told_blind: tuple[str, ...] = ()
        self._looked = False

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """As they were told last."""
        return self._told or ()

    def know(self, snapshot: Snapshot) -> None:
        """The machine as it is now."""
        self._looked = True
        self._book.know(snapshot)
        if self._patrol is not None:
            self._patrol.place_changed(snapshot)
        self.tell()

    def happened(self, events: Iterable[EngineEvent]) -> None:
        """What the engine told."""
        self._book.happened(events)

    def heard(self, suspects: Sequence[Suspect]) -> None:
        """What log lines gave away."""
        if suspects:
            self._book.note(suspects)
            self.tell()

    async def run(self) -> None:
        """Until cancelled; what goes wrong with the patrol is told, once."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_again())
            try:
                async with self._feed.patrol() as patrol:
                    self._patrol = patrol
                    async for signs in patrol:
                        self._take(signs)
            except Exception as error:  # noqa: BLE001 - the rest of the screen goes on
                self._post(WorkFailed(f"nobody looks for suspects any more: {error!r}"))
            finally:
                self._patrol = None

    def tell(self) -> None:
        """Post what the book says, if that has changed; nothing before a snapshot."""
        if not self._looked:
            return
        now = self._now()
        suspects = self._book.all(now)
        if self._patrol is not None:
            self._patrol.awaits(self._book.awaited(now))
        # The score moves all the time; what it is for is the order.
        plain = tuple(replace(one, score=0.0) for one in suspects)
        heads = tuple((one.key, one.standing, one.text) for one in suspects)
        news = heads != self._heads
        unchanged = plain == self._told or (not news and now - self._posted < CALM)
        # An empty list means little where nobody can look: that is told, too.
        if unchanged and self._blind == self._told_blind:
            return
        self._told_blind = self._blind
        self._told, self._heads, self._posted = plain, heads, now
        self._note(plain, now)
        self._post(SuspectsSeen(suspects, self._blind))

    # Inside

    def _take(self, signs: Signs) -> None:
        self._blind = signs.blind
        if signs.signs:
            self._book.note_signs(signs.signs)
        if signs.signs or self._blind != self._told_blind:
            self.tell()

    async def _read_again(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_S)
            self.tell()

    def _note(self, suspects: Sequence[Suspect], now: datetime) -> None:
        """Put what netwiz found by itself, and what healed, into the time line."""
        lines = []
        for one in suspects:
            before = self._standings.get(one.key)
            if one.own:
                continue  # an event of the engine says so already
            # And what a log says stands there, too.
            if one.active and before is not Standing.ACTIVE and not one.error:
                lines.append(note(one.at or now, f"suspect: {_words(one)}"))
            elif one.standing is Standing.HEALED and before is Standing.ACTIVE:
                lines.append(note(one.since or now, f"healed: {_words(one)}"))
        self._standings = {one.key: one.standing for one in suspects}
        if lines:
            self._post(LinesArrived(tuple(lines)))


def _words(suspect: Suspect) -> str:
    """``order -> pg:3000 refused``."""
    ends = f"{suspect.client} -> {suspect.target}" if suspect.client else suspect.target
    return f"{ends} {suspect.symptom}".strip()
