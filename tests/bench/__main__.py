"""`python -m tests.bench`: measures the promises of DESIGN 8 on the lab, as root."""

from __future__ import annotations

import argparse
import json
import sys

from tests.bench.figures import Figures
from tests.bench.run import Bench, Options, machine
from tests.lab.engine import Lab, why_impossible


def _say(words: str) -> None:
    print(f"bench: {words}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--repeat", type=int, default=usual.repeat)
    parser.add_argument("--containers", type=int, default=usual.containers)
    parser.add_argument("--idle", type=float, default=usual.idle_s, metavar="SECONDS")
    parser.add_argument(
        "--suspects",
        action="store_true",
        help="also how soon faults are named unasked, and who is never (half an hour)",
    )
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="of the healthy, busy system"
    )
    return parser.parse_args()


def main() -> int:
    """Print the figures; 1 where a promise is not kept."""
    asked = _options()
    if reason := why_impossible():
        _say(reason)
        return 4
    options = Options(asked.repeat, asked.containers, idle_s=asked.idle)
    figures = Figures()
    lab = Lab.up(say=_say)
    try:
        Bench(lab, options, _say, figures).run()
        if asked.suspects:
            from tests.bench.healthy import everything

            everything(lab, figures, _say, asked.minutes)
    finally:
        lab.down()
    if asked.json:
        told = {"schema": "netwiz.bench/1", "machine": machine()}
        print(json.dumps(told | {"figures": figures.as_json()}, indent=2))
    else:
        print(*(f"{name}: {value}" for name, value in machine().items()), sep=" · ")
        print(*figures.table(), sep="\n")
    return int(any(figure.within is False for figure in figures.all))


if __name__ == "__main__":
    sys.exit(main())
