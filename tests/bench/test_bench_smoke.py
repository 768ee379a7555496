"""Each benchmark runs once and brings a figure; the figures themselves are no test."""

import pytest

from tests.bench.figures import Figures
from tests.bench.run import Bench, Options
from tests.lab.engine import Lab


@pytest.mark.lab
@pytest.mark.bench
def test_every_benchmark_runs(lab: Lab) -> None:
    lab.restore()
    figures = Figures()
    options = Options(repeat=1, containers=3, idle_s=0.5, logs_s=1, settle_s=0)
    Bench(lab, options, print, figures).run()
    assert len(figures.all) == 41
    assert all(figure.median >= 0 for figure in figures.all)
    print(*figures.table(), sep="\n")


def test_a_table_tells_bar_and_comparison() -> None:
    figures = Figures()
    own = figures.add("own", "ms", [30.0, 10.0, 20.0], bar=15)
    figures.add("by hand", "ms", [100.0], against=(own.name,), note="once")
    assert figures.table() == [
        "                median  min  max  n  bar",
        "own              20 ms   10   30  3   15  MISSED",
        "by hand (once)  100 ms  100  100  1",
        " 5.0 x own = by hand",
    ]
    told = figures.as_json()
    assert told[0]["median"] == 20.0
    assert told[0]["within"] is False
    assert told[1]["ratios"] == {"own": 5.0}


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing was measured for: x"):
        Figures().add("x", "ms", [])
