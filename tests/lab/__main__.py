"""`python -m tests.lab`: play with scenarios by hand."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import check, loader, state
from tests.lab.engine import USUAL, Lab, why_impossible
from tests.lab.loader import ScenarioError
from tests.lab.scenario import Scenario
from tests.lab.stage import Stage
from tests.lab.state import LabError


def _list(words: argparse.Namespace) -> int:
    for path in loader.all_paths():
        play = loader.load(path)
        print(
            f"{play.id:46} {play.expect.cause or play.expect.outcome:34} {play.title}"
        )
    return 0


def _up(words: argparse.Namespace) -> int:
    play = loader.load(loader.find(words.scenario[0])) if words.scenario else None
    lab = Lab.up(by_hand=True, options=play.engine if play else USUAL)
    name = play.id if play else "none"
    state.write_holder(lab.names, kind="by hand", scenario=name)
    print(lab.summary())
    if play:
        raised = Stage(lab, play)
        raised.raise_topology()
        raised.break_it()
        _how_to_look(lab, raised)
    return 0


def _how_to_look(lab: Lab, raised: Stage) -> None:
    play = raised.play
    host = shlex.join(lab.command([]))
    to = raised.fill(play.case.to)
    print(
        f"\n{play.title}\n\n"
        f"  export DOCKER_HOST=unix://{lab.names.socket}\n"
        f"  docker ps -a\n"
        f"  {host} bash                    # a shell on the lab's host\n"
        f"  nsenter --net={lab.netns_of('outside')} bash   # ... and outside\n"
        f"  {host} {_netwiz()} diagnose {play.case.from_} {shlex.quote(to)}\n"
        f"  {host} {_netwiz()}             # the screen\n"
        f"  {Path(sys.executable)} -m tests.lab down\n"
    )
    with contextlib.suppress(LabError):
        print(f"raw symptom: {check.see(raised, play.case)}")


def _netwiz() -> str:
    beside = Path(sys.executable).with_name("netwiz")
    return str(beside) if beside.exists() else f"{sys.executable} -m netwiz"


def _down(words: argparse.Namespace) -> int:
    lab = Lab.attach()
    if state.read_holder(lab.names).get("kind") != "by hand":
        print("not raised by hand:", state.describe_holder(lab.names), file=sys.stderr)
        return 1
    lab.down()
    print("the lab is gone")
    return 0


def _status(words: argparse.Namespace) -> int:
    names = state.Names.from_environment()
    if not state.read_holder(names):
        print("no lab is up")
        return 0
    print(state.describe_holder(names))
    print(f"{len(state.group_members(names))} processes")
    print(Lab.attach().docker("ps", "-a"))
    return 0


def _shell(words: argparse.Namespace) -> int:
    lab = Lab.attach()
    argv = lab.command(words.scenario or ["bash"])
    os.execvpe(argv[0], argv, {**os.environ, **lab.env()})


def _check(words: argparse.Namespace) -> int:
    paths = [p for name in words.scenario for p in _matching(name)]
    plays = [loader.load(path) for path in loader.by_engine(paths or None)]
    lab = Lab.up()
    print(lab.summary(), flush=True)
    failed = 0
    begun = time.monotonic()
    try:
        for play in plays:
            failed += not _check_one(lab, play)
    finally:
        lab.down()
    seconds = time.monotonic() - begun
    print(f"{len(plays)} scenarios, {failed} failed, {seconds:.0f} s")
    return 1 if failed else 0


def _matching(name: str) -> list[Path]:
    """A scenario, or every scenario of a folder."""
    folder = loader.FOLDER / name
    return sorted(folder.rglob("*.toml")) if folder.is_dir() else [loader.find(name)]


def _check_one(lab: Lab, play: Scenario) -> bool:
    try:
        words = check.check(lab, play)
    except LabError as error:
        print(f"FAILED {play.id}: {error}", flush=True)
        return False
    print(f"ok     {play.id}: {words}", flush=True)
    return True


COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str]] = {
    "list": (_list, "every scenario with its cause"),
    "up": (_up, "raise a scenario and leave it standing"),
    "down": (_down, "remove everything that `up` has raised"),
    "status": (_status, "who holds the lab, what runs"),
    "shell": (_shell, "a shell (or a command) on the lab's host"),
    "check": (_check, "raise, see the symptom, fix: without netwiz"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    parts = parser.add_subparsers(dest="command", required=True)
    for name, (function, words) in COMMANDS.items():
        part = parts.add_parser(name, help=words)
        part.set_defaults(function=function)
        part.add_argument(
            "scenario", nargs=argparse.REMAINDER if name == "shell" else "*"
        )
    said = parser.parse_args()
    if said.command != "list" and (reason := why_impossible()):
        print(reason, file=sys.stderr)
        return 1
    try:
        code: int = said.function(said)
    except (LabError, ScenarioError) as error:
        print(error, file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
