"""What is said over a connection: which protocol begins how, and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from netwiz.probes.reading.waits import Waits
from netwiz.probes.reading.words import Told

if TYPE_CHECKING:
    from netwiz.probes.reading.flows import Side
    from netwiz.probes.reading.packet import Packet


class Words:
    """What all readers share: how addresses are called, and what is waited for."""

    __slots__ = ("names", "waits")

    def __init__(self, names: Mapping[str, str], waits: Waits) -> None:
        self.names = names
        self.waits = waits


class Speech(Protocol):
    """A reader of one connection's protocol. It must bear any bytes."""

    def heard(self, side: Side, packet: Packet) -> Told:
        """Data in order."""

    def lost(self, side: Side) -> None:
        """Something that this side said was missed."""


Begin = Callable[[Words, "Side", "Packet"], Speech | None]
"""Makes a reader from the first data it sees, or None."""
