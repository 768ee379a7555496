"""What the kernel lets through to the patrol's taps: classic BPF, by hand.

The tap of the host stands all the time, so nothing of a healthy connection may pass:
of TCP only a RST that answers a SYN (sequence 0 and ACK set, RFC 9293, 3.5.2), ICMP
errors, and answers of name servers that say no. A tap inside a namespace stands for
seconds and takes every SYN, RST, ARP packet and DNS message there.

Offsets are those of a cooked packet socket (packet(7), SOCK_DGRAM): byte 0 is the first
of the IP header.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator

from netwiz.probes.witness.filter import (
    ETH_ARP,
    ETH_IP,
    ETH_IPV6,
    Step,
    assembled,
)

SNAPLEN = 340
"""Bytes kept: two IP headers, or a whole question of DNS (RFC 1035: 255 octets)."""
EMBEDDED = struct.unpack("!I", socket.inet_aton("127.0.0.11"))[0]
"""Docker's resolver; its port in a container is any, by a NAT rule there."""
MOST_WATCHED = 24

_PROTOCOL = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL
_LOAD, _LOAD_HALF, _LOAD_BYTE = 0x20, 0x28, 0x30
_LOAD_AT_X, _LOAD_HALF_AT_X, _LOAD_BYTE_AT_X = 0x40, 0x48, 0x50
_X_IS, _X_IS_IP_HEADER, _X_IS_A = 0x01, 0xB1, 0x07
_AND, _ADD_X = 0x54, 0x0C
_EQUAL, _ANY_BIT, _GO, _RETURN = 0x15, 0x45, 0x05, 0x06
_TCP, _UDP, _ICMP, _ICMP6 = 6, 17, 1, 58
_DNS = 53
_SERVFAIL, _NXDOMAIN, _REFUSED = 2, 3, 5


def of_the_host(watched: Iterable[tuple[str, int]] = ()) -> bytes:
    """The program of the standing tap.

    `watched` are servers (address, port) whose accepted handshakes are wanted as well,
    for something failed there.
    """
    some = sorted(set(watched))[:MOST_WATCHED]
    return _program(
        tcp=[
            (_LOAD_BYTE_AT_X, 13, "", ""),
            (_AND, 0x17, "", ""),
            (_EQUAL, 0x14, "rst", ""),
            (_EQUAL, 0x12, "accepted", "drop"),
            "rst",
            (_LOAD_AT_X, 4, "", ""),
            (_EQUAL, 0, "keep", "drop"),
            "accepted",
            *_watching(some),
        ],
        udp=[
            (_LOAD_HALF_AT_X, 0, "", ""),
            (_EQUAL, _DNS, "", "drop"),
            (_LOAD_BYTE_AT_X, 11, "", ""),
            (_AND, 0x0F, "", ""),
            (_EQUAL, _SERVFAIL, "keep", ""),
            (_EQUAL, _REFUSED, "keep", ""),
            (_EQUAL, _NXDOMAIN, "", "drop"),
            # A bare name: behind its only label comes the root's, of length 0.
            (_LOAD_BYTE_AT_X, 20, "", ""),
            (_ADD_X, 0, "", ""),
            (_X_IS_A, 0, "", ""),
            (_LOAD_BYTE_AT_X, 21, "", ""),
            (_EQUAL, 0, "keep", "drop"),
        ],
        arp="drop",
    )


def of_a_namespace(*, connects: bool = True, names: bool = True) -> bytes:
    """The program of a tap that stands inside a namespace for some seconds.

    Of a busy one only what it was opened for is worth its time.
    """
    nothing: list[Step | str] = [(_GO, 0, "drop", "")]
    return _program(
        tcp=[
            (_LOAD_BYTE_AT_X, 13, "", ""),
            (_ANY_BIT, 0x06, "keep", "drop"),
        ]
        if connects
        else nothing,
        udp=[
            (_LOAD_HALF_AT_X, 0, "", ""),
            (_EQUAL, _DNS, "keep", ""),
            (_LOAD_HALF_AT_X, 2, "", ""),
            (_EQUAL, _DNS, "keep", ""),
            (_LOAD, 12, "", ""),
            (_EQUAL, EMBEDDED, "keep", ""),
            (_LOAD, 16, "", ""),
            (_EQUAL, EMBEDDED, "keep", "drop"),
        ]
        if names
        else nothing,
        arp="keep" if connects else "drop",
    )


def _program(tcp: list[Step | str], udp: list[Step | str], arp: str) -> bytes:
    steps: list[Step | str] = [
        (_LOAD_HALF, _PROTOCOL, "", ""),
        (_EQUAL, ETH_IP, "ip", ""),
        (_EQUAL, ETH_IPV6, "ip6", ""),
        (_EQUAL, ETH_ARP, arp, "drop"),
        "ip",
        (_LOAD_HALF, 6, "", ""),
        (_ANY_BIT, 0x1FFF, "drop", ""),  # a later fragment has no ports
        (_X_IS_IP_HEADER, 0, "", ""),
        (_LOAD_BYTE, 9, "", ""),
        (_EQUAL, _TCP, "tcp", ""),
        (_EQUAL, _UDP, "udp", ""),
        (_EQUAL, _ICMP, "", "drop"),
        (_LOAD_BYTE_AT_X, 0, "", ""),
        (_EQUAL, 11, "keep", ""),  # time exceeded
        (_EQUAL, 3, "", "drop"),  # destination unreachable (RFC 792)
        # Fragmentation needed: every path with a smaller MTU says so once, in health.
        (_LOAD_BYTE_AT_X, 1, "", ""),
        (_EQUAL, 4, "drop", "keep"),
        "ip6",
        (_X_IS, 40, "", ""),
        (_LOAD_BYTE, 6, "", ""),
        (_EQUAL, _TCP, "tcp", ""),
        (_EQUAL, _UDP, "udp", ""),
        (_EQUAL, _ICMP6, "", "drop"),
        (_LOAD_BYTE, 40, "", ""),
        (_EQUAL, 1, "keep", ""),  # destination unreachable (RFC 4443)
        (_EQUAL, 3, "keep", "drop"),  # time exceeded
        "udp",
        *udp,
        "tcp",
        *tcp,
        "drop",
        (_RETURN, 0, "", ""),
        "keep",
        (_RETURN, SNAPLEN, "", ""),
    ]
    return b"".join(assembled(steps))


def _watching(servers: list[tuple[str, int]]) -> Iterator[Step | str]:
    """Keep a SYN-ACK from one of these servers; an IPv6 one is known by its end."""
    for number, (address, port) in enumerate(servers):
        packed = ipaddress.ip_address(address).packed
        word = struct.unpack("!I", packed[-4:])[0]
        yield _LOAD, 12 if len(packed) == 4 else 20, "", ""
        yield _EQUAL, word, "", f"not {number}"
        yield _LOAD_HALF_AT_X, 0, "", ""
        yield _EQUAL, port, "keep", ""
        yield f"not {number}"
    yield _GO, 0, "drop", ""
