"""`python -m tests.bench.capture_screen`: the screen on a busy wire, and termshark.

As root, on a lab: a veth of its own leads into a container. The real screen captures
there into a file while packets come at the rates of `capture_drops` and keys are
pressed: how long a key takes, and what is dropped meanwhile. Then, at 10 000 packets a
second, how long netwiz and termshark take from their start to the first packet shown,
what memory they hold (all their processes) and what processor they use.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from shutil import which

from tests.bench import shop
from tests.bench.capture_drops import LOADS, WHOLE
from tests.bench.capture_readers import cpu_s, memory_mb
from tests.bench.capture_wire import (
    DESTINATION,
    DEVICE,
    SOURCE,
    Load,
    prefer,
    reached,
    sending,
)
from tests.bench.figures import Figures
from tests.bench.on_a_lab import Say, on_a_lab
from tests.bench.ssh_seat import Seat, percentile, seated
from tests.lab import state
from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command
from tests.project import ROOT

PART = "seen"
SENDER = "nwsender"
SHOWN = "→ 198.18.0.2:9"
KEY_BAR_MS = 50.0
BESIDE = 10_000
"""Packets a second beside termshark."""
COUNTS = re.compile(r"([0-9][0-9 ]*) seen · ([0-9][0-9 ]*) dropped")
MAC = "02:00:00:00:00:02"
_WIRE = f"""\
set -e
ip netns add {SENDER}
ip -n {SENDER} link add {DEVICE} type veth peer name {DEVICE} netns $1
ip -n {SENDER} link set {DEVICE} up
ip -n {SENDER} addr add {SOURCE}/24 dev {DEVICE}
ip -n {SENDER} neigh add {DESTINATION} lladdr {MAC} dev {DEVICE} nud permanent
ip netns exec {SENDER} ethtool -K {DEVICE} tx-udp-segmentation off
nsenter -t $1 -n ip link set {DEVICE} address {MAC} up
"""


@dataclass(frozen=True, slots=True)
class Options:
    """How much of it."""

    seconds: float = 20.0
    """Of each load: some 200 keys; the p99 of a hundred would be their worst."""
    loads: Sequence[tuple[int, int]] = LOADS
    beside_s: float = 10.0


@dataclass(frozen=True)
class Bench:
    """Measures on one lab, into one table."""

    lab: Lab
    options: Options
    figures: Figures
    say: Say

    def run(self) -> None:
        """Everything."""
        shop.raise_shop(self.lab)
        done = self.lab.run(["sh", "-c", _WIRE, "wire", str(self.lab.pid_of("good"))])
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.busy()
        self.beside()

    # -- the screen on a busy wire ---------------------------------------

    def busy(self) -> None:
        with self.opened() as seat:
            file = self.lab.names.folder / "screen.pcapng"
            ask_for_good(seat)
            seat.press("\t")
            # Letters typed right behind a key that is bound come before it.
            seat.bytes_for(0.5)
            seat.press(str(file))
            seat.until(lambda text: "screen.pcapng" in text, "the file's name")
            seat.press("\r")
            seat.until(lambda text: "● live" in text, "the capture")
            self.prefer()
            keys: list[float] = []
            for size, rate in self.options.loads:
                keys += self._load(seat, Load(size, rate, self.options.seconds))
        name = "a key while packets come"
        self.figures.add(name, "ms", keys)
        p99 = percentile(keys, 0.99)
        self.figures.add(f"{name}, p99", "ms", [p99], bar=KEY_BAR_MS)

    def _load(self, seat: Seat, load: Load) -> list[float]:
        self.say(f"the screen, {load.name}")
        before, lost = _counts(seat)
        sender = self.send(load)
        keys: list[float] = []
        while sender.poll() is None:
            keys.append(seat.latency_ms("p", lambda it: "held" in it.shown()))
            seat.bytes_for(0.07)
        if len(keys) % 2:
            seat.latency_ms("p", lambda it: "held" in it.shown())
        sent = reached(sender, load)
        seat.bytes_for(2.0)
        seen, dropped = _counts(seat)
        whole = load.size == 64 and load.rate <= WHOLE
        self.figures.add(
            f"dropped, {load.name}",
            "packets",
            [dropped - lost],
            bar=0 if whole else None,
            note=f"sent {sent.packets} at {sent.rate / 1000:.0f}k/s, "
            f"seen {seen - before}",
        )
        worst = percentile(keys, 0.99)
        self.figures.add(f"a key, p99, {load.name}", "ms", [worst], bar=KEY_BAR_MS)
        return keys

    # -- beside termshark ------------------------------------------------

    def beside(self) -> None:
        load = Load(100, BESIDE, 3600.0)
        sender = self.send(load)
        try:
            self._netwiz()
            self._command()
            if which("termshark"):
                self._termshark()
            else:
                self.say("termshark is not installed: nothing to compare with")
        finally:
            sender.kill()
            sender.communicate()

    def _netwiz(self) -> None:
        with self.opened() as seat:
            ask_for_good(seat)
            seat.press("\r")
            first = seat.until(lambda text: SHOWN in text, "a packet")
            self._cost("netwiz, screen", first, seat)

    def _command(self) -> None:
        argv = [*netwiz_command(), "capture", "good"]
        with self.run_on(self.lab.command(argv)) as seat:
            first = seat.until(lambda text: SHOWN in text, "a packet")
            self._cost("netwiz capture, lines", first, seat)
            seat.press("\x03")

    def _termshark(self) -> None:
        home = self.lab.names.folder / "stranger"
        home.mkdir(exist_ok=True)
        home.chmod(0o777)
        # Of a user of its own: root's inotify instances may be used up by engines.
        stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        may = "+net_raw,+net_admin"
        stranger += [f"--inh-caps={may}", f"--ambient-caps={may}"]
        own = [f"HOME={home}", f"XDG_CACHE_HOME={home}", f"XDG_CONFIG_HOME={home}"]
        inside = [*stranger, "env", *own, "termshark", "-i", DEVICE]
        with self.run_on(self.lab.command(inside, "good")) as seat:
            first = seat.until(lambda text: "198.18.0.2" in text, "a packet")
            self._cost("termshark", first, seat)
            seat.press("\x03")

    def _cost(self, name: str, first: float, seat: Seat) -> None:
        self.say(name)
        self.prefer()
        pids = self.members()
        cpu, begun = cpu_s(pids), time.monotonic()
        seat.bytes_for(self.options.beside_s)
        pids |= self.members()
        used = 100 * (cpu_s(pids) - cpu) / (time.monotonic() - begun)
        add = self.figures.add
        add(f"{name}: start to first packet shown", "s", [first])
        add(f"{name}: processor, of a core", "%", [used])
        memory = [memory_mb(self.members(), "Rss")]
        add(f"{name}: memory, RSS of all", "MB", memory, note=f"{len(pids)} processes")

    # -- how it is measured ----------------------------------------------

    @contextmanager
    def opened(self) -> Iterator[Seat]:
        """netwiz with the cursor on the container that the wire leads to."""
        with self.run_on(self.lab.command(netwiz_command())) as seat:
            seat.until(lambda text: "● good" in text, "the container")
            seat.press("2")
            seat.until(lambda _: bool(seat.lit(60)), "a cursor")
            self.prefer()
            yield seat

    @contextmanager
    def run_on(self, argv: list[str]) -> Iterator[Seat]:
        """A program on a terminal; all of it is ended."""
        grouped = state.into_group(self.lab.names, PART, argv)
        try:
            with seated(grouped, self.lab.env(), (120, 40)) as seat:
                yield seat
        finally:
            state.kill_group(self.lab.names, PART)

    def members(self) -> set[int]:
        return state.group_members(self.lab.names, PART)

    def prefer(self) -> None:
        """The machine may be busy with what is not measured."""
        prefer(self.members())

    def send(self, load: Load) -> subprocess.Popen[str]:
        own = ["env", f"PYTHONPATH={ROOT}:{ROOT / 'src'}"]
        argv = ["ip", "netns", "exec", SENDER, *own, *sending(DESTINATION, load)]
        return subprocess.Popen(
            self.lab.command(argv), stdout=subprocess.PIPE, text=True, cwd="/"
        )


def ask_for_good(seat: Seat) -> None:
    """Open the question what to capture, at the second of bad, good, order."""
    seat.press("g")
    seat.until(lambda _: seat.lit(60) == (2,), "the first container")
    seat.press("j")
    seat.until(lambda _: seat.lit(60) == (3,), "the second container")
    seat.press("c")
    seat.until(lambda text: "listen at  good" in text, "the question")


def _counts(seat: Seat) -> tuple[int, int]:
    """Seen and dropped, as the screen says."""
    found = COUNTS.search(seat.shown())
    if found is None:
        raise RuntimeError(f"no counts on the screen:\n{seat.shown()}")
    seen, dropped = (int(part.replace(" ", "")) for part in found.groups())
    return seen, dropped


def main() -> int:
    """Print the figures; 1 where a promise is not kept."""
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.capture_screen")
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--rates", type=int, nargs="+", help="packets/s of 64 bytes")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    loads = [(64, rate) for rate in asked.rates] if asked.rates else LOADS

    def measure(lab: Lab, figures: Figures, say: Say) -> None:
        Bench(lab, Options(asked.seconds, loads), figures, say).run()

    return on_a_lab("screen", measure, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
