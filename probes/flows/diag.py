"""Sockets by sock_diag, with just the numbers that a flow needs. Blocks.

`netwiz.probes.netlink.sockdiag` answers the questions of a diagnosis; this one is asked
for thousands of sockets every two seconds, so it makes one tuple per socket and leaves
addresses as bytes. Wire format: linux/inet_diag.h, sock_diag(7); tcp_info: linux/tcp.h.

Two ways to ask. A *dump* walks the whole table of connections, which all namespaces
share: half a millisecond for 262 144 buckets, even where a namespace has none. An exact
question finds one known socket by its hash: some microseconds. So what is known is
asked for one by one as long as that is cheaper.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

NETLINK_SOCK_DIAG = 4
TCPDIAG_GETSOCK = 18
"""The request from before 3.3: of both families at once, which saves one walk."""
SOCK_DIAG_BY_FAMILY = 20
INET_DIAG_INFO = 2
NLMSG_ERROR, NLMSG_DONE = 2, 3
_REQUEST, _DUMP = 0x001, 0x300
_GONE = (errno.ENOENT, errno.ESTALE)

TCP, UDP = 6, 17
SYN_SENT, SYN_RECV, LISTEN = 2, 3, 10
# net/tcp_states.h without TIME-WAIT (6) and CLOSE (7); 12 is NEW_SYN_RECV.
CONNECTIONS = sum(1 << n for n in (1, 2, 3, 4, 5, 8, 9, 11, 12))
UDP_CONNECTED = 1 << 1
PERSIST = 4
"""idiag_timer: zero window probes are being sent."""

RECEIVE = 1 << 17
TIMEOUT_S = 2
AT_ONCE = 32
"""Exact questions in one datagram; their answers wait in the socket's buffer."""

_HEADER = struct.Struct("=IHHII")
_REQUEST_V2 = struct.Struct("=BBBxI48s")
_REQUEST_V1 = struct.Struct("=xxxB48xII")
# inet_diag_msg up to the cookie, and what follows it; ports and addresses are cut out.
_MESSAGE = struct.Struct("=BBBB48sIIIII")
_COOKIE = struct.Struct("=Q")
_ATTRIBUTE = struct.Struct("=HH")
# Offsets of struct tcp_info (linux/tcp.h): retransmits 2, unacked 24, last_data_sent
# 44, last_data_recv 52, rtt 68, total_retrans 100, bytes_acked 120, bytes_received 128,
# segs_out 136, notsent_bytes 144, min_rtt 148, data_segs_out 156, dsack_dups 216,
# snd_wnd 228.
_INFO = struct.Struct("=2xB21xI16xI4xI12xI28xI16xQQI4xII4xI56xI8xI")
_MAPPED = b"\0" * 10 + b"\xff\xff"
_INT = struct.Struct("=i")


class Info(NamedTuple):
    """Of struct tcp_info; what an older kernel does not tell is zero."""

    retransmits: int
    """Timeouts in a row for the oldest segment."""
    unacked: int
    sent_ago_ms: int
    received_ago_ms: int
    rtt_us: int
    total_retrans: int
    acked: int
    received: int
    segments: int
    notsent: int
    min_rtt_us: int
    data_segments: int
    needless: int
    """Of the segments sent again, those that the peer had already (DSACK, RFC 2883)."""
    window: int
    """What the peer takes (since 5.4); see `window_known`."""
    window_known: bool = False


class Sock(NamedTuple):
    """A connected socket. An end is its address (4 or 16 bytes) and port (2 bytes)."""

    cookie: int
    """The kernel's number of this very socket; no other one ever gets it."""
    protocol: int
    state: int
    timer: int
    tries: int
    near: bytes
    far: bytes
    unread: int
    unsent: int
    inode: int
    family: int
    """Of the socket: an IPv6 one may carry IPv4 (its ends are then of 4 bytes)."""
    identity: bytes
    """struct inet_diag_sockid, by which the kernel finds it again."""
    info: Info | None
    at: float
    """CLOCK_MONOTONIC when it was asked for."""
    ends: bytes
    """Near and far, by which the other end's socket is found."""
    mirror: bytes
    """Far and near: the `ends` of that socket, if nothing is translated."""
    turn: int
    """The same number for both ends: whoever looks at some sockets only takes both."""


def end_of(address: bytes, port: bytes) -> bytes:
    """An end; an IPv4-mapped address (RFC 4291, 2.5.5.2) is the IPv4 one it means."""
    return (address[12:] if address.startswith(_MAPPED) else address) + port


def parse(body: bytes, protocol: int, at: float = 0.0) -> Sock | None:
    """An inet_diag_msg with its attributes; None when it is not a whole one."""
    if len(body) < _MESSAGE.size:
        return None
    family, state, timer, tries, name, _, unread, unsent, _, inode = (
        _MESSAGE.unpack_from(body)
    )
    if family == socket.AF_INET:
        near, far = name[4:8] + name[:2], name[20:24] + name[2:4]
    elif family == socket.AF_INET6:
        near, far = end_of(name[4:20], name[:2]), end_of(name[20:36], name[2:4])
    else:
        return None
    return Sock(
        _COOKIE.unpack_from(name, 40)[0],
        protocol,
        SYN_RECV if state == 12 else state,
        timer,
        tries,
        near,
        far,
        unread,
        unsent,
        inode,
        family,
        name,
        _find_info(body) if protocol == TCP and state != LISTEN else None,
        at,
        near + far,
        far + near,
        near[-1] + far[-1],
    )


def _find_info(body: bytes) -> Info | None:
    at, end = _MESSAGE.size, len(body)
    while at + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < 4 or at + length > end:
            return None
        if kind == INET_DIAG_INFO:
            if length - 4 >= _INFO.size:
                return Info._make((*_INFO.unpack_from(body, at + 4), True))
            short = body[at + 4 : at + length].ljust(_INFO.size, b"\0")
            return Info(*_INFO.unpack(short))
        at += (length + 3) & ~3
    return None


class Diag:
    """A sock_diag socket of the calling thread's namespace.

    Raises:
        OSError: what the kernel answers, or BlockingIOError when it does not.
    """

    def __init__(self, buffer: bytearray) -> None:
        self._buffer = buffer
        self._view = memoryview(buffer)
        self._sequence = 0
        self._at = time.monotonic()
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, NETLINK_SOCK_DIAG)
        # Not settimeout(): that costs a poll(2) before each of thousands of recv(2).
        wait = struct.pack("@ll", TIMEOUT_S, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._socket.close()

    def tcp(self) -> list[Sock]:
        """Listeners and connections of both families, but for TIME-WAIT."""
        states, ext = CONNECTIONS | 1 << LISTEN, 1 << (INET_DIAG_INFO - 1)
        try:
            return self._dump(TCPDIAG_GETSOCK, _REQUEST_V1.pack(ext, states, 0), TCP)
        except OSError as error:
            # A kernel to come may have dropped the old request.
            if error.errno not in (errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP):
                raise
        return [
            sock
            for family in (socket.AF_INET, socket.AF_INET6)
            for sock in self._dump(
                SOCK_DIAG_BY_FAMILY,
                _REQUEST_V2.pack(family, TCP, ext, states, b""),
                TCP,
            )
        ]

    def udp(self) -> list[Sock]:
        """Connected sockets of both families; none where the kernel cannot tell."""
        found: list[Sock] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _REQUEST_V2.pack(family, UDP, 0, UDP_CONNECTED, b"")
            try:
                found += self._dump(SOCK_DIAG_BY_FAMILY, request, UDP)
            except FileNotFoundError:
                break
        return found

    def again(self, known: Iterable[Sock]) -> tuple[list[Sock], int]:
        """The same TCP sockets as they are now, and how many of them are gone."""
        waiting, found, gone = list(known), [], 0
        for start in range(0, len(waiting), AT_ONCE):
            chosen = waiting[start : start + AT_ONCE]
            self._socket.send(b"".join(map(self._exact, chosen)))
            for _ in chosen:
                kind, body = self._answer()
                sock = None
                if kind == SOCK_DIAG_BY_FAMILY:
                    sock = parse(body, TCP, self._at)
                if sock is None:
                    gone += 1
                else:
                    found.append(sock)
        return found, gone

    def _exact(self, sock: Sock) -> bytes:
        ext = 1 << (INET_DIAG_INFO - 1)
        body = _REQUEST_V2.pack(sock.family, TCP, ext, 0xFFFFFFFF, sock.identity)
        self._sequence += 1
        length = _HEADER.size + len(body)
        kind = SOCK_DIAG_BY_FAMILY
        return _HEADER.pack(length, kind, _REQUEST, self._sequence, 0) + body

    def _answer(self) -> tuple[int, bytes]:
        size = self._socket.recv_into(self._buffer)
        length, kind, _, _, _ = _HEADER.unpack_from(self._buffer)
        body = bytes(self._view[_HEADER.size : min(length, size)])
        if kind == NLMSG_ERROR:
            number = -_INT.unpack_from(body)[0]
            if number not in _GONE:
                raise OSError(number, os.strerror(number))
        return kind, body

    def _dump(self, kind: int, payload: bytes, protocol: int) -> list[Sock]:
        self._sequence += 1
        length = _HEADER.size + len(payload)
        head = _HEADER.pack(length, kind, _REQUEST | _DUMP, self._sequence, 0)
        self._socket.send(head + payload)
        return [
            sock
            for body in self._bodies(kind)
            if (sock := parse(body, protocol, self._at)) is not None
        ]

    def _bodies(self, wanted: int) -> Iterator[bytes]:
        while True:
            size, at = self._socket.recv_into(self._buffer), 0
            while at + _HEADER.size <= size:
                length, kind, _, sequence, _ = _HEADER.unpack_from(self._buffer, at)
                if length < _HEADER.size or at + length > size:
                    return
                if sequence == self._sequence:
                    body = bytes(self._view[at + _HEADER.size : at + length])
                    if kind == NLMSG_DONE:
                        return
                    if kind == NLMSG_ERROR:
                        number = -_INT.unpack_from(body)[0]
                        raise OSError(number, os.strerror(number))
                    if kind == wanted:
                        yield body
                at += (length + 3) & ~3
