"""VXLAN: the frame inside a datagram between two nodes (RFC 7348). Pure.

Outer IP and UDP, eight octets of VXLAN with the network's number, then a whole Ethernet
frame. The inner packet is what a probe is known by; the outer one says between which
nodes it is on its way.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterable, Iterator

HEADER = 8
"""Octets of the VXLAN header."""
_UDP_HEADER = 8
_ETHERNET = 14
_INNER = _UDP_HEADER + HEADER + _ETHERNET
"""From the outer UDP header to the inner packet."""
_VALID = 0x08
"""The flag that the number is there."""
_ETH_IP, _ETH_ARP = 0x0800, 0x0806
_SYN_OR_RST = 0x06


def inner(payload: bytes, port: int, ports: Collection[int]) -> tuple[int, bytes, int]:
    """Ethertype and bytes of the inner packet, and the network's number.

    `payload` begins with the outer UDP header, `port` is its destination. An ethertype
    of 0 says that there is no frame inside.
    """
    if port not in ports or len(payload) < _INNER:
        return 0, b"", 0
    flags, number = struct.unpack_from("!BxxxI", payload, _UDP_HEADER)
    if not flags & _VALID:
        return 0, b"", 0
    (ethertype,) = struct.unpack_from("!H", payload, _INNER - 2)
    return ethertype, payload[_INNER:], number >> 8


Step = tuple[int, int, str, str]


def steps(ports: Iterable[int], protocol: int) -> Iterator[Step | str]:
    """What the kernel's filter asks of an outer UDP header at X (see `filter`).

    Of TCP only SYN and RST inside; of anything else all that has the protocol. Goes to
    ``keep`` or to ``drop``; both are the program's own labels.
    """
    half_at_x, byte_at_x, equal, any_bit, go = 0x48, 0x50, 0x15, 0x45, 0x05
    known = sorted(set(ports))
    if not known:
        return
    yield "udp"
    yield half_at_x, 2, "", ""
    for port in known:
        yield equal, port, "tunnel", ""
    # Of the probe's own protocol it may be all the same, with no tunnel around it.
    yield go, 0, "ours" if protocol == socket.IPPROTO_UDP else "drop", ""
    yield "tunnel"
    yield half_at_x, _INNER - 2, "", ""
    yield equal, _ETH_ARP, "keep", ""
    yield equal, _ETH_IP, "", "keep"  # IPv6 inside is rare: sorted out later
    yield byte_at_x, _INNER + 9, "", ""
    yield equal, socket.IPPROTO_ICMP, "keep", ""
    yield equal, protocol, "", "drop"
    if protocol != socket.IPPROTO_TCP:
        yield go, 0, "keep", ""
        return
    yield byte_at_x, _INNER + 20 + 13, "", ""
    yield any_bit, _SYN_OR_RST, "keep", "drop"
