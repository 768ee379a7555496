"""A tap of the patrol: one packet socket on every device of a namespace.

The one on the host stands all the time and does not look at what the host sends
(PACKET_IGNORE_OUTGOING, Linux 4.20): a tap that does has the kernel copy every packet
before its filter is asked, which was measured as 12 % more processor time for each
packet that is forwarded between two containers; without, it is 4 %.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_SO_ATTACH_FILTER = 26
_SOL_PACKET = 263
_PACKET_STATISTICS, _PACKET_IGNORE_OUTGOING = 6, 23
_OUTGOING = 4
_ETH_P_ALL = 3
_SOCKADDR_LL = struct.Struct("=HHiHBB8s")
_RECEIVE_BUFFER = 512 * 1024
BATCH = 256
"""Packets taken at once; what is left waits for the next turn of the loop."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that the filter let through, from its IP header on."""

    device: str
    ethertype: int
    outgoing: bool
    data: bytes


class Tap:
    """Made in the namespace that it listens to, read from anywhere."""

    def __init__(self, program: bytes, *, outgoing: bool) -> None:
        """Open in the calling thread's namespace; raises OSError."""
        # Protocol 0 is deaf: nothing can come before the filter is in place.
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0
        )
        self.lost = 0
        """Packets that passed the filter and found no room."""
        try:
            self.refilter(program)
            if not outgoing:
                # An older kernel has no such wish; then the same is seen twice.
                with suppress(OSError):
                    self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            self._socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER
            )
            self._socket.setblocking(False)
            # Python's bind() insists on a device; index 0 stands for all of them.
            everywhere = _SOCKADDR_LL.pack(
                socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b""
            )
            self._bind(everywhere)
        except BaseException:
            self._socket.close()
            raise

    def _bind(self, address: bytes) -> None:
        if _libc.bind(self._socket.fileno(), address, len(address)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def refilter(self, program: bytes) -> None:
        """Put another program in the place of the one that runs."""
        code = ctypes.create_string_buffer(program)
        attach = struct.pack("HL", len(program) // 8, ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attach)

    def fileno(self) -> int:
        """For the event loop."""
        return self._socket.fileno()

    def packets(self) -> Iterator[Packet]:
        """What is waiting, at most one batch."""
        for _ in range(BATCH):
            try:
                data, address = self._socket.recvfrom(512)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                # A device that goes away leaves this note on the socket.
                if error.errno == errno.ENETDOWN:
                    continue
                return
            yield Packet(address[0], address[1], address[2] == _OUTGOING, data)

    def count_lost(self) -> int:
        """Ask the kernel what it had no room for (packet(7)); the total."""
        with suppress(OSError):
            data = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            self.lost += struct.unpack("=II", data)[1]
        return self.lost

    def close(self) -> None:
        """Takes some 13 ms (synchronize_net): to be called in a thread."""
        self._socket.close()
