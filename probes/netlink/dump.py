"""Netlink dumps: ask the kernel for a table, get its messages (netlink(7)).

Only what a dump needs, because a library that models every message costs thirty times
as long and holds the event loop meanwhile. What arrives is cut into messages and
attributes without trusting any length in it.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import Self

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x001
NLM_F_DUMP = 0x300
ATTRIBUTE_TYPE = 0x3FFF
"""Without NLA_F_NESTED and NLA_F_NET_BYTEORDER, the two topmost bits."""

RECEIVE = 1 << 17
"""Bytes per read; the kernel fills at most 32 KiB per datagram of a dump."""

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_INT = struct.Struct("=i")


def split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, sequence, body) of each message in a datagram; stops at the first bad one.

    Lengths are padded to four bytes (NLMSG_ALIGN).
    """
    start = 0
    while start + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, start)
        if length < _HEADER.size or start + length > len(data):
            return
        yield kind, sequence, data[start + _HEADER.size : start + length]
        start += (length + 3) & ~3


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of each attribute; stops at the first bad one."""
    start = 0
    while start + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, start)
        if length < _ATTRIBUTE.size or start + length > len(data):
            return
        yield kind & ATTRIBUTE_TYPE, data[start + _ATTRIBUTE.size : start + length]
        start += (length + 3) & ~3


class Dumper:
    """A netlink socket of the calling thread's namespace, for one dump after another.

    Args:
        protocol: NETLINK_ROUTE (0), NETLINK_SOCK_DIAG (4) ...
        budget_s: how long all dumps together may take.
        limit: messages of one dump that are given on; the rest is left unread.

    Raises:
        OSError: what the kernel answers (ENOENT: it cannot do this; EPERM ...).
        TimeoutError: the budget is spent.
    """

    def __init__(
        self, protocol: int, *, budget_s: float = 3.0, limit: int = 65_536
    ) -> None:
        self._deadline = time.monotonic() + budget_s
        self._limit = limit
        self._sequence = 0
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol
        )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the socket; a dump left in the middle ends with it."""
        self._socket.close()

    def dump(self, kind: int, payload: bytes) -> Iterator[tuple[int, bytes]]:
        """(type, body) of every message that answers one request."""
        self._sequence += 1
        length = _HEADER.size + len(payload)
        flags = NLM_F_REQUEST | NLM_F_DUMP
        header = _HEADER.pack(length, kind, flags, self._sequence, 0)
        self._socket.send(header + payload)
        given = 0
        while given < self._limit:
            for answer, sequence, body in split(self._receive()):
                if sequence != self._sequence:
                    continue  # the rest of an earlier dump that nobody read
                if answer == NLMSG_DONE:
                    return
                if answer == NLMSG_ERROR:
                    _raise(body)
                    return
                yield answer, body
                given += 1

    def _receive(self) -> bytes:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the kernel's answer took too long")
        self._socket.settimeout(left)
        return self._socket.recv(RECEIVE)


def _raise(body: bytes) -> None:
    """Raise what an NLMSG_ERROR carries: a negative errno, 0 for an acknowledgement."""
    number = -_INT.unpack_from(body)[0] if len(body) >= _INT.size else 0
    if number > 0:
        raise OSError(number, os.strerror(number))
