"""Which packets are read: all of them while time allows, else those that tell.

Reading a packet takes twenty times as long as writing it down. While more come than
can be read, only those are read of which a connection's story is made (SYN, FIN, RST,
ICMP, ARP, DNS), and of the rest whatever finds room: runs of neighbours, not scattered
ones, for a run shows more. What is left out is counted, and the reader is told, so that
it claims nothing from what it did not see.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Protocol

from netwiz.probes.capture.batch import pack
from netwiz.probes.capture.ring import Packet
from netwiz.probes.facts.packets import Level, PacketKind, PacketRow
from netwiz.probes.text import plain

ROOM = 8192
"""Packets that wait to be read; some 150 ms of reading."""
ROOM_BYTES = 8 * 1024 * 1024
HOLD_NS = 70_000_000
"""Packets of several taps wait so long for each other: their rings hand over every
50 ms, each in its own time."""
SHARE, LEAST_SHARE = 0.5, 0.05
"""Of one processor that reading may take over time: of this, all that the rings leave,
and at least so much."""
_SPARE_S = 0.25
"""So much unused time is kept for bursts."""
_SKIPPED, _SKIPPED_CONTROL = -1, -2
"""Marks in the place of a device's number: what was left out here."""
_VXLAN = b"\x12\xb5"
"""Port 4789 (RFC 7348)."""
_CHECK = 16
_LONG_S = 3600.0
_ETHERNET_HEADER = bytes(12)


class PacketReader(Protocol):
    """What reads packets (`netwiz.probes.reading.reader.Reader`)."""

    names: Mapping[str, str]

    def read(
        self, at_ns: int, tap: int, linktype: int, size: int, data: bytes
    ) -> PacketRow:
        """What a packet means; never raises, whatever is in it."""

    def gap(self, *, plain: bool = False) -> None:
        """Packets were skipped; if `plain`, nothing but data of TCP and UDP."""

    def overdue(self, now_ns: int) -> list[PacketRow]:
        """What should have come by now and did not."""


Sink = Callable[[bytes], None]
"""Takes a packed row."""


class Backlog:
    """Packets between ring and reader."""

    def __init__(
        self, reader: PacketReader, sink: Sink, snaplen: int, *, several: bool
    ) -> None:
        self._reader = reader
        self._sink = sink
        self._snaplen = snaplen
        self._several = several
        self._waiting: list[Packet] = []
        self._at = 0
        self._bytes = 0
        self._budget_s = _SPARE_S
        self.share = SHARE
        """Of a processor, that reading takes now."""
        self._refilled = time.monotonic()
        self.devices: list[tuple[int, int, int]] = []
        """(tap, LINKTYPE_*, the tap's LINKTYPE_*) of each device's number."""
        self.skipped = 0
        """Packets that nobody read."""
        self._read_up_to = 0

    def __len__(self) -> int:
        return len(self._waiting) - self._at

    def add(self, packets: list[Packet]) -> None:
        """Take what there is room for, and all that tells of connections."""
        room = ROOM - len(self)
        if len(packets) > room or self._bytes > ROOM_BYTES:
            packets = self._chosen(packets, room if self._bytes <= ROOM_BYTES else 0)
        if self._at > ROOM or self._several:
            del self._waiting[: self._at]
            self._at = 0
        self._bytes += sum(map(len, map(_data, packets)))
        self._waiting += packets
        if self._several:
            self._waiting.sort(key=_time)

    def _chosen(self, packets: list[Packet], room: int) -> list[Packet]:
        kept, rest = packets[:room], packets[room:]
        kinds = [kind(packet[3]) for packet in rest]
        control = [p for p, found in zip(rest, kinds, strict=True) if found == TELLS]
        limit = 4 * ROOM - len(self) - len(kept)
        mark = _SKIPPED_CONTROL if HIDDEN in kinds else _SKIPPED
        if len(control) > limit:
            control, mark = control[: max(limit, 0)], _SKIPPED_CONTROL
        self.skipped += len(rest) - len(control)
        if len(control) < len(rest):
            kept.append((rest[0][0], mark, 0, b""))
        return kept + control

    def lost(self) -> None:
        """The kernel had no room: anything may be missing from here on."""
        self._waiting.append((time.time_ns(), _SKIPPED_CONTROL, 0, b""))

    def read(self, slice_s: float, now_ns: int, *, free: bool = False) -> None:
        """Read for so long at most; `free` minds neither share nor neighbours."""
        start = time.monotonic()
        if not free:
            self._budget_s = min(
                self._budget_s + (start - self._refilled) * self.share, _SPARE_S
            )
            self._refilled = start
            slice_s = min(slice_s, self._budget_s)
        until = now_ns - HOLD_NS if self._several and not free else 1 << 63
        end = start + slice_s
        waiting, count = self._waiting, len(self._waiting)
        while self._at < count and time.monotonic() < end:
            for packet in waiting[self._at : self._at + _CHECK]:
                if packet[0] > until:
                    count = 0
                    break
                self._at += 1
                self._one(packet)
        if self._at >= len(waiting):
            waiting.clear()
            self._at = 0
            self._bytes = 0
        if not free:
            self._budget_s -= time.monotonic() - start

    def _one(self, packet: Packet) -> None:
        at_ns, number, size, data = packet
        if number < 0:
            self._reader.gap(plain=number == _SKIPPED)
            return
        self._bytes -= len(data)
        self._read_up_to = at_ns
        tap, linktype, shown = self.devices[number]
        data = data[: self._snaplen]
        try:
            row = self._reader.read(at_ns, number, linktype, size, data)
        except Exception as error:  # noqa: BLE001 - a packet is hostile; go on
            self._sink(pack(_unread(at_ns, tap, size, data, error)))
            return
        if number != tap or linktype != shown:
            row = self._for_tap(row)
        self._sink(pack(row))

    def _for_tap(self, row: PacketRow) -> PacketRow:
        """As the tap's: of its number, and with the link header that it should have."""
        import dataclasses

        tap, linktype, shown = self.devices[row.tap]
        raw = row.raw
        if raw and linktype != shown:
            kind = b"\x86\xdd" if raw[0] >> 4 == 6 else b"\x08\x00"
            raw = _ETHERNET_HEADER + kind + raw
        return dataclasses.replace(row, tap=tap, raw=raw)

    def overdue(self, now_ns: int) -> None:
        """Tell what did not come, up to the time that has been read."""
        if len(self):
            now_ns = min(now_ns, self._read_up_to)
        elif self._several:
            now_ns -= HOLD_NS
        for row in self._reader.overdue(now_ns):
            self._sink(pack(self._for_tap(row)))

    def next_s(self, now_ns: int) -> float:
        """When reading can go on: a long time when nothing waits."""
        if not len(self):
            return _LONG_S
        wait = 0.0 if self._budget_s > 0 else (0.005 - self._budget_s) / self.share
        if self._several:
            oldest = self._waiting[self._at][0]
            wait = max(wait, (oldest + HOLD_NS - now_ns) / 1e9)
        return max(wait, 0.0)

    def abandon(self) -> None:
        """Read no more: what waits counts as skipped."""
        self.skipped += sum(packet[1] >= 0 for packet in self._waiting[self._at :])
        self._waiting.clear()
        self._at = self._bytes = 0


_time: Callable[[Packet], int] = itemgetter(0)
_data: Callable[[Packet], bytes] = itemgetter(3)


DATA, TELLS, HIDDEN = range(3)
"""What a glance finds: data; part of the story of connections; something that may have
such a part within it, which is not looked for (tunnels, tags, no link header)."""


def kind(data: bytes) -> int:
    """Which of these a packet is, by a glance at fixed offsets.

    Ethernet and IP without options are looked into; IPv4 with options is kept.
    """
    ethertype = data[12:14]
    if ethertype == b"\x08\x00":
        if len(data) < 38 or data[14] != 0x45:
            return TELLS
        protocol = data[23]
        if protocol == 6:
            return TELLS if len(data) < 48 or data[47] & 7 else DATA
        if protocol == 17:
            return _of_ports(data[34:38])
        return TELLS if protocol == 1 else HIDDEN
    if ethertype == b"\x86\xdd" and len(data) > 58:
        protocol = data[20]
        if protocol == 6:
            return TELLS if len(data) < 68 or data[67] & 7 else DATA
        if protocol == 17:
            return _of_ports(data[54:58])
        return TELLS if protocol == 58 else HIDDEN
    return TELLS if ethertype == b"\x08\x06" or len(data) < 34 else HIDDEN


def _of_ports(ports: bytes) -> int:
    if ports[:2] == b"\0\x35" or ports[2:] == b"\0\x35":
        return TELLS
    return HIDDEN if ports[2:] == _VXLAN else DATA


def _unread(
    at_ns: int, tap: int, size: int, data: bytes, error: Exception
) -> PacketRow:
    text = plain(f"netwiz could not read this packet: {type(error).__name__}", 200)
    return PacketRow(
        number=0,
        at_ns=at_ns,
        tap=tap,
        kind=PacketKind.OTHER,
        level=Level.PLAIN,
        size=size,
        source="",
        destination="",
        text=text,
        raw=data,
    )
