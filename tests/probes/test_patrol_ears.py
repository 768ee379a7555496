"""What the patrol hears: packets of refusals, errors and questions. Pure."""

from __future__ import annotations

import socket
import struct
from datetime import UTC, datetime, timedelta

import pytest

from netwiz.probes.facts import HOST, Place
from netwiz.probes.facts.signs import SignKind
from netwiz.probes.patrol.ears import Ears
from netwiz.probes.patrol.questions import Message, read_message
from netwiz.probes.patrol.tap import Packet

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BOX = Place.container("b" * 64, "box")


def ip4(source: str, target: str, protocol: int, body: bytes) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, protocol, 0)
    return head + ends + body


def tcp(source: int, target: int, flags: int, seq: int = 0, ack: int = 0) -> bytes:
    return struct.pack("!HHIIBBHHH", source, target, seq, ack, 0x50, flags, 0, 0, 0)


def udp(source: int, target: int, body: bytes) -> bytes:
    return struct.pack("!HHHH", source, target, 8 + len(body), 0) + body


def packet(data: bytes, device: str = "veth1", *, outgoing: bool = False) -> Packet:
    return Packet(device, 0x0800, outgoing, data)


def dns(name: str, *, answer: bool = False, rcode: int = 0, number: int = 7) -> bytes:
    flags = (0x8180 if answer else 0x0100) | rcode
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    head = struct.pack("!HHHHHH", number, flags, 1, 0, 0, 0)
    return head + labels + b"\0\0\1\0\1"


CLIENT, SERVER = "172.18.0.3", "172.18.0.2"
RST = ip4(SERVER, CLIENT, 6, tcp(80, 40000, 0x14, 0, 5))


def test_a_refused_handshake_is_told_once() -> None:
    ears = Ears(None)
    (sign,) = ears.hear(packet(RST), NOW)
    assert (sign.kind, sign.client, sign.client_port) == (
        SignKind.REFUSED,
        CLIENT,
        40000,
    )
    assert (sign.target, sign.port, sign.place) == (SERVER, 80, None)
    assert ears.hear(packet(RST, "br0"), NOW) == []


@pytest.mark.parametrize(
    ("place", "device", "outgoing", "owner"),
    [
        (None, "veth1", False, None),
        (None, "lo", False, HOST),
        (BOX, "eth0", False, BOX),
        (BOX, "lo", True, BOX),
        (BOX, "eth0", True, None),
    ],
)
def test_whose_connection_it_was(
    place: Place | None, device: str, outgoing: bool, owner: Place | None
) -> None:
    (sign,) = Ears(place).hear(packet(RST, device, outgoing=outgoing), NOW)
    assert sign.place == owner


@pytest.mark.parametrize(
    "data",
    [
        ip4(SERVER, CLIENT, 6, tcp(80, 40000, 0x14, 99, 5)),  # in mid-stream
        ip4(SERVER, CLIENT, 6, tcp(80, 40000, 0x04, 0, 0)),  # without ACK
        ip4(CLIENT, SERVER, 6, tcp(40000, 80, 0x02, 9)),  # a SYN
        ip4(CLIENT, SERVER, 6, tcp(40000, 80, 0x10, 9, 9)),
        b"",
        b"\x45",
        RST[:25],
        ip4(SERVER, CLIENT, 1, b"\3\3"),
        ip4(SERVER, CLIENT, 17, udp(53, 9, dns("a.example", answer=True, rcode=3))),
    ],
)
def test_what_is_no_refusal(data: bytes) -> None:
    assert Ears(None).hear(packet(data), NOW) == []


@pytest.mark.parametrize(
    ("icmp", "kind", "words"),
    [
        ((3, 3), SignKind.REFUSED, "port unreachable"),
        ((3, 10), SignKind.UNREACHABLE, "host prohibited"),
        ((3, 99), SignKind.UNREACHABLE, "code 99"),
        ((11, 0), SignKind.UNREACHABLE, "time exceeded"),
    ],
)
def test_errors_of_icmp(icmp: tuple[int, int], kind: SignKind, words: str) -> None:
    about = ip4(CLIENT, SERVER, 6, tcp(40000, 80, 0x02, 9))
    body = struct.pack("!BBHI", *icmp, 0, 0) + about
    (sign,) = Ears(None).hear(packet(ip4("172.18.0.1", CLIENT, 1, body)), NOW)
    assert sign.kind is kind
    assert sign.text == f"172.18.0.1 answered with ICMP {words}"
    assert (sign.client, sign.target, sign.port) == (CLIENT, SERVER, 80)


def test_a_question_without_an_answer_is_told_after_a_while() -> None:
    ears = Ears(BOX)
    question = ip4("127.0.0.1", "127.0.0.11", 17, udp(999, 41234, dns("pg")))
    assert ears.hear(packet(question, "lo"), NOW) == []
    assert ears.silence(NOW + timedelta(seconds=1)) == []
    (sign,) = ears.silence(NOW + timedelta(seconds=2))
    assert (sign.kind, sign.target, sign.server) == (
        SignKind.UNANSWERED,
        "pg",
        "127.0.0.11",
    )
    assert ears.silence(NOW + timedelta(seconds=3)) == []


def test_an_answered_question_is_not_missed() -> None:
    ears = Ears(BOX)
    asked = ip4(CLIENT, SERVER, 17, udp(999, 53, dns("pg.example")))
    reply = dns("pg.example", answer=True)
    ears.hear(packet(asked), NOW)
    (sign,) = ears.hear(packet(ip4(SERVER, CLIENT, 17, udp(53, 999, reply))), NOW)
    assert sign.kind is SignKind.WORKED
    assert ears.silence(NOW + timedelta(seconds=5)) == []


@pytest.mark.parametrize(
    ("name", "rcode", "kind"),
    [
        ("pay.example", 2, SignKind.NAME_FAILED),
        ("pay.example", 5, SignKind.NAME_FAILED),
        ("pg", 3, SignKind.NAME_FAILED),
        ("pg.corp.example", 3, None),
        ("pg", 0, SignKind.WORKED),
    ],
)
def test_answers_that_say_no(name: str, rcode: int, kind: SignKind | None) -> None:
    reply = dns(name, answer=True, rcode=rcode)
    found = Ears(None).hear(packet(ip4(SERVER, CLIENT, 17, udp(53, 999, reply))), NOW)
    assert [sign.kind for sign in found] == ([kind] if kind else [])


def test_a_name_server_whose_port_is_closed() -> None:
    ears = Ears(BOX)
    question = ip4(CLIENT, SERVER, 17, udp(999, 53, dns("pay.example")))
    ears.hear(packet(question), NOW)
    body = struct.pack("!BBHI", 3, 3, 0, 0) + question[:28]
    (sign,) = ears.hear(packet(ip4(SERVER, CLIENT, 1, body)), NOW)
    assert (sign.kind, sign.target, sign.server) == (
        SignKind.NAME_FAILED,
        "pay.example",
        SERVER,
    )
    assert ears.silence(NOW + timedelta(seconds=5)) == []


def arp(operation: int, sender: str, target: str) -> Packet:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    data = body + bytes(6) + socket.inet_aton(sender)
    data += bytes(6) + socket.inet_aton(target)
    return Packet("eth0", 0x0806, True, data)


def test_nobody_answers_arp() -> None:
    ears = Ears(BOX)
    ears.hear(arp(1, CLIENT, SERVER), NOW)
    assert ears.silence(NOW + timedelta(seconds=2)) == []
    ears.hear(arp(1, CLIENT, SERVER), NOW + timedelta(seconds=1))
    (sign,) = ears.silence(NOW + timedelta(seconds=1))
    assert sign.text == f"nobody answers ARP for {SERVER}"
    ears.hear(arp(1, CLIENT, "172.18.0.8"), NOW)
    ears.hear(arp(2, "172.18.0.8", CLIENT), NOW)
    assert ears.silence(NOW + timedelta(seconds=5)) == []


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_message_cut_anywhere_is_survived(cut: int) -> None:
    whole = dns("pay.example.test")
    assert read_message(whole) == Message(7, False, 0, "pay.example.test")
    read_message(whole[:cut])
    read_message(bytes(cut) + whole)


def test_a_hostile_name_is_made_plain() -> None:
    found = read_message(dns("a\x1b[31m"))
    assert found is not None
    assert "\x1b" not in found.name
