"""What netwiz found stands in the time line, between what led to it."""

from __future__ import annotations

from dataclasses import replace

from netwiz.tui.notes import diagnosis_note
from netwiz.tui.screens.wizard_pane import WalkPane
from netwiz.widgets.timeline import LiveKind
from tests.screens import machines, samples
from tests.screens.overview_app import OverviewApp, settled, until


def test_a_cause_is_told_with_its_id() -> None:
    assert samples.REFUSED.cause is not None
    line = diagnosis_note(samples.REFUSED, machines.NOW)
    assert line.kind is LiveKind.NOTE
    assert line.text.startswith(f"diagnosed {samples.REFUSED.case.text}: ")
    assert samples.REFUSED.cause.title in line.text
    assert f"({samples.REFUSED.cause.id})" in line.text


def test_a_second_fault_is_counted() -> None:
    assert samples.REFUSED.cause is not None
    two = replace(samples.REFUSED, also=(samples.REFUSED.cause,))
    assert diagnosis_note(two, machines.NOW).text.endswith(", and 1 more")


def test_without_a_cause_the_summary_stands_there() -> None:
    line = diagnosis_note(samples.UNDETERMINED, machines.NOW)
    assert line.text.endswith(samples.UNDETERMINED.summary)


async def test_the_end_of_a_walk_comes_into_the_time_line() -> None:
    app = OverviewApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        app.post_message(WalkPane.Concluded(samples.HEALTHY))
        view = app.overview.live.log_view
        await until(
            pilot,
            lambda: any(
                line.text.startswith("diagnosed ") and line.kind is LiveKind.NOTE
                for line in view.lines.all
            ),
        )
