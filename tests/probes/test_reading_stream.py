"""A conversation put together again from rows, in order and with its gaps."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts.packets import PacketRow
from netwiz.probes.reading import stream
from netwiz.probes.reading.stream import (
    Conversation,
    follow,
    same_stream,
    stream_key,
    text_lines,
)
from tests.probes.lines import A6, B6, ETHER, MS, A, B, Lines, Talk, udp

# isort: split
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP
from scapy.layers.vxlan import VXLAN


def followed(rows: list[PacketRow], of: PacketRow | None = None) -> Conversation:
    found = follow(rows, of or rows[-1])
    assert found is not None
    return found


def said(found: Conversation) -> list[tuple[bool, bytes, int]]:
    return [(turn.from_client, turn.data, turn.missing) for turn in found.turns]


def test_questions_and_answers_in_turns() -> None:
    lines = Lines()
    talk, other = Talk(lines), Talk(lines, client=(A, 9))
    talk.open()
    other.open()
    talk.say(0, b"ques")
    other.say(0, b"something else")
    talk.say(0, b"tion")
    talk.ack(1)
    talk.say(1, b"answer")
    talk.say(0, b"bye", flags="FPA")
    found = followed(lines.rows)
    assert said(found) == [
        (True, b"question", 0),
        (False, b"answer", 0),
        (True, b"bye", 0),
    ]
    assert (found.client, found.server) == (f"{A}:40312", f"{B}:3000")
    assert (found.bytes_client, found.bytes_server, found.packets) == (11, 6, 8)
    assert [turn.at_ns for turn in found.turns] == sorted(t.at_ns for t in found.turns)


def test_repeats_overlaps_and_overtaking() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    start = talk.seq[0]
    for at, data in (
        (0, b"abc"),
        (6, b"ghi"),
        (0, b"abcd"),
        (2, b"cdefg"),
        (6, b"ghi"),
    ):
        talk.raw(0, "PA", data, seq=start + at)
    talk.seq[0] += 9
    talk.say(1, b"ok")
    assert said(followed(lines.rows)) == [(True, b"abcdefghi", 0), (False, b"ok", 0)]


def test_what_is_missing_is_said_to_be() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    talk.say(0, b"before")
    talk.seq[0] += 120
    talk.say(0, b"after")
    talk.say(1, b"ok")
    assert said(followed(lines.rows)) == [
        (True, b"before", 0),
        (True, b"after", 120),
        (False, b"ok", 0),
    ]


def test_packets_that_were_not_kept_whole() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    data = bytes(talk.packet(0, "PA", b"x" * 5000))
    lines.bytes(data[:1054], len(data), after=MS)
    talk.seq[0] += 5000
    talk.say(0, b"end")
    assert said(followed(lines.rows)) == [
        (True, b"x" * 1000, 0),
        (True, b"end", 4000),
    ]


def test_from_the_middle_the_higher_port_counts_as_client() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.say(1, b"row")
    talk.say(0, b"next")
    found = followed(lines.rows)
    assert found.client == f"{A}:40312"
    assert said(found) == [(False, b"row", 0), (True, b"next", 0)]


def test_datagrams() -> None:
    lines = Lines()
    lines.read(udp(b"q1", (A, 5000), (B, 9000)))
    lines.read(udp(b"r1", (B, 9000), (A, 5000)), after=MS)
    lines.read(udp(b"q2", (A, 5000), (B, 9000)), after=MS)
    found = followed(lines.rows)
    assert said(found) == [(True, b"q1", 0), (False, b"r1", 0), (True, b"q2", 0)]


def test_inside_a_tunnel_and_over_ipv6() -> None:
    for ends in (((A, 1), (B, 2)), ((A6, 1), (B6, 2))):
        lines, plain = Lines(), Lines()
        talk = Talk(plain, client=ends[0], server=ends[1])
        talk.open()
        talk.say(0, b"hello")
        for row in plain.rows:
            outer = ETHER / IP(src="10.77.0.1", dst="10.77.0.2")
            outer /= UDP(sport=50_000, dport=4789) / VXLAN(vni=7, flags=8)
            lines.read(bytes(outer / row.raw), after=MS)
        assert said(followed(lines.rows)) == [(True, b"hello", 0)]


def test_keys() -> None:
    lines = Lines()
    talk = Talk(lines)
    one, two = talk.say(0, b"a"), talk.say(1, b"b")
    assert same_stream(one, two)
    assert not same_stream(one, Talk(lines, client=(A, 1)).say(0, b"a"))
    assert not same_stream(one, Talk(lines, tap=1).say(0, b"a"))
    options = ETHER / IP(src=A, dst=B, options=[b"\x94\x04\0\0"])
    options /= TCP(sport=40312, dport=3000)
    assert stream_key(bytes(options), 0) == stream_key(one.raw, 0)
    arp = lines.read(ETHER / ARP(psrc=A, pdst=B))
    assert stream_key(arp.raw, 0) is None
    assert not same_stream(arp, arp)
    assert follow(lines.rows, arp) is None
    assert stream_key(b"", 0) is None
    assert stream_key(one.raw[:30], 0) is None


def test_a_port_that_is_used_again_begins_anew() -> None:
    lines = Lines()
    for seq in (1000, 90_000_000):
        talk = Talk(lines)
        talk.seq[0] = seq
        talk.open()
        talk.say(0, b"x" * 5)
    assert said(followed(lines.rows)) == [(True, b"x" * 10, 0)]


def test_long_conversations_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_BYTES", 10_000)
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    for _ in range(30):
        talk.say(0, b"x" * 1000)
    found = followed(lines.rows)
    assert found.cut
    assert found.bytes_client == 11_000


def test_lines_of_text() -> None:
    data = b"GET / HTTP/1.1\r\nHost: \x1b[2Jx\n\n" + b"a" * 500
    assert list(text_lines(data)) == [
        "GET / HTTP/1.1",
        "Host: \\x1b[2Jx",
        "",
        "a" * 400,
        "a" * 100,
    ]
    assert not list(text_lines(b""))
    assert len(list(text_lines(b"\n" * 100, most=7))) == 7


@given(seed=st.integers(0, 2**32), pieces=st.integers(1, 30))
def test_whatever_the_order_the_text_is_the_same(seed: int, pieces: int) -> None:
    """Every byte comes at least once, in any order, in pieces that may overlap."""
    chance = random.Random(seed)
    text = bytes(chance.randrange(256) for _ in range(200))
    lines = Lines()
    talk = Talk(lines)
    talk.seq[0] = chance.choice((1000, 2**32 - 100))
    talk.open()
    start = talk.seq[0]
    cuts = sorted({0, 200, *(chance.randrange(200) for _ in range(pieces))})
    segments = list(itertools.pairwise(cuts))
    for _ in range(pieces // 2):
        begin = chance.randrange(200)
        segments.append((begin, min(200, begin + chance.randrange(1, 60))))
    chance.shuffle(segments)
    for begin, end in segments:
        talk.raw(0, "PA", text[begin:end], seq=start + begin)
    found = followed(lines.rows)
    assert b"".join(turn.data for turn in found.turns) == text
    assert not any(turn.missing for turn in found.turns)
