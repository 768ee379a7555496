"""Link and network headers: where in a packet what begins. Pure, and never trusting.

Numbers of link types are those of pcap files (tcpdump.org, linktypes), those of
protocols IANA's. Checksums are not looked at: with offloading they are filled in
after the tap. A packet may be longer than what was kept of it.
"""

from __future__ import annotations

from struct import Struct

ETHERNET, RAW, SLL, SLL2 = 1, 101, 113, 276
_NULL, _LOOP, _IPV4, _IPV6 = 0, 108, 228, 229
_RAW_ALIKE = (RAW, 12, 14)
"""Raw IP is 101 in files, 12 or 14 in some libraries' hands."""

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
_VLAN = (0x8100, 0x88A8, 0x9100)
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
VXLAN_PORT = 4789
"""Docker's and IANA's (RFC 7348)."""

_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS = 0, 43, 44, 51, 60
_EXTENSIONS = (_HOP, _ROUTING, _OPTIONS, 135, 139, 140)
_MOST_EXTENSIONS = 12

HALF = Struct("!H").unpack_from
PORTS = Struct("!HH").unpack_from
_HEAD4 = Struct("!BxHHHBBxx4s4s").unpack_from
_HEAD6 = Struct("!IHBB16s16s").unpack_from
_FRAGMENT6 = Struct("!BxHI").unpack_from

FAST = Struct("!BxHHHxBxx12sIIBBH").unpack_from
"""IPv4 without options and TCP in one go: version and header length, total length,
identification, fragment word, protocol, both ends (addresses, ports), sequence,
acknowledgement, data offset, flags, window."""
SEGMENT = Struct("!IIBBH").unpack_from
"""TCP after its ports: sequence, acknowledgement, offset, flags, window."""


class Ip:
    """The network header of one packet."""

    __slots__ = (
        "at",
        "destination",
        "end",
        "fragment",
        "ident",
        "more",
        "protocol",
        "source",
        "ttl",
        "version",
    )

    def __init__(self, version: int, source: bytes, destination: bytes) -> None:
        self.version = version
        self.source = source
        self.destination = destination
        self.protocol = 0
        self.at = 0
        """Where its payload begins."""
        self.end = 0
        """Where its payload ends by the length that the header tells; on the wire."""
        self.ident = -1
        """IPv4 identification; -1 where there is none."""
        self.fragment = 0
        """Offset of this fragment in octets."""
        self.more = False
        """Whether more fragments follow."""
        self.ttl = 0


def link(linktype: int, data: bytes) -> tuple[int, int]:
    """Ethertype and where its packet begins; ethertype 0 is none that we know.

    Raises struct.error or IndexError for what is too short.
    """
    if linktype == ETHERNET:
        return tagged(data, 12)
    if linktype in _RAW_ALIKE:
        return _by_version(data, 0)
    if linktype == SLL:
        return tagged(data, 14)
    if linktype == SLL2:
        return HALF(data, 0)[0], 20
    if linktype in (_NULL, _LOOP):
        return _by_version(data, 4)
    if linktype == _IPV4:
        return IPV4, 0
    if linktype == _IPV6:
        return IPV6, 0
    return 0, 0


def tagged(data: bytes, at: int) -> tuple[int, int]:
    """The ethertype at `at`, behind any VLAN tags (802.1Q, 802.1ad)."""
    (ethertype,) = HALF(data, at)
    for _ in range(4):
        if ethertype not in _VLAN:
            break
        at += 4
        (ethertype,) = HALF(data, at)
    return ethertype, at + 2


def vlans(data: bytes) -> list[int]:
    """The VLAN numbers of an Ethernet frame, outermost first."""
    found: list[int] = []
    at = 12
    while len(found) < 4 and len(data) >= at + 4 and HALF(data, at)[0] in _VLAN:
        found.append(HALF(data, at + 2)[0] & 0x0FFF)
        at += 4
    return found


def _by_version(data: bytes, at: int) -> tuple[int, int]:
    return {4: IPV4, 6: IPV6}.get(data[at] >> 4, 0), at


def internet(data: bytes, at: int, size: int) -> Ip | None:
    """The IP header at `at` of a packet that had `size` bytes on the wire.

    None for what is none; raises struct.error or IndexError for what is too short.
    """
    version = data[at] >> 4
    if version == 4:
        return ipv4(data, at, size)
    return ipv6(data, at, size) if version == 6 else None


def ipv4(data: bytes, at: int, size: int) -> Ip | None:
    """RFC 791. A length of 0 is a packet above 64 KiB on its way inside the kernel."""
    first, total, ident, fragment, ttl, protocol, source, destination = _HEAD4(data, at)
    header = (first & 0x0F) * 4
    if header < 20:
        return None
    end = at + total if total >= header else size
    found = Ip(4, source, destination)
    found.protocol, found.at, found.end = protocol, at + header, end
    found.ident = ident
    found.fragment = (fragment & 0x1FFF) * 8
    found.more = bool(fragment & 0x2000)
    found.ttl = ttl
    return found


def ipv6(data: bytes, at: int, size: int) -> Ip:
    """RFC 8200, with the extension headers walked over."""
    _, length, protocol, hops, source, destination = _HEAD6(data, at)
    found = Ip(6, source, destination)
    found.protocol, found.at = protocol, at + 40
    found.end = at + 40 + length if length else size
    found.ttl = hops
    for _ in range(_MOST_EXTENSIONS):
        at, protocol = found.at, found.protocol
        if protocol == _FRAGMENT:
            found.protocol, word, _ident = _FRAGMENT6(data, at)
            found.fragment = word & 0xFFF8
            found.more = bool(word & 1)
            found.at += 8
            if found.fragment:
                break
        elif protocol in _EXTENSIONS:
            found.protocol = data[at]
            found.at += (data[at + 1] + 1) * 8
        elif protocol == _AUTHENTICATION:
            found.protocol = data[at]
            found.at += (data[at + 1] + 2) * 4
        else:
            break
    return found


def vxlan(data: bytes, at: int) -> tuple[int, int]:
    """Number of the network, and where the frame inside begins; -1: there is none.

    `at` is where the VXLAN header begins, behind that of UDP.
    """
    if len(data) < at + 8 + 14 or not data[at] & 0x08:
        return 0, -1
    return int.from_bytes(data[at + 4 : at + 7]), at + 8


def mss(data: bytes, at: int, end: int) -> int:
    """The largest segment that a SYN's options promise (RFC 9293); 0: none told."""
    at += 20
    end = min(end, len(data))
    while at < end:
        kind = data[at]
        if kind == 0:
            break
        if kind == 1:
            at += 1
            continue
        if at + 1 >= end or data[at + 1] < 2:
            break
        if kind == 2 and data[at + 1] == 4 and at + 4 <= end:
            return int(HALF(data, at + 2)[0])
        at += data[at + 1]
    return 0
