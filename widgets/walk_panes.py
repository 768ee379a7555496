"""Walk and verdict beside each other, or above each other with the rows shared out."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from netwiz.widgets.verdict_view import VerdictView
from netwiz.widgets.walk_view import WalkView

BORDER = 2
LEAST_WALK = 4
"""So many rows of the walk are worth more than the verdict's later paragraphs."""
LEAST_VERDICT = 3
"""The title, and that there is more below it."""
WALK_SHARE = 0.4


def walk_rows(
    room: int, walk: int, verdict: int, essential: int, *, on_walk: bool
) -> int:
    """How many of the rows inside two stacked panes the walk should have.

    `walk` and `verdict` are what both would like, `essential` is how much of the
    verdict should stay in sight: the outcome and what it rests on. None of it is known
    while the walk goes on; then the steps get all there is, and nothing jumps.
    """
    if not essential:
        return room - verdict
    if walk + verdict <= room:
        return walk
    share = max(LEAST_WALK, round(room * WALK_SHARE))
    rows = max(min(share, room - essential), min(LEAST_WALK, room // 3))
    if on_walk:
        rows = max(rows, room - LEAST_VERDICT)
    return min(walk, rows)


class WalkPanes(Container):
    """The steps and what came of them."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._on_walk = True

    def compose(self) -> ComposeResult:
        yield WalkView(id="walk-steps")
        yield VerdictView(id="verdict")

    def on_resize(self) -> None:
        """There are other rows to share out."""
        self.share_out()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Where both do not fit, the one that is looked at gets more of the room."""
        on_walk = isinstance(event.widget, WalkView)
        if on_walk is not self._on_walk:
            self._on_walk = on_walk
            self.share_out()

    def share_out(self) -> None:
        """Give each pane its rows."""
        walk, verdict = self.query_one(WalkView), self.query_one(VerdictView)
        width, height = self.size
        if not self.screen.has_class("-narrow") or not height:
            walk.styles.clear_rule("height")
            return
        inside = width - BORDER
        rows = walk_rows(
            height - 2 * BORDER,
            walk.rows_at(inside),
            verdict.rows_at(inside),
            verdict.essential_rows_at(inside),
            on_walk=self._on_walk,
        )
        walk.styles.height = rows + BORDER
