"""DNS messages as they pass by: question and outcome, nothing more (RFC 1035). Pure.

Made for thousands a second and for hostile bytes: no library, no compression followed
(the question comes first, so nothing before it could be pointed at).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from netwiz.probes.text import plain

RCODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
_HEADER = struct.Struct("!HBBHHHH")
_MOST_LABELS = 32


@dataclass(frozen=True, slots=True)
class Message:
    """The head of a DNS message."""

    number: int
    """Its id: the answer bears the question's."""
    answer: bool
    rcode: int
    name: str
    """Lower case, without the root's dot; empty for the root itself."""

    @property
    def rcode_text(self) -> str:
        """``SERVFAIL``."""
        return RCODES.get(self.rcode, f"rcode {self.rcode}")


def read_message(data: bytes) -> Message | None:
    """The head of what is behind the UDP header; None when it is no such message."""
    if len(data) < _HEADER.size:
        return None
    number, flags, more, questions, _, _, _ = _HEADER.unpack_from(data)
    if questions != 1 or flags & 0x78:  # anything but a standard query
        return None
    labels: list[bytes] = []
    at = _HEADER.size
    while at < len(data) and data[at]:
        length = data[at]
        if length > 63 or at + 1 + length >= len(data) or len(labels) == _MOST_LABELS:
            return None
        labels.append(data[at + 1 : at + 1 + length])
        at += 1 + length
    if at >= len(data):
        return None
    name = plain(b".".join(labels), 255).lower()
    return Message(number, bool(flags & 0x80), more & 0x0F, name)
