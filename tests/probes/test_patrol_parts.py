"""The pure parts of the patrol: counters, sockets, where to look, its own pace."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from netwiz.probes.facts import Place
from netwiz.probes.facts.signs import Sign, SignKind
from netwiz.probes.patrol.counters import Counts, Layout
from netwiz.probes.patrol.mind import Mind
from netwiz.probes.patrol.pace import LONGEST_S, SHORTEST_S, Pace
from netwiz.probes.patrol.post import Look, Post, Reading
from netwiz.probes.patrol.sockets import ESTABLISHED, LISTEN, SYN_SENT, Socket

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
