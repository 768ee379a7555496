"""What benches that are run by hand share: a lab for them alone, figures, a verdict."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from tests.bench.capture_wire import come_first
from tests.bench.figures import Figures
from tests.bench.run import machine
from tests.lab.engine import Lab, why_impossible

Say = Callable[[str], None]


def on_a_lab(
    name: str, measure: Callable[[Lab, Figures, Say], None], *, as_json: bool
) -> int:
    """Measure on a lab of its own and print the figures.

    1 where a promise is not kept, 4 where there can be no lab. What is said meanwhile
    goes to stderr.
    """
    if reason := why_impossible():
        print(reason, file=sys.stderr)
        return 4
    figures = Figures()

    def say(words: str) -> None:
        print(f"{name}: {words}", file=sys.stderr, flush=True)

    come_first()
    lab = Lab.up(say=say)
    try:
        measure(lab, figures, say)
    finally:
        lab.down()
    if as_json:
        print(json.dumps(machine() | {"figures": figures.as_json()}, indent=2))
    else:
        print(*(f"{key}: {value}" for key, value in machine().items()), sep=" · ")
        print(*figures.table(), sep="\n")
    return int(any(figure.within is False for figure in figures.all))
