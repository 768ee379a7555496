"""A scenario without netwiz: does it rise, break, show its symptom, and heal?"""

from __future__ import annotations

import time

from tests.lab import symptom
from tests.lab.engine import Lab
from tests.lab.scenario import Case, Round, Scenario
from tests.lab.stage import Stage
from tests.lab.state import PATIENCE_SECONDS, LabError, wait_until
from tests.lab.symptom import Seen


def stage(lab: Lab, play: Scenario) -> Stage:
    """A clean lab, the topology, the fault."""
    lab.restore(play.engine)
    raised = Stage(lab, play)
    raised.raise_topology()
    raised.break_it()
    return raised


def see(raised: Stage, case: Case, seconds: float = PATIENCE_SECONDS) -> Seen:
    """Look until the expected symptom is there; the last look, if it never is."""
    seen: list[Seen] = []

    def there() -> bool:
        try:
            to = raised.fill(case.to)
            seen.append(symptom.look(raised.lab, case.from_, to, case.times))
        except LabError as error:
            seen.append(Seen("no-vantage", (str(error),)))
        return seen[-1].symptom == case.symptom

    try:
        wait_until(there, case.symptom, seconds, step=0.05)
    except LabError:
        raise LabError(
            f"{case.from_} -> {case.to}: expected {case.symptom}, saw {seen[-1]}"
        ) from None
    return seen[-1]


def mend(raised: Stage, turn: Round) -> None:
    """Do the fix; where it is netwiz's own, do what that should come to."""
    for step in turn.fix:
        raised.act(step, [step.reference] if step.from_netwiz else [])


def check(lab: Lab, play: Scenario) -> str:
    """Everything that can be said about a scenario without netwiz."""
    begun = time.monotonic()
    raised = stage(lab, play)
    up = time.monotonic() - begun
    words = ""
    for turn in play.rounds:
        words += f"{see(raised, play.case_of(turn))} -> fixed: "
        mend(raised, turn)
    words += f"{see(raised, play.case_after)}" if not play.healthy else "nothing"
    return f"{words} [{up:.1f} s up, {time.monotonic() - begun:.1f} s in all]"
