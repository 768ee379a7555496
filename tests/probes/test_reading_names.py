"""DNS in words: questions, answers, refusals, and answers that do not come."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from netwiz.probes.facts.packets import Level, PacketKind
from netwiz.probes.reading.dns_message import read_name
from tests.probes.lines import A6, B6, MS, A, B, Lines, S, Talk, told, udp

SERVER = (B, 53)
CLIENT = (A, 5000)


def asks(name: str = "pg", record: str = "A", ident: int = 77) -> dns.message.Message:
    query = dns.message.make_query(name, record, use_edns=False)
    query.id = ident
    return query


def answers(
    query: dns.message.Message,
    *records: str,
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
    flags: int = 0,
) -> bytes:
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    reply.flags |= flags
    for record in records:
        name, kind, *value = record.split(" ", 2)
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *value))
    return reply.to_wire()


def talk(query: dns.message.Message, wire: bytes) -> tuple[Lines, str, str]:
    """A question and its answer 0.4 ms later: level and words of that."""
    lines = Lines()
    lines.read(udp(query.to_wire(), CLIENT, SERVER))
    row = lines.read(udp(wire, SERVER, CLIENT), after=400_000)
    assert row.kind is PacketKind.DNS
    assert row.about == 1
    assert not lines.wait(60 * S)
    return lines, row.level.name, row.text


def test_a_question_and_its_answer() -> None:
    query = asks()
    lines, level, text = talk(query, answers(query, f"pg. A {B}", "pg. A 10.0.0.9"))
    assert told(lines.rows[0]) == ("DNS", "NOTE", "asks for A pg")
    assert (level, text) == ("NOTE", f"pg is {B} (pg), 10.0.0.9 (0.4 ms)")


@pytest.mark.parametrize(
    ("record", "answer", "words"),
    [
        ("AAAA", "pg. AAAA fd00::2", "pg is fd00::2 (pg) (0.4 ms)"),
        ("AAAA", "", "pg has no AAAA (0.4 ms)"),
        ("PTR", "pg. PTR host.lan.", "pg is host.lan (0.4 ms)"),
        ("MX", "pg. MX 10 mail.lan.", "pg is mail.lan (0.4 ms)"),
        ("SRV", "pg. SRV 1 2 5432 db.lan.", "pg is db.lan:5432 (0.4 ms)"),
        ("TXT", 'pg. TXT "hi there"', 'pg is "hi there" (0.4 ms)'),
        ("CAA", 'pg. CAA 0 issue "x"', "pg is 8 B (0.4 ms)"),
    ],
)
def test_records(record: str, answer: str, words: str) -> None:
    query = asks(record=record)
    _, level, text = talk(query, answers(query, *filter(None, [answer])))
    assert (level, text) == ("NOTE", words)


def test_aliases_are_followed() -> None:
    query = asks("www.lan")
    wire = answers(query, "www.lan. CNAME front.lan.", "front.lan. A 10.0.0.1")
    assert talk(query, wire)[2] == "www.lan is 10.0.0.1 by front.lan (0.4 ms)"
    wire = answers(query, "www.lan. CNAME front.lan.")
    assert talk(query, wire)[2] == "www.lan is front.lan, which has no A (0.4 ms)"


def test_many_answers_are_counted() -> None:
    query = asks()
    wire = answers(query, *(f"pg. A 10.0.0.{n}" for n in range(1, 9)))
    assert talk(query, wire)[2] == (
        "pg is 10.0.0.1, 10.0.0.2, 10.0.0.3 and 5 more (0.4 ms)"
    )


@pytest.mark.parametrize(
    ("rcode", "level", "words"),
    [
        (dns.rcode.NXDOMAIN, "ODD", "pg does not exist: NXDOMAIN to A (0.4 ms)"),
        (
            dns.rcode.SERVFAIL,
            "PROBLEM",
            "SERVFAIL: no answer to A pg from this server (0.4 ms)",
        ),
        (
            dns.rcode.REFUSED,
            "PROBLEM",
            "REFUSED: no answer to A pg from this server (0.4 ms)",
        ),
        (
            dns.rcode.FORMERR,
            "ODD",
            "FORMERR: no answer to A pg from this server (0.4 ms)",
        ),
    ],
)
def test_failures(rcode: dns.rcode.Rcode, level: str, words: str) -> None:
    query = asks()
    assert talk(query, answers(query, rcode=rcode))[1:] == (level, words)


def test_an_answer_that_does_not_fit() -> None:
    query = asks()
    _, level, text = talk(query, answers(query, flags=dns.flags.TC))
    assert level == "NOTE"
    assert text == "answer to A pg does not fit: to be asked by TCP (0.4 ms)"


def test_no_answer() -> None:
    lines = Lines()
    lines.read(udp(asks().to_wire(), CLIENT, SERVER))
    assert not lines.wait(1900 * MS)
    (missed,) = lines.wait(200 * MS)
    assert told(missed) == ("ABSENCE", "PROBLEM", "no answer after 2.1 s to: A pg")
    assert (missed.source, missed.destination) == (f"{A}:5000", f"{B}:53")
    assert missed.about == 1
    assert not lines.wait(60 * S)
    late = lines.read(udp(answers(asks(), f"pg. A {B}"), SERVER, CLIENT))
    assert late.level is Level.ODD
    assert "(late: after 1 min" in late.text or "(late: after 62 s)" in late.text


def test_a_question_that_is_repeated() -> None:
    lines = Lines()
    lines.read(udp(asks().to_wire(), CLIENT, SERVER))
    again = lines.read(udp(asks().to_wire(), CLIENT, SERVER), after=S)
    assert told(again) == (
        "DNS",
        "ODD",
        "asks for A pg again (2nd time, 1.0 s without an answer)",
    )
    (missed,) = lines.wait(1100 * MS)
    assert missed.text == "no answer after 2.1 s to: A pg (asked 2 times)"


def test_the_copy_of_a_question_is_none() -> None:
    lines = Lines()
    for _ in range(3):
        lines.read(udp(asks().to_wire(), CLIENT, SERVER), after=50_000)
    for _ in range(3):
        lines.read(udp(answers(asks(), f"pg. A {B}"), SERVER, CLIENT), after=50_000)
    assert not lines.alarms
    assert [row.level for row in lines.rows] == [1, 0, 0, 1, 0, 0]


def test_an_answer_that_nobody_asked_for() -> None:
    lines = Lines()
    reply = udp(answers(asks(), f"pg. A {B}"), SERVER, CLIENT)
    # At first the question may have been before the capture.
    assert lines.read(reply).level is Level.NOTE
    row = lines.read(reply, after=10 * S)
    assert told(row) == ("DNS", "ODD", f"pg is {B} (pg); nobody was seen to ask")


def test_the_embedded_server_answers_from_another_port() -> None:
    """127.0.0.11 is asked at a port of its own, by NAT, and answers from 53."""
    lines = Lines()
    query = asks()
    lines.read(udp(query.to_wire(), ("127.0.0.1", 999), ("127.0.0.11", 38745)))
    row = lines.read(
        udp(answers(query, f"pg. A {B}"), ("127.0.0.11", 53), ("127.0.0.1", 999)),
        after=400_000,
    )
    assert row.text == f"pg is {B} (pg) (0.4 ms)"
    assert not lines.wait(60 * S)


def test_ipv6_servers() -> None:
    lines = Lines()
    lines.read(udp(asks().to_wire(), (A6, 5000), (B6, 53)))
    row = lines.read(udp(answers(asks()), (B6, 53), (A6, 5000)))
    assert row.about == 1


def test_what_is_asked_of_all_around_needs_no_answer() -> None:
    lines = Lines()
    lines.read(udp(asks("printer.local").to_wire(), (A, 5353), ("224.0.0.251", 5353)))
    lines.read(udp(asks("wpad").to_wire(), (A, 6000), ("224.0.0.252", 5355)))
    assert [row.text for row in lines.rows] == [
        "asks for A printer.local (of all around)",
        "asks for A wpad (of all around)",
    ]
    assert not lines.wait(60 * S)


def test_dns_over_tcp_also_in_pieces() -> None:
    lines = Lines()
    talk = Talk(lines, server=SERVER)
    talk.open()
    wire = asks().to_wire()
    row = talk.say(0, len(wire).to_bytes(2) + wire)
    assert told(row) == ("DNS", "NOTE", "asks for A pg")
    reply = answers(asks(), f"pg. A {B}")
    framed = len(reply).to_bytes(2) + reply
    talk.say(1, framed[:1])
    talk.say(1, framed[1:20])
    row = talk.say(1, framed[20:])
    assert row.text == f"pg is {B} (pg) (3.0 ms)"
    assert row.about == 4
    assert not lines.wait(60 * S)
    assert not lines.alarms


def test_a_gap_may_hold_the_answer() -> None:
    lines = Lines()
    lines.read(udp(asks().to_wire(), CLIENT, SERVER))
    lines.reader.gap()
    assert not lines.wait(60 * S)


def test_a_flood_of_questions_is_folded() -> None:
    lines = Lines()
    for ident in range(300):
        lines.read(udp(asks(f"n{ident}", ident=ident).to_wire(), CLIENT, SERVER))
    (row,) = lines.wait(3 * S)
    assert row.text.startswith("the same of 300 DNS questions; the last: no answer")


HOSTILE = [
    b"\x03p\x1bg\x00",
    b"\x3f" + b"a" * 63 + b"\x00",
    b"\x08\xe2\x80\xaeevil\x00\x00",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_harmless(name: bytes) -> None:
    head = b"\0\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    row = Lines().read(udp(head + name + b"\0\1\0\1", CLIENT, SERVER))
    assert row.text.isprintable()
    assert len(row.text) < 120


def test_names_that_lead_in_a_circle() -> None:
    head = b"\0\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    for pointer in (b"\xc0\x0c", b"\xc0\x0d", b"\x01a\xc0\x0c", b"\xff\xff"):
        row = Lines().read(udp(head + pointer + b"\0\1\0\1", CLIENT, SERVER))
        assert row.kind is PacketKind.UDP
        with pytest.raises((ValueError, IndexError)):
            read_name(head + pointer, 12, 0)
