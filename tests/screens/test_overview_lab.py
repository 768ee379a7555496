"""The overview on a real engine: what happens there comes to the screen by itself.

How soon is for the benchmarks: on a busy machine it may take its time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from netwiz.tui.app import NetwizApp
from netwiz.tui.screens.overview import OverviewScreen
from netwiz.widgets.container_row import Row
from netwiz.widgets.status_line import StatusLine
from tests.bench import shop
from tests.lab.engine import Lab
from tests.screens.overview_app import until

pytestmark = pytest.mark.lab
COMPLAINS = "echo 'connect ECONNREFUSED 172.28.0.3:3000 [red]'; sleep 86400"


@pytest.fixture
def raised(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab.restore()
    shop.raise_shop(lab)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{lab.names.socket}")
    return lab


class Seen:
    """What is on the overview now."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot
        screen = pilot.app.screen_stack[0]
        assert isinstance(screen, OverviewScreen)
        self.screen = screen

    @property
    def rows(self) -> dict[str, Row]:
        return {row.name: row for row in self.screen.containers.items}

    @property
    def lines(self) -> list[str]:
        return [f"{x.source} {x.text}" for x in self.screen.live.log_view.lines.all]

    @property
    def status(self) -> str:
        return self.screen.query_one(StatusLine).render().plain


@asynccontextmanager
async def overview(*names: str) -> AsyncIterator[Seen]:
    app = NetwizApp()
    async with app.run_test(size=(200, 60)) as pilot:
        seen = Seen(pilot)
        await until(pilot, lambda: set(names) <= set(seen.rows))
        yield seen


async def test_what_happens_is_seen_and_the_cursor_stays(raised: Lab) -> None:
    async with overview("order", "good", "bad") as seen:
        pane = seen.screen.containers
        pane.select(seen.rows["good"].key)
        chosen = pane.selected_key
        raised.docker(
            *("run", "-d", "--name", "aa", "--network", "shop", "-p", "8099:80"),
            *("lab/busybox", "sh", "-c", COMPLAINS),
        )
        await until(seen.pilot, lambda: "aa" in seen.rows)
        await until(seen.pilot, lambda: "aa started" in seen.lines)
        await until(seen.pilot, lambda: seen.rows["aa"].suspect)
        assert seen.rows["aa"].ports == "8099→80"
        assert seen.rows["aa"].networks == "shop"
        assert "aa connect ECONNREFUSED 172.28.0.3:3000 [red]" in seen.lines
        # This machine's own namespace is patrolled as well: there may be more.
        assert "suspect" in seen.status

        raised.docker("network", "connect", "bridge", "aa")
        await until(seen.pilot, lambda: "bridge" in seen.rows["aa"].networks)
        raised.docker("network", "disconnect", "bridge", "aa")
        await until(seen.pilot, lambda: "bridge" not in seen.rows["aa"].networks)
        raised.docker("kill", "aa")
        await until(seen.pilot, lambda: not seen.rows["aa"].running)
        assert "exited 137" in seen.rows["aa"].text
        raised.docker("rm", "aa")
        await until(seen.pilot, lambda: "aa" not in seen.rows)
        assert pane.selected_key == chosen


async def test_listeners_are_read_without_being_asked(raised: Lab) -> None:
    async with overview("order", "good", "bad") as seen:
        await until(seen.pilot, lambda: seen.rows["bad"].listens)
        assert "127.0.0.1:3000" in seen.rows["bad"].text
        assert ":3000" in seen.rows["good"].text


async def test_the_engine_restarts(raised: Lab) -> None:
    async with overview("order", "good", "bad") as seen:
        raised.restart_engine()
        await until(seen.pilot, lambda: any("engine gone" in x for x in seen.lines))
        await until(seen.pilot, lambda: "engine gone" not in seen.status)
        raised.docker("run", "-d", "--name", "later", "lab/busybox", "sleep", "86400")
        await until(seen.pilot, lambda: "later" in seen.rows)


async def test_many_lines_at_once_do_not_hold_the_keys_up(raised: Lab) -> None:
    flood = (
        "i=0; until [ -e /tmp/enough ]; do i=$((i+1)); echo line $i; done;"
        "echo the last; sleep 86400"
    )
    async with overview("order", "good", "bad") as seen:
        pane = seen.screen.containers
        pane.action_first()
        raised.docker("run", "-d", "--name", "flood", "lab/busybox", "sh", "-c", flood)
        await until(
            seen.pilot, lambda: any("flood line" in x for x in seen.lines[-50:])
        )
        # The lines go on and on: who holds the key up for them, does so for ever.
        async with asyncio.timeout(60):
            await seen.pilot.press("j")
        assert pane.selected_key == pane.key_of(pane.items[1])
        assert "flood the last" not in seen.lines
        raised.docker("exec", "flood", "touch", "/tmp/enough")
        await until(seen.pilot, lambda: "flood the last" in seen.lines)
