"""The Suspects tab: what netwiz found to fail by itself, the gravest first.

The suspect under the cursor shows its evidence below; what is over is dim and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message

from netwiz.widgets.filtering import Filter
from netwiz.widgets.lines import Line
from netwiz.widgets.list_pane import ListPane
from netwiz.widgets.suspects import Suspect
from netwiz.widgets.suspects_draw import WORDS, draw_evidence, draw_suspects

LOOKING: tuple[Line, ...] = ((("looking around …", "dim"),),)
NOTHING: tuple[Line, ...] = (
    (("✓ ", "good"), ("nothing fails, as far as netwiz sees", "")),
    (
        (
            "  half-open and refused connections, DNS, accept queues, restarts, logs"
            " of all containers are watched",
            "dim",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the list: a suspect, or one line of its evidence."""

    suspect: Suspect
    evidence: int = 0
    """Number of the line of evidence; 0 for the suspect itself."""

    @property
    def key(self) -> str:
        """Tells it from the other lines."""
        return f"{self.suspect.key}#{self.evidence}"


class SuspectsView(ListPane[Shown]):
    """A ranked list; only what changed is painted anew."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next(1)", "Next suspect", show=False, id="suspects.next"),
        Binding("N", "next(-1)", "Previous suspect", False, id="suspects.previous"),
    ]

    @dataclass
    class SuspectOpened(Message):
        """Somebody wants it diagnosed."""

        pane: SuspectsView
        suspect: Suspect

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._suspects: tuple[Suspect, ...] = ()
        self._unfolded = ""
        self._active_only = False
        self.empty = LOOKING

    @property
    def suspect(self) -> Suspect | None:
        """The one under the cursor."""
        return self.selected.suspect if self.selected else None

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """All of them."""
        return self._suspects

    def show_suspects(
        self, suspects: Sequence[Suspect], blind: Sequence[str] = ()
    ) -> None:
        """Show these instead; the cursor stays on its suspect."""
        self._suspects = tuple(suspects)
        told = tuple(((("! ", "odd"), (text, ""))) for text in blind)
        self.empty = told or NOTHING
        self._unfold()

    def show_active_only(self, only: bool) -> None:
        """Leave out what is over."""
        self._active_only = only
        self._unfold()

    # What the list asks

    def key_of(self, item: Shown) -> str:
        return item.key

    def text_of(self, item: Shown) -> str:
        one = item.suspect
        seen = " ".join(e.text for e in one.evidence)
        words = WORDS.get(one.symptom, "")
        return f"{one.client} {one.server} {one.text} {words} {one.why} {seen}"

    def kept(self, items: Sequence[Shown], wanted: Filter) -> Sequence[Shown]:
        found = super().kept(items, wanted)
        return [x for x in found if x.suspect.active or not self._active_only]

    def draw(self, items: Sequence[Shown], width: int) -> list[Line]:
        heads = [item.suspect for item in items if not item.evidence]
        drawn = iter(draw_suspects(heads, width))
        lines: list[Line] = []
        for item in items:
            if not item.evidence:
                lines.append(next(drawn))
                continue
            evidence = draw_evidence(item.suspect, width)
            number = item.evidence - 1
            lines.append(evidence[number] if number < len(evidence) else ())
        return lines

    # Inside

    @on(ListPane.Moved)
    def _moved(self, event: ListPane.Moved) -> None:
        if event.pane is self:
            self._unfold()

    def _unfold(self) -> None:
        """Put the evidence of the suspect under the cursor below it."""
        chosen = self.suspect.key if self.suspect else ""
        if chosen not in {one.key for one in self._suspects}:
            chosen = self._suspects[0].key if self._suspects else ""
        lines: list[Shown] = []
        for one in self._suspects:
            lines.append(Shown(one))
            if one.key == chosen:
                more = range(1, len(one.evidence) + 1)
                lines += (Shown(one, number) for number in more)
        self.show(lines)

    def action_move(self, by: int) -> None:
        """From suspect to suspect: the evidence is read, not chosen."""
        heads = [n for n, x in enumerate(self._shown) if not x.evidence]
        if not heads:
            return
        here = max((i for i, n in enumerate(heads) if n <= self._row), default=0)
        self._go(heads[max(0, min(here + by, len(heads) - 1))])

    def action_next(self, step: int) -> None:
        """To the next one that still fails."""
        row = self._row + step
        while 0 <= row < len(self._shown):
            item = self._shown[row]
            if not item.evidence and item.suspect.active:
                self._go(row)
                return
            row += step

    def action_open(self) -> None:
        if self.suspect is not None:
            self.post_message(self.SuspectOpened(self, self.suspect))
