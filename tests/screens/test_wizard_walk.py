"""The last step of the wizard: walking, looking, copying, exporting, proving."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from netwiz.probes.facts import SnapshotTaken
from netwiz.probes.requests import TakeSnapshot
from netwiz.tui.keys import sections
from netwiz.tui.screens.wizard_dialogs import OverrideChoice, StepDetail
from netwiz.tui.screens.wizard_pane import WalkPane
from netwiz.widgets.lines import clip
from netwiz.wizard.verdict import Result
from tests.screens import samples, shop
from tests.screens.wizard_app import (
    Broken,
    Script,
    WizardApp,
    notice,
    settle,
    text_of,
)


async def test_a_prefilled_case_goes_right_to_its_verdict() -> None:
    app = WizardApp()
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        shown = text_of(app)
        assert app.script.cases == [samples.CASE]
        assert "The service listens on 127.0.0.1 only" in shown
        assert "✗ who listens on port 3000 there?" in shown
        assert "not asked: the RST is pg's" in shown
        assert "✗ RST" in shown
        assert "docker compose -p shop up -d --force-recreate pg" in shown
        assert "step 4 of 4" in shown
        assert "0.2 s" in shown


async def test_the_walk_is_shown_as_it_happens() -> None:
    app = WizardApp(Script(samples.REFUSED, hold=2))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        shown = text_of(app)
        assert "✓ does pg run?" in shown
        assert "… who refused?" in shown
        assert "not yet" in shown
        app.script.released.set()
        await settle(pilot)
        assert "Root cause" in text_of(app)


async def test_escape_leaves_a_running_walk_and_stops_it() -> None:
    app = WizardApp(Script(samples.REFUSED, hold=1))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert app.script.cancelled == 1
        assert "step 3 of 4" in text_of(app)


async def test_leaving_the_wizard_stops_the_walk() -> None:
    app = WizardApp(Script(samples.REFUSED, hold=1))
    async with app.run_test() as pilot:
        await settle(pilot)
        await app.pop_screen()
        await pilot.pause()
        assert app.script.cancelled == 1


async def test_enter_opens_a_step_with_its_evidence_and_command() -> None:
    app = WizardApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("1", "enter")
        assert isinstance(app.screen, StepDetail)
        shown = text_of(app)
        assert "in pg: LISTEN 127.0.0.1:3000" in shown
        assert "$ nsenter -t 4121 -n ss -ltnp" in shown
        await pilot.press("y")
        assert app.copied == ["nsenter -t 4121 -n ss -ltnp"]
        await pilot.press("left")
        assert "who refused?" in text_of(app)
        await pilot.press("escape")
        assert app.wizard.is_current
        assert app.wizard.query_one(WalkPane).walk_view.step == samples.WHO_STEP


async def test_an_override_walks_on_from_there_and_can_be_taken_back() -> None:
    overridden = samples.overridden(samples.FORWARD_REJECT)
    app = WizardApp(Script(samples.REFUSED, overridden, samples.REFUSED))
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await pilot.press("1", "up", "o")
        assert isinstance(app.screen, OverrideChoice)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert app.script.overrides == [{}, {"who": "host"}]
        assert "[your answer]" in text_of(app)
        assert "rests on your own answer" in text_of(app)
        # The cursor is where one would take it back.
        step = app.wizard.query_one(WalkPane).walk_view.step
        assert step is not None
        assert step.overridden
        await pilot.press("1", "o", "end", "enter")
        await settle(pilot)
        assert app.script.overrides[-1] == {}
        assert "[your answer]" not in text_of(app)


async def test_a_step_without_another_answer_says_so() -> None:
    app = WizardApp()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("1", "end", "o")
        assert app.screen is app.wizard
        assert "no other answer" in notice(app)


async def test_prove_it_looks_anew_and_compares() -> None:
    app = WizardApp(Script(samples.REFUSED, samples.HEALTHY))
    new_id = "f" * 64
    taken = SnapshotTaken(snapshot=shop.recreated(new_id))
    app.machine.answers[TakeSnapshot(fresh=True)] = taken
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("v")
        await settle(pilot)
        assert TakeSnapshot(fresh=True) in app.machine.asked
        assert app.script.cases[-1].client.container_id == new_id
        shown = text_of(app)
        assert "was: refused, service-bound-loopback  →  now: healthy" in shown


async def test_copy_takes_the_fix_from_the_verdict_and_the_report_from_elsewhere() -> (
    None
):
    app = WizardApp()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("y")
        assert app.copied == ["docker compose -p shop up -d --force-recreate pg"]
        await pilot.press("1", "y")
        assert "service-bound-loopback" in app.copied[-1]
        assert "copied the report" in notice(app)


async def test_export_writes_a_report_and_never_overwrites(tmp_path: Path) -> None:
    app = WizardApp(folder=tmp_path)
    async with app.run_test(size=(200, 40)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        first = tmp_path / "netwiz-order-pg-3000-20261121-0204.md"
        assert f"report written to {first}" in notice(app)
        await pilot.press("e")
        await settle(pilot)
    second = tmp_path / "netwiz-order-pg-3000-20261121-0204-2.md"
    written = {path.name: path for path in tmp_path.glob("*")}  # noqa: ASYNC240
    assert set(written) == {first.name, second.name}
    assert "service-bound-loopback" in written[second.name].read_text()


async def test_export_into_a_folder_that_is_not_there_is_one_line() -> None:
    app = WizardApp(folder=Path("/nonexistent/folder"))
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert "✗ cannot write a report to /nonexistent/folder" in notice(app)
        assert "No such file" in notice(app)


async def test_step_mode_asks_one_question_per_space() -> None:
    app = WizardApp(Script(samples.REFUSED, samples.REFUSED))
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await pilot.press("s", "v")
        await settle(pilot, walked=False)
        assert "paused: space asks it" in text_of(app)
        for answered in ("does pg run?", "who refused?", "who listens"):
            assert f"✓ {answered}" not in text_of(app)
            await pilot.press("space")
            await settle(pilot, walked=False)
            assert f"… {answered}" in text_of(app)
        await pilot.press("space")
        await settle(pilot)
        assert "Root cause" in text_of(app)


async def test_leaving_step_mode_runs_to_the_end() -> None:
    app = WizardApp(Script(samples.REFUSED, samples.REFUSED))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("s", "v")
        await settle(pilot, walked=False)
        assert app.wizard.query_one(WalkPane).diagnosis is None
        await pilot.press("s")
        await settle(pilot)
        assert app.wizard.query_one(WalkPane).diagnosis == samples.REFUSED


async def test_what_was_said_on_the_way_does_not_outlive_the_walk() -> None:
    app = WizardApp(Script(samples.REFUSED, samples.REFUSED))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert "step by step" in notice(app)
        await pilot.press("v")
        await settle(pilot, walked=False)
        assert notice(app) == ""
        await pilot.press("s")
        await settle(pilot)
        assert app.wizard.query_one(WalkPane).diagnosis == samples.REFUSED
        assert notice(app) == ""


async def test_without_colours_the_cursor_says_which_list_has_the_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = WizardApp()
    async with app.run_test() as pilot:
        await settle(pilot)
        view = app.wizard.query_one(WalkPane).walk_view

        def styles() -> set[tuple[bool, bool]]:
            strips = [view.render_line(y) for y in range(view.size.height)]
            pieces = [piece.style for strip in strips for piece in strip]
            marked = [s for s in pieces if s and (s.reverse or s.underline)]
            return {(bool(s.reverse), bool(s.underline)) for s in marked}

        assert styles() == {(False, True)}
        await pilot.press("1")
        await settle(pilot)
        assert styles() == {(True, False)}


async def test_a_reasoning_that_breaks_ends_in_words() -> None:
    app = WizardApp(Broken(samples.REFUSED))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        diagnosis = app.wizard.query_one(WalkPane).diagnosis
        assert diagnosis is not None
        assert diagnosis.result is Result.UNDETERMINED
        assert "a defect of netwiz: ZeroDivisionError" in text_of(app)
        assert "what does the name pg mean?" in text_of(app)


async def test_a_machine_that_is_gone_ends_in_undetermined() -> None:
    app = WizardApp(real_reasoning=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        diagnosis = app.wizard.query_one(WalkPane).diagnosis
        assert diagnosis is not None
        assert diagnosis.result is Result.UNDETERMINED
        assert "Undetermined" in text_of(app)
        assert app.machine.asked


async def test_every_key_of_the_wizard_has_a_name_of_its_own() -> None:
    here = [s for s in sections() if s.where in ("", "wizard")]
    ids = [b.id for section in here for b in section.bindings]
    assert None not in ids
    assert len(ids) == len(set(ids))
    app = WizardApp()
    async with app.run_test() as pilot:
        await settle(pilot)
        known = set(ids)
        bound = [b.binding for b in app.wizard.active_bindings.values()]
        ours = [b for b in bound if b.id and b.id.startswith(("walk.", "wizard."))]
        assert ours
        assert all(b.id in known for b in ours)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_all_of_the_verdict_can_be_reached(size: tuple[int, int]) -> None:
    app = WizardApp()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("G")
        await settle(pilot)
        assert "https://docs.docker.com/engine/network/" in text_of(app)


async def test_tab_gives_the_room_to_the_other_pane() -> None:
    app = WizardApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pane = app.wizard.query_one(WalkPane)
        rows = pane.walk_view.size.height
        assert 4 <= rows < pane.verdict_view.size.height
        await _press_until_walk(pilot, pane)
        await settle(pilot)
        assert pane.walk_view.size.height > rows
        assert pane.walk_view.max_scroll_y == 0
        assert pane.verdict_view.size.height >= 3


async def _press_until_walk(pilot: Pilot[None], pane: WalkPane) -> None:
    for _ in range(3):
        await pilot.press("tab")
        if pane.walk_view.has_focus:
            return


async def test_hostile_names_are_shown_and_never_obeyed() -> None:
    evil = shop.HOSTILE.name
    app = WizardApp(Script(samples.hostile(evil)))
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        shown = text_of(app)
        assert "[bold red]evil[/]" in shown
        assert clip(evil, 26)[:-1] in shown
        await pilot.press("1", "enter")
        assert "[@click=app.quit]x[/]" in text_of(app)
