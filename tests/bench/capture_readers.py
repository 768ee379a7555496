"""Who listens on the wire: `tcpdump -w`, and netwiz's capture to a file."""

from __future__ import annotations

import json
import mmap
import os
import re
import signal
import struct
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.capture_wire import DEVICE, RIGHT, prefer, within

PATIENCE_S = 60.0
QUIET_S = 1.6
"""A file that has not grown for so long holds all there was: libpcap hands over a
block that is not full after one second."""


@dataclass(frozen=True, slots=True)
class Got:
    """What a reader has to show for it."""

    packets: int
    """Counted in the file."""
    dropped: int
    """As the kernel told the reader."""
    cpu_s: float


class Reader(ABC):
    """A process that writes what comes by to a file."""

    name = ""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.process = subprocess.Popen(
            [*within(RIGHT), *self.argv()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @abstractmethod
    def argv(self) -> Sequence[str]:
        """What is run in the right namespace."""

    @abstractmethod
    def wait_ready(self) -> None:
        """Return once it listens."""

    @abstractmethod
    def dropped(self, told: str) -> int:
        """What it says that the kernel dropped."""

    def stop(self) -> Got:
        """End it when all is written, and count."""
        size, since = -1, time.monotonic()
        end = since + PATIENCE_S
        while time.monotonic() < min(since + QUIET_S, end):
            now = self._written()
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.05)
        cpu = cpu_s(tree(self.process.pid))
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        if self.process.returncode:
            raise RuntimeError(f"{self.name}: {self.process.returncode}: {err}")
        return Got(count(self.file), self.dropped(err + out), cpu)

    def _written(self) -> int:
        try:
            return self.file.stat().st_size
        except FileNotFoundError:
            return 0

    def _line(self, stream: str, word: str) -> None:
        told = self.process.stderr if stream == "err" else self.process.stdout
        assert told is not None
        before = []
        while line := told.readline():
            if word in line:
                return
            before.append(line)
        self.process.kill()
        said = "".join((*before, *self.process.communicate()))
        raise RuntimeError(f"{self.name} did not listen: {said}")


class Tcpdump(Reader):
    """As people run it: with the buffer that it has by itself."""

    name = "tcpdump -w"

    def argv(self) -> Sequence[str]:
        # It would write as somebody else, who may not write here.
        return ["tcpdump", "-i", DEVICE, "-Z", "root", "-w", str(self.file)]

    def wait_ready(self) -> None:
        self._line("err", "listening on")

    def dropped(self, told: str) -> int:
        found = re.search(r"(\d+) packets? dropped by kernel", told)
        if found is None:
            raise RuntimeError(f"tcpdump told no drops: {told}")
        return int(found[1])


class Netwiz(Reader):
    """The engine, with nobody looking."""

    name = "netwiz"

    def argv(self) -> Sequence[str]:
        module = [sys.executable, "-m", "tests.bench.capture_inside"]
        return [*module, RIGHT, DEVICE, str(self.file)]

    def wait_ready(self) -> None:
        self._line("out", "ready")

    def dropped(self, told: str) -> int:
        return int(json.loads(told.splitlines()[-1])["dropped"])


@contextmanager
def listening(kind: type[Reader], file: Path) -> Iterator[Reader]:
    """A reader that is ended whatever happens, with its file."""
    file.unlink(missing_ok=True)
    reader = kind(file)
    try:
        reader.wait_ready()
        prefer(tree(reader.process.pid))
        yield reader
    finally:
        if reader.process.poll() is None:
            reader.process.kill()
        reader.process.communicate()
        for path in file.parent.glob(f"{file.name}*"):
            path.unlink()


def count(file: Path) -> int:
    """Packets in a pcap or pcapng file (formats: pcap(3PCAP), the pcapng draft)."""
    with file.open("rb") as opened:
        if not os.fstat(opened.fileno()).st_size:
            return 0
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data[:4] == b"\x0a\x0d\x0d\x0a":
                return _count_blocks(data)
            return _count_records(data)


def _count_records(data: mmap.mmap) -> int:
    found, at, end = 0, 24, len(data)
    read = struct.Struct("<I").unpack_from
    while at + 16 <= end:
        at += 16 + read(data, at + 8)[0]
        found += at <= end
    return found


def _count_blocks(data: mmap.mmap) -> int:
    found, at, end = 0, 0, len(data)
    # The first block tells how numbers are written (byte-order magic).
    order = ">" if data[8:12] == b"\x1a\x2b\x3c\x4d" else "<"
    read = struct.Struct(f"{order}II").unpack_from
    while at + 12 <= end:
        kind, length = read(data, at)
        if length < 12:
            raise ValueError(f"a block of {length} bytes at {at}")
        at += length
        found += kind == 6 and at <= end
    return found


def tree(pid: int) -> set[int]:
    """A process and all that came of it and still has its parent (proc(5), stat)."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(fields[1])
    found = {pid}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_s(pids: set[int]) -> float:
    """Processor time that these have used."""
    ticks = 0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pids: set[int], key: str = "Pss") -> float:
    """Memory of these: Pss counts what is shared once, Rss with each of them."""
    kib = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        row = next(row for row in rollup.splitlines() if row.startswith(f"{key}:"))
        kib += int(row.split()[1])
    return kib / 1024
