"""Questions that leave a namespace for a name server, read off its devices.

The engine's own name server asks its upstream servers from inside the container's
namespace. What it passes on is seen here without touching it: one packet socket, for
as long as one question takes (packet(7)).
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from contextlib import suppress

_ETH_P_ALL = 3
_ETH_P_IP, _ETH_P_IPV6 = 0x0800, 0x86DD
_OUTGOING = 4
"""sll_pkttype of a packet that the namespace itself sends."""

_UDP = 17
_DOMAIN = 53
_LOOK = 600
"""Octets that are looked at of a packet; a question is shorter."""

_MOST = 4096
"""Packets of one reading: a busy container must not keep us here."""


class Watch:
    """A packet socket that looks for one name in questions on their way out."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self._sock = sock
        labels = name.lower().encode("ascii").split(b".")
        self._wire = b"".join(bytes([len(x)]) + x for x in labels) + b"\0"

    @staticmethod
    def socket() -> socket.socket:
        """Made in the thread's namespace; raises OSError without CAP_NET_RAW."""
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        return socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))

    def fileno(self) -> int:
        """For the event loop."""
        return self._sock.fileno()

    def read(self) -> list[str]:
        """The servers of the questions that have come by, without waiting."""
        found: list[str] = []
        with suppress(BlockingIOError, OSError):
            for _ in range(_MOST):
                data, where = self._sock.recvfrom(_LOOK)
                # (device, protocol, packet type, hardware type, address)
                if where[2] == _OUTGOING and where[0] != "lo":
                    found += self._server(data, where[1])
        return found

    def _server(self, data: bytes, protocol: int) -> list[str]:
        body, address = udp_body(data, protocol)
        # The name stands right behind the header of twelve octets (RFC 1035, 4.1).
        name = body[12 : 12 + len(self._wire)].lower()
        return [address] if address and name == self._wire else []

    def close(self) -> None:
        """Closing a packet socket takes milliseconds: do it in a worker thread."""
        self._sock.close()


def udp_body(data: bytes, protocol: int) -> tuple[bytes, str]:
    """What a datagram to port 53 holds, and for whom; empty for all other packets."""
    if protocol == _ETH_P_IP and len(data) >= 28 and data[9] == _UDP:
        start, address = (data[0] & 15) * 4, data[16:20]
    elif protocol == _ETH_P_IPV6 and len(data) >= 48 and data[6] == _UDP:
        start, address = 40, data[24:40]
    else:
        return b"", ""
    header = data[start : start + 8]
    if len(header) < 8 or struct.unpack_from("!H", header, 2)[0] != _DOMAIN:
        return b"", ""
    return data[start + 8 :], str(ipaddress.ip_address(address))
