"""What a capture is asked for, and what a stream of it looks like from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureStarted,
    CaptureTapGone,
)

SNAPLEN = 262_144
"""Bytes kept of a packet in a file: all of it, as tcpdump does."""


@dataclass(frozen=True, slots=True)
class TapWanted:
    """A namespace to listen in; its packets bear `name`."""

    place: Place
    name: str
    device: str = ""
    """Empty: every device of the namespace, without what a bridge floods to it though
    it is meant for others (the host's namespace hears that, too)."""


@dataclass(frozen=True, slots=True)
class FileWanted:
    """Where packets are written."""

    path: str
    rotate_bytes: int = 64 * 1024 * 1024
    """A file that is so large is closed and the next one begun."""
    keep: int = 4
    """Files that stay; the oldest goes when there would be more."""
    spare_bytes: int = 512 * 1024 * 1024
    """Writing stops when the disk has less room than this left."""


@dataclass(frozen=True, slots=True)
class CaptureWanted:
    """One capture: live from taps, or read from a file."""

    taps: tuple[TapWanted, ...] = ()
    filter: str = ""
    """tcpdump's words or plain ones; see `netwiz.probes.capture.words`."""
    file: FileWanted | None = None
    source: str = ""
    """A pcap or pcapng file to read in place of taps."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Address to the name of who has it: how the words call containers."""
    own_ssh: bool = False
    """Whether the SSH session that netwiz is used through is taken, too."""
    refusals: bool = True
    """Whether ICMP errors about what the filter takes are told of, too, though it does
    not take them itself (`port 3000`). They are never written to the file."""
    snaplen: int = 2048
    """Bytes of each packet that are told of (a file gets all of them)."""


Said = CaptureStarted | Batch | CaptureCounts | CaptureTapGone | CaptureEnded
"""What a capture says, in this order: started; any of the middle ones; ended."""


class CaptureStream(Protocol):
    """A capture that runs. Leaving its context ends it and all it made."""

    def __aiter__(self) -> AsyncIterator[Said]:
        """What it says, until it has ended."""

    async def stop(self) -> None:
        """End it; what is under way is still told, `CaptureEnded` last."""
