"""A plain packet socket in a namespace, read by the reader that is under test."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import threading
import time
from collections.abc import Iterator

from netwiz.probes.facts import Place
from netwiz.probes.facts.packets import Level, PacketRow
from netwiz.probes.machine import Ground
from netwiz.probes.reading.reader import Reader

_ETH_P_ALL = 3
_TIMESTAMPNS = 35
"""SO_TIMESTAMPNS: the module has no name for it."""
SNAPLEN = 2048
NS = 1_000_000_000


class Tap:
    """Everything that passes one device of a namespace, or all of its devices."""

    def __init__(self, ground: Ground, place: Place, device: str = "") -> None:
        self._socket = ground.namespaces.call_here(place, lambda: _open(device))
        self._packets: list[tuple[int, int, bytes]] = []
        self._socket.settimeout(0.05)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                data, extra, flags, _ = self._socket.recvmsg(65536 * 4, 256)
            except TimeoutError:
                if self._ends.is_set():
                    return
                continue
            assert not flags & socket.MSG_TRUNC
            ((_, _, stamp),) = (e for e in extra if e[1] == _TIMESTAMPNS)
            seconds, ns = struct.unpack("=qq", stamp)
            self._packets.append((seconds * NS + ns, len(data), data[:SNAPLEN]))

    def stop(self) -> None:
        """What waits in the socket is still taken."""
        self._ends.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._socket.close()

    def packets(self) -> list[tuple[int, int, bytes]]:
        """Time, size on the wire, bytes kept."""
        return list(self._packets)

    def rows(self, names: dict[str, str] | None = None) -> list[PacketRow]:
        """All of them read, with what was missed meanwhile."""
        reader = Reader(names or {})
        rows: list[PacketRow] = []
        for at_ns, size, data in self.packets():
            rows += reader.overdue(at_ns)
            rows.append(reader.read(at_ns, 0, 1, size, data))
        return rows + reader.overdue(time.time_ns())


def _open(device: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
    sock.setsockopt(socket.SOL_SOCKET, 33, 64 * 1024 * 1024)  # SO_RCVBUFFORCE
    if device:
        sock.bind((device, _ETH_P_ALL))
        return sock
    # socket.bind() has no way to say "every device": sockaddr_ll with index 0.
    everywhere = struct.pack("=HHiHBB8s", 17, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b"")
    libc = ctypes.CDLL(None, use_errno=True)
    assert not libc.bind(sock.fileno(), everywhere, len(everywhere))
    return sock


@contextlib.contextmanager
def tapped(ground: Ground, place: Place, device: str = "") -> Iterator[Tap]:
    """A tap for a while; afterwards it has all that passed meanwhile."""
    tap = Tap(ground, place, device)
    try:
        yield tap
    finally:
        tap.stop()


def alarms(rows: list[PacketRow]) -> list[str]:
    """What is told of as odd, or worse."""
    return [
        f"{row.level.name} {row.source} > {row.destination}: {row.text}"
        for row in rows
        if row.level >= Level.ODD
    ]


def until_row(
    tap: Tap, said: str, names: dict[str, str] | None = None, seconds: float = 60
) -> PacketRow:
    """The first row with these words, as soon as there is one."""
    deadline = time.monotonic() + seconds
    while True:
        rows = tap.rows(names)
        for row in rows:
            if said in row.text:
                return row
        assert time.monotonic() < deadline, [row.text for row in rows]
        time.sleep(0.05)
