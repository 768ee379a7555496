"""The overview as it is seen, at the smallest and at a generous size."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from netwiz.probes.facts import LogLine, Snapshot
from tests.screens import machines
from tests.screens.overview_app import OverviewApp, settled

BOTH = [(80, 24), (200, 60)]
VIEWS: dict[str, tuple[Snapshot, Sequence[LogLine], tuple[str, ...]]] = {
    "busy": (machines.BUSY, machines.LINES, ()),
    "empty": (machines.EMPTY, (), ()),
    "no-engine": (machines.NO_ENGINE, (), ()),
    "not-root": (machines.NOT_ROOT, machines.LINES, ()),
    "hostile": (machines.HOSTILE, machines.HOSTILE_LINES, ("3",)),
    "filter": (machines.BUSY, machines.LINES, ("3", "slash", "E", "C", "O")),
    "suspects": (machines.BUSY, machines.LINES, ("s",)),
    "held": (machines.BUSY, machines.LINES, ("3", "N")),
    "networks": (machines.BUSY, machines.LINES, ("1", "h", "j")),
    "zoomed": (machines.BUSY, machines.LINES, ("2", "plus")),
    "help": (machines.BUSY, machines.LINES, ("question_mark",)),
    "reader": (machines.BUSY, machines.LINES, ("3", "k", "enter")),
}


def there(keys: Sequence[str]) -> Callable[[Pilot[Any]], Any]:
    async def go(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press(*keys)
        await pilot.pause()

    return go


@pytest.mark.parametrize("size", BOTH, ids=["80x24", "200x60"])
@pytest.mark.parametrize("view", VIEWS)
def test_view(
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    view: str,
    size: tuple[int, int],
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    snapshot, lines, keys = VIEWS[view]
    app = OverviewApp(snapshot, lines)
    assert snap_compare(app, terminal_size=size, run_before=there(keys))


def test_narrow(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert snap_compare(OverviewApp(), terminal_size=(50, 24), run_before=there(()))


def test_without_colour(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = OverviewApp()
    assert snap_compare(app, terminal_size=(80, 24), run_before=there(("3",)))
