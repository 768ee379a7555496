"""What a capture tells: packets read as a person reads them, and how complete it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from netwiz.probes.facts.base import Finding, Place


class Level(IntEnum):
    """How much a packet deserves to be looked at."""

    PLAIN = 0
    """One of many: data, an acknowledgement."""
    NOTE = 1
    """A step worth a line: handshake, question, request, hello."""
    ODD = 2
    """Not wrong by itself, but rarely well: retransmission, zero window."""
    PROBLEM = 3
    """Something failed: refused, unanswered, reset, unreachable, alert."""


class PacketKind(IntEnum):
    """What speaks in a packet, as far as it was understood."""

    OTHER = 0
    TCP = 1
    UDP = 2
    ICMP = 3
    ARP = 4
    DNS = 5
    TLS = 6
    HTTP = 7
    ABSENCE = 8
    """No packet: what should have come and did not, said when its time was over."""


@dataclass(frozen=True, slots=True)
class PacketRow:
    """One line of the packet list."""

    number: int
    """Counted from 1 over the whole capture; an ABSENCE has a number of its own."""
    at_ns: int
    """When the kernel saw it, nanoseconds of CLOCK_REALTIME."""
    tap: int
    """Index of the tap that it came from (`CaptureStarted.taps`)."""
    kind: PacketKind
    level: Level
    size: int
    """Bytes on the wire, link header and all; 0 for an ABSENCE."""
    source: str
    """``172.18.0.3:40312``, ``[fd00::2]:80``, a MAC address, or empty."""
    destination: str
    text: str
    """What it means, in words."""
    about: int = 0
    """Number of the packet that it answers, repeats or misses; 0 for none."""
    raw: bytes = b""
    """The packet from its link header on, cut at the capture's snap length."""


@dataclass(frozen=True, slots=True)
class CaptureTap:
    """One device of one namespace, or all of a namespace's, that is listened to."""

    place: Place
    name: str
    """What its packets are called by: a container's name, a network's, ``host``."""
    device: str = ""
    """Empty: every device of the namespace."""
    linktype: int = 1
    """LINKTYPE_* of its packets (1 is Ethernet, 101 raw IP)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureStarted(Finding):
    """The first thing a capture says: what is listened to, and with which filter."""

    taps: tuple[CaptureTap, ...]
    filter: str = ""
    """What is asked for, in tcpdump's words; empty when everything is taken."""
    left_out: tuple[str, ...] = ()
    """What is left out without being asked for, in words: our own SSH session."""
    left_in: tuple[str, ...] = ()
    """What is told of though the filter does not take it: ICMP errors about what it
    takes. The file does not have it."""
    path: str = ""
    """The file that is written; empty when none is."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What a file that is read says that addresses are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureCounts(Finding):
    """How complete a capture is. All numbers are totals since its start."""

    seen: int = 0
    """Packets that the kernel handed over (after the filter)."""
    dropped: int = 0
    """Packets that the kernel had no room for (PACKET_STATISTICS)."""
    read: int = 0
    """Packets that were read and told of; the others were only counted, and written."""
    written: int = 0
    """Packets in the file."""
    bytes: int = 0
    """Bytes on the wire of all that were seen."""
    file_bytes: int = 0
    """Size of what is on the disk now, over all files that are kept."""
    full: str = ""
    """Why no more is written, when the file has come to an end: limit, disk, error."""

    @property
    def sampled(self) -> bool:
        """Whether what is told of is not all there was."""
        return self.read < self.seen or self.dropped > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureTapGone(Finding):
    """A tap ended before the capture: its container, device or namespace is gone."""

    tap: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureEnded(Finding):
    """The last thing a capture says."""

    why: str
    """``stopped``, ``end of file``, ``killed`` ... in words for a person."""
    wrong: bool = False
    """Whether it ended by itself though nobody wanted it to."""
