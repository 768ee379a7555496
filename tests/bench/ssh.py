"""`python -m tests.bench.ssh`: netwiz over a real SSH connection, at 80x24.

As root, on a lab: sshd on its loopback, an ssh client on a pty, and the installed
netwiz in between. Measured is what arrives at the person's terminal (decrypted) and how
long a key takes until its effect is on it: while nothing happens, while a container
writes thousands of log lines a second, and while packets are captured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench import shop
from tests.bench.capture_wire import Load, prefer, sending
from tests.bench.figures import Figures
from tests.bench.on_a_lab import Say, on_a_lab
from tests.bench.screen import painted
from tests.bench.ssh_seat import Effect, Seat, percentile, seated
from tests.bench.sshd import Sshd, served
from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command

KIB = 1024
BARS = {"idle": 2.0, "busy log": 40.0, "capture": 40.0}
"""KiB/s to the terminal."""
KEY_BAR_MS = 50.0
LINES_S = 3000
STATES = ("idle", "log", "capture")
PACKETS_S = 10_000
CONTAINERS_COLUMN = 34
"""A column of the Containers pane at 80x24, and of no other pane beside it."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much of it."""

    seconds: float = 10.0
    keys: int = 200
    packets_s: int = PACKETS_S
    only: tuple[str, ...] = STATES


def cursor(seat: Seat) -> object:
    """The row that the cursor is on in the Containers pane."""
    return seat.lit(CONTAINERS_COLUMN)


def held(seat: Seat) -> object:
    """Whether the view of the packets is held."""
    return "held" in seat.shown()


@dataclass(frozen=True)
class Bench:
    """Measures over one connection at a time, into one table."""

    server: Sshd
    options: Options
    figures: Figures
    say: Say

    def run(self) -> None:
        """Everything that is wanted."""
        for name, measure in (
            ("idle", self.idle),
            ("log", self.busy_log),
            ("capture", self.capture),
        ):
            if name in self.options.only:
                measure()

    def idle(self) -> None:
        with self.opened() as seat:
            self.measure("idle", seat, "jk", cursor)

    def busy_log(self) -> None:
        lab = self.server.lab
        # busybox has no pacing but sleeps: some lines, a short sleep, and again.
        some = LINES_S // 50
        say = f'for n in $(seq {some}); do echo "INFO request $n took 12 ms"; done'
        loop = f"while :; do {say}; usleep 20000; done"
        lab.docker("run", "-d", "--name", "chatty", "lab/busybox", "sh", "-c", loop)
        try:
            with self.opened() as seat:
                seat.until(lambda text: "INFO request" in text, "the log")
                self.measure("busy log", seat, "jk", cursor)
        finally:
            lab.docker("rm", "-f", "chatty")

    def capture(self) -> None:
        lab = self.server.lab
        with self.opened() as seat, flood(lab, self.options.packets_s):
            name = "capture"
            # bad, good, order: the second.
            seat.press("j")
            seat.until(lambda _: seat.lit(CONTAINERS_COLUMN) == (3,), "good")
            seat.press("c")
            seat.until(lambda text: "file " in text, "the question")
            seat.press("\r")
            seat.until(lambda text: "→ good:9" in text, "packets")
            self.prefer()
            self.measure(name, seat, "pp", held)
            seat.press("2")
            seat.bytes_for(0.5)
            self.keys(f"{name}, in another pane", seat, "jk", cursor)

    def measure(self, name: str, seat: Seat, keys: str, effect: Effect) -> None:
        """Bytes while nobody touches it, then keys."""
        self.say(f"{name}: bytes")
        seat.bytes_for(3.0)
        begun = time.perf_counter()
        count = seat.bytes_for(self.options.seconds)
        rate = count / KIB / (time.perf_counter() - begun)
        self.figures.add(f"{name}, written", "KiB/s", [rate], bar=BARS[name])
        self.keys(name, seat, keys, effect)

    def keys(self, name: str, seat: Seat, keys: str, effect: Effect) -> None:
        self.say(f"{name}: keys")
        samples = seat.latencies_ms(keys, effect, self.options.keys)
        self.figures.add(f"{name}, a key", "ms", samples)
        worst = percentile(samples, 0.99)
        self.figures.add(f"{name}, a key, p99", "ms", [worst], bar=KEY_BAR_MS)

    def prefer(self) -> None:
        """The machine may be busy with what is not measured."""
        prefer(self.server.members())

    @contextmanager
    def opened(self) -> Iterator[Seat]:
        """netwiz over a new connection, all of the shop in it, Containers in focus."""
        lab = self.server.lab
        argv = self.server.netwiz(netwiz_command())
        with seated(argv, lab.env()) as seat:
            seat.until(painted, "the panes")
            seat.until(lambda text: "order" in text, "the containers")
            self.prefer()
            prefer([seat.process.pid])
            seat.press("2")
            seat.until(lambda _: seat.lit(CONTAINERS_COLUMN) == (2,), "a cursor")
            yield seat


@contextmanager
def flood(lab: Lab, rate: int) -> Iterator[None]:
    """UDP packets from order to good, each of them on its own."""
    segmenting = ["ethtool", "-K", "eth0", "tx-udp-segmentation", "off"]
    done = lab.run(segmenting, "order")
    if done.returncode:
        raise RuntimeError(done.stderr)
    address = lab.docker(
        "inspect", "-f", "{{.NetworkSettings.Networks.shop.IPAddress}}", "good"
    )
    argv = [f"--net={lab.netns_of('order')}", "--"]
    load = Load(100, rate, 3600.0)
    process = subprocess.Popen(
        ["nsenter", *argv, *sending(address, load)], stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> int:
    """Print the figures; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ssh")
    usual = Options()
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--keys", type=int, default=usual.keys)
    parser.add_argument("--packets", type=int, default=usual.packets_s)
    parser.add_argument("--only", nargs="+", choices=STATES, default=STATES)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    options = Options(asked.seconds, asked.keys, asked.packets, tuple(asked.only))

    def measure(lab: Lab, figures: Figures, say: Say) -> None:
        shop.raise_shop(lab)
        with served(lab) as server:
            Bench(server, options, figures, say).run()

    return on_a_lab("ssh", measure, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
