"""The kernel's time stamps on packets, and being sure that they are the kernel's.

The first socket that asks for stamps switches them on for the whole machine, in the
background and a moment later (net_enable_timestamp of net/core/dev.c). A packet from
before that is stamped when it is read, and taps are read one after the other: its
place in the order would be wrong. So stamps are proved before a probe goes out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time

SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")
_TRIES = 40
_PAUSE_S = 0.0005


class Stamps:
    """Keeps stamping switched on until closed."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    async def proved(self) -> bool:
        """Wait until packets bear the time at which the kernel saw them.

        A datagram to ourselves on the host's loopback tells: stamped before it was
        asked for, or not. Takes some 50 us when another program has stamps on, and
        gives up after 20 ms (a loopback that is down or filtered): False.
        """
        with contextlib.suppress(OSError):
            self._socket.bind(("127.0.0.1", 0))
            self._socket.connect(self._socket.getsockname())
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                self._socket.send(b"")
                sent = time.time_ns()
                control = self._socket.recvmsg(16, 64)[1]
                if 0 < stamp_of(control) <= sent:
                    return True
            await asyncio.sleep(_PAUSE_S)
        return False

    def close(self) -> None:
        """Let go; stamping ends unless somebody else wants it."""
        self._socket.close()


def stamp_of(control: list[tuple[int, int, bytes]]) -> int:
    """Nanoseconds since 1970 from a message's control data; 0 without a stamp."""
    for level, kind, value in control:
        ours = level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS
        if ours and len(value) >= _TIMESPEC.size:
            seconds, rest = _TIMESPEC.unpack_from(value)
            return int(seconds * 1_000_000_000 + rest)
    return 0
