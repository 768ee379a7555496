"""Every scenario: the symptom is there, netwiz names the cause, the fix heals."""

from pathlib import Path

import pytest

from tests.lab import check, judge, loader
from tests.lab.engine import Lab
from tests.lab.scenario import Case, Expect, Round
from tests.lab.stage import Stage

HEALTHY = Expect(outcome="healthy")


@pytest.mark.lab
@pytest.mark.parametrize("path", loader.by_engine(), ids=loader.identify)
def test_netwiz_names_the_cause_and_its_cure_works(lab: Lab, path: Path) -> None:
    play = loader.load(path)
    raised = check.stage(lab, play)
    for turn in play.rounds:
        case = play.case_of(turn)
        check.see(raised, case)
        verdict = _diagnose(raised, case, turn.expect)
        if turn.expect.outcome != "fault":
            return
        _mend(raised, turn, verdict)
    check.see(raised, play.case_after)
    _diagnose(raised, play.case_after, HEALTHY)


def _mend(raised: Stage, turn: Round, verdict: judge.Verdict) -> None:
    assert not (found := judge.left_out(verdict, turn.fix)), found
    for step in turn.fix:
        commands = judge.commands(verdict, step) if step.from_netwiz else []
        assert commands or not step.from_netwiz, f"no commands in {verdict.cause}"
        raised.act(step, commands)


def _diagnose(raised: Stage, case: Case, expect: Expect) -> judge.Verdict:
    verdict = judge.diagnose(raised, case)
    found = judge.complaints(verdict, judge.expected(raised, expect))
    told = f"{verdict.command}\n{verdict}\n{verdict.told}\n{verdict.stderr}"
    assert not found, "\n".join([*found, told])
    return verdict
