"""The filter that runs in the kernel for a tap: a classic BPF program, by hand.

It lets through what can belong to a probe and nothing else: neighbour questions, ICMP
errors, and of TCP only SYN and RST, so that a tap on a busy host stays nearly silent.
Offsets are those of a cooked packet socket, where byte 0 is the first of the IP header
(packet(7), SOCK_DGRAM); the link's protocol comes from the socket buffer
(Documentation/networking/filter.rst, SKF_AD_PROTOCOL).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterable, Iterator

from netwiz.probes.witness import vxlan

SNAPLEN = 192
"""Bytes kept: two IP headers with options, and what an ICMP error quotes."""

ETH_IP, ETH_ARP, ETH_IPV6 = 0x0800, 0x0806, 0x86DD
ICMP_ERRORS = (3, 11, 12)
"""Destination unreachable, time exceeded, parameter problem (RFC 792)."""
ICMP6_TYPES = (1, 2, 3, 4, 135, 136)
"""The errors of RFC 4443; neighbour solicitation and advertisement (RFC 4861)."""

_PROTOCOL = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL
_LOAD_HALF, _LOAD_BYTE = 0x28, 0x30
_LOAD_HALF_AT_X, _LOAD_BYTE_AT_X = 0x48, 0x50
_X_IS_IP_HEADER = 0xB1
_EQUAL, _ANY_BIT, _GO, _RETURN = 0x15, 0x45, 0x05, 0x06
_SYN_OR_RST = 0x06

Step = tuple[int, int, str, str]
"""Code, operand, label when true, label when false; an empty label is the next step."""


def program(
    protocol: int,
    ports: Iterable[int] = (),
    *,
    segments: bool = False,
    tunnels: Collection[int] = (),
) -> bytes:
    """The instructions (struct sock_filter) for a TCP or UDP probe.

    `ports` narrows UDP to datagrams from or to one of them; TCP needs no narrowing,
    unless every one of its `segments` is wanted. `tunnels` are the UDP ports of VXLAN
    in which the probe may be under way.
    """
    by_ports = segments or protocol != socket.IPPROTO_TCP
    steps: list[Step | str] = [
        (_LOAD_HALF, _PROTOCOL, "", ""),
        (_EQUAL, ETH_ARP, "keep", ""),
        (_EQUAL, ETH_IP, "ip", ""),
        (_EQUAL, ETH_IPV6, "ip6", "drop"),
        "ip",
        (_LOAD_HALF, 6, "", ""),
        (_ANY_BIT, 0x1FFF, "drop", ""),  # a later fragment has no ports
        (_X_IS_IP_HEADER, 0, "", ""),
        (_LOAD_BYTE, 9, "", ""),
        *([(_EQUAL, socket.IPPROTO_UDP, "udp", "")] if tunnels else []),
        (_EQUAL, protocol, "ours", ""),
        (_EQUAL, socket.IPPROTO_ICMP, "", "drop"),
        (_LOAD_BYTE_AT_X, 0, "", ""),
        *_one_of(ICMP_ERRORS),
        *vxlan.steps(tunnels, protocol),
        "ours",
        *_transport(ports if by_ports else None, indexed=True),
        "ip6",
        (_LOAD_BYTE, 6, "", ""),
        (_EQUAL, protocol, "ours6", ""),
        (_EQUAL, socket.IPPROTO_ICMPV6, "", "drop"),
        (_LOAD_BYTE, 40, "", ""),
        *_one_of(ICMP6_TYPES),
        "ours6",
        *_transport(ports if by_ports else None, indexed=False),
        "drop",
        (_RETURN, 0, "", ""),
        "keep",
        (_RETURN, SNAPLEN, "", ""),
    ]
    return b"".join(assembled(steps))


def _one_of(values: Iterable[int]) -> Iterator[Step]:
    for value in values:
        yield _EQUAL, value, "keep", ""
    yield _GO, 0, "drop", ""


def _transport(ports: Iterable[int] | None, *, indexed: bool) -> Iterator[Step]:
    """Keep by ports, or by TCP's flags where none are; the header is at X, or 40."""
    half = _LOAD_HALF_AT_X if indexed else _LOAD_HALF
    byte = _LOAD_BYTE_AT_X if indexed else _LOAD_BYTE
    base = 0 if indexed else 40
    if ports is None:
        yield byte, base + 13, "", ""
        yield _ANY_BIT, _SYN_OR_RST, "keep", "drop"
        return
    wanted = sorted(set(ports))
    for offset in (0, 2):
        yield half, base + offset, "", ""
        for port in wanted:
            yield _EQUAL, port, "keep", ""
    yield _GO, 0, "drop", ""


def assembled(steps: list[Step | str]) -> Iterator[bytes]:
    """The machine code (struct sock_filter) of steps and of the labels between them."""
    labels: dict[str, int] = {}
    code: list[Step] = []
    for step in steps:
        if isinstance(step, str):
            labels[step] = len(code)
        else:
            code.append(step)
    for at, (operation, operand, true, false) in enumerate(code):
        yes = labels[true] - at - 1 if true else 0
        no = labels[false] - at - 1 if false else 0
        if operation == _GO:
            yield struct.pack("=HBBI", operation, 0, 0, yes)
        else:
            yield struct.pack("=HBBI", operation, yes, no, operand)
