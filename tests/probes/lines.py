"""Packets made by hand, read, and told as lines: for tests of the reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from netwiz.probes.facts.packets import Level, PacketKind, PacketRow
from netwiz.probes.links.scapy_loader import load_scapy
from netwiz.probes.reading.reader import Reader

load_scapy()

from scapy.layers.inet import IP, TCP, UDP  # noqa: E402 - scapy after its loader
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402

A, B = "172.18.0.3", "172.18.0.2"
A6, B6 = "fd00::3", "fd00::2"
NAMES = {A: "order", B: "pg", A6: "order", B6: "pg"}
MS = 1_000_000
S = 1000 * MS
START = 1_700_000_000 * S
ETHER = Ether(src="02:42:ac:12:00:03", dst="02:42:ac:12:00:02")


@dataclass
class Lines:
    """A reader with a clock; every packet read is a row."""

    names: dict[str, str] = field(default_factory=lambda: dict(NAMES))
    now_ns: int = START
    rows: list[PacketRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = Reader(self.names)

    def read(
        self, packet: Any, *, after: int = 0, tap: int = 0, linktype: int = 1
    ) -> PacketRow:
        """A packet, `after` nanoseconds after the one before."""
        data = packet if isinstance(packet, bytes) else bytes(packet)
        return self.bytes(data, len(data), after=after, tap=tap, linktype=linktype)

    def bytes(
        self, data: bytes, size: int, *, after: int = 0, tap: int = 0, linktype: int = 1
    ) -> PacketRow:
        """The same of bytes, of which some may not have been kept."""
        self.now_ns += after
        row = self.reader.read(self.now_ns, tap, linktype, size, data)
        self.rows.append(row)
        return row

    def wait(self, duration: int) -> list[PacketRow]:
        """What is missed when so much time has gone by."""
        self.now_ns += duration
        found = self.reader.overdue(self.now_ns)
        self.rows += found
        return found

    @property
    def alarms(self) -> list[str]:
        return [row.text for row in self.rows if row.level >= Level.ODD]


class Talk:
    """A TCP connection between two ends, spoken packet by packet."""

    def __init__(
        self,
        lines: Lines,
        *,
        client: tuple[str, int] = (A, 40312),
        server: tuple[str, int] = (B, 3000),
        tap: int = 0,
        ids: bool = True,
    ) -> None:
        self.lines = lines
        self.ends = client, server
        self.seq = [1000, 4_294_967_000]
        """The server's goes round soon: numbers are counted modulo 2**32."""
        self.ident = [100, 65_530] if ids else [-1, -1]
        self.tap = tap

    def packet(
        self,
        side: int,
        flags: str,
        data: bytes = b"",
        *,
        seq: int | None = None,
        ack: int | None = None,
        window: int = 500,
        options: list[Any] | None = None,
        ident: int | None = None,
    ) -> Any:
        """One segment; nothing is remembered of it but the IP identification."""
        (here, port), (there, to) = self.ends if not side else self.ends[::-1]
        if ":" in here:
            ip: Any = IPv6(src=here, dst=there)
        else:
            if ident is None and self.ident[side] >= 0:
                self.ident[side] = (self.ident[side] + 1) % 65536
            number = ident if ident is not None else max(0, self.ident[side])
            ip = IP(src=here, dst=there, id=number, flags="DF")
        tcp = TCP(
            sport=port,
            dport=to,
            flags=flags,
            seq=self.seq[side] % 2**32 if seq is None else seq % 2**32,
            ack=self.seq[1 - side] % 2**32 if ack is None else ack % 2**32,
            window=window,
            options=options or [],
        )
        return ETHER / ip / tcp / data

    def say(
        self, side: int, data: bytes = b"", flags: str = "PA", *, after: int = MS
    ) -> PacketRow:
        """The next segment of a side, as it should be."""
        row = self.lines.read(self.packet(side, flags, data), after=after, tap=self.tap)
        length = len(data) + ("S" in flags) + ("F" in flags)
        self.seq[side] += length
        return row

    def ack(self, side: int, *, after: int = MS, **how: Any) -> PacketRow:
        """An acknowledgement of all that came."""
        return self.raw(side, "A", after=after, **how)

    def raw(
        self, side: int, flags: str, data: bytes = b"", *, after: int = MS, **how: Any
    ) -> PacketRow:
        """A segment that is not what comes next."""
        packet = self.packet(side, flags, data, **how)
        return self.lines.read(packet, after=after, tap=self.tap)

    def open(self) -> list[PacketRow]:
        """The handshake."""
        return [
            self.say(0, flags="S"),
            self.say(1, flags="SA"),
            self.say(0, flags="A"),
        ]


def udp(
    data: Any, source: tuple[str, int] = (A, 5000), to: tuple[str, int] = (B, 53)
) -> Any:
    """A datagram."""
    ip = IPv6 if ":" in source[0] else IP
    return (
        ETHER / ip(src=source[0], dst=to[0]) / UDP(sport=source[1], dport=to[1]) / data
    )


def told(row: PacketRow) -> tuple[str, str, str]:
    """Kind, level and words."""
    return PacketKind(row.kind).name, Level(row.level).name, row.text
