"""Headers of a captured packet, decoded. Pure; any bytes are survived.

Only what tells our probe from other traffic is read, and checksums are not: with
offloading they are filled in after the tap.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass, replace

from netwiz.probes.witness import vxlan
from netwiz.probes.witness.filter import ETH_ARP, ETH_IP, ETH_IPV6

SYN, SYN_ACK, RST, TCP = "SYN", "SYN-ACK", "RST", "TCP"
UDP, ICMP, ARP = "UDP", "ICMP", "ARP"
_OF_TCP = (SYN, SYN_ACK, RST, TCP)

_TCP = socket.IPPROTO_TCP
_UDP = socket.IPPROTO_UDP
_ICMP = socket.IPPROTO_ICMP
_ICMP6 = socket.IPPROTO_ICMPV6

_QUOTING = {3, 4, 11, 12}
_QUOTING6 = {1, 2, 3, 4}
_SOLICITATION, _ADVERTISEMENT = 135, 136


@dataclass(frozen=True, slots=True)
class Frame:
    """What was read of one packet."""

    kind: str
    source: bytes
    """4 or 16 bytes, network order. ARP: the sender's address."""
    destination: bytes
    """ARP and neighbour discovery: the address that is asked for."""
    source_port: int = 0
    destination_port: int = 0
    sequence: int = 0
    acknowledged: int = -1
    """-1 when the segment has no ACK flag."""
    ttl: int = 0
    ident: int = 0
    """IPv4 identification: it survives NAT and forwarding."""
    size: int = 0
    """UDP: length of header and payload; TCP: bytes of payload."""
    length: int = 0
    """TCP: bytes of the whole packet, IP header and all."""
    icmp: tuple[int, int] | None = None
    quoted: Frame | None = None
    """ICMP errors: the headers of the packet they are about."""
    answer: bool = False
    """ARP reply or neighbour advertisement."""
    tunnel: tuple[bytes, bytes, int] | None = None
    """Of a packet inside VXLAN: from which node to which, and the network's number."""

    @property
    def ends(self) -> tuple[bytes, int, bytes, int]:
        """Source and destination with their ports."""
        return (self.source, self.source_port, self.destination, self.destination_port)

    @property
    def back(self) -> tuple[bytes, int, bytes, int]:
        """The same, as an answer would have it."""
        return (self.destination, self.destination_port, self.source, self.source_port)


def decode(ethertype: int, data: bytes, tunnels: Collection[int] = ()) -> Frame | None:
    """The headers of a packet whose link header is gone; None when it is no use.

    Of a datagram to one of the VXLAN ports `tunnels` the packet inside counts.
    """
    try:
        if ethertype == ETH_IP:
            return (tunnels and _tunnelled(data, tunnels)) or _ipv4(data)
        if ethertype == ETH_IPV6:
            return _ipv6(data)
        if ethertype == ETH_ARP:
            return _arp(data)
    except (struct.error, IndexError):
        return None
    return None


def _tunnelled(data: bytes, ports: Collection[int]) -> Frame | None:
    """The packet inside a VXLAN datagram; None when this is none."""
    header = (data[0] & 0x0F) * 4
    if data[0] >> 4 != 4 or len(data) <= header or data[9] != _UDP:
        return None
    (port,) = struct.unpack_from("!H", data, header + 2)
    ethertype, within, number = vxlan.inner(data[header:], port, ports)
    found = decode(ethertype, within)
    return found and replace(found, tunnel=(data[12:16], data[16:20], number))


def address_text(packed: bytes) -> str:
    """The address as text; empty for what is none."""
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    if len(packed) == 16:
        return socket.inet_ntop(socket.AF_INET6, packed)
    return ""


def _ipv4(data: bytes, *, quoted: bool = False) -> Frame | None:
    header = (data[0] & 0x0F) * 4
    if data[0] >> 4 != 4 or header < 20 or len(data) < header:
        return None
    ident, fragment = struct.unpack_from("!HH", data, 4)
    if fragment & 0x1FFF:
        return None
    ttl, protocol = data[8], data[9]
    ends = data[12:16], data[16:20]
    found = _inside(protocol, data[header:], ends, ttl, ident, quoted=quoted)
    return _sized(found, struct.unpack_from("!H", data, 2)[0], header, data)


def _ipv6(data: bytes, *, quoted: bool = False) -> Frame | None:
    if data[0] >> 4 != 6 or len(data) < 40:
        return None
    ends = data[8:24], data[24:40]
    found = _inside(data[6], data[40:], ends, data[7], 0, quoted=quoted)
    return _sized(found, struct.unpack_from("!H", data, 4)[0] + 40, 40, data)


def _sized(found: Frame | None, length: int, header: int, data: bytes) -> Frame | None:
    """With the sizes that the IP header tells: of the packet only the head is here."""
    if found is None or found.kind not in _OF_TCP or len(data) < header + 13:
        return found
    head = header + (data[header + 12] >> 4) * 4
    return replace(found, size=max(0, length - head), length=length)


def _inside(
    protocol: int,
    data: bytes,
    ends: tuple[bytes, bytes],
    ttl: int,
    ident: int,
    *,
    quoted: bool,
) -> Frame | None:
    if protocol == _TCP:
        return _tcp(data, ends, ttl, ident, quoted=quoted)
    if protocol == _UDP:
        source, destination, size = struct.unpack_from("!HHH", data)
        return Frame(UDP, *ends, source, destination, ttl=ttl, ident=ident, size=size)
    if quoted:
        return None
    if protocol == _ICMP and len(ends[0]) == 4:
        return _icmp(data, ends, ttl, _QUOTING)
    if protocol == _ICMP6 and len(ends[0]) == 16:
        if data[0] in (_SOLICITATION, _ADVERTISEMENT):
            if len(data) < 24:
                return None
            target = data[8:24]
            return Frame(ARP, ends[0], target, answer=data[0] == _ADVERTISEMENT)
        return _icmp(data, ends, ttl, _QUOTING6)
    return None


def _tcp(
    data: bytes, ends: tuple[bytes, bytes], ttl: int, ident: int, *, quoted: bool
) -> Frame:
    source, destination, sequence = struct.unpack_from("!HHI", data)
    if quoted and len(data) < 14:
        # RFC 792 promises 8 bytes: the ports and the sequence number.
        return Frame(TCP, *ends, source, destination, sequence, ttl=ttl, ident=ident)
    acknowledged, flags = struct.unpack_from("!IxB", data, 8)
    if flags & 0x04:
        kind = RST
    elif flags & 0x02:
        kind = SYN_ACK if flags & 0x10 else SYN
    else:
        kind = TCP
    return Frame(
        kind,
        *ends,
        source,
        destination,
        sequence,
        acknowledged if flags & 0x10 else -1,
        ttl,
        ident,
    )


def _icmp(
    data: bytes, ends: tuple[bytes, bytes], ttl: int, quoting: set[int]
) -> Frame | None:
    kind, code = data[0], data[1]
    if kind not in quoting:
        return None
    inner = _ipv4 if len(ends[0]) == 4 else _ipv6
    try:
        about = inner(data[8:], quoted=True)
    except (struct.error, IndexError):
        about = None
    return Frame(ICMP, *ends, ttl=ttl, icmp=(kind, code), quoted=about)


def _arp(data: bytes) -> Frame | None:
    """ARP for IPv4 over Ethernet (RFC 826)."""
    hardware, protocol, hlen, plen, operation = struct.unpack_from("!HHBBH", data)
    if (hardware, protocol, hlen, plen) != (1, ETH_IP, 6, 4) or len(data) < 28:
        return None
    if operation not in (1, 2):
        return None
    return Frame(ARP, data[14:18], data[24:28], answer=operation == 2)
