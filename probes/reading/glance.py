"""What the bytes of one packet say by themselves, without the connection it is in.

For whoever has a row and needs a fact, not the words it was told in.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from netwiz.probes.facts.packets import PacketKind, PacketRow
from netwiz.probes.reading import headers
from netwiz.probes.reading.dns_message import Message
from netwiz.probes.reading.stream import innermost

_SYN, _RST = 2, 4


@dataclass(frozen=True, slots=True)
class Glance:
    """Facts of one packet; all are false or empty where there is no such thing."""

    syn: bool = False
    reset: bool = False
    name: str = ""
    """What a question by UDP asks for, also in its answer (RFC 1035, 4.1.2)."""
    answers: bool = False
    """Whether it is a server's answer to that."""


NOTHING = Glance()


def glance(row: PacketRow, linktype: int = headers.ETHERNET) -> Glance:
    """Look at a row's own bytes; of one without, or broken ones, nothing is known."""
    raw = row.raw
    try:
        ip = innermost(raw, linktype, row.size)
        if ip is None:
            return NOTHING
        if ip.protocol == headers.TCP:
            flags = raw[ip.at + 13]
            return Glance(syn=bool(flags & _SYN), reset=bool(flags & _RST))
        if row.kind is not PacketKind.DNS:
            return NOTHING
        message = Message(raw, ip.at + 8)
    except (struct.error, IndexError, ValueError):
        return NOTHING
    return Glance(name=message.name, answers=message.is_answer)
