"""A DNS message taken apart (RFC 1035): question, flags, values of the answers.

Read by hand: dnspython takes 66 ms to load and some 100 microseconds a message, and
nothing here is decided by what is read. Compression pointers only ever lead back, so
reading ends; names and lists are bounded.
"""

from __future__ import annotations

import struct
from struct import Struct

from netwiz.probes.reading.words import MOST_NAME, address_text
from netwiz.probes.text import plain

_MOST_RECORDS = 64

_HEAD = Struct("!6H").unpack_from
_TWO = Struct("!HH").unpack_from
_RECORD = Struct("!HHIH").unpack_from

_TYPES = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    35: "NAPTR",
    41: "OPT",
    43: "DS",
    48: "DNSKEY",
    64: "SVCB",
    65: "HTTPS",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
    257: "CAA",
}
_CNAME = 5


class Message:
    """A DNS message as far as it was read."""

    __slots__ = (
        "answers",
        "answers_at",
        "count",
        "flags",
        "ident",
        "kind",
        "name",
        "questions",
    )

    def __init__(self, data: bytes, at: int) -> None:
        """Raises struct.error, IndexError or ValueError for what is none."""
        self.ident, self.flags, self.questions, self.count, _, _ = _HEAD(data, at)
        self.name, self.kind, self.answers_at = "", 0, at + 12
        if self.questions:
            self.name, after = read_name(data, at + 12, at)
            self.kind, _class = _TWO(data, after)
            self.answers_at = after + 4

    @property
    def is_answer(self) -> bool:
        """The QR bit."""
        return bool(self.flags & 0x8000)

    @property
    def truncated(self) -> bool:
        """The TC bit."""
        return bool(self.flags & 0x0200)

    @property
    def asked(self) -> str:
        """``A pg``."""
        return f"{type_name(self.kind)} {self.name}"


def type_name(kind: int) -> str:
    """``AAAA``; ``TYPE1234`` as RFC 3597 writes what has no name."""
    return _TYPES.get(kind, f"TYPE{kind}")


def read_name(data: bytes, at: int, base: int) -> tuple[str, int]:
    """A name and where it ends; raises IndexError or ValueError for what is none."""
    labels: list[bytes] = []
    after = -1
    lowest, size = at, 0
    while True:
        length = data[at]
        if length >= 0xC0:
            target = base + ((length & 0x3F) << 8 | data[at + 1])
            if after < 0:
                after = at + 2
            if target >= lowest:
                raise ValueError("a name that leads forward")
            lowest = at = target
            continue
        if length > 63:
            raise ValueError("a label of no known kind")
        at += 1
        if not length:
            break
        size += length + 1
        if size > 255 or at + length > len(data):
            raise ValueError("a name that is too long")
        labels.append(data[at : at + length])
        at += length
    name = b".".join(labels).decode("ascii", "replace") if labels else "."
    return plain(name, MOST_NAME), at if after < 0 else after


def answers(data: bytes, message: Message, at: int) -> tuple[list[str], str]:
    """The values of the answers, and the last alias on the way to them."""
    found: list[str] = []
    alias = ""
    place = message.answers_at
    try:
        for _ in range(min(message.count, _MOST_RECORDS)):
            _, place = read_name(data, place, at)
            kind, _, _, size = _RECORD(data, place)
            place += 10
            if kind == _CNAME and message.kind != _CNAME:
                alias, _ = read_name(data, place, at)
            elif kind == message.kind:
                found.append(_value(data, kind, place, size, at))
            place += size
    except (ValueError, IndexError, struct.error):
        pass  # cut off by the snap length, or by somebody: what was read is shown
    return found, alias


def _value(data: bytes, kind: int, at: int, size: int, base: int) -> str:
    if kind in (1, 28):
        return address_text(data[at : at + size]) or "?"
    if kind in (2, _CNAME, 12):
        return read_name(data, at, base)[0]
    if kind == 15:
        return read_name(data, at + 2, base)[0]
    if kind == 33:
        (port,) = _TWO(data, at + 4)[:1]
        return f"{read_name(data, at + 6, base)[0]}:{port}"
    if kind == 16:
        return f'"{plain(data[at + 1 : at + 1 + data[at]], 60)}"'
    return f"{size} B"
