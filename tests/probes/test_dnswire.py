from __future__ import annotations

import struct
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import NameOutcome
from netwiz.probes.names.dnswire import (
    MOST_ADDRESSES,
    MOST_BYTES,
    Reply,
    check_name,
    judge,
    question,
)


def response(asked: dns.message.Message, *records: str) -> dns.message.Message:
    reply = dns.message.make_response(asked)
    for record in records:
        name, kind, *values = record.split()
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *values))
    return reply


def test_a_question_is_asked_as_glibc_asks() -> None:
    asked = question("db.example", "AAAA")
    again = question("db.example", "AAAA")
    assert asked.question[0].to_text() == "db.example. IN AAAA"
    assert asked.flags & dns.flags.RD
    assert asked.edns == -1
    assert asked.id != again.id or asked.id != question("db.example", "AAAA").id


def test_an_answer_gives_its_addresses_in_the_servers_order() -> None:
    asked = question("db", "A")
    addresses = tuple(f"10.0.0.{n}" for n in (9, 2, 7, 3, 8))
    reply = response(asked, *(f"db. A {address}" for address in addresses))
    assert judge(asked, reply.to_wire()) == Reply(NameOutcome.ANSWERED, addresses)


def test_aliases_are_followed_and_strangers_are_not() -> None:
    asked = question("www.example", "A")
    reply = response(
        asked,
        "evil.example. A 203.0.113.66",
        "web.example. A 203.0.113.7",
        "www.example. CNAME web.example.",
    )
    found = judge(asked, reply.to_wire())
    assert found
    assert found.addresses == ("203.0.113.7",)


def test_aliases_in_a_circle_end() -> None:
    asked = question("a.example", "A")
    reply = response(
        asked, "a.example. CNAME b.example.", "b.example. CNAME a.example."
    )
    found = judge(asked, reply.to_wire())
    assert found
    assert found.outcome is NameOutcome.NODATA


@pytest.mark.parametrize(
    ("rcode", "outcome"),
    [
        (dns.rcode.NXDOMAIN, NameOutcome.NXDOMAIN),
        (dns.rcode.SERVFAIL, NameOutcome.SERVFAIL),
        (dns.rcode.REFUSED, NameOutcome.REJECTED),
        (dns.rcode.NOTIMP, NameOutcome.SERVFAIL),
        (dns.rcode.NOERROR, NameOutcome.NODATA),
    ],
)
def test_each_rcode_has_its_meaning(
    rcode: dns.rcode.Rcode, outcome: NameOutcome
) -> None:
    asked = question("db", "A")
    reply = response(asked)
    reply.set_rcode(rcode)
    found = judge(asked, reply.to_wire())
    assert found
    assert (found.outcome, found.addresses) == (outcome, ())


def test_truncation_is_noted() -> None:
    asked = question("db", "A")
    reply = response(asked)
    reply.flags |= dns.flags.TC
    found = judge(asked, reply.to_wire())
    assert found
    assert found.truncated


def test_what_answers_another_question_is_none() -> None:
    asked = question("db", "A")
    wrong_id = response(asked, "db. A 10.0.0.2")
    wrong_id.id = asked.id ^ 1
    assert judge(asked, wrong_id.to_wire()) is None
    assert judge(asked, asked.to_wire()) is None  # no response at all
    other = question("db2", "A")
    other.id = asked.id
    assert judge(asked, response(other, "db2. A 10.0.0.2").to_wire()) is None
    kind = question("db", "AAAA")
    kind.id = asked.id
    assert judge(asked, response(kind, "db. AAAA fd00::2").to_wire()) is None


def test_a_flood_of_addresses_is_bounded() -> None:
    asked = question("db", "A")
    many = " ".join(f"10.0.{i // 250}.{i % 250 + 1}" for i in range(300))
    found = judge(asked, response(asked, f"db. A {many}").to_wire())
    assert found
    assert len(found.addresses) == MOST_ADDRESSES


def test_text_from_a_server_is_made_plain() -> None:
    asked = question("1.0.0.10.in-addr.arpa", "PTR")
    reply = response(asked, r"1.0.0.10.in-addr.arpa. PTR \027[2Jevil\226\128\174.")
    found = judge(asked, reply.to_wire())
    assert found
    assert all(text.isascii() and text.isprintable() for text in found.addresses)


@given(st.binary(max_size=600), st.booleans())
def test_no_bytes_break_the_judge(data: bytes, honest_start: bool) -> None:
    asked = question("db", "A")
    start = asked.id.to_bytes(2, "big") + b"\x81\x80" if honest_start else b""
    judge(asked, start + data)


@given(st.integers(12, 60), st.integers(0, 255))
def test_no_flipped_byte_breaks_the_judge(at: int, value: int) -> None:
    asked = question("db.example", "A")
    wire = bytearray(response(asked, "db.example. A 10.0.0.2").to_wire())
    wire[at % len(wire)] = value
    judge(asked, bytes(wire))


def test_pointers_that_chase_each_other_cost_little() -> None:
    asked = question("db", "A")
    head = struct.pack("!6H", asked.id, 0x8180, 1, 400, 0, 0)
    body = asked.to_wire()[12:]
    # One record hides a chain of pointers, each to the one before; all others
    # begin at its end.
    chain_at = 12 + len(body) + 11
    pointers = [0xC000 | 12]
    while len(pointers) < 500:
        pointers.append(0xC000 | (chain_at + 2 * (len(pointers) - 1)))
    chain = struct.pack(f"!{len(pointers)}H", *pointers)
    hidden = b"\0" + struct.pack("!HHIH", 65280, 1, 0, len(chain)) + chain
    last = chain_at + len(chain) - 2
    each = struct.pack("!HHHIH", 0xC000 | last, 1, 1, 0, 4) + b"\x0a\0\0\1"
    wire = (head + body + hidden + each * 399)[:MOST_BYTES]
    start = time.process_time()
    judge(asked, wire)  # dnspython 2.9 gives up on such chains, 2.7 walks them
    assert time.process_time() - start < 1


def test_an_endless_list_of_records_is_not_begun() -> None:
    asked = question("db", "A")
    head = struct.pack("!6H", asked.id, 0x8180, 1, 65535, 65535, 65535)
    assert judge(asked, head + asked.to_wire()[12:] + b"\0" * 4000) is None
    assert judge(asked, b"\0" * (MOST_BYTES + 1)) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a" * 64,
        "a." * 127 + "a",
        "a b",
        "a\nb",
        "a\0",
        "é" * 70,
    ],
)
def test_what_is_no_name_is_refused_in_plain_words(name: str) -> None:
    with pytest.raises(ProbeError, match="is not a valid host name"):
        check_name(name)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("db", "db"),
        ("my_app", "my_app"),
        ("Db.Example.", "Db.Example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a" * 63, "a" * 63),
        ("back\\slash", "back\\slash"),
    ],
)
def test_names_go_on_the_wire_as_they_are(name: str, wire: str) -> None:
    assert check_name(name) == wire
    question(name, "A")
