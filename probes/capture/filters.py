"""Packet filters: tcpdump's words compiled for the kernel.

The words are those of pcap-filter(7), compiled by the libpcap that comes inside the
wheel of pcapy-ng, so nothing need be installed. What it says of a bad filter is often
just "syntax error"; the place is found here by asking it again with what stands before.

A namespace has devices of several kinds on one socket: Ethernet, the loopback, tunnels
without any link header. `combined` makes one program of the two that libpcap compiles,
which chooses by the device's type as each packet comes (linux/filter.h, SKF_AD_*).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from netwiz.probes.text import plain

if TYPE_CHECKING:
    import pcapy

ETHERNET, RAW_IP = 1, 12
"""DLT_EN10MB and Linux's DLT_RAW, as the compiler numbers them."""

Step = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand: struct sock_filter."""
Program = tuple[Step, ...]

TAKE_ALL: Program = ((0x06, 0, 0, 0x40000),)
MAX_STEPS = 4096
"""What the kernel takes (BPF_MAXINSNS)."""

_LOAD, _JUMP_EQUAL, _GO, _RETURN = 0x20, 0x15, 0x05, 0x06
_CLASS, _MODE = 0x07, 0xE0
_ABSOLUTE, _INDIRECT, _MSH = 0x20, 0x40, 0xA0
_NET_OFFSET = 0xFFF00000
"""SKF_NET_OFF: an offset from the network header, wherever it begins."""
_ANCILLARY = 0xFFFFF000
_PACKET_TYPE, _INTERFACE, _HARDWARE = (
    _ANCILLARY + 4,
    _ANCILLARY + 8,
    _ANCILLARY + 28,
)
_OTHER_HOST, _OUTGOING = 3, 4
_ARPHRD_ETHER, _ARPHRD_LOOPBACK = 1, 772
_ANY_NETMASK = 0xFFFFFFFF
_LONGEST = 60_000
"""Characters of a filter that are looked at: 50 containers with addresses fit in."""


class BadFilterError(Exception):
    """A filter that cannot be understood, with the place where it goes wrong."""

    def __init__(self, message: str, at: int, text: str = "", length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        """Characters of `text` before the place."""
        self.length = max(length, 1)
        self.text = text
        """What the person wrote; may hold anything, so show it through `picture`."""

    def picture(self, width: int = 70) -> tuple[str, str]:
        """The filter and, below it, a caret under the place: two lines of plain text.

        Of a long filter the part around the place is shown.
        """
        start = max(0, min(self.at - width // 2, len(self.text) - width))
        shown = self.text[start : start + width]
        head, tail = ("…" if start else ""), ""
        if start + width < len(self.text):
            tail = "…"
        before = plain(self.text[start : self.at])
        line = head + before + plain(shown[self.at - start :]) + tail
        marks = "^" * min(self.length, max(1, start + width - self.at))
        return line, " " * (len(head) + len(before)) + marks


def compiled(source: str, linktype: int = ETHERNET, snaplen: int = 262_144) -> Program:
    """The instructions for a filter; raises ValueError in libpcap's words."""
    import pcapy

    if len(source) > _LONGEST:
        raise ValueError("the filter is too long")
    try:
        program = pcapy.compile(linktype, snaplen, source, 1, _ANY_NETMASK)
        steps = tuple(
            (int(c), int(t), int(f), int(k)) for c, t, f, k in program.get_bpf()
        )
    except (pcapy.PcapError, pcapy.BPFError) as error:
        raise ValueError(_reason(error)) from error
    if len(steps) > MAX_STEPS:
        raise ValueError("the filter is too long for the kernel")
    return steps


def for_bytes(source: str, linktype: int) -> Callable[[bytes], int]:
    """A filter that runs here, over bytes: for files. Raises ValueError.

    A link type that the filter makes no sense for (Ethernet addresses on raw IP) lets
    nothing through, as tcpdump would refuse it.
    """
    import pcapy

    try:
        program: pcapy.BPFProgram = pcapy.compile(
            linktype, 262_144, source, 1, _ANY_NETMASK
        )
    except (pcapy.PcapError, pcapy.BPFError) as error:
        raise ValueError(_reason(error)) from error
    run: Any = program.filter
    return run  # type: ignore[no-any-return]


def _reason(error: Exception) -> str:
    text = plain(str(error), 300)
    return text.removeprefix("can't parse filter expression: ")


def raw_or_nothing(source: str, snaplen: int) -> Program:
    """The program for devices without a link header; senseless ones drop all."""
    try:
        return _from_network_header(compiled(source, RAW_IP, snaplen))
    except ValueError:
        return ((_RETURN, 0, 0, 0),)


def _from_network_header(program: Program) -> Program:
    """Count offsets from the network header: link headers of tunnels differ in size."""
    moved = []
    for code, true, false, k in program:
        packet = (code & _CLASS) in (0, 1) and (code & _MODE) in (
            _ABSOLUTE,
            _INDIRECT,
            _MSH,
        )
        moved.append(
            (code, true, false, k + _NET_OFFSET if packet and k < 2**20 else k)
        )
    return tuple(moved)


def combined(ethernet: Program, raw: Program, *, own: bool = False) -> Program:
    """One program for a socket on every device of a namespace.

    The loopback shows each packet twice, going out and coming in: the second is taken.
    With `own`, frames for another host's link address (PACKET_OTHERHOST) are not: a
    bridge floods to everybody what it knows no port for.
    """
    if own:
        return (
            (_LOAD, 0, 0, _HARDWARE),
            (_JUMP_EQUAL, 2, 0, _ARPHRD_ETHER),
            (_JUMP_EQUAL, 3, 0, _ARPHRD_LOOPBACK),
            (_GO, 0, 0, 5 + len(ethernet)),
            (_LOAD, 0, 0, _PACKET_TYPE),
            (_JUMP_EQUAL, 2, 3, _OTHER_HOST),
            (_LOAD, 0, 0, _PACKET_TYPE),
            (_JUMP_EQUAL, 0, 1, _OUTGOING),
            (_RETURN, 0, 0, 0),
            *ethernet,
            *raw,
        )
    head: list[Step] = [
        (_LOAD, 0, 0, _HARDWARE),
        (_JUMP_EQUAL, 5, 0, _ARPHRD_ETHER),
        (_JUMP_EQUAL, 1, 0, _ARPHRD_LOOPBACK),
        (_GO, 0, 0, 3 + len(ethernet)),
        (_LOAD, 0, 0, _PACKET_TYPE),
        (_JUMP_EQUAL, 0, 1, _OUTGOING),
        (_RETURN, 0, 0, 0),
    ]
    return (*head, *ethernet, *raw)


def of_bridge(bridge: int, ports: Iterable[int], ethernet: Program) -> Program:
    """What goes over a bridge, each packet once and without promiscuous mode.

    A bridge device itself sees only what is for the host. So packets are taken where
    they come in at a port, and those of the host where they leave its own device.
    """
    ports = sorted(set(ports))
    steps: list[Step] = [(_LOAD, 0, 0, _INTERFACE)]
    room = MAX_STEPS - len(ethernet) - 16
    # Conditional jumps reach 255 steps: each port has a long jump of its own.
    entries = min(len(ports), room // 2)
    total = 2 + 1 + 2 * entries + 1
    steps += [
        (_JUMP_EQUAL, 0, 1, bridge),
        (_GO, 0, 0, total - 3),
    ]
    for n in range(entries):
        here = 3 + 2 * n
        steps += [
            (_JUMP_EQUAL, 0, 1, ports[n]),
            (_GO, 0, 0, total + 3 - here - 2),
        ]
    steps.append((_RETURN, 0, 0, 0))
    steps += [
        (_LOAD, 0, 0, _PACKET_TYPE),  # the bridge: what the host sends into it
        (_JUMP_EQUAL, 4, 0, _OUTGOING),
        (_RETURN, 0, 0, 0),
        (_LOAD, 0, 0, _PACKET_TYPE),  # a port: what comes in
        (_JUMP_EQUAL, 0, 1, _OUTGOING),
        (_RETURN, 0, 0, 0),
    ]
    return (*steps, *ethernet)


def packed(program: Sequence[Step]) -> bytes:
    """As the kernel takes it (struct sock_filter)."""
    return b"".join(struct.pack("=HBBI", *step) for step in program)
