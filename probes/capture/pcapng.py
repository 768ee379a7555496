"""The blocks of a pcapng file that we write (draft-ietf-opsawg-pcapng).

In network byte order: then a time of 64 bits is what the format wants as its upper and
lower half, and a packet takes 0.45 us instead of 0.75. Readers accept either order.
Times are nanoseconds (if_tsresol 9).
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Mapping, Sequence

from netwiz.probes.capture.ring import Packet

SECTION, INTERFACE, PACKET, SIMPLE, NAMES, STATISTICS, ENHANCED = (
    0x0A0D0D0A,
    1,
    2,
    3,
    4,
    5,
    6,
)
"""Types of blocks."""
MAGIC = b"\x0a\x0d\x0d\x0a"
BYTE_ORDER = 0x1A2B3C4D
COMMENT, END = 1, 0
IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_TSOFFSET = 2, 3, 9, 14
_USER_APPLICATION = 4
_RECEIVED, _DROPPED = 4, 5
NAME_IPV4, NAME_IPV6 = 1, 2
_NANOSECONDS = 9
_MOST_TEXT = 1000

_PACKET_HEAD = struct.Struct(">IIIQII").pack
_OPTION = struct.Struct(">HH").pack


def _option(code: int, value: bytes) -> bytes:
    return _OPTION(code, len(value)) + value + bytes(-len(value) % 4)


def _text(code: int, text: str) -> bytes:
    value = text.encode("utf-8", "replace")[:_MOST_TEXT]
    return _option(code, value) if value else b""


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack(">I", len(body) + 12)
    return struct.pack(">I", kind) + length + body + length


def section(comment: str) -> bytes:
    """How a file begins; its length is left open (-1)."""
    options = _text(COMMENT, comment) + _text(_USER_APPLICATION, "netwiz") + bytes(4)
    return _block(SECTION, struct.pack(">IHHq", BYTE_ORDER, 1, 0, -1) + options)


def interface(name: str, comment: str, linktype: int, snaplen: int) -> bytes:
    """A device that packets come from."""
    options = (
        _text(IF_NAME, name)
        + _text(COMMENT, comment)
        + _option(IF_TSRESOL, bytes([_NANOSECONDS]))
        + bytes(4)
    )
    return _block(INTERFACE, struct.pack(">HHI", linktype, 0, snaplen) + options)


def names(known: Mapping[str, str]) -> bytes:
    """What addresses are called, so that other readers show containers' names, too."""
    records = b""
    for address, name in known.items():
        try:
            value = ipaddress.ip_address(address).packed
        except ValueError:
            continue
        value += (
            name.encode("utf-8", "replace")[:_MOST_TEXT].replace(b"\0", b"") + b"\0"
        )
        records += _option(NAME_IPV6 if ":" in address else NAME_IPV4, value)
    return _block(NAMES, records + bytes(4) + bytes(4)) if records else b""


def statistics(number: int, at_ns: int, received: int, dropped: int) -> bytes:
    """How many packets a device gave, and how many found no room."""
    options = (
        _option(_RECEIVED, struct.pack(">Q", received))
        + _option(_DROPPED, struct.pack(">Q", dropped))
        + bytes(4)
    )
    return _block(STATISTICS, struct.pack(">IQ", number, at_ns) + options)


class _Tails(dict[int, tuple[bytes, int]]):
    """Padding and length that end a packet of a size, and that length."""

    def __missing__(self, kept: int) -> tuple[bytes, int]:
        padding = -kept % 4
        length = 32 + kept + padding
        tail = self[kept] = bytes(padding) + struct.pack(">I", length), length
        return tail


_tails = _Tails()


def packets(taken: Iterable[Packet], numbers: Sequence[int]) -> bytes:
    """Enhanced packet blocks; `numbers` gives the interface of each device's number."""
    parts: list[bytes] = []
    head, tails = _PACKET_HEAD, _tails
    for at_ns, device, size, data in taken:
        kept = len(data)
        tail, length = tails[kept]
        parts += (
            head(ENHANCED, length, numbers[device], at_ns, kept, size),
            data,
            tail,
        )
    return b"".join(parts)
