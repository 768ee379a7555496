"""The wizard as it is seen, at the smallest and at a generous size."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from netwiz.tui.prefill import Prefill
from tests.screens import samples
from tests.screens.wizard_app import Script, WizardApp, settle

Make = Callable[[], WizardApp]

VIEWS: dict[str, tuple[Make, tuple[str, ...]]] = {
    "1-symptom": (lambda: WizardApp(prefill=Prefill()), ()),
    "2-client": (lambda: WizardApp(prefill=Prefill(symptom="refused")), ()),
    "3-target": (lambda: WizardApp(prefill=Prefill("order", "", "refused")), ()),
    "3-bad-target": (
        lambda: WizardApp(prefill=Prefill("order", "", "refused")),
        ("p", "g", ":", "0", "enter"),
    ),
    "4-walking": (lambda: WizardApp(Script(samples.REFUSED, hold=3)), ()),
    "4-fault": (WizardApp, ()),
    "4-fault-walk": (WizardApp, ("1",)),
    "4-reject": (lambda: WizardApp(Script(samples.FORWARD_REJECT)), ()),
    "4-healthy": (lambda: WizardApp(Script(samples.HEALTHY)), ()),
    "4-undetermined": (lambda: WizardApp(Script(samples.UNDETERMINED)), ()),
    "5-step": (WizardApp, ("1", "enter")),
    "5-override": (WizardApp, ("1", "o")),
    "6-mended": (lambda: WizardApp(Script(samples.REFUSED, samples.HEALTHY)), ("v",)),
}


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
@pytest.mark.parametrize("view", VIEWS)
def test_view(
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    view: str,
    size: tuple[int, int],
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    make, keys = VIEWS[view]

    async def to_there(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await pilot.press(*keys)
        await settle(pilot)

    assert snap_compare(make(), terminal_size=size, run_before=to_there)


@pytest.mark.parametrize("view", ["2-client", "4-fault-walk"])
def test_without_colour(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    make, keys = VIEWS[view]

    async def to_there(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await pilot.press(*keys)
        await settle(pilot)

    assert snap_compare(make(), terminal_size=(80, 24), run_before=to_there)
