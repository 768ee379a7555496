"""The keys of the moment, in the last line of every screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

BETWEEN = 1
"""Columns between two keys."""
KEPT = "help"
"""The action that leads to all the keys that are not there: it never goes."""


class KeyLine(Footer):
    """A footer that leaves out whole keys where it is too narrow, and cuts none.

    The actions of `spare` go first, in that order, then the last of the others; help is
    always there.
    """

    def __init__(self, *, spare: Sequence[str] = ()) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._spare = tuple(spare)

    def compose(self) -> ComposeResult:
        made = list(super().compose())
        self._fit([one for one in made if isinstance(one, FooterKey)])
        yield from made

    def on_resize(self, event: events.Resize) -> None:
        """Another width has room for other keys."""
        del event
        self._fit(list(self.query(FooterKey)))

    def _fit(self, keys: Sequence[FooterKey]) -> None:
        widths = [cell_len(f"{key.key_display} {key.description}") for key in keys]
        gone = left_out([key.action for key in keys], widths, self._room, self._spare)
        for number, key in enumerate(keys):
            key.display = number not in gone

    @property
    def _room(self) -> int:
        """It is as wide as the screen; before the first layout it does not know."""
        return self.size.width or self.app.size.width


def left_out(
    actions: Sequence[str], widths: Sequence[int], room: int, spare: Sequence[str]
) -> set[int]:
    """Which of these keys do not fit, by their index."""
    gone: set[int] = set()
    left = sum(widths) + BETWEEN * (len(widths) - 1)
    # Actions of the application itself are written `app.help`.
    names = [action.rpartition(".")[2] for action in actions]
    first = [names.index(name) for name in spare if name in names]
    others = [number for number in range(len(names)) if number not in first]
    for number in (*first, *reversed(others)):
        if left <= room:
            break
        if names[number] != KEPT:
            gone.add(number)
            left -= widths[number] + BETWEEN
    return gone
