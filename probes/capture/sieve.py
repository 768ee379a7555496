"""A filter that is run here instead of in the kernel, over whole packets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netwiz.probes.capture.filters import RAW_IP, for_bytes
from netwiz.probes.capture.ring import Packet

_LINKTYPE_RAW = 101


class Sieve:
    """Lets through what the filter takes, with a program for each link type."""

    def __init__(self, source: str) -> None:
        """Of a link type that the filter has no sense for, nothing is taken."""
        self._source = source
        self._programs: dict[int, Callable[[bytes], int]] = {}

    def takes(self, linktype: int, data: bytes) -> bool:
        """Whether a packet is wanted."""
        program = self._programs.get(linktype)
        if program is None:
            program = self._programs[linktype] = self._program(linktype)
        return program(data) != 0

    def passed(
        self, packets: list[Packet], devices: Sequence[tuple[int, int, int]]
    ) -> list[Packet]:
        """Those of a list that are wanted."""
        return [p for p in packets if self.takes(devices[p[1]][1], p[3])]

    def _program(self, linktype: int) -> Callable[[bytes], int]:
        try:
            # libpcap numbers raw IP by the system's DLT, files by LINKTYPE_RAW.
            return for_bytes(
                self._source, RAW_IP if linktype == _LINKTYPE_RAW else linktype
            )
        except ValueError:
            return _nothing


def _nothing(data: bytes) -> int:
    del data
    return 0
