"""A capture file, read in the child as if it were live: the same rows and words."""

from __future__ import annotations

import bisect
import select
import time
from collections.abc import Iterator

from netwiz.probes.capture.backlog import Backlog, PacketReader
from netwiz.probes.capture.files import CaptureFile
from netwiz.probes.capture.order import Order, Told
from netwiz.probes.capture.refusals import Refusals
from netwiz.probes.capture.ring import Packet
from netwiz.probes.capture.saying import ParentGoneError, Pipe
from netwiz.probes.capture.sieve import Sieve

_SORT_NS = 500_000_000
"""Packets of several interfaces are brought into order over so much time."""
_MOST_WAITING = 50_000
_OVERDUE_NS = 250_000_000
_COUNT_S = 0.5
_AT_ONCE = 256
_LOOK_AHEAD = 256 * 1024 * 1024
"""Bytes of a file that are looked through for interfaces before it begins."""


def replay(order: Order, pipe: Pipe, reader: PacketReader) -> None:
    """Read the file and tell of it; raises ProbeError, ParentGoneError."""
    with CaptureFile(order.source) as ahead:
        known = _interfaces(ahead)
    if ahead.names:
        reader.names = {**ahead.names, **order.names}
    pipe.say(Told.STARTED, taps=known, names=ahead.names)
    with CaptureFile(order.source) as file:
        _Replay(order, pipe, reader, file, len(known)).run()


def _interfaces(file: CaptureFile) -> list[tuple[str, int]]:
    """Names and link types of all that packets come from; they may stand anywhere."""
    gone = 0
    for packets in file.packets():
        gone += sum([len(packet[3]) for packet in packets])
        if gone > _LOOK_AHEAD:
            break
    return [
        (
            found.name or f"interface {n}" if len(file.interfaces) > 1 else found.name,
            found.linktype,
        )
        for n, found in enumerate(file.interfaces)
    ] or [("", 1)]


class _Replay:
    def __init__(
        self,
        order: Order,
        pipe: Pipe,
        reader: PacketReader,
        file: CaptureFile,
        taps: int,
    ) -> None:
        self._pipe = pipe
        self._file = file
        self._taps = taps
        self._backlog = Backlog(reader, pipe.row, order.snaplen, several=False)
        self._sieve = Sieve(order.filter) if order.filter else None
        self._refusals = Refusals(order.filter, tags=True) if order.refusals else None
        self._seen = self._bytes = 0
        self._looked_ns = 0
        self._counted = time.monotonic()
        self._stopped = False

    def run(self) -> None:
        for packets in self._sorted():
            self._take(packets)
            if self._stopped:
                break
        if self._looked_ns:
            self._backlog.overdue(self._looked_ns)
        self._count()
        why = "stopped" if self._stopped else "end of file"
        if self._file.cut and not self._stopped:
            why = f"end of file: {self._file.cut}"
        self._pipe.say(Told.ENDED, why=why, wrong=False)

    def _sorted(self) -> Iterator[list[Packet]]:
        """In order of time, as far as packets are not too far from their place."""
        waiting: list[Packet] = []
        for packets in self._file.packets():
            if len(self._file.interfaces) < 2:
                yield packets
                continue
            waiting += packets
            waiting.sort(key=_time)
            until = (waiting[-1][0] if waiting else 0) - _SORT_NS
            ready = max(
                bisect.bisect_right(waiting, until, key=_time),
                len(waiting) - _MOST_WAITING,
            )
            yield waiting[:ready]
            del waiting[:ready]
        yield waiting

    def _take(self, packets: list[Packet]) -> None:
        devices = self._backlog.devices
        for n in range(len(devices), len(self._file.interfaces)):
            linktype = self._file.interfaces[n].linktype
            devices.append((min(n, self._taps - 1), linktype, linktype))
        if self._refusals is not None:
            _, packets = self._refusals.passed(packets, devices)
        elif self._sieve is not None:
            packets = self._sieve.passed(packets, devices)
        for start in range(0, len(packets), _AT_ONCE):
            self._wait()
            if self._stopped:
                return
            self._read(packets[start : start + _AT_ONCE])

    def _read(self, packets: list[Packet]) -> None:
        self._seen += len(packets)
        self._bytes += sum([packet[2] for packet in packets])
        start = 0
        for n, packet in enumerate(packets):
            if packet[0] - self._looked_ns > _OVERDUE_NS:
                # Silence is told of where it falls among the packets.
                self._through(packets[start:n])
                start = n
                if self._looked_ns:
                    self._backlog.overdue(packet[0])
                self._looked_ns = packet[0]
        self._through(packets[start:])

    def _through(self, packets: list[Packet]) -> None:
        self._backlog.add(packets)
        while len(self._backlog):
            self._backlog.read(3600.0, 0, free=True)

    def _wait(self) -> None:
        """Let the parent take what was told, and hear whether it wants to stop."""
        now = time.monotonic()
        if now - self._counted > _COUNT_S:
            self._counted = now
            self._count()
        self._pipe.flush()
        poller = select.poll()
        while True:
            full = self._pipe.full
            poller.register(self._pipe, select.POLLIN | (select.POLLOUT if full else 0))
            for _, event in poller.poll(1000 if full else 0):
                if event & ~select.POLLOUT:
                    heard = self._pipe.heard()
                    if heard is None:
                        raise ParentGoneError
                    self._stopped = self._stopped or bool(heard)
            if not full or self._stopped:
                return
            self._pipe.flush()

    def _count(self) -> None:
        self._pipe.say(Told.COUNTS, seen=self._seen, read=self._seen, bytes=self._bytes)


def _time(packet: Packet) -> int:
    return packet[0]
