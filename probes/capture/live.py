"""A live capture inside the child: taps, file, backlog and pipe in one loop."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import Counter
from collections.abc import Callable
from operator import itemgetter

from netwiz.probes.capture.backlog import LEAST_SHARE, SHARE, Backlog, PacketReader
from netwiz.probes.capture.order import Order, TapOrder, Told
from netwiz.probes.capture.refusals import Refusals
from netwiz.probes.capture.ring import RETIRE_MS, Packet
from netwiz.probes.capture.saying import ParentGoneError, Pipe
from netwiz.probes.capture.sieve import Sieve
from netwiz.probes.capture.tap import Tap, TapGoneError
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Failure

_SLICE_S = 0.005
"""Reading gives way to the rings after so long: 200 000 packets/s of 1400 bytes fill a
ring of 16 MiB in 55 ms."""
_COUNT_S = 0.5
_OVERDUE_S = 0.25
_LAST_READING_S = 1.0
"""At the end, what waits is still read for so long."""
_ROUNDS = 64
"""A ring that never gets empty must not keep us from everything else."""
_PRESSED = 0.25
"""A ring that is so full is emptied again before anything is read."""
_OPENERS = 8
_MOST_DEVICES = 30_000


class Live:
    """Runs until it is told to stop, or its last tap is gone."""

    def __init__(self, order: Order, pipe: Pipe, reader: PacketReader) -> None:
        self._order = order
        self._pipe = pipe
        several = len(order.taps) > 1
        self._backlog = Backlog(reader, pipe.row, order.snaplen, several=several)
        self._poll = select.epoll()
        self._taps: dict[int, Tap] = {}
        self._seen = self._bytes = 0
        self._dropped_at: Counter[int] = Counter()
        self._told: dict[str, object] = {}
        self._drained_s = 0.0
        """Spent on rings and file since it was last looked at."""
        self._why = ""
        self._wrong = False
        self._sieve = Sieve(order.filter) if order.inner else None
        self._refusals = None
        if order.refusals:
            self._refusals = Refusals(order.filter, tags=order.inner)
        # What devices are called and how they look, for rows and for the file.
        self._backlog.devices = [(n, 1, 1) for n in range(len(order.taps))]
        self._first_given: set[int] = set()
        self._keeper = None
        if order.file is not None:
            from netwiz.probes.capture.keeper import Keeper

            self._keeper = Keeper(order.file, order.names)

    def run(self) -> None:
        """Capture. Raises ProbeError when it cannot begin, ParentGoneError."""
        for tap in self._opened():
            self._listen(tap)
        self._poll.register(self._pipe, select.EPOLLIN)
        self._pipe.say(
            Told.STARTED,
            taps=[[tap.device, tap.linktype] for tap in self._taps.values()],
        )
        try:
            self._loop()
        finally:
            if self._keeper is not None:
                self._keeper.finish(self._drops())
        self._say_end()

    def _opened(self) -> list[Tap]:
        """All taps, several made at a time.

        Each takes the kernel 15 ms, in which it waits for all processors
        (synchronize_net), and the waits can pass together.
        """
        made: dict[int, Tap] = {}
        failed: list[ProbeError] = []
        numbered = list(enumerate(self._order.taps))

        def work(part: list[tuple[int, TapOrder]]) -> None:
            for number, order in part:
                try:
                    made[number] = self._open(number, order)
                except ProbeError as error:
                    failed.append(error)
                    return

        threads = [
            threading.Thread(target=work, args=(numbered[n::_OPENERS],))
            for n in range(min(_OPENERS, len(numbered)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return [made[number] for number, _ in numbered]

    def _open(self, number: int, order: TapOrder) -> Tap:
        with mapped(order.name):
            try:
                return Tap(number, order, self._order.ring_bytes, self._new_device)
            except TapGoneError as error:
                raise ProbeError(Failure.GONE, f"{order.name}: {error}") from error
            except OSError as error:
                raise _failure(order.name, error) from error

    def _listen(self, tap: Tap) -> None:
        self._taps[tap.number] = tap
        self._backlog.devices[tap.number] = (tap.number, tap.linktype, tap.linktype)
        self._poll.register(tap.ring, select.EPOLLIN)
        self._poll.register(tap.news, select.EPOLLIN)
        if tap.pidfd >= 0:
            self._poll.register(tap.pidfd, select.EPOLLIN)

    def _new_device(self, tap: Tap, name: str, linktype: int) -> int:
        """Number a device; a tap's first one of its kind bears the tap's own number."""
        devices = self._backlog.devices
        shown = devices[tap.number][2] if tap.number < len(devices) else linktype
        if tap.is_bridge:
            # A packet is heard at one port, its answer at another: for whoever joins
            # the two, all of the bridge is one place.
            if tap.number in self._first_given:
                return tap.number
            name = tap.device
        if tap.number not in self._first_given and name != "lo" and linktype == shown:
            self._first_given.add(tap.number)
            number = tap.number
        elif len(devices) < _MOST_DEVICES:
            devices.append((tap.number, linktype, shown))
            number = len(devices) - 1
        else:
            number = tap.number
        if self._keeper is not None:
            self._keeper.device(number, f"{tap.name}/{name}", tap.comment, linktype)
        return number

    # The loop.

    def _loop(self) -> None:
        next_count = next_overdue = 0.0
        shared = time.monotonic()
        while not self._why:
            self._wait(next_count)
            pressed = self._drain()
            if not self._pipe.full and not pressed:
                self._backlog.read(_SLICE_S, time.time_ns())
            now = time.monotonic()
            if now >= next_overdue:
                next_overdue = now + _OVERDUE_S
                self._share(max(now - shared, 0.001))
                shared = now
                self._backlog.overdue(time.time_ns())
            if now >= next_count:
                next_count = now + _COUNT_S
                self._look_around()
                self._count()
            self._pipe.flush()
        # What has come by now is in blocks that the kernel still fills.
        time.sleep(2 * RETIRE_MS / 1000)
        self._drain()
        self._backlog.read(_LAST_READING_S, time.time_ns(), free=True)
        self._backlog.abandon()

    def _wait(self, next_count: float) -> None:
        now = time.monotonic()
        waits = [max(next_count - now, 0.0)]
        if not self._pipe.full:
            waits.append(self._backlog.next_s(time.time_ns()))
        due = self._pipe.due_s()
        if due is not None:
            waits.append(due)
        interest = select.EPOLLIN | (select.EPOLLOUT if self._pipe.pending else 0)
        self._poll.modify(self._pipe, interest)
        for fd, event in self._poll.poll(min(waits)):
            if fd == self._pipe.fileno():
                if event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                    self._hear()
            else:
                self._happened(fd)

    def _hear(self) -> None:
        heard = self._pipe.heard()
        if heard is None:
            self._why = "netwiz is gone"
            raise ParentGoneError
        if heard:
            self._why = "stopped"

    def _happened(self, fd: int) -> None:
        """News of a namespace, or the end of a container."""
        for tap in list(self._taps.values()):
            if fd == tap.pidfd:
                self._lose(tap, "the container stopped")
            elif fd == tap.news.fileno():
                why = tap.changed()
                if why:
                    self._lose(tap, why)
            elif fd == tap.ring.fileno():
                why = tap.ring.error()
                if why:
                    self._lose(tap, why)

    def _drain(self) -> bool:
        """Empty the rings into file and backlog; whether one was filling up."""
        start = time.monotonic()
        for tap in self._taps.values():
            tap.ring.fill = 0.0
        for _ in range(_ROUNDS):
            packets: list[Packet] = []
            rings = 0
            for tap in self._taps.values():
                taken = tap.take()
                rings += bool(taken)
                packets += taken
            if not packets:
                break
            self._take(packets, rings)
        self._drained_s += time.monotonic() - start
        return any(tap.ring.fill > _PRESSED for tap in self._taps.values())

    def _take(self, packets: list[Packet], rings: int) -> None:
        if rings > 1:
            packets.sort(key=_time)
        chosen = packets
        devices = self._backlog.devices
        if self._refusals is None:
            if self._sieve is not None:
                chosen = packets = self._sieve.passed(packets, devices)
        elif self._sieve is not None:
            chosen, packets = self._refusals.passed(packets, devices)
        else:
            chosen, packets = self._refusals.only_read(packets, devices)
        self._seen += len(packets)
        self._bytes += sum(map(_size, packets))
        if self._keeper is not None:
            self._keeper.write(chosen)
        self._backlog.add(packets)

    def _share(self, passed_s: float) -> None:
        """Give reading what emptying the rings leaves of half a processor.

        Twice its time is kept free for it: what comes is not even.
        """
        busy = self._drained_s / passed_s
        self._drained_s = 0.0
        self._backlog.share = max(SHARE - 2 * busy, LEAST_SHARE)

    def _look_around(self) -> None:
        """What no event tells of: drops, and namespaces that only a file held."""
        for tap in list(self._taps.values()):
            dropped = tap.ring.count()
            if dropped:
                self._dropped_at[tap.number] += dropped
                self._backlog.lost()
            why = tap.missing()
            if why:
                self._lose(tap, why)

    def _lose(self, tap: Tap, why: str) -> None:
        self._drain()  # its last packets are those that explain
        self._dropped_at[tap.number] += tap.ring.count()
        del self._taps[tap.number]
        tap.close()
        self._backlog.read(_SLICE_S, time.time_ns(), free=True)
        self._pipe.say(Told.TAP_GONE, tap=tap.number, why=f"{tap.name}: {why}")
        if not self._taps:
            self._why = "nothing is left to listen to: " + f"{tap.name}: {why}"
            self._wrong = True

    def _drops(self) -> dict[int, int]:
        """Drops of each tap, under the number of its first device."""
        for tap in self._taps.values():
            self._dropped_at[tap.number] += tap.ring.count()
        return dict(self._dropped_at)

    def _count(self) -> None:
        keeper = self._keeper
        counts: dict[str, object] = {
            "seen": self._seen,
            "dropped": self._dropped_at.total(),
            "read": self._seen - self._backlog.skipped,
            "bytes": self._bytes,
            "written": keeper.written if keeper else 0,
            "file_bytes": keeper.file_bytes if keeper else 0,
            "full": keeper.full if keeper else "",
        }
        if counts != self._told:
            self._told = counts
            self._pipe.say(Told.COUNTS, **counts)

    def _say_end(self) -> None:
        self._drops()
        self._count()
        self._pipe.say(Told.ENDED, why=self._why, wrong=self._wrong)


_time: Callable[[Packet], int] = itemgetter(0)
_size: Callable[[Packet], int] = itemgetter(2)


def _failure(name: str, error: OSError) -> ProbeError:
    import errno

    from netwiz.probes.errors import NEED_ROOT

    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in {errno.EPERM, errno.EACCES}:
        what = f"{name}: listening to packets is not permitted ({reason})"
        return ProbeError(Failure.RIGHTS, what, NEED_ROOT)
    if error.errno == errno.ENOMEM:
        what = f"{name}: no memory for a ring of packets"
        return ProbeError(Failure.BROKEN, what, "listen to fewer containers at once")
    return ProbeError(Failure.BROKEN, f"{name}: cannot listen there ({reason})")
