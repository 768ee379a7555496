"""The pure parts of the patrol: counters, packets, questions, sockets, its own pace."""

from __future__ import annotations

import socket
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from netwiz.probes.facts import HOST, Place
from netwiz.probes.facts.signs import Sign, SignKind
from netwiz.probes.patrol.counters import Counts, Layout
from netwiz.probes.patrol.ears import Ears
from netwiz.probes.patrol.mind import Mind
from netwiz.probes.patrol.pace import LONGEST_S, SHORTEST_S, Pace
from netwiz.probes.patrol.post import Look, Post, Reading
from netwiz.probes.patrol.questions import Message, read_message
from netwiz.probes.patrol.sockets import ESTABLISHED, LISTEN, SYN_SENT, Socket
from netwiz.probes.patrol.tap import Packet

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BOX = Place.container("b" * 64, "box")

SNMP = b"""\
Ip: Forwarding OutNoRoutes
Ip: 1 7
Icmp: InMsgs InDestUnreachs InTimeExcds
Icmp: 9 2 3
%sTcp: RtoMin MaxConn ActiveOpens PassiveOpens AttemptFails InSegs RetransSegs
Tcp: 200 -1 10 11 12 13 14
Udp: InDatagrams NoPorts OutDatagrams
Udp: 20 21 22
"""
MORE = b"IcmpMsg: InType3 OutType3\nIcmpMsg: 1 1\n"


# Counters


@pytest.mark.parametrize("more", [b"", MORE])
def test_counters_are_found_whatever_stands_between(more: bytes) -> None:
    layout = Layout()
    for _ in range(2):
        assert layout.read(SNMP % more) == Counts(7, 5, 10, 11, 12, 13, 14, 20, 22, 21)


def test_this_kernel_has_all_of_them() -> None:
    found = Layout().read(Path("/proc/self/net/snmp").read_bytes())
    assert found is not None
    assert found.received > 0 or found.datagrams_in >= 0


@pytest.mark.parametrize("text", [b"", b"Tcp: x", b"Ip: A B\nTcp: 1 2\n", b"\xff\n:"])
def test_what_is_no_table_has_no_counters(text: bytes) -> None:
    assert Layout().read(text) in (None, Counts())


def test_a_counter_that_fell_is_another_namespaces() -> None:
    assert Counts(failed=1).since(Counts(failed=5)) == Counts()
    assert Counts(failed=9).since(Counts(failed=5)).failed == 4


# What to look at


def post() -> Post:
    made = Post(BOX, 1, -1)
    made.take(b"", Counts())
    made.queued = False
    return made


@pytest.mark.parametrize(
    ("rise", "look"),
    [
        (Counts(), Look.NOTHING),
        (Counts(opened=3, received=9), Look.NOTHING),
        (Counts(opened=1), Look.CONNECTS),
        (Counts(resent=1, received=9), Look.CONNECTS),
        (Counts(accepted=1, received=3), Look.QUEUES),
        (Counts(datagrams_out=2, datagrams_in=1), Look.NAMES),
        (Counts(datagrams_out=2, datagrams_in=2), Look.NOTHING),
    ],
)
def test_counters_say_where_to_look(rise: Counts, look: Look) -> None:
    assert post().wanted(rise, 0.0) == look


def test_a_path_that_always_repeats_is_looked_at_ever_more_rarely() -> None:
    made, looks = post(), 0
    for _ in range(64):
        if made.wanted(Counts(resent=1, received=1), 0.0):
            looks += 1
            made.found(half_open=False)
    assert 6 <= looks <= 16


def test_the_pace_follows_the_cost() -> None:
    assert Pace().interval(0.001) == SHORTEST_S
    assert Pace().interval(0.01) == pytest.approx(2.0)
    assert Pace().interval(10) == LONGEST_S
    pace = Pace()
    for _ in range(20):
        pace.interval(0.002)
    # One round that had much to look at does not slow down the next ones much.
    assert pace.interval(0.5) < 2.0


# Sockets


def raw(
    state: int,
    cookie: int,
    remote: tuple[str, int] = ("172.18.0.2", 80),
    *,
    local: tuple[str, int] = ("172.18.0.3", 40000),
    retransmits: int = 0,
    expires_ms: int = 0,
    received: int = 0,
    limit: int = 0,
    inode: int = 5,
) -> Socket:
    return Socket(
        state, *local, *remote, retransmits, expires_ms, received, limit, inode, cookie
    )


@pytest.mark.parametrize(
    ("retransmits", "expires", "age"),
    [(0, 990, 0.01), (0, 400, 0.6), (1, 700, 1.3), (1, 1900, 1.1), (2, 3500, 2.5)],
)
def test_the_age_of_a_syn(retransmits: int, expires: int, age: float) -> None:
    one = raw(SYN_SENT, 1, retransmits=retransmits, expires_ms=expires)
    assert one.syn_age_s == pytest.approx(age)


def reading(**more: object) -> Reading:
    made = Reading(post(), Counts(), wide=True)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def kinds(signs: list[Sign]) -> list[str]:
    return [sign.kind.value for sign in signs]


def test_a_young_syn_is_no_sign_an_old_one_is() -> None:
    mind = Mind()
    young = reading(connects=[raw(SYN_SENT, 1, expires_ms=950)])
    assert mind.signs(young, 0.0, NOW) == []
    (sign,) = mind.signs(
        reading(connects=[raw(SYN_SENT, 1, retransmits=1, expires_ms=800)]), 1.2, NOW
    )
    assert (sign.kind, sign.target, sign.port) == (
        SignKind.HALF_OPEN,
        "172.18.0.2",
        80,
    )
    assert sign.age_s == pytest.approx(1.2)


def test_an_unanswered_arp_question_makes_it_unreachable() -> None:
    old = raw(SYN_SENT, 1, expires_ms=100)
    asked = reading(connects=[old], strangers=frozenset({"172.18.0.2"}))
    assert kinds(Mind().signs(asked, 0.0, NOW)) == ["unreachable"]


def test_a_connection_that_is_there_already_is_no_news_a_new_one_is() -> None:
    mind = Mind()
    mind.expect("172.18.0.2", 80, 0.0)
    kept = raw(ESTABLISHED, 1)
    again = raw(ESTABLISHED, 2, local=("172.18.0.3", 40001))
    other = raw(ESTABLISHED, 3, ("172.18.0.9", 80))
    assert mind.signs(reading(connected=[kept, other]), 1.0, NOW) == []
    assert mind.signs(reading(connected=[kept, other]), 2.0, NOW) == []
    assert kinds(mind.signs(reading(connected=[kept, again]), 3.0, NOW)) == ["worked"]


def test_the_first_connection_after_a_failure_is_news() -> None:
    mind = Mind()
    mind.expect("172.18.0.2", 80, 0.0)
    assert mind.signs(reading(), 1.0, NOW) == []
    again = reading(connected=[raw(ESTABLISHED, 1)])
    assert kinds(mind.signs(again, 2.0, NOW)) == ["worked"]


def test_a_look_that_left_out_what_is_connected_proves_nothing() -> None:
    mind = Mind()
    mind.expect("172.18.0.2", 80, 0.0)
    kept = reading(connected=[raw(ESTABLISHED, 1)])
    for number, one in enumerate((kept, reading(wide=False), kept)):
        assert mind.signs(one, float(number), NOW) == []


def test_who_waits_in_a_queue_for_long() -> None:
    mind = Mind()
    full = raw(
        LISTEN, 9, ("0.0.0.0", 0), local=("0.0.0.0", 80), received=2, limit=1, inode=4
    )
    waits = raw(ESTABLISHED, 1, ("172.18.0.7", 999), local=("172.18.0.3", 80), inode=0)
    served = raw(ESTABLISHED, 2, ("172.18.0.8", 999), local=("172.18.0.3", 80))
    some = reading(queues=[full], connected=[waits, served])
    assert kinds(mind.signs(some, 0.0, NOW)) == ["queue full"]
    first, _ = mind.signs(some, 2.5, NOW)
    assert first.kind is SignKind.NOT_ACCEPTED
    assert (first.client, first.target, first.port) == ("172.18.0.7", "172.18.0.3", 80)


def test_a_question_that_stays_open() -> None:
    mind = Mind()
    asks = raw(ESTABLISHED, 1, ("127.0.0.11", 53))
    assert mind.signs(reading(names=[asks]), 0.0, NOW) == []
    (sign,) = mind.signs(reading(names=[asks]), 2.5, NOW)
    assert (sign.kind, sign.server) == (SignKind.UNANSWERED, "127.0.0.11")


def test_a_thousand_half_open_ones_are_a_few_signs() -> None:
    many = [raw(SYN_SENT, n, local=("1.1.1.1", n), expires_ms=1) for n in range(1000)]
    assert len(Mind().signs(reading(connects=many), 0.0, NOW)) <= 32


# Packets


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
