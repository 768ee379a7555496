"""The Networks pane: each network with its members, foldable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from netwiz.widgets.filtering import Filter
from netwiz.widgets.lines import Line, clip
from netwiz.widgets.list_pane import ListPane
from netwiz.widgets.network_rows import (
    HOST_KEY,
    NETNS_KEY,
    Detail,
    Head,
    Member,
    NetRow,
    groups_of,
)

if TYPE_CHECKING:
    from netwiz.probes.facts import Snapshot


class NetworksPane(ListPane[NetRow]):
    """A tree of two levels, drawn as a list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "fold(True)", "Fold", show=False, id="networks.fold"),
        Binding("right,l", "fold(False)", "Unfold", show=False, id="networks.unfold"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._folds: dict[str, bool] = {}
        self._groups: tuple[tuple[NetRow, ...], ...] = ()
        self._snapshot: Snapshot | None = None

    @property
    def client(self) -> str:
        """Whom the wizard would take for the client; empty on a network."""
        row = self.selected
        return row.client if row else ""

    @property
    def head(self) -> Head | None:
        """The network, or section of the host, that the cursor is in."""
        return self._head()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show these networks; what was folded stays folded."""
        self._snapshot = snapshot
        folds = dict(self._folds)
        if self.filter:
            folds = dict.fromkeys(
                (HOST_KEY, NETNS_KEY, *snapshot.networks_by_id), False
            )
        self._groups = groups_of(snapshot, folds)
        self.show([row for group in self._groups for row in group])

    def set_filter(self, pattern: str) -> None:
        """Filter members too that are folded away."""
        super().set_filter(pattern)
        if self._snapshot:
            self.show_snapshot(self._snapshot)

    def key_of(self, item: NetRow) -> str:
        return item.key

    def text_of(self, item: NetRow) -> str:
        return item.text

    def kept(self, items: Sequence[NetRow], wanted: Filter) -> Sequence[NetRow]:
        """A network stays whole when it matches itself, else with those that do."""
        if not wanted:
            return items
        left: list[NetRow] = []
        for head, *rest in self._groups:
            if wanted.matches(head.text):
                left += [head, *rest]
            elif found := [row for row in rest if wanted.matches(row.text)]:
                left += [head, *found]
        return left

    def draw(self, items: Sequence[NetRow], width: int) -> list[Line]:
        names = [cell_len(row.name) for row in items if isinstance(row, Member)]
        name = min(max(names, default=0), max(width // 2, 8))
        return [draw_row(row, name, width) for row in items]

    def action_fold(self, folded: bool) -> None:
        """Fold or unfold the network the cursor is in."""
        head = self._head()
        if head is None or self._snapshot is None or head.folded == folded:
            return
        self._folds[head.key] = folded
        if folded:
            self.select(head.key)
        self.show_snapshot(self._snapshot)

    def action_open(self) -> None:
        """Enter folds a network; on a member it is for the screen to act."""
        row = self.selected
        if isinstance(row, Head):
            self.action_fold(not row.folded)
        else:
            super().action_open()

    def _head(self) -> Head | None:
        key = self.selected_key
        for head, *rest in self._groups:
            if isinstance(head, Head) and key in (head.key, *(r.key for r in rest)):
                return head
        return None


def draw_row(row: NetRow, name_width: int, width: int) -> Line:
    """A row as a line."""
    if isinstance(row, Head):
        sign = "▸ " if row.folded else "▾ "
        count = f"  {row.count}" if row.folded and row.count else ""
        room = width - cell_len(sign + count)
        name = clip(row.name, max(room - min(cell_len(row.words) + 2, 9), 8))
        words = clip(f"  {row.words}", max(room - cell_len(name), 4))
        return ((sign, "dim"), (name, "strong"), (words, "dim"), (count, "label"))
    if isinstance(row, Detail):
        return (("  ", ""), (row.words, "dim"))
    tone = "" if row.running else "dim"
    name = clip(row.name, name_width)
    line = [("  ", ""), (name + " " * (name_width - cell_len(name)), tone)]
    line.append((f"  {row.address}", "code" if row.running else "dim"))
    if row.aliases:
        line.append((f"  {row.aliases}", "dim"))
    return tuple(line)
