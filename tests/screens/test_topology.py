"""The map as it is seen and used, on a fake machine; and live, on the lab."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from netwiz.probes.facts import Finding
from netwiz.probes.requests import ReadTraffic, Request
from netwiz.tui.app import NetwizApp
from netwiz.tui.screens.topology import TopologyScreen
from netwiz.tui.screens.wizard import WizardScreen
from tests.bench import shop
from tests.lab.engine import Lab
from tests.screens import machines
from tests.screens.overview_app import OverviewApp, settled, until
from tests.widgets.test_topology import reading, with_macs


class BusyApp(OverviewApp):
    """The busy machine, on which a byte has passed at every device."""

    def __init__(self) -> None:
        self.shop = with_macs(machines.BUSY)
        super().__init__(self.shop)
        self.readings = 0
        perform = self.fake.machine.perform

        async def answer(request: Request) -> Finding:
            if isinstance(request, ReadTraffic):
                self.readings += 1
                return reading(self.shop, 2 * self.readings, order=self.readings)
            return await perform(request)

        self.fake.machine.perform = answer  # type: ignore[method-assign]


async def opened(pilot: Pilot[Any]) -> TopologyScreen:
    await settled(pilot)
    await pilot.press("t")
    app = pilot.app
    assert isinstance(app, BusyApp)
    screen = app.screen
    assert isinstance(screen, TopologyScreen)
    await until(pilot, lambda: app.readings >= 1)
    screen.map.note(reading(app.shop, 60, order=5))
    await pilot.pause()
    return screen


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
def test_view(
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("netwiz.tui.screens.topology.EVERY_S", 3600)

    async def there(pilot: Pilot[Any]) -> None:
        await opened(pilot)

    assert snap_compare(BusyApp(), terminal_size=size, run_before=there)


async def test_the_wizard_opens_for_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwiz.tui.screens.topology.EVERY_S", 3600)
    async with BusyApp().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        order = next(r for r in screen.map.items if r.name == "order")
        assert screen.map.select(screen.map.key_of(order))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, WizardScreen))


async def test_filter_back_and_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwiz.tui.screens.topology.EVERY_S", 3600)
    async with BusyApp().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await pilot.press("slash", "p", "g", "enter")
        names = [row.name for row in screen.map._shown]
        assert names == ["prod-01", "shop_back", "shop_default", "pg"]
        await pilot.press("escape")
        assert len(screen.map._shown) == len(screen.map.items)
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, TopologyScreen)


async def test_the_picture_is_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("netwiz.tui.screens.topology.EVERY_S", 3600)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with BusyApp().run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("e")
        await until(pilot, lambda: list(tmp_path.glob("netwiz/map-*.svg")))
    mode, text = one_file(tmp_path / "netwiz")
    assert mode == 0o600
    assert "edge-proxy" in text
    assert "prod-01" in text


def one_file(folder: Path) -> tuple[int, str]:
    (found,) = folder.iterdir()
    return found.stat().st_mode & 0o777, found.read_text()


@pytest.mark.lab
async def test_real_traffic_is_seen_on_its_line(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.restore()
    shop.raise_shop(lab)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{lab.names.socket}")
    monkeypatch.setattr("netwiz.tui.screens.topology.EVERY_S", 0.1)
    loop = "while :; do echo x | nc -w 1 good 3000 >/dev/null; done"
    async with NetwizApp().run_test(size=(140, 50)) as pilot:
        overview = pilot.app.screen
        await until(
            pilot,
            lambda: {"order", "good"} <= {r.name for r in overview.containers.items},  # type: ignore[attr-defined]
        )
        await pilot.press("t")
        screen = pilot.app.screen
        assert isinstance(screen, TopologyScreen)
        order = next(r for r in screen.map.items if r.name == "order")

        def pulse() -> float:
            found = screen.map._drawing.pulse_of(order)
            return 0.0 if found is None else found.into + found.out

        await until(pilot, lambda: screen.map._drawing.pulse_of(order) is not None)
        lab.docker("exec", "-d", "order", "sh", "-c", loop)
        await until(pilot, lambda: pulse() > 1000)
        drawn = [
            "".join(text for text, _ in line)
            for line in screen.map.picture(140)
            if any(text.strip() == "order" for text, _ in line)
        ]
        assert "●" in drawn[0]
        assert "↓" in drawn[0]
