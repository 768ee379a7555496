"""What the child is told to do, and how the two talk: frames over a socket pair.

The parent sends one order and then at most the byte that means *stop*; that its end
closes means that it is dead. The child sends frames: length, kind, body. Rows go as
they were packed; everything else is JSON, a few times a second at most.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

FRAME = struct.Struct("<IB")
"""Length of the body and its kind (`Told`)."""
MAX_FRAME = 16 * 1024 * 1024
STOP = b"s"


class Told(IntEnum):
    """What a frame from the child holds."""

    ROWS = 1
    STARTED = 2
    """The link type and device of each tap."""
    COUNTS = 3
    TAP_GONE = 4
    ENDED = 5
    FAILED = 6
    """It could not begin: kind, what, remedy."""


@dataclass
class TapOrder:
    """One namespace to listen in."""

    fd: int
    """The namespace, opened by the parent."""
    name: str
    device: str = ""
    inode: int = 0
    path: str = ""
    """Where the namespace is found as long as it is there; empty for the host's."""
    pidfd: int = -1
    """The container's first process; -1 when there is none to wait for."""
    own: bool = False
    """Whether frames for another host's link address are left out."""
    ethernet: str = ""
    """The filter for Ethernet, as hexadecimal struct sock_filter."""
    raw: str = ""
    """The same for devices without a link header."""
    comment: str = ""
    """What a file says of this tap: container, image, networks."""


@dataclass
class FileOrder:
    """See `netwiz.probes.capture.wanted.FileWanted`."""

    path: str
    rotate_bytes: int
    keep: int
    spare_bytes: int
    owner: tuple[int, int] = (-1, -1)
    """Who is to own the files: the person before sudo; -1 leaves it."""


@dataclass
class Order:
    """A whole capture."""

    parent: int
    """Pid of who ordered it."""
    taps: list[TapOrder] = field(default_factory=list)
    ring_bytes: int = 0
    """For each tap."""
    filter: str = ""
    """In tcpdump's words, for what is chosen here: files, and VLAN tags."""
    inner: bool = False
    """Whether the filter has to be run here for live packets, too."""
    both_ways: bool = True
    """Whether the filter lets questions and their answers through alike."""
    refusals: bool = False
    """Whether ICMP errors about what the filter takes are read, too."""
    file: FileOrder | None = None
    source: str = ""
    snaplen: int = 2048
    names: dict[str, str] = field(default_factory=dict)

    def packed(self) -> bytes:
        """As it goes over the pipe."""
        return framed(Told.STARTED, json.dumps(asdict(self)).encode())

    @classmethod
    def unpacked(cls, body: bytes) -> Order:
        """The opposite of `packed`, without its frame."""
        said: dict[str, Any] = json.loads(body)
        said["taps"] = [TapOrder(**tap) for tap in said["taps"]]
        if said["file"] is not None:
            said["file"] = FileOrder(**said["file"])
        return cls(**said)


def framed(kind: Told, body: bytes) -> bytes:
    """A frame."""
    return FRAME.pack(len(body), kind) + body
