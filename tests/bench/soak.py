"""`python -m tests.bench.soak`: memory with a full ring, and whether it stays flat.

As root, on a lab: three hundred containers on the screen, one of them captured at
20 000 packets a second. The ring holds 100 000 packets then. Memory is the
proportional share (PSS, proc(5)) of netwiz and of every process it started: what two of
them share is counted once.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from dataclasses import dataclass

from tests.bench import shop
from tests.bench.capture_readers import cpu_s, memory_mb, tree
from tests.bench.capture_wire import prefer
from tests.bench.figures import Figures
from tests.bench.on_a_lab import Say, on_a_lab
from tests.bench.screen import painted
from tests.bench.ssh import flood
from tests.bench.ssh_seat import Seat, percentile, seated
from tests.lab import state
from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command

MEMORY_BAR_MB = 120.0
GROWTH_BAR_MB = 3.0
"""Between the second quarter of a soak and its last: what an allocator may wander."""
KEY_BAR_MS = 50.0
STEP_S = 5.0
SEEN = re.compile(r"([0-9 ]+) seen · ([0-9 ]+) dropped · ([0-9 ]+) read")
PART = "soak"


@dataclass(frozen=True, slots=True)
class Options:
    """How much of it."""

    minutes: float = 10.0
    containers: int = 300
    packets_s: int = 20_000
    ring: int = 100_000
    patience_s: float = 300.0
    fill: bool = True
    """Whether to wait until the ring is full."""


@dataclass(frozen=True)
class Soak:
    """One long look at a busy wire."""

    lab: Lab
    options: Options
    figures: Figures
    say: Say

    def run(self) -> None:
        """Everything."""
        lab, options = self.lab, self.options
        shop.raise_shop(lab)
        self.say(f"starting {options.containers} containers")
        count = shop.raise_crowd(lab, options.containers, options.patience_s)
        note = f"{count} containers"
        argv = state.into_group(lab.names, PART, lab.command(netwiz_command()))
        with seated(argv, lab.env(), (120, 40)) as seat, flood(lab, options.packets_s):
            seat.until(painted, "the panes")
            seat.until(lambda text: "good" in text, "the containers")
            seat.bytes_for(10.0 if options.minutes > 1 else 1.0)
            self.figures.add(
                "memory before a capture", "MB", [self.memory()], note=note
            )
            self._capture(seat)
            if options.fill:
                self._fill(seat)
            full = self.memory()
            self.figures.add(
                f"memory with {options.ring} packets in the ring",
                "MB",
                [full],
                bar=MEMORY_BAR_MB,
                note=f"{note}; RSS {self.memory('Rss'):.0f}",
            )
            self._soak(seat)
            self._counts(seat)

    def memory(self, key: str = "Pss") -> float:
        return memory_mb(state.group_members(self.lab.names, PART), key)

    def _capture(self, seat: Seat) -> None:
        seat.press("2")
        seat.until(lambda _: bool(seat.lit(60)), "a cursor in Containers")
        seat.press("g")
        seat.until(lambda _: bool(seat.lit(60)), "the first container")
        for _ in range(500):
            if " good " in _at_the_cursor(seat):
                break
            seat.latency_ms("j", _at_the_cursor)
        seat.press("c")
        seat.until(lambda text: "listen at  good" in text, "the question")
        seat.press("\r")
        seat.until(lambda text: "→ good:9" in text, "packets")
        prefer(state.group_members(self.lab.names, PART))

    def _fill(self, seat: Seat) -> None:
        seat.until(lambda text: "keeps the last" in text, "a full ring")
        seat.bytes_for(5.0 if self.options.minutes > 1 else 0.5)

    def _soak(self, seat: Seat) -> None:
        seconds = self.options.minutes * 60
        self.say(f"soaking for {seconds:.0f} s")
        pids = tree(seat.process.pid)
        cpu, begun = cpu_s(pids), time.monotonic()
        samples: list[float] = []
        keys: list[float] = []
        while (passed := time.monotonic() - begun) < seconds:
            seat.bytes_for(min(STEP_S, seconds - passed))
            samples.append(self.memory())
            keys.append(seat.latency_ms("p", lambda it: "held" in it.shown()))
            keys.append(seat.latency_ms("p", lambda it: "held" in it.shown()))
        used = 100 * (cpu_s(pids) - cpu) / (time.monotonic() - begun)
        quarter = max(len(samples) // 4, 1)
        before = statistics.mean(samples[quarter : 2 * quarter] or samples)
        after = statistics.mean(samples[-quarter:])
        note = f"{seconds / 60:.1f} min at {self.options.packets_s}/s"
        add = self.figures.add
        add("memory while soaking", "MB", samples, bar=MEMORY_BAR_MB, note=note)
        add("growth", "MB", [after - before], bar=GROWTH_BAR_MB, note=note)
        add("processor, of a core", "%", [used], note="all of netwiz")
        add("a key", "ms", keys)
        add("a key, p99", "ms", [percentile(keys, 0.99)], bar=KEY_BAR_MS)

    def _counts(self, seat: Seat) -> None:
        """What the screen says of how complete it is."""
        found = SEEN.search(seat.shown().replace("│", " "))
        if found is None:
            raise RuntimeError(f"no counts on the screen:\n{seat.shown()}")
        seen, dropped, read = (int(part.replace(" ", "")) for part in found.groups())
        self.figures.add("packets seen", "", [seen])
        self.figures.add("packets dropped", "", [dropped], bar=0)
        self.figures.add("packets read", "", [read])


def _at_the_cursor(seat: Seat) -> str:
    rows = seat.lit(60)
    return seat.shown().splitlines()[rows[0]] if rows else ""


def main() -> int:
    """Print the figures; 1 where a promise is not kept."""
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak")
    parser.add_argument("--minutes", type=float, default=usual.minutes)
    parser.add_argument("--containers", type=int, default=usual.containers)
    parser.add_argument("--packets", type=int, default=usual.packets_s)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    options = Options(asked.minutes, asked.containers, asked.packets)

    def measure(lab: Lab, figures: Figures, say: Say) -> None:
        Soak(lab, options, figures, say).run()

    return on_a_lab("soak", measure, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
