"""ICMP errors about what a filter takes, which the filter itself leaves out.

With `port 3000` a refusal by ICMP is not taken, for it has no port: who asked would be
told of as unanswered. Such an error quotes the packet that it is about (RFC 792, RFC
4443 section 3), so the filter is asked about the quoted one. What it takes is read, and
never written: a file holds what tcpdump would have written with the same words.
"""

from __future__ import annotations

from collections.abc import Sequence

from netwiz.probes.capture.ring import Packet
from netwiz.probes.capture.sieve import Sieve

KERNEL = (
    "(icmp[0] = 3 or icmp[0] = 11 or icmp[0] = 12 or"
    " (ip6[6] = 58 and ip6[40] > 0 and ip6[40] < 5))"
)
"""The errors, in tcpdump's words: not delivered, hops used up, header wrong, too big.

To stand before other words: some (`mpls`) have all that follows look further in."""
LEFT_IN = "ICMP errors about it"
"""What a person is told."""
_LEAST, _MOST = 56, 1298
"""Sizes: two headers of IP, ICMP's and 8 bytes of what is quoted; 1280 bytes (RFC 4443,
2.4 c) with the link's header and a tag. Most packets are told by it alone."""
_ERRORS4, _ERRORS6 = frozenset((3, 11, 12)), frozenset((1, 2, 3, 4))
_LINKTYPE_ETHERNET = 1
_USUAL = frozenset((b"\x08\x06", b"\x08\x11"))
"""Bytes 12 and 23 of TCP and UDP over IPv4 and Ethernet, without a tag: most packets
by far, so they are passed over without a closer look (in 80 ns, not in 400)."""
_TAGS = (b"\x81\0", b"\x88\xa8")


class Refusals:
    """Tells errors that are only to be read from what the filter takes."""

    def __init__(self, source: str, *, tags: bool) -> None:
        """`tags`: whether the filter looks at VLAN tags; the kernel's does not."""
        self._sieve = Sieve(source)
        self._tags = tags

    def only_read(
        self, packets: list[Packet], devices: Sequence[tuple[int, int, int]]
    ) -> tuple[list[Packet], list[Packet]]:
        """Of what the kernel took for `KERNEL` or the filter: (chosen, to be read)."""
        maybe = [
            n
            for n, p in enumerate(packets)
            if _LEAST <= p[2] <= _MOST and p[3][12:24:11] not in _USUAL
        ]
        if any(linktype != _LINKTYPE_ETHERNET for _, linktype, _ in devices):
            maybe = [n for n, p in enumerate(packets) if _LEAST <= p[2] <= _MOST]
        apart: dict[int, bool] = {}
        for n in maybe:
            packet = packets[n]
            linktype, data = devices[packet[1]][1], packet[3]
            whole = self._seen_by_filter(linktype, data)
            quoted = quoted_alone(linktype, whole)
            if quoted and not self._sieve.takes(linktype, whole):
                apart[n] = self._sieve.takes(linktype, quoted)
        if not apart:
            return packets, packets
        chosen = [p for n, p in enumerate(packets) if n not in apart]
        read = [p for n, p in enumerate(packets) if apart.get(n, True)]
        return chosen, read

    def passed(
        self, packets: list[Packet], devices: Sequence[tuple[int, int, int]]
    ) -> tuple[list[Packet], list[Packet]]:
        """The same for packets that nobody has chosen from."""
        chosen, read = [], []
        for packet in packets:
            linktype, data = devices[packet[1]][1], packet[3]
            if self._sieve.takes(linktype, data):
                chosen.append(packet)
                read.append(packet)
                continue
            if _LEAST <= packet[2] <= _MOST:
                quoted = quoted_alone(linktype, data)
                if quoted and self._sieve.takes(linktype, quoted):
                    read.append(packet)
        return chosen, read

    def _seen_by_filter(self, linktype: int, data: bytes) -> bytes:
        """As the kernel's filter has it: the outer tag is put back only afterwards."""
        if not self._tags and linktype == _LINKTYPE_ETHERNET and (data[12:14] in _TAGS):
            return data[:12] + data[16:]
        return data


def quoted_alone(linktype: int, data: bytes) -> bytes:
    """The packet that an ICMP error quotes, with the error's link header.

    Empty for everything else. It goes the other way; a filter that minds the direction
    is not asked (`words.Filter.both_ways`).
    """
    at = 0
    if linktype == _LINKTYPE_ETHERNET:
        at = 14
        while data[at - 2 : at] in _TAGS:
            at += 4
    if len(data) < at + 28:
        return b""
    version = data[at] >> 4
    if version == 4:
        inner = at + (data[at] & 15) * 4
        if data[at + 9] != 1 or int.from_bytes(data[at + 6 : at + 8]) & 0x1FFF:
            return b""
        errors = _ERRORS4
    elif version == 6:
        inner = at + 40
        if data[at + 6] != 58:
            return b""
        errors = _ERRORS6
    else:
        return b""
    if len(data) <= inner + 8 or data[inner] not in errors:
        return b""
    return data[:at] + data[inner + 8 :]
