"""A tap on every device of one namespace: one unbound cooked packet socket.

One socket per namespace and not one per device: closing costs about 13 ms each, for
the kernel waits until nobody can be in the middle of delivering to it
(synchronize_net). So taps are closed in a worker thread, and never held open for long:
they slow the whole namespace down by some percent.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import socket
import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass

from netwiz.probes.facts.base import Place
from netwiz.probes.text import plain
from netwiz.probes.witness.decode import Frame, decode
from netwiz.probes.witness.links import Device, devices
from netwiz.probes.witness.stamps import SO_TIMESTAMPNS, stamp_of

MAX_EVENTS = 4096
"""Packets kept of one tap during one probe; ours are some dozen."""

_SO_ATTACH_FILTER = 26
_SO_RCVBUFFORCE = 33
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_OUTGOING, _OTHER_HOST = 4, 3
_RECEIVE_BUFFER = 4 * 1024 * 1024
_SOCKADDR_LL = struct.Struct("=HHiHBB8s")
_ETH_P_ALL = 3
_BATCH = 64

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Event:
    """A packet at a device."""

    place: Place
    device: str
    inbound: bool
    strange: bool
    """Arrived with another host's link address (PACKET_OTHERHOST)."""
    at_ns: int
    """When the kernel saw it, CLOCK_REALTIME."""
    frame: Frame


class Tap:
    """One namespace under watch. Made inside it, read on the event loop."""

    def __init__(
        self, place: Place, program: bytes, tunnels: Collection[int] = ()
    ) -> None:
        """Open in the calling thread's namespace; raises OSError."""
        self.place = place
        self._tunnels = tunnels
        self.events: list[Event] = []
        self.lost = 0
        """Packets that the kernel could not hand us; grows at `stop`."""
        self.devices: dict[str, Device] = devices()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Protocol 0 is deaf: nothing can come before the filter is in place.
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0
        )
        try:
            self._prepare(program)
        except BaseException:
            self._socket.close()
            raise

    def _prepare(self, program: bytes) -> None:
        code = ctypes.create_string_buffer(program)
        attach = struct.pack("HL", len(program) // 8, ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attach)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        except PermissionError:
            self._socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER
            )
        self._socket.setblocking(False)
        # Python's bind() insists on a device; index 0 stands for all of them.
        everywhere = _SOCKADDR_LL.pack(
            socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b""
        )
        if _libc.bind(self._socket.fileno(), everywhere, len(everywhere)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def start(
        self, loop: asyncio.AbstractEventLoop, seen: Callable[[Event], None]
    ) -> None:
        """Read as packets come; `seen` is called on the loop with each."""
        self._loop = loop
        loop.add_reader(self._socket, self._read, seen)

    def stop(self) -> None:
        """Take what is still waiting, then close in the background."""
        if self._loop is None:
            self._socket.close()
            return
        self._loop.remove_reader(self._socket)
        while self._read(None):
            pass
        self.lost += self._statistics()
        try:
            self._loop.run_in_executor(None, self._socket.close)
        except RuntimeError:  # the loop is closing down and starts no more threads
            self._socket.close()
        self._loop = None

    def _read(self, seen: Callable[[Event], None] | None) -> bool:
        """Take one batch; False when nothing more is waiting."""
        for _ in range(_BATCH):
            try:
                data, control, _, address = self._socket.recvmsg(256, 64)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                # A device that goes away leaves this note on the socket.
                if error.errno == errno.ENETDOWN:
                    continue
                return False
            frame = decode(address[1], data, self._tunnels)
            if frame is None:
                continue
            if len(self.events) >= MAX_EVENTS:
                self.lost += 1
                continue
            event = self._event(frame, address, control)
            self.events.append(event)
            if seen is not None:
                seen(event)
        return True

    def _event(
        self,
        frame: Frame,
        address: tuple[str, int, int, int, bytes],
        control: list[tuple[int, int, bytes]],
    ) -> Event:
        return Event(
            self.place,
            plain(address[0], 32),
            address[2] != _OUTGOING,
            address[2] == _OTHER_HOST,
            stamp_of(control),
            frame,
        )

    def _statistics(self) -> int:
        """Packets dropped for want of room (packet(7), PACKET_STATISTICS)."""
        try:
            data = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        except OSError:
            return 0
        return int(struct.unpack("=II", data)[1])
