"""The Suspects tab on the real application: what the patrol tells is on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

from netwiz.probes.facts.signs import SeenBy, Sign, SignKind, Signs
from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.wizard import WizardScreen
from netwiz.widgets.lines import plain_text
from netwiz.widgets.suspects import Standing
from tests.screens import machines
from tests.screens.fake_feed import FakePatrol
from tests.screens.overview_app import OverviewApp, settled, until

SIZE = (120, 40)
EDGE, PG = "172.18.0.9", "172.18.0.2"


def refused(seconds: float, client: str = EDGE, server: str = PG) -> Sign:
    """A RST to a SYN, so long after the minute before now."""
    return Sign(
        SignKind.REFUSED,
        SeenBy.PACKETS,
        machines.NOW - timedelta(seconds=20 - seconds),
        None,
        client,
        40000 + int(seconds * 10),
        server,
        5432,
        text=f"{server} answered the handshake with RST",
    )


FAULT = tuple(refused(n) for n in range(4))
AGAIN = replace(refused(9), kind=SignKind.WORKED, text="the handshake was answered")


def told(app: OverviewApp) -> list[str]:
    return [f"{s.client} {s.text}" for s in app.overview.suspects.suspects if s.active]


async def test_what_the_patrol_sees_is_a_suspect_everywhere() -> None:
    app = OverviewApp(machines.BUSY, lines=())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        before = len(told(app))
        app.fake.see(*FAULT)
        await until(pilot, lambda: len(told(app)) == before + 1)
        assert f"edge-proxy refused {PG}:5432" in told(app)
        assert f"⚠ {before + 1} suspects" in app.status
        row = next(r for r in app.overview.containers.items if r.name == "edge-proxy")
        assert row.suspect
        assert row.suspect.text == f"refused {PG}:5432"
        notes = [x.text for x in app.overview.live.log_view.lines.view]
        assert f"suspect: edge-proxy -> {PG}:5432 refused" in notes


async def test_one_refusal_is_nobodys_business() -> None:
    app = OverviewApp(machines.BUSY, lines=())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        before = told(app)
        app.fake.see(FAULT[0])
        # A fault of somebody else, told later, shows that the first was looked at.
        app.fake.see(*(refused(n, "172.18.0.3") for n in range(4)))
        await until(pilot, lambda: len(told(app)) > len(before))
        assert not [x for x in told(app) if x.startswith("edge-proxy refused")]


async def test_its_evidence_unfolds_and_it_opens_the_wizard() -> None:
    app = OverviewApp(machines.EMPTY, lines=())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.fake.see(*FAULT)
        await until(pilot, lambda: told(app))
        app.overview.live.show_tab("Suspects")
        await pilot.press("3")
        view = app.overview.suspects
        await until(pilot, lambda: len(view._drawn) == 2)
        text = plain_text(view._drawn)
        assert f"{PG} answered the handshake with RST" in text
        assert "4×" in text
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        assert isinstance(app.screen, WizardScreen)
        wanted = Prefill(client="outside", target=f"{PG}:5432", symptom="refused")
        assert app.screen._prefill == wanted


async def test_it_heals_on_the_screen() -> None:
    app = OverviewApp(machines.EMPTY, lines=())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.fake.see(*FAULT)
        await until(pilot, lambda: "⚠ 1 suspect" in app.status)
        app.fake.see(AGAIN)
        await until(pilot, lambda: "suspect" not in app.status)
        (one,) = app.overview.suspects.suspects
        assert one.standing is Standing.HEALED
        notes = [x.text for x in app.overview.live.log_view.lines.view]
        assert notes[-1].startswith("healed: outside ->")
        # And whoever wants only what fails now, need not see it.
        await pilot.press("s")
        assert app.overview.suspects.selected is None


async def test_an_empty_list_says_what_is_watched() -> None:
    app = OverviewApp(machines.EMPTY, lines=())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.overview.live.show_tab("Suspects")
        await pilot.press("3")
        await pilot.pause()
        assert "nothing fails" in plain_text(app.overview.suspects.empty)


async def test_an_empty_list_is_no_good_news_where_nobody_can_look() -> None:
    app = OverviewApp(machines.EMPTY, lines=())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        blind = ("packets: not permitted",)
        app.fake.patrols.queue.put_nowait(Signs(at=machines.NOW, blind=blind))
        view = app.overview.suspects
        await until(pilot, lambda: "not permitted" in plain_text(view.empty))
        assert "nothing fails" not in plain_text(view.empty)


class Broken(FakePatrol):
    """A patrol that falls over at once."""

    async def __aiter__(self) -> AsyncIterator[Signs]:
        nothing: tuple[Signs, ...] = ()
        for signs in nothing:
            yield signs
        raise OSError("no sockets")


async def test_a_patrol_that_breaks_is_told_and_the_rest_goes_on() -> None:
    app = OverviewApp(machines.BUSY)
    app.fake.patrols = Broken()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await until(pilot, lambda: app._notifications)
        words = [n.message for n in app._notifications]
        assert any("nobody looks for suspects any more" in x for x in words)
        assert "⚠ 4 suspects" in app.status
