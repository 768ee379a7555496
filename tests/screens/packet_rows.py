"""What a capture might tell on a night like this: rows that are always the same."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from socket import inet_aton

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.wanted import CaptureWanted, TapWanted
from netwiz.probes.facts import HOST, Place
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureStarted,
    CaptureTap,
    Level,
    PacketKind,
    PacketRow,
)
from netwiz.widgets.packets.ends import split_end
from tests.screens.machines import NOW, ident

AT_NS = int(NOW.timestamp()) * 1_000_000_000
ORDER, PG = "172.18.0.3:40312", "172.18.0.2:5432"
DNS, RESOLVER = "172.18.0.3:53211", "127.0.0.11:53"
EDGE, WEB = "203.0.113.7:51544", "172.18.0.9:443"
NAMES: Mapping[str, str] = {
    "172.18.0.3": "order",
    "172.18.0.2": "pg",
    "172.18.0.9": "edge-proxy",
    "172.18.0.1": "host",
    "10.9.0.2": "pg",
}
TAPS = (
    TapWanted(Place.container(ident("a1"), "order"), "order"),
    TapWanted(Place.container(ident("a2"), "pg"), "pg"),
)
BRIDGE = TapWanted(HOST, "shop_default", "br-4f1d2c3b4f1d")
TCP, UDP, PLAIN, NOTE, ODD, PROBLEM = (
    PacketKind.TCP,
    PacketKind.UDP,
    Level.PLAIN,
    Level.NOTE,
    Level.ODD,
    Level.PROBLEM,
)
SAID: tuple[tuple[int, PacketKind, Level, str, str, str], ...] = (
    (0, PacketKind.DNS, NOTE, DNS, RESOLVER, "asks for A db"),
    (0, PacketKind.DNS, NOTE, RESOLVER, DNS, "db is 172.18.0.2 (0.4 ms)"),
    (0, TCP, NOTE, ORDER, PG, "SYN"),
    (0, TCP, NOTE, PG, ORDER, "accepts (0.05 ms)"),
    (0, TCP, PLAIN, ORDER, PG, "connected"),
    (0, TCP, PLAIN, ORDER, PG, "128 B"),
    (1, TCP, PLAIN, PG, ORDER, "1448 B"),
    (
        1,
        TCP,
        ODD,
        PG,
        ORDER,
        "sends 1.4 kB again: the other side misses it, 210 ms after the first",
    ),
    (1, TCP, ODD, ORDER, PG, "window full: reads no more"),
    (0, PacketKind.TLS, NOTE, EDGE, WEB, "TLS hello for shop.example (TLS 1.3)"),
    (
        0,
        PacketKind.TLS,
        PROBLEM,
        EDGE,
        WEB,
        "TLS alert: the client does not trust the certificate (unknown CA)",
    ),
    (
        0,
        PacketKind.HTTP,
        NOTE,
        EDGE,
        "172.18.0.9:80",
        "GET /api/orders?id=17 (Host: shop.example)",
    ),
    (
        0,
        PacketKind.HTTP,
        PROBLEM,
        "172.18.0.9:80",
        EDGE,
        "502 Bad Gateway after 3.2 ms: GET /api/orders?id=17",
    ),
    (0, TCP, NOTE, "172.18.0.3:40314", "172.18.0.2:3000", "SYN"),
    (
        0,
        TCP,
        PROBLEM,
        "172.18.0.2:3000",
        "172.18.0.3:40314",
        "refused: RST from pg (172.18.0.2:3000) after 0.1 ms",
    ),
    (1, TCP, NOTE, "172.18.0.3:40400", "10.0.0.9:8080", "SYN"),
    (
        1,
        PacketKind.ABSENCE,
        PROBLEM,
        "172.18.0.3:40400",
        "10.0.0.9:8080",
        "no answer to 3 SYNs in 3.0 s",
    ),
    (
        1,
        PacketKind.ICMP,
        PROBLEM,
        "172.18.0.1",
        "172.18.0.3",
        "not delivered by host (ICMP host unreachable): order:40400 -> 10.0.0.9:8080",
    ),
    (
        0,
        PacketKind.ARP,
        NOTE,
        "02:42:ac:12:00:03",
        "ff:ff:ff:ff:ff:ff",
        "who has 172.18.0.77?",
    ),
    (0, TCP, PROBLEM, PG, ORDER, "aborts (RST) after 4.1 s: sent 4.1 kB, got 128 B"),
)
ABOUT = {8: 7, 15: 14, 17: 16, 18: 16}
"""Which row speaks of which other."""
PAYLOADS = {
    "128 B": b"Q\0\0\0\x1fselect id from orders\0",
    "1448 B": b"T\0\0\0\x1b\0\x01id\0" + bytes(range(64)),
    "GET /api/orders?id=17 (Host: shop.example)": b"GET /api/orders?id=17 HTTP/1.1\r\n"
    b"Host: shop.example\r\nX-Odd: \x1b[31mred\x07\r\n\r\n",
    "502 Bad Gateway after 3.2 ms: GET /api/orders?id=17": b"HTTP/1.1 502 Bad Gateway"
    b"\r\nContent-Length: 15\r\n\r\nno upstream :(\n",
}
"""What is in the packets of which something can be read."""
SEQUENCE = (1000, 5000)


def rows(number: int = 1, more: int = 0) -> list[PacketRow]:
    """All that was said, from this number on; `more` plain ones before it."""
    found = [_plain(number + n) for n in range(more)]
    first = number + more
    for n, (tap, kind, level, source, destination, text) in enumerate(SAID, 1):
        found.append(
            PacketRow(
                number=first + n - 1,
                at_ns=AT_NS + (first + n) * 17_300_000 + n * 41_007,
                tap=tap,
                kind=kind,
                level=level,
                size=0 if kind is PacketKind.ABSENCE else 60 + 7 * n,
                source=source,
                destination=destination,
                text=text,
                about=ABOUT[n] + first - 1 if n in ABOUT else 0,
                raw=b""
                if kind is PacketKind.ABSENCE
                else frame(source, destination, text, first + n - 1),
            )
        )
    return found


def frame(source: str, destination: str, said: str, number: int) -> bytes:
    """An Ethernet frame between these ends; one of UDP on DNS's port, else of TCP."""
    (a, a_port), (b, b_port) = split_end(source), split_end(destination)
    macs = bytes.fromhex("0242ac1200020242ac120003")
    if not a_port:
        return macs + b"\x08\x06" + said.encode()
    payload = PAYLOADS.get(said, b"")
    if "53" in (a_port, b_port):
        ports = struct.pack("!4H", int(a_port), int(b_port), 8 + len(payload), 0)
        protocol, body = 17, ports + payload
    else:
        flags = 2 if said == "SYN" else 20 if "RST" in said else 24
        head = (int(a_port), int(b_port), SEQUENCE[number % 2], 1, 0x50, flags)
        protocol, body = 6, struct.pack("!HHIIBBHHH", *head, 501, 0, 0) + payload
    addresses = inet_aton(a) + inet_aton(b)
    first = (0x45, 0, 20 + len(body), number & 0xFFFF, 0, 64, protocol, 0)
    ip = struct.pack("!BBHHHBBH", *first)
    return macs + b"\x08\x00" + ip + addresses + body


def _plain(number: int) -> PacketRow:
    there = number % 2
    return PacketRow(
        number=number,
        at_ns=AT_NS + number * 17_300_000,
        tap=number % 2,
        kind=TCP,
        level=PLAIN,
        size=66,
        source=ORDER if there else PG,
        destination=PG if there else ORDER,
        text=f"{number % 1400} bytes",
        raw=frame(ORDER if there else PG, PG if there else ORDER, "", number),
    )


def batches(total: int, size: int = 500) -> Iterator[Batch]:
    """So many rows, of each kind that was said, over and over."""
    packed: list[PacketRow] = []
    number = 1
    while number <= total:
        packed += rows(number)
        number += len(SAID)
        while len(packed) >= size or (packed and number > total):
            yield Batch.of(packed[:size])
            del packed[:size]


def wanted(*taps: TapWanted, filter: str = "") -> CaptureWanted:  # noqa: A002
    """A capture of these, or of order and pg."""
    return CaptureWanted(taps or TAPS, filter, names=NAMES)


def started(asked: CaptureWanted, *, left_out: tuple[str, ...] = ()) -> CaptureStarted:
    """The first thing that a capture says."""
    taps = tuple(CaptureTap(t.place, t.name, t.device) for t in asked.taps)
    path = asked.file.path if asked.file else ""
    return CaptureStarted(taps=taps, filter=asked.filter, left_out=left_out, path=path)


def counts(seen: int, dropped: int = 0, read: int | None = None) -> CaptureCounts:
    """How complete it is."""
    return CaptureCounts(
        seen=seen, dropped=dropped, read=seen if read is None else read
    )
