"""The measurements, one after another, on one lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench import flows, logs, screen, shop
from tests.bench.figures import Figures
from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command
from tests.project import ROOT

WALK_HEALTHY = "diagnose healthy, inside the process"
WALK_REFUSED = "diagnose refused, inside the process"
WALK_LOST = "diagnose timeout, inside the process"
COMMAND_HEALTHY = "diagnose healthy, as a command"
COMMAND_REFUSED = "diagnose refused, as a command"
COMMAND_LOST = "diagnose timeout, as a command"


@dataclass(frozen=True)
class Options:
    """How much of it."""

    repeat: int = 7
    containers: int = 300
    patience_s: float = 170.0
    """How long the crowd may take to start; what is there then is measured."""
    idle_s: float = 10.0
    logs_s: float = 10.0
    """How long a flood of log lines is looked at."""
    settle_s: float = 65.0
    """Younger containers are inspected each time: their age is told in seconds."""


@dataclass(frozen=True)
class Bench:
    """Measures on one lab, into one table."""

    lab: Lab
    options: Options
    say: Callable[[str], None]
    figures: Figures

    def run(self) -> None:
        """Everything, in an order in which nothing disturbs what follows."""
        self.say("raising the shop")
        shop.raise_shop(self.lab)
        self.walks()
        self.commands()
        self.by_hand()
        self.first_paint()
        self.events()
        self.flows()
        logs.measure(self.lab, self.figures, self.options.logs_s, self.say)
        self.crowd()

    def flows(self) -> None:
        """Of namespaces of its own, beside the lab."""
        self.say("the flows of many namespaces, beside ss")
        count = self.options.containers
        flows.add_figures(self.figures, count, 10 * count)

    def walks(self) -> None:
        for name, case, bar, expected in (
            (WALK_HEALTHY, shop.HEALTHY, 150.0, "healthy"),
            (WALK_REFUSED, shop.REFUSED, 300.0, shop.REFUSED_CAUSE),
            (WALK_LOST, shop.LOST, 1500.0, shop.LOST_CAUSE),
        ):
            self.say(name)
            told = self._inside("walk", *case, str(self.options.repeat))
            self._expect(name, str(told["outcome"]), expected)
            self.figures.add(name, "ms", _floats(told["samples"]), bar=bar)

    def commands(self) -> None:
        for name, case, bar, expected in (
            (COMMAND_HEALTHY, shop.HEALTHY, 1150.0, 0),
            (COMMAND_REFUSED, shop.REFUSED, 1300.0, 1),
            (COMMAND_LOST, shop.LOST, 2500.0, 1),
        ):
            self.say(name)
            argv = [*netwiz_command(), "diagnose", *case, "--json"]
            argv = self.lab.command(argv)
            samples = [self._timed(argv, expected) for _ in range(self.options.repeat)]
            self.figures.add(name, "ms", samples, bar=bar)
        samples = [
            self._timed(self.lab.command(["true"]), 0)
            for _ in range(self.options.repeat)
        ]
        name = "entering the lab, part of both commands"
        self.figures.add(name, "ms", samples)

    def by_hand(self) -> None:
        """What the same answers cost with the tools that everybody has."""
        self.say("the same by hand")
        # This busybox has no `nc -z`; to run `true` once connected is the same.
        reach = "docker exec order nc -w 2 good 3000 -e true"
        refused = [
            ("docker inspect order bad", 0),
            ("docker exec order nc -w 2 bad 3000 -e true", 1),
            ("nsenter -t $(docker inspect -f '{{.State.Pid}}' bad) -n ss -ltn", 0),
        ]
        rounds = range(self.options.repeat)
        samples = [self._timed(["sh", "-c", f"exec {reach}"], 0) for _ in rounds]
        both = (COMMAND_HEALTHY, WALK_HEALTHY)
        self.figures.add(f"by hand: {reach}", "ms", samples, against=both)
        totals = [0.0 for _ in rounds]
        for line, code in refused:
            samples = [self._timed(["sh", "-c", f"exec {line}"], code) for _ in rounds]
            totals = [sum(pair) for pair in zip(totals, samples, strict=True)]
            self.figures.add(f"by hand: {line}", "ms", samples)
        name = "by hand: these three, one after another"
        both = (COMMAND_REFUSED, WALK_REFUSED)
        self.figures.add(name, "ms", totals, against=both)

    def first_paint(self) -> None:
        self.say("first paint")
        panes, listed = [], []
        for _ in range(self.options.repeat):
            with screen.opened(self.lab, netwiz_command()) as seen:
                panes.append(seen.until(screen.painted, "the panes"))
                listed.append(seen.until(lambda text: "order" in text, "order"))
        self.figures.add("first paint", "s", panes, bar=0.3)
        self.figures.add("first paint with the containers in it", "s", listed)

    def events(self) -> None:
        """From the end of a command to where the screen shows what it did."""
        self.say("what happens, until it is seen")
        samples = []
        with screen.opened(self.lab, netwiz_command()) as seen:
            seen.until(lambda text: "order" in text, "order")
            for number in range(self.options.repeat):
                name = f"new{number}"
                self.lab.docker("create", "--name", name, "lab/busybox", "true")
                done = time.perf_counter()
                samples.append(seen.until(_showing(name), name, since=done))
        self.figures.add("an event, until it is seen", "s", samples, bar=1.0)

    def crowd(self) -> None:
        wanted = self.options.containers
        self.say(f"starting {wanted} containers")
        begun = time.monotonic()
        count = shop.raise_crowd(self.lab, wanted, self.options.patience_s)
        started = time.monotonic()
        self.say(f"{count} started in {started - begun:.0f} s")
        try:
            self._idle()
            time.sleep(max(0.0, started + self.options.settle_s - time.monotonic()))
            self._snapshots()
        finally:
            self.say("removing them")
            shop.remove_all(self.lab)

    def _snapshots(self) -> None:
        told = self._inside("snapshot", str(self.options.repeat))
        name = f"snapshot of {told['containers']} containers"
        first = self.figures.add(f"{name}, first", "ms", _floats(told["first"]))
        self.figures.add(f"{name}, again", "ms", _floats(told["again"]))
        ids = "docker inspect $(docker ps -aq)"
        argv = ["sh", "-c", ids]
        samples = [self._timed(argv, 0) for _ in range(self.options.repeat)]
        self.figures.add(f"by hand: {ids}", "ms", samples, against=(first.name,))

    def _idle(self) -> None:
        seconds = self.options.idle_s
        self.say(f"the idle screen, for {seconds:.0f} s")
        with screen.opened(self.lab, netwiz_command()) as seen:
            seen.until(lambda text: "idle" in text, "the crowd")
            # Lists are filled and inspected for a moment after they are shown.
            seen.bytes_for(min(seconds, 3.0))
            cpu, begun = seen.cpu_s(), time.perf_counter()
            count = seen.bytes_for(seconds)
            took = time.perf_counter() - begun
            used = 100 * (seen.cpu_s() - cpu) / took
            memory = seen.memory_mb()
        note = f"{took:.0f} s"
        self.figures.add("idle screen, of a core", "%", [used], bar=1, note=note)
        bytes_s = count / took
        self.figures.add("idle screen, written", "B/s", [bytes_s], bar=2048, note=note)
        self.figures.add("screen, memory", "MB", [memory], bar=120)

    # -- how it is measured ----------------------------------------------

    def _inside(self, *words: str) -> dict[str, object]:
        argv = [sys.executable, "-m", "tests.bench.inside", *words]
        path = f"PYTHONPATH={ROOT}:{ROOT / 'src'}"
        done = subprocess.run(
            self.lab.command(["env", path, *argv]),
            env=self.lab.env(),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr}")
        told: dict[str, object] = json.loads(done.stdout)
        return told

    def _timed(self, argv: Sequence[str], expected: int) -> float:
        begun = time.perf_counter()
        done = subprocess.run(
            argv,
            env=self.lab.env(),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        took = (time.perf_counter() - begun) * 1000
        # A quick wrong answer is no figure.
        said = (done.stderr or done.stdout)[-500:]
        self._expect(" ".join(argv) + said, str(done.returncode), str(expected))
        return took

    @staticmethod
    def _expect(name: str, got: str, wanted: str) -> None:
        if got != wanted:
            raise RuntimeError(f"{name}: {got!r}, expected {wanted!r}")


def _showing(name: str) -> Callable[[str], bool]:
    return lambda text: name in text


def _floats(told: object) -> list[float]:
    if not isinstance(told, list):
        raise TypeError(f"no list of samples: {told!r}")
    return [float(sample) for sample in told]


def machine() -> dict[str, object]:
    """Where it was measured: figures of two machines are not to be compared."""
    kernel = os.uname()
    return {
        "cpus": os.cpu_count(),
        "kernel": f"{kernel.sysname} {kernel.release} {kernel.machine}",
        "python": sys.version.split()[0],
    }
