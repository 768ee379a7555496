"""A reader of DER (X.690): as much as certificates need, and never more than is there.

Certificates come from strangers. Every length is checked against what holds it, depth
grows only where a caller descends, and whatever is wrong is a ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BOOLEAN, INTEGER, BITS, OCTETS, OID = 0x01, 0x02, 0x03, 0x04, 0x06
SEQUENCE, SET = 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
_MOST_PARTS = 4096
"""Elements of one constructed value; a name list of a large site has hundreds."""


@dataclass(frozen=True, slots=True)
class Element:
    """One value: its tag, its content, and itself as a whole."""

    tag: int
    content: bytes
    whole: bytes

    def parts(self) -> tuple[Element, ...]:
        """What a constructed value is made of."""
        return tuple(elements(self.content))

    def wanted(self, tag: int) -> Element:
        """Itself, if it has that tag."""
        if self.tag != tag:
            raise ValueError(
                f"a value of type {self.tag:#04x} where {tag:#04x} belongs"
            )
        return self


def read(data: bytes) -> Element:
    """The first value in `data`; what follows it is left alone."""
    element, _ = _at(data, 0)
    return element


def elements(data: bytes) -> Iterator[Element]:
    """All values in `data`, one after the other."""
    offset = count = 0
    while offset < len(data):
        element, offset = _at(data, offset)
        count += 1
        if count > _MOST_PARTS:
            raise ValueError("more parts than any certificate has")
        yield element


def _at(data: bytes, offset: int) -> tuple[Element, int]:
    if offset + 2 > len(data):
        raise ValueError("it ends in the middle of a value")
    tag, first = data[offset], data[offset + 1]
    if tag & 0x1F == 0x1F:
        raise ValueError("a tag of more than one byte")
    start = offset + 2
    length = first
    if first & 0x80:
        width = first & 0x7F
        if not 1 <= width <= 4 or start + width > len(data):
            raise ValueError("a length that cannot be")
        length = int.from_bytes(data[start : start + width])
        start += width
    end = start + length
    if end > len(data):
        raise ValueError("a value longer than what holds it")
    return Element(tag, data[start:end], data[offset:end]), end


def oid(content: bytes) -> str:
    """``2.5.4.3``."""
    if not content or len(content) > 64 or content[-1] & 0x80:
        raise ValueError("an object identifier that is none")
    arcs: list[int] = []
    value = 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
