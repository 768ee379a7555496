"""Packets that somebody hostile made: read, opened and followed without harm."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.packets import PacketRow
from netwiz.probes.reading.layers import Layers, dissect
from netwiz.probes.reading.reader import Reader
from netwiz.probes.reading.stream import follow, stream_key, text_lines
from netwiz.probes.reading.words import MOST_TEXT
from tests.probes.lines import ETHER, NAMES, START, A, B, Lines, S, Talk, udp
from tests.probes.test_reading_names import answers, asks
from tests.probes.test_reading_talk import GET, OK, answer, hello, record

# isort: split
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q
from scapy.layers.vxlan import VXLAN

LINKS = (1, 101, 12, 113, 276, 0, 108, 228, 229, 105, 999)


def corpus() -> list[bytes]:
    """One of each kind that is understood, in the order of real conversations."""
    lines = Lines()
    for port, words in (
        (3000, [(0, GET), (1, OK)]),
        (443, [(0, hello()), (1, answer(0x0304)), (0, record(21, b"\x02\x30"))]),
        (
            5432,
            [(0, b"\0\0\0\x08\x04\xd2\x16\x2f"), (1, b"N"), (1, b"E\0\0\0\x20VX\0")],
        ),
        (3306, [(1, b"\x05\0\0\0\x0a8.0\0")]),
        (6379, [(0, b"*1\r\n$4\r\nPING\r\n"), (1, b"-ERR x\r\n")]),
        (25, [(1, b"554 no\r\n")]),
        (53, [(0, b"\0\x14" + asks().to_wire())]),
    ):
        talk = Talk(lines, server=(B, port))
        talk.open()
        for side, data in words:
            talk.say(side, data)
        talk.say(0, flags="FA")
        talk.raw(1, "RA")
    query = asks()
    reply = answers(query, "pg. CNAME a.lan.", "a.lan. A 10.0.0.1")
    inner = ETHER / IP(src=A, dst=B) / ICMP()
    for packet in (
        udp(query.to_wire()),
        udp(reply, (B, 53), (A, 5000)),
        ETHER / IP(src=B, dst=A) / ICMP(type=3, code=3) / lines.rows[0].raw[14:42],
        ETHER / ARP(op=1, psrc=A, pdst=B),
        ETHER / ARP(op=2, psrc=B, pdst=A),
        ETHER / IPv6() / IPv6ExtHdrHopByHop() / ICMPv6ND_NS(tgt="fd00::1"),
        ETHER / IP() / UDP(sport=68, dport=67) / BOOTP() / DHCP(options=["end"]),
        ETHER / IP() / UDP(dport=4789) / VXLAN(flags=8) / inner,
        ETHER / Dot1Q(vlan=9) / IP(src=A, dst=B, flags="MF") / UDP() / b"part",
    ):
        lines.read(packet)
    return [row.raw for row in lines.rows]


CORPUS = corpus()


def check(row: PacketRow) -> None:
    assert len(row.text) <= MOST_TEXT + 1
    assert len(row.source) <= 64
    assert len(row.destination) <= 64
    assert (row.text + row.source + row.destination).isprintable()
    assert 0 <= row.about < row.number
    # Surviving everything is for what nobody thought of; nothing known may need it.
    assert "could not read" not in row.text
    (again,) = Batch.of([row])
    assert again == row


@given(
    data=st.binary(max_size=300),
    linktype=st.sampled_from(LINKS),
    more=st.integers(0, 2000),
)
def test_any_bytes_are_read(data: bytes, linktype: int, more: int) -> None:
    reader = Reader(NAMES)
    check(reader.read(START, 0, linktype, len(data) + more, data))
    for row in reader.overdue(START + 100 * S):
        check(row)
    stream_key(data, 0, linktype)


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Some bytes changed, some cut off, some put in."""
    made = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 2, 8))):
        at = chance.randrange(len(made))
        made[at] = chance.choice((0, 0xFF, chance.randrange(256), made[at] ^ 1))
    how = chance.randrange(6)
    if how == 0:
        del made[chance.randrange(len(made)) :]
    elif how == 1:
        at = chance.randrange(12, len(made))
        made[at:at] = chance.randbytes(chance.randrange(1, 40))
    return bytes(made) or b"\0"


@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_mutated_conversations_are_read(seed: int) -> None:
    chance = random.Random(seed)
    reader = Reader(NAMES)
    rows: list[PacketRow] = []
    now_ns = START
    for _ in range(3):
        for data in CORPUS:
            if chance.random() < 0.1:
                continue
            made = mutated(chance, data)
            now_ns += chance.choice((0, 1000, 10**6, 10**9, -(10**6)))
            size = len(made) + chance.choice((0, 0, 5000))
            rows.append(reader.read(now_ns, chance.randrange(2), 1, size, made))
            if chance.random() < 0.02:
                reader.gap()
        rows += reader.overdue(now_ns)
    for row in rows:
        check(row)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    found = follow(rows, chance.choice(rows))
    if found is not None:
        assert all(
            line.isprintable() for t in found.turns for line in text_lines(t.data)
        )


def clean(found: Layers) -> None:
    texts = [found.trouble]
    for layer in found.layers:
        texts.append(layer.name)
        fields = list(layer.fields)
        while fields:
            one = fields.pop()
            texts += [one.name, one.value]
            fields += one.parts
    assert all(text.isprintable() and len(text) < 1000 for text in texts)
    assert len(texts) < 20_000


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), linktype=st.sampled_from((1, 1, 1, 1, 101, 113)))
def test_mutated_packets_are_opened(seed: int, linktype: int) -> None:
    chance = random.Random(seed)
    data = mutated(chance, chance.choice(CORPUS))
    began = time.process_time()
    clean(dissect(data, linktype))
    assert time.process_time() - began < 10


@settings(deadline=None, max_examples=30)
@given(data=st.binary(max_size=2000), linktype=st.sampled_from(LINKS))
def test_any_bytes_are_opened(data: bytes, linktype: int) -> None:
    clean(dissect(data, linktype))


@pytest.mark.parametrize("size", [65_000])
def test_names_within_names_cost_little(size: int) -> None:
    """A DNS answer of nothing but pointers, and one that announces 65535 records."""
    head = b"\0\7\x81\x80\0\1\xff\xff\xff\xff\xff\xff"
    name = b"\2pg\0\0\1\0\1"
    record_ = b"\xc0\x0c\0\5\0\1\0\0\0\0\0\2\xc0\x0c"
    body = head + name + record_ * ((size - len(head) - len(name)) // len(record_))
    data = bytes(udp(body, (B, 53), (A, 5000)))
    reader = Reader({})
    began = time.process_time()
    check(reader.read(START, 0, 1, len(data), data))
    clean(dissect(data, 1))
    assert time.process_time() - began < 30


def test_hostile_names_of_containers_are_harmless() -> None:
    evil = "\x1b]0;x\x07\u202e[red]" + "x" * 10_000
    lines = Lines(names={A: evil, B: evil})
    talk = Talk(lines)
    talk.say(0, flags="S")
    check(talk.raw(1, "RA"))
    for data in CORPUS:
        check(lines.read(data))
    for row in lines.wait(100 * S):
        check(row)
