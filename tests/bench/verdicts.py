"""`python -m tests.bench.verdicts [words]`: how long a verdict takes, by symptom.

Every scenario of the lab (or those whose names hold one of the words) is raised, its
symptom is waited for, and the installed netwiz diagnoses it once. Said are the median
and the 95th percentile of `elapsed_ms`, per symptom and outcome, and every verdict that
was not the expected one.

`python -m tests.bench.verdicts --from FILE` sums up what a run of the scenarios' tests
wrote down by NETWIZ_TIMES=FILE.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.lab import check, judge, loader
from tests.lab.engine import Lab, why_impossible
from tests.lab.state import LabError


@dataclass(frozen=True, slots=True)
class Took:
    """One verdict."""

    scenario: str
    symptom: str
    outcome: str
    cause: str
    seconds: float
    right: bool


def measure(lab: Lab, path: Path) -> Took:
    """Raise a scenario and diagnose it once."""
    play = loader.load(path)
    raised = check.stage(lab, play)
    check.see(raised, play.case)
    verdict = judge.diagnose(raised, play.case)
    wrong = judge.complaints(verdict, judge.expected(raised, play.expect))
    symptom = "ok (healthy)" if play.healthy else play.case.symptom
    return Took(
        loader.identify(path),
        symptom,
        str(verdict.told.get("outcome", "none")),
        str(verdict.cause.get("id", "")),
        float(verdict.told.get("elapsed_ms", 0.0)) / 1000,
        not wrong,
    )


def read(file: Path) -> list[Took]:
    """The verdicts of a run of tests, which judged them itself."""
    rows = (json.loads(line) for line in file.read_text().splitlines())
    return [Took(**row, right=True) for row in rows]


def by_symptom(all_: Iterable[Took]) -> dict[str, list[float]]:
    """Seconds of each symptom's verdicts, sorted."""
    found: dict[str, list[float]] = {}
    for took in all_:
        found.setdefault(took.symptom, []).append(took.seconds)
    return {symptom: sorted(times) for symptom, times in sorted(found.items())}


def percentile(times: list[float], share: float) -> float:
    """The value below which so large a share lies (nearest rank)."""
    return times[min(len(times) - 1, int(share * len(times)))]


def times(all_: list[Took]) -> Iterable[str]:
    """How long they took, by symptom, as lines."""
    yield f"{'symptom':<14}{'verdicts':>9}{'median s':>10}{'p95 s':>8}{'longest s':>11}"
    for symptom, times in by_symptom(all_).items():
        yield (
            f"{symptom:<14}{len(times):>9}{statistics.median(times):>10.2f}"
            f"{percentile(times, 0.95):>8.2f}{times[-1]:>11.2f}"
        )


def table(all_: list[Took]) -> Iterable[str]:
    """The same, and which were not as expected."""
    yield from times(all_)
    right = sum(took.right for took in all_)
    yield f"{right} of {len(all_)} verdicts as expected"
    yield from (
        f"  not as expected: {t.scenario}: {t.outcome} {t.cause}"
        for t in all_
        if not t.right
    )


def main(words: list[str]) -> int:
    """Measure, print; 1 where a verdict is not the expected one."""
    if words[:1] == ["--from"]:
        print(*times(read(Path(words[1]))), sep="\n")
        return 0
    if reason := why_impossible():
        print(reason, file=sys.stderr)
        return 4
    chosen = [
        path
        for path in loader.by_engine()
        if not words or any(word in loader.identify(path) for word in words)
    ]
    took: list[Took] = []
    lab = Lab.up()
    try:
        for nth, path in enumerate(chosen, 1):
            try:
                took.append(measure(lab, path))
            except LabError as error:
                print(f"{loader.identify(path)}: {error}", file=sys.stderr)
                continue
            print(
                f"{nth}/{len(chosen)} {json.dumps(took[-1].scenario)}", file=sys.stderr
            )
    finally:
        lab.down()
    print(*table(took), sep="\n")
    return int(not took or not all(t.right for t in took))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
