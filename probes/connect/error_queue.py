"""The ICMP error behind an errno, from a socket's error queue (ip(7), ipv6(7)).

With IP_RECVERR set before connect(2) the kernel keeps the ICMP message that ended an
attempt: who sent it, which type and code. The manual page denies this for TCP; the
kernel does it since 2.6 (``tcp_v4_err`` calls ``ip_icmp_error`` in SYN-SENT).
"""

from __future__ import annotations

import socket
import struct

from netwiz.probes.facts.connection import IcmpError

IP_RECVERR = 11
IPV6_RECVERR = 25
_ORIGIN_ICMP = 2
_ORIGIN_ICMP6 = 3

_EXTENDED_ERR = struct.Struct("=IBBBBII")
"""``struct sock_extended_err`` of linux/errqueue.h; the offender's address follows."""

_MOST = 8
"""Messages that are looked at; an attempt leaves one, a flood of ICMP leaves more."""


def keep_errors(sock: socket.socket, *, keep: bool = True) -> None:
    """Ask the kernel to queue ICMP errors of this socket, or to stop doing so."""
    level, option = (
        (socket.IPPROTO_IPV6, IPV6_RECVERR)
        if sock.family == socket.AF_INET6
        else (socket.IPPROTO_IP, IP_RECVERR)
    )
    sock.setsockopt(level, option, int(keep))


def first_icmp_error(sock: socket.socket) -> IcmpError | None:
    """The oldest ICMP error in the queue; None when the error was made locally.

    Never blocks. Local errors (a route that prohibits, a packet filter's EPERM) are
    passed over: nobody sent them.
    """
    for _ in range(_MOST):
        try:
            _, ancillary, _, _ = sock.recvmsg(
                1, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
            )
        except OSError:
            return None
        for level, kind, data in ancillary:
            if (level, kind) in (
                (socket.IPPROTO_IP, IP_RECVERR),
                (socket.IPPROTO_IPV6, IPV6_RECVERR),
            ):
                found = _parse(data)
                if found:
                    return found
    return None


def _parse(data: bytes) -> IcmpError | None:
    if len(data) < _EXTENDED_ERR.size:
        return None
    _, origin, kind, code, _, _, _ = _EXTENDED_ERR.unpack_from(data)
    offender = data[_EXTENDED_ERR.size :]
    if origin == _ORIGIN_ICMP and len(offender) >= 8:
        # struct sockaddr_in: family, port, address.
        return IcmpError(kind, code, socket.inet_ntop(socket.AF_INET, offender[4:8]))
    if origin == _ORIGIN_ICMP6 and len(offender) >= 24:
        # struct sockaddr_in6: family, port, flow information, address.
        return IcmpError(kind, code, socket.inet_ntop(socket.AF_INET6, offender[8:24]))
    return None
