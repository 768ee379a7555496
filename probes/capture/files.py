"""Capture files read back: pcap and pcapng, whoever wrote them, however they end.

Our own code, after trying what there is. scapy's raw readers take 2.4 us a packet where
this takes 1.2, and 0.2 s and 20 MB to load; they go on silently where a file breaks off
or turns into nonsense, and leave out what addresses are called. python-pcapng is slower
still, and one more dependency. A file is read in pieces of 1 MiB, no length in it is
believed before it is checked, and where it makes no more sense, what came before it
stands.

pcap: draft-ietf-opsawg-pcap; pcapng: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Self

from netwiz.probes.capture import pcapng
from netwiz.probes.capture.ring import Packet
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure
from netwiz.probes.text import plain

_PIECE = 1024 * 1024
_MOST_BLOCK = 16 * 1024 * 1024
"""Bytes of one block or packet; Wireshark's limit for a packet is 256 KiB."""
_MOST_INTERFACES = 10_000
_MOST_NAMES = 100_000
_LATEST = (1 << 63) - 1
_PCAP = {
    bytes.fromhex("a1b2c3d4"): (">", 1000),
    bytes.fromhex("d4c3b2a1"): ("<", 1000),
    bytes.fromhex("a1b23c4d"): (">", 1),
    bytes.fromhex("4d3cb2a1"): ("<", 1),
}
_PACKED = {b"\x1f\x8b": "gunzip", b"\x28\xb5": "unzstd", b"\x04\x22": "unlz4"}


@dataclass(slots=True)
class Interface:
    """Where packets of a file come from."""

    linktype: int
    name: str = ""
    comment: str = ""
    snaplen: int = 0
    times: int = 1000
    """Nanoseconds of one unit of its times; 0 where `per_second` is needed."""
    per_second: int = 0
    offset_s: int = 0

    def at_ns(self, units: int) -> int:
        """A time of the file as nanoseconds, within what can be told."""
        at = units * (self.times or 1_000_000_000)
        if not self.times:
            at //= self.per_second
        return min(max(at + self.offset_s * 1_000_000_000, 0), _LATEST)


class CaptureFile:
    """A capture file; a context manager.

    Raises ProbeError when it cannot be opened or is no capture.
    """

    def __init__(self, path: str) -> None:
        self.path = plain(path, 200)
        self.interfaces: list[Interface] = []
        """Grows while packets are read: files may bring new ones at any place."""
        self.names: dict[str, str] = {}
        """What the file says that addresses are called."""
        self.cut = ""
        """Where and how the file breaks off, in words; empty when it ends in order."""
        self._file = _opened(path)
        self._last_ns = 0
        begins = self._file.read(4)
        self._file.seek(0)
        if begins != pcapng.MAGIC and begins not in _PCAP:
            self._file.close()
            raise self._no_capture(begins)
        self._magic = begins

    def _no_capture(self, begins: bytes) -> ProbeError:
        tool = _PACKED.get(begins[:2])
        if tool:
            what, remedy = "is compressed", f"unpack it first: {tool} {self.path}"
        elif not begins:
            what, remedy = "is empty", ""
        else:
            what, remedy = "is no capture (neither pcap nor pcapng)", ""
        return ProbeError(Failure.BROKEN, f"{self.path} {what}", remedy)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def packets(self) -> Iterator[list[Packet]]:
        """All packets, some thousands at a time; devices' numbers are interfaces'."""
        if self._magic == pcapng.MAGIC:
            yield from self._blocks()
        else:
            yield from self._records()

    def _broken(self, at: int, how: str) -> None:
        self.cut = f"the file {how} at byte {at}"

    # pcap

    def _records(self) -> Iterator[list[Packet]]:
        order, unit = _PCAP[self._magic]
        head = self._file.read(24)
        if len(head) < 24:
            self._broken(len(head), "breaks off")
            return
        linktype = struct.unpack(order + "I", head[20:])[0] & 0x0FFFFFFF
        self.interfaces.append(Interface(linktype))
        record = struct.Struct(order + "IIII")
        data, base, at = b"", 24, 0
        while True:
            more = self._file.read(_PIECE)
            if not more:
                break
            data, base, at = data[at:] + more, base + at, 0
            packets: list[Packet] = []
            end = len(data)
            while at + 16 <= end:
                sec, part, kept, size = record.unpack_from(data, at)
                if kept > _MOST_BLOCK:
                    yield packets
                    self._broken(base + at, "makes no sense")
                    return
                if at + 16 + kept > end:
                    break
                when = sec * 1_000_000_000 + part * unit
                packets.append((when, 0, size, data[at + 16 : at + 16 + kept]))
                at += 16 + kept
            yield packets
        if at < len(data):
            self._broken(base + at, "breaks off")

    # pcapng

    def _blocks(self) -> Iterator[list[Packet]]:
        parser = _Blocks(self)
        data, base, at = b"", 0, 0
        while True:
            more = self._file.read(_PIECE)
            if not more:
                break
            data, base, at = data[at:] + more, base + at, 0
            packets: list[Packet] = []
            at, good = parser.walk(data, packets)
            yield packets
            if not good:
                self._broken(base + at, "makes no sense")
                return
        if at < len(data):
            self._broken(base + at, "breaks off")


class _Blocks:
    """Walks over the blocks of a pcapng file, section by section."""

    def __init__(self, file: CaptureFile) -> None:
        self._file = file
        self._base = 0
        """Interfaces of earlier sections: each section counts from 0."""
        self._last_ns = 0
        self._set_order(">")

    def _set_order(self, order: str) -> None:
        self._order = order
        self._head = struct.Struct(order + "II").unpack_from
        self._word = struct.Struct(order + "I").unpack_from
        self._enhanced = struct.Struct(order + "IIIII").unpack_from
        self._obsolete = struct.Struct(order + "HHIIII").unpack_from
        self._option = struct.Struct(order + "HH").unpack_from

    def walk(self, data: bytes, packets: list[Packet]) -> tuple[int, bool]:
        """Take whole blocks; how far it came, and whether all made sense."""
        at, end = 0, len(data)
        while at + 12 <= end:
            if data[at : at + 4] == pcapng.MAGIC and not self._begin(data, at):
                return at, False
            kind, length = self._head(data, at)
            if length < 12 or length % 4 or length > _MOST_BLOCK:
                return at, False
            if at + length > end:
                break
            if self._word(data, at + length - 4)[0] != length:
                return at, False
            if kind == pcapng.ENHANCED:
                good = self._packet(data, at + 8, at + length - 4, packets)
            else:
                good = self._other(kind, data[at + 8 : at + length - 4], packets)
            if not good:
                return at, False
            at += length
        return at, True

    def _begin(self, data: bytes, at: int) -> bool:
        """A section begins: its byte order counts from here on."""
        for order in "<>":
            if struct.unpack_from(order + "I", data, at + 8)[0] == pcapng.BYTE_ORDER:
                self._set_order(order)
                self._base = len(self._file.interfaces)
                return True
        return False

    def _packet(self, data: bytes, at: int, end: int, packets: list[Packet]) -> bool:
        if end - at < 20:
            return False
        number, high, low, kept, size = self._enhanced(data, at)
        start = at + 20
        if start + kept > end:
            return False
        return self._add(
            number, (high << 32) | low, size, data[start : start + kept], packets
        )

    def _add(
        self, number: int, units: int, size: int, data: bytes, packets: list[Packet]
    ) -> bool:
        number += self._base
        if number >= len(self._file.interfaces):
            return False
        self._last_ns = self._file.interfaces[number].at_ns(units)
        packets.append((self._last_ns, number, size, data))
        return True

    def _other(self, kind: int, body: bytes, packets: list[Packet]) -> bool:
        if kind == pcapng.INTERFACE:
            return self._interface(body)
        if kind == pcapng.NAMES:
            self._names(body)
        elif kind == pcapng.SIMPLE:
            return self._simple(body, packets)
        elif kind == pcapng.PACKET and len(body) >= 20:
            number, _, high, low, kept, size = self._obsolete(body)
            if 20 + kept > len(body):
                return False
            return self._add(
                number, (high << 32) | low, size, body[20 : 20 + kept], packets
            )
        return True  # statistics, secrets, custom blocks: nothing to read

    def _simple(self, body: bytes, packets: list[Packet]) -> bool:
        """A packet without time and interface: of the first, when the last was."""
        if len(body) < 4 or self._base >= len(self._file.interfaces):
            return False
        size = self._word(body)[0]
        limit = self._file.interfaces[self._base].snaplen or size
        data = body[4 : 4 + min(size, limit)]
        packets.append((self._last_ns, self._base, size, data))
        return True

    def _interface(self, body: bytes) -> bool:
        known = self._file.interfaces
        if len(body) < 8 or len(known) >= _MOST_INTERFACES:
            return False
        linktype, _, snaplen = struct.unpack_from(self._order + "HHI", body)
        made = Interface(linktype, snaplen=snaplen)
        for code, value in self._options(body, 8):
            if code == pcapng.IF_NAME:
                made.name = plain(value, 80)
            elif code in {pcapng.COMMENT, pcapng.IF_DESCRIPTION}:
                made.comment = made.comment or plain(value, 300)
            elif code == pcapng.IF_TSRESOL and value:
                _resolution(made, value[0])
            elif code == pcapng.IF_TSOFFSET and len(value) == 8:
                made.offset_s = struct.unpack(self._order + "q", value)[0]
        known.append(made)
        return True

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        while at + 4 <= len(body):
            code, length = self._option(body, at)
            if code == pcapng.END or at + 4 + length > len(body):
                return
            yield code, body[at + 4 : at + 4 + length]
            at += 4 + length + -length % 4

    def _names(self, body: bytes) -> None:
        import ipaddress

        for code, value in self._options(body, 0):
            width = {pcapng.NAME_IPV4: 4, pcapng.NAME_IPV6: 16}.get(code)
            if not width or len(value) <= width or len(self._file.names) > _MOST_NAMES:
                continue
            name = plain(value[width:].split(b"\0", 1)[0], 80)
            if name:
                address = str(ipaddress.ip_address(value[:width]))
                self._file.names.setdefault(address, name)


def _resolution(made: Interface, code: int) -> None:
    """if_tsresol: a negative power of 10, or of 2 when the topmost bit is set."""
    power = code & 0x7F
    if code & 0x80:
        made.times, made.per_second = 0, 1 << power
    elif power <= 9:
        made.times = 10 ** (9 - power)
    else:
        made.times, made.per_second = 0, 10**power


def _opened(path: str) -> BinaryIO:
    """A plain file; a pipe would keep us waiting."""
    from netwiz.probes.errors import mapped

    shown = plain(path, 200)
    with mapped(shown):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ProbeError(Failure.BROKEN, f"{shown} is no plain file")
    return os.fdopen(fd, "rb", buffering=0)
