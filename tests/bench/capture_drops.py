"""`python -m tests.bench.capture_drops`: what is lost of a busy wire, beside tcpdump.

As root. Every load is sent over a veth to `tcpdump -w` and to netwiz's capture in turn,
and what arrived at the wire's end is held against what is in the file. The bars: never
a greater share lost than tcpdump loses in the same run, and nothing at up to 300 000
packets of 64 bytes a second.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.capture_readers import Netwiz, Reader, Tcpdump, listening
from tests.bench.capture_wire import Load, Wire, shut_in
from tests.bench.run import machine

LOADS = (
    (64, 100_000),
    (64, 300_000),
    (64, 500_000),
    (1400, 100_000),
    (1400, 200_000),
)
WHOLE = 300_000
"""Of 64-byte packets, up to so many a second, none may be lost."""
CLOSE = 0.95
"""Rates are equal where both senders reached this share of what was asked."""


@dataclass(frozen=True, slots=True)
class Run:
    """One load, one reader."""

    reader: str
    load: Load
    rate: float
    arrived: int
    got: int
    dropped: int
    cpu_s: float

    @property
    def lost(self) -> int:
        """What arrived and is not in the file."""
        return self.arrived - self.got

    @property
    def share(self) -> float:
        """Of what arrived, the part that was lost."""
        return self.lost / self.arrived


def measure(wire: Wire, load: Load, kind: type[Reader], folder: Path) -> Run:
    """Send a load while one reader listens."""
    with listening(kind, folder / "packets") as reader:
        before = wire.arrived()
        sent = wire.send(load)
        arrived = wire.arrived() - before
        got = reader.stop()
    if arrived != sent.packets:
        raise RuntimeError(f"{sent.packets} were sent, {arrived} came")
    return Run(kind.name, load, sent.rate, arrived, got.packets, got.dropped, got.cpu_s)


def measured(
    wire: Wire, loads: Iterable[Load], rounds: int, folder: Path
) -> Iterator[Run]:
    """All runs; the two take turns in who comes first."""
    order: list[type[Reader]] = [Tcpdump, Netwiz]
    for load in loads:
        for _ in range(rounds):
            for kind in order:
                yield measure(wire, load, kind, folder)
            order.reverse()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A promise, and whether this run kept it."""

    promise: str
    told: str
    kept: bool


def judge(runs: Sequence[Run]) -> Iterator[Verdict]:
    """Hold the runs of each load against the bars; all rounds of it together."""
    for load in dict.fromkeys(run.load for run in runs):
        ours = [r for r in runs if r.load == load and r.reader == Netwiz.name]
        theirs = [r for r in runs if r.load == load and r.reader == Tcpdump.name]
        own, other = _share(ours), _share(theirs)
        told = f"{own:.3%} and {other:.3%} lost"
        if min(r.rate for r in (*ours, *theirs)) < CLOSE * load.rate:
            rates = ", ".join(f"{r.rate / 1000:.0f}k" for r in (*theirs, *ours))
            told += f" (rate not reached: {rates})"
        yield Verdict(f"{load.name}: no more than tcpdump", told, own <= other)
        if load.size == 64 and load.rate <= WHOLE:
            lost = sum(r.lost for r in ours)
            yield Verdict(f"{load.name}: nothing lost", f"{lost} lost", not lost)


def _share(runs: Sequence[Run]) -> float:
    return sum(r.lost for r in runs) / sum(r.arrived for r in runs)


def table(runs: Iterable[Run]) -> Iterator[str]:
    """The runs, for people."""
    yield (
        f"{'load':<17}{'reader':<12}{'sent/s':>9}{'arrived':>10}{'in file':>10}"
        f"{'lost':>9}{'lost %':>9}{'kernel drops':>14}{'CPU s':>7}"
    )
    for run in runs:
        yield (
            f"{run.load.name:<17}{run.reader:<12}{run.rate:>9.0f}{run.arrived:>10}"
            f"{run.got:>10}{run.lost:>9}{100 * run.share:>9.3f}{run.dropped:>14}"
            f"{run.cpu_s:>7.2f}"
        )


def verdicts(all_: Iterable[Verdict]) -> Iterator[str]:
    """The bars, for people."""
    for one in all_:
        kept = "kept" if one.kept else "MISSED"
        yield f"{kept:<7} {one.promise}: {one.told}"


def main(words: list[str]) -> int:
    """Measure, print; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.capture_drops")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rates", type=int, nargs="+", help="packets/s of 64 bytes")
    parser.add_argument("--modest", action="store_true", help="as nice as any process")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(words)
    shut_in("tests.bench.capture_drops", words, first=not asked.modest)
    loads = [(64, rate) for rate in asked.rates] if asked.rates else LOADS
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="nwbench-") as folder:
        runs = []
        if not asked.json:
            print(*(f"{name}: {value}" for name, value in machine().items()), sep=" · ")
        all_ = (Load(size, rate, asked.seconds) for size, rate in loads)
        for run in measured(Wire(), all_, asked.rounds, Path(folder)):
            runs.append(run)
            print(*list(table([run]))[1:], sep="\n", file=sys.stderr, flush=True)
    judged = list(judge(runs))
    if asked.json:
        told = [
            {"reader": r.reader, "load": r.load.name, "rate": round(r.rate)}
            | {"arrived": r.arrived, "got": r.got, "dropped": r.dropped}
            for r in runs
        ]
        kept = [{"promise": v.promise, "kept": v.kept} for v in judged]
        print(json.dumps({"runs": told, "bars": kept}, indent=2))
    else:
        print(*table(runs), *verdicts(judged), sep="\n")
    return int(not all(verdict.kept for verdict in judged))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
