"""What a capture might tell on a night like this: rows that are always the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
    (0, PacketKind.DNS, NOTE, DNS, RESOLVER, "asks A db"),
    (0, PacketKind.DNS, NOTE, RESOLVER, DNS, "A db is 172.18.0.2 (0.4 ms)"),
    (0, TCP, NOTE, ORDER, PG, "SYN: wants to connect"),
    (0, TCP, NOTE, PG, ORDER, "SYN-ACK: accepted (0.05 ms)"),
    (0, TCP, PLAIN, ORDER, PG, "ACK: connected"),
    (0, TCP, PLAIN, ORDER, PG, "128 bytes"),
    (1, TCP, PLAIN, PG, ORDER, "1.4 KB"),
    (1, TCP, ODD, PG, ORDER, "again 1.4 KB: sent before in #7, 210 ms ago"),
    (1, TCP, ODD, ORDER, PG, "zero window: reads no more for now"),
    (0, PacketKind.TLS, NOTE, EDGE, WEB, "TLS hello for shop.example"),
    (
        0,
        PacketKind.TLS,
        PROBLEM,
        EDGE,
        WEB,
        "TLS alert: certificate unknown, the client does not trust it",
    ),
    (0, PacketKind.HTTP, NOTE, EDGE, "172.18.0.9:80", "GET /api/orders?id=17"),
    (0, PacketKind.HTTP, PROBLEM, "172.18.0.9:80", EDGE, "502 Bad Gateway (3.2 ms)"),
    (0, TCP, NOTE, "172.18.0.3:40314", "172.18.0.2:3000", "SYN: wants to connect"),
    (
        0,
        TCP,
        PROBLEM,
        "172.18.0.2:3000",
        "172.18.0.3:40314",
        "refused by pg: nobody listens on 3000",
    ),
    (1, TCP, NOTE, "172.18.0.3:40400", "10.0.0.9:8080", "SYN: wants to connect"),
    (
        1,
        PacketKind.ABSENCE,
        PROBLEM,
        "172.18.0.3:40400",
        "10.0.0.9:8080",
        "SYN unanswered for 3 s, sent 3 times",
    ),
    (
        1,
        PacketKind.ICMP,
        PROBLEM,
        "172.18.0.1",
        "172.18.0.3",
        "ICMP: host 10.0.0.9 unreachable, for the SYN to 10.0.0.9:8080",
    ),
    (
        0,
        PacketKind.ARP,
        NOTE,
        "02:42:ac:12:00:03",
        "ff:ff:ff:ff:ff:ff",
        "who has 172.18.0.77?",
    ),
    (0, TCP, PROBLEM, PG, ORDER, "reset by pg in mid-stream after 4.1 KB"),
)
ABOUT = {8: 7, 15: 14, 17: 16, 18: 16}
"""Which row speaks of which other."""


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
                raw=b"" if kind is PacketKind.ABSENCE else frame(n),
            )
        )
    return found


def frame(seed: int) -> bytes:
    """An Ethernet frame with IPv4 and TCP, more or less."""
    head = bytes.fromhex("0242ac1200020242ac1200030800")
    ip = bytes.fromhex("4500003c1c4640004006a6ecac120003ac120002")
    tcp = bytes.fromhex("9d7815380000000a00000000a002fd5c00000000")
    return head + ip + tcp + bytes((seed * 7 + n) % 256 for n in range(seed))


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
        raw=frame(number % 40),
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
