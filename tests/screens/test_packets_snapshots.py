"""The packets as they are seen, at the smallest and at a generous size."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.packets import CaptureTapGone
from netwiz.tui.screens.capture_dialog import CaptureDialog
from netwiz.tui.screens.stream import StreamScreen
from tests.screens import packet_rows
from tests.screens.overview_app import OverviewApp
from tests.screens.packet_rows import counts
from tests.screens.packets_app import Capturing, capturing

BOTH = [(80, 24), (200, 60)]
Go = Callable[[Capturing], Awaitable[None]]


async def live(on: Capturing) -> None:
    await on.start()
    await on.say(
        Batch.of(packet_rows.rows(more=60)), counts(412_000, dropped=0, read=20_000)
    )


async def several(on: Capturing) -> None:
    """All at once, with a file and a container that has gone."""
    await on.press("C", *"errors", "enter")
    await on.until(lambda: on.app.fake.captures and on.capture.open)
    asked = on.capture.wanted
    told = packet_rows.started(replace(asked, taps=packet_rows.TAPS))
    written = replace(counts(9_000, dropped=12), file_bytes=5_200_000)
    await on.say(
        replace(told, path="/var/tmp/night.pcapng"),
        Batch.of(packet_rows.rows()),
        written,
        CaptureTapGone(tap=1, why="the container has stopped"),
    )
    await on.press("plus")


async def dialog(on: Capturing) -> None:
    await on.press("c", *"port", "space", *"3000", "space", *"an", "space", *"pg")
    below = on.app.screen.query_one("#filter-below")
    await on.until(lambda: "^^" in str(getattr(below, "content", "")))


async def again(on: Capturing) -> None:
    await live(on)
    await on.press("c")
    await on.until(lambda: isinstance(on.app.screen, CaptureDialog))


async def held(on: Capturing) -> None:
    await live(on)
    await on.press("plus", "k", "k", "m", "N")
    await on.rows(packet_rows.rows(81))
    await on.until(lambda: "20 new" in on.head)


async def filtered(on: Capturing) -> None:
    await live(on)
    await on.press("slash", *"pg:5432", "enter", "e")


async def nothing(on: Capturing) -> None:
    await on.start(*"port", "space", *"3000")
    await on.say(counts(0))
    await on.until(lambda: "0 seen" in on.counts)


async def packet(on: Capturing) -> None:
    await live(on)
    assert on.view.go_to(72)
    await on.press("enter")
    await on.until(lambda: "Ethernet" in on.detail)


async def stream(on: Capturing) -> None:
    await live(on)
    assert on.view.go_to(72)
    await on.press("f")
    screen = on.app.screen
    assert isinstance(screen, StreamScreen)
    await on.until(lambda: screen.done)


VIEWS: dict[str, Go] = {
    "live": live,
    "several": several,
    "dialog": dialog,
    "again": again,
    "held": held,
    "filtered": filtered,
    "nothing": nothing,
    "packet": packet,
    "stream": stream,
}


@pytest.mark.parametrize("size", BOTH, ids=["80x24", "200x60"])
@pytest.mark.parametrize("view", VIEWS)
def test_packets(
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    view: str,
    size: tuple[int, int],
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)

    async def there(pilot: Pilot[Any]) -> None:
        on = await capturing(pilot)
        await VIEWS[view](on)
        await pilot.pause()

    app = OverviewApp()
    assert snap_compare(app, terminal_size=size, run_before=there)


def test_packets_without_colour(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def there(pilot: Pilot[Any]) -> None:
        await held(await capturing(pilot))

    assert snap_compare(OverviewApp(), terminal_size=(80, 24), run_before=there)
