"""Logs that come faster than anybody reads: what the screen does meanwhile.

`python -m tests.bench.logs` raises a lab of its own and measures only this. One
container writes fifty thousand lines a second, then twenty write as many together;
measured are the time from a key to its effect, what is sent to a terminal of 80x24,
processor time and memory of the screen and of the process that reads the logs.
"""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.capture_wire import prefer
from tests.bench.figures import Figures
from tests.bench.screen import Screen, opened, painted
from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command

RATE = 50_000
"""Lines a second, all containers together."""
SIZE = (24, 80)
KEY_S = 0.05
"""Between two keys."""
HELD = "held"
"""What the border says once `p` was heard."""
SKIPPED = re.compile(r"([\d ]+) lines/s skipped")

_WRITER = """
import sys, time
rate, number = int(sys.argv[1]), 0
begun = time.monotonic()
write = sys.stdout.write
while True:
    due = int((time.monotonic() - begun) * rate)
    for number in range(number, due):
        write(f"tick {number} GET /api/orders host=shop status=200 in 3 ms\\n")
    number = max(number, due)
    sys.stdout.flush()
    time.sleep(0.005)
"""


@dataclass
class Seen:
    """What one flood showed."""

    keys_ms: list[float] = field(default_factory=list)
    bytes_s: float = 0.0
    screen_cpu: float = 0.0
    """Per cent of a core."""
    reader_cpu: float = 0.0
    screen_mb: float = 0.0
    reader_mb: float = 0.0
    skipped: int = 0
    """Lines a second that the border says are left out."""


def measure(
    lab: Lab, figures: Figures, seconds: float, say: Callable[[str], None]
) -> None:
    """A quiet log, to compare with, and both floods, into the table."""
    say("keys while the log is quiet")
    with opened(lab, netwiz_command(), SIZE) as screen:
        screen.until(painted, "the panes")
        prefer([os.getpid(), screen.process.pid])
        quiet = _keys(screen, seconds / 2)
    figures.add("logs, quiet, key to effect", "ms", [_p99(quiet)], note=_note(quiet))
    for count in (1, 20):
        who = "one container" if count == 1 else f"{count} containers"
        say(f"{RATE} lines a second from {who}, for {seconds:.0f} s")
        seen = flood(lab, count, seconds)
        name = f"logs of {who}, {RATE // 1000}k lines/s"
        note = _note(seen.keys_ms)
        figures.add(
            f"{name}, key to effect", "ms", [_p99(seen.keys_ms)], bar=50, note=note
        )
        figures.add(f"{name}, written", "B/s", [seen.bytes_s], bar=40 * 1024)
        figures.add(f"{name}, screen, of a core", "%", [seen.screen_cpu])
        figures.add(f"{name}, reader, of a core", "%", [seen.reader_cpu])
        figures.add(f"{name}, memory of both", "MB", [seen.screen_mb + seen.reader_mb])
        figures.add(f"{name}, said to be skipped", "lines/s", [seen.skipped])


def flood(lab: Lab, count: int, seconds: float) -> Seen:
    """Raise it, look for so long without a key, then press keys for as long."""
    names = [f"noisy{number}" for number in range(count)]
    run = ("run", "-d", "--log-opt", "max-size=20m", "--log-opt", "max-file=2")
    for name in names:
        writer = ("python3", "-c", _WRITER, str(RATE // count))
        lab.docker(*run, "--name", name, "lab/python", *writer)
    try:
        with opened(lab, netwiz_command(), SIZE) as screen:
            # Whatever else runs on this machine would be measured with it.
            prefer([os.getpid(), screen.process.pid, lab.engine_pid()])
            prefer([lab.pid_of(name) for name in names])
            screen.until(lambda text: "skipped" in text, "a gap")
            return _look(screen, seconds)
    finally:
        for name in names:
            lab.docker("rm", "-f", "-v", name)


def _look(screen: Screen, seconds: float) -> Seen:
    seen = Seen()
    reader = _child(screen.process.pid)
    cpu = screen.cpu_s(), _cpu_s(reader)
    begun = time.perf_counter()
    shown = screen.take_for(seconds)
    took = time.perf_counter() - begun
    seen.bytes_s = len(shown) / took
    seen.screen_cpu = 100 * (screen.cpu_s() - cpu[0]) / took
    seen.reader_cpu = 100 * (_cpu_s(reader) - cpu[1]) / took
    seen.keys_ms = _keys(screen, seconds)
    seen.screen_mb, seen.reader_mb = screen.memory_mb(), _memory_mb(reader)
    gaps = SKIPPED.findall(screen.until_shown(lambda text: "skipped" in text))
    seen.skipped = int(gaps[-1].replace(" ", "")) if gaps else 0
    return seen


def _keys(screen: Screen, seconds: float) -> list[float]:
    """Milliseconds from the key that holds the log until it says so, many times."""
    screen.press(b"3")
    screen.take_for(1.0)
    samples = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        samples.append(screen.effect_ms(b"p", HELD.encode()))
        screen.press(b"p")
        screen.until(lambda text: HELD not in text, "the log runs again")
        screen.take_for(KEY_S)
    return samples


def _note(samples: list[float]) -> str:
    return f"p99 of {len(samples)}, median {statistics.median(samples):.0f} ms"


def _p99(samples: list[float]) -> float:
    return sorted(samples)[min(int(len(samples) * 0.99), len(samples) - 1)]


def _child(pid: int) -> int:
    """The process that reads logs for a screen."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            words = (stat.parent / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if parent == pid and b"netwiz.probes.logs.child" in words:
            return int(stat.parent.name)
    raise RuntimeError("no process reads the logs")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    kib = next(row for row in status.splitlines() if row.startswith("VmRSS"))
    return int(kib.split()[1]) / 1024


def main() -> None:
    """Only this, on a lab of its own."""
    lab = Lab.up()
    figures = Figures()
    try:
        measure(lab, figures, 10.0, print)
    finally:
        lab.down()
    print(*figures.table(), sep="\n")


if __name__ == "__main__":
    main()
