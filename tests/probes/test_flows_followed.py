"""Flows from look to look: history, bounds, captures, signs of trouble, pace."""

from __future__ import annotations

import socket
import time

import pytest

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.flows import Captured, FlowTable, TroubleKind
from netwiz.probes.facts.packets import Level, PacketKind, PacketRow
from netwiz.probes.flows import diag, tracker
from netwiz.probes.flows.diag import Diag, Sock
from netwiz.probes.flows.join import join
from netwiz.probes.flows.spaces import Space
from netwiz.probes.flows.tracker import Tracker
from netwiz.probes.flows.trouble import EndHistory, lossy, slow, troubles_of
from netwiz.probes.flows.watch import LONGEST_PAUSE_S, PAUSE_S, SHARE, _pause
from netwiz.probes.flows.world import World
from tests.probes.flow_socks import A, B, sock, space


def look(
    followed: Tracker, *spaces: Space, now: float = 1.0, world: World | None = None
) -> FlowTable:
    pairs = join(spaces)
    known = world or World(None)
    return followed.look(
        pairs, known, lambda _: None, names=known.number, now=now, clock=1e9 + now
    )


def test_a_reset_counter_is_no_negative_rate() -> None:
    followed = Tracker()
    one = sock(A, B, cookie=900, at=1.0, received=5000)
    look(followed, space(1, one))
    less = sock(A, B, cookie=900, at=3.0, received=10)
    (flow,) = look(followed, space(1, less), now=3.0).flows
    assert (flow.received, flow.received_rate) == (5000, 0.0)


def test_history_has_one_value_per_look_and_an_end() -> None:
    followed = Tracker()
    table = None
    for number in range(1, 101):
        one = sock(A, B, cookie=901, at=float(number), received=number * 100)
        table = look(followed, space(1, one), now=float(number))
    assert table is not None
    (flow,) = table.flows
    assert len(flow.rates) == len(flow.rtts) == len(flow.losses) == 60
    assert set(flow.rates) == {100.0}


def test_looks_at_which_it_rested_count_as_nothing_moved() -> None:
    followed = Tracker()
    one = sock(A, B, cookie=902, at=1.0, received=100)
    for now in (1.0, 2.0, 3.0):
        look(followed, space(1, one), now=now)
    later = sock(A, B, cookie=902, at=4.0, received=400)
    (flow,) = look(followed, space(1, later), now=4.0).flows
    assert flow.rates == (0.0, 0.0, 0.0, 100.0)


def test_more_than_can_be_shown_are_counted_and_the_gravest_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracker, "MOST_FLOWS", 10)
    followed = Tracker()
    socks = [sock(f"10.0.0.1:{40000 + n}", B, at=1.0) for n in range(50)]
    socks[30] = sock("10.0.0.1:40030", B, at=1.0, state=2, tries=3)
    table = look(followed, space(1, *socks))
    assert (len(table.flows), table.total, table.left_out) == (10, 50, 40)
    assert dict(table.states) == {"ESTAB": 49, "SYN-SENT": 1}
    assert any(flow.state == "SYN-SENT" for flow in table.flows)


def test_what_is_followed_does_not_grow_with_what_came_and_went() -> None:
    followed = Tracker()
    for number in range(300):
        now = float(number)
        look(followed, space(1, sock(A, B, at=now), sock(B, A, at=now)), now=now)
    assert len(followed._entries) == 1
    assert len(followed._known) == 2
    assert len(followed._closed) <= tracker.MOST_CLOSED


def test_two_flows_that_prove_to_be_one_become_one() -> None:
    followed = Tracker()
    one, other = sock(A, "10.9.9.9:1", cookie=1), sock(B, "10.8.8.8:2", cookie=2)
    assert look(followed, space(1, one), space(2, other)).total == 2
    turned = {(one.near, one.far): (other.near, other.far)}
    server = space(2, other, listening=[B])
    pairs = join([space(1, one), server], turned)
    table = followed.look(pairs, World(None), lambda _: None, now=2.0, clock=2.0)
    assert table.total == 1
    assert len(followed._known) == 2


def row(
    number: int, source: str, target: str, *, tap: int = 0, level: Level = Level.PLAIN
) -> PacketRow:
    kind = PacketKind.TCP
    return PacketRow(number, number, tap, kind, level, 100, source, target, "")


def test_a_capture_adds_its_counts_and_what_was_over_too_soon() -> None:
    followed = Tracker()
    short = "10.0.0.7:50000"
    batch = Batch.of(
        [
            row(1, A, B),
            row(2, B, A, level=Level.ODD),
            # The same two packets, as another tap saw them.
            row(3, A, B, tap=1),
            row(4, B, A, tap=1),
            row(5, short, B),
        ]
    )
    followed.note_rows(batch)
    there = space(1, sock(A, B, cookie=903), listening=[])
    table = look(followed, there)
    known, only = table.flows
    assert known.captured == Captured(2, 200, 1)
    assert (only.client.text, only.server.text, only.sockets) == (short, B, False)
    assert only.state == "captured"
    assert table.total == 1
    later = look(followed, there, now=30.0)
    assert [flow.key for flow in later.flows] == [known.key]


def test_a_captured_loopback_is_not_taken_for_the_hosts() -> None:
    """Docker's resolver, asked in a container: 127.0.0.11 is not one place."""
    followed = Tracker()
    asked = row(1, "127.0.0.1:42500", "127.0.0.11:53")
    told = row(2, "127.0.0.11:53", "127.0.0.1:42500")
    followed.note_rows(Batch.of([asked, told, row(3, "[::1]:7", "[::1]:8")]))
    assert not look(followed).flows


def test_a_capture_cannot_fill_the_memory() -> None:
    followed = Tracker()
    for number in range(6000):
        one = row(number, f"10.1.{number >> 8}.{number & 255}:1", B)
        followed.note_rows(Batch.of([one] * 5))
    table = look(followed)
    assert len(followed.captured.pairs) <= 4096
    assert len(table.flows) <= 300


def troubles(one: Sock, *, since: float = 0.0, now: float = 100.0) -> list[TroubleKind]:
    history = EndHistory(state=one.state, state_since=now - since)
    return [t.kind for t in troubles_of(one, history, now, "order", "pg")]


def test_each_sign_needs_its_numbers() -> None:
    assert troubles(sock(A, B)) == []
    assert troubles(sock(A, B, state=2)) == []
    assert troubles(sock(A, B, state=2), since=1.5) == [TroubleKind.UNANSWERED]
    assert troubles(sock(A, B, state=2, tries=1)) == [TroubleKind.UNANSWERED]
    assert troubles(sock(A, B, state=3, tries=1)) == [TroubleKind.HALF_OPEN]
    assert troubles(sock(A, B, retransmits=1)) == []
    assert troubles(sock(A, B, retransmits=2)) == [TroubleKind.SILENT]
    assert troubles(sock(A, B, state=8), since=10) == []
    assert troubles(sock(A, B, state=8), since=31) == [TroubleKind.LEFT_OPEN]
    assert troubles(sock(A, B, inode=0), since=2) == []
    assert troubles(sock(A, B, inode=0), since=6) == [TroubleKind.UNREAD]


def test_only_a_window_through_which_nothing_passes_is_a_sign() -> None:
    history = EndHistory()

    def told(now: float, acked: int, *, timer: int = diag.PERSIST) -> list[TroubleKind]:
        one = sock(A, B, timer=timer, acked=acked)
        history.note(one, now)
        return [t.kind for t in troubles_of(one, history, now, "order", "pg")]

    assert told(1.0, 100) == []
    assert told(3.0, 900) == []
    assert told(5.0, 900) == [TroubleKind.ZERO_WINDOW]
    assert told(7.0, 950) == []
    assert told(9.0, 950) == [TroubleKind.ZERO_WINDOW]
    assert told(11.0, 950, timer=0) == []


def test_losses_and_slowness_need_more_than_load_brings() -> None:
    assert not list(lossy(5, 100))
    assert not list(lossy(6, 1000))
    assert [t.kind for t in lossy(6, 300)] == [TroubleKind.LOSSY]
    # Delayed acknowledgements make 200 ms out of nothing.
    assert not list(slow(201.0, 0.05))
    assert not list(slow(300.0, 100.0))
    assert [t.kind for t in slow(500.0, 20.0)] == [TroubleKind.SLOW]
    assert not list(slow(500.0, 0.0))


def test_unread_data_that_change_are_being_read() -> None:
    history = EndHistory()
    history.note(sock(A, B, unread=100, received=100), 1.0)
    assert history.unread_since == 1.0
    history.note(sock(A, B, unread=150, received=150), 2.0)
    assert history.unread_since == 1.0
    history.note(sock(A, B, unread=150, received=200), 3.0)
    assert history.unread_since == 3.0
    history.note(sock(A, B, received=200), 4.0)
    assert history.unread_since == 0.0


def test_looking_takes_its_share_and_no_more() -> None:
    assert _pause(1, 9.0) == PAUSE_S
    assert _pause(2, 0.001) == PAUSE_S
    assert _pause(2, 0.08) == pytest.approx(0.08 / SHARE)
    assert _pause(9, 60.0) == LONGEST_PAUSE_S
    assert 0.08 / _pause(2, 0.08) < 0.01


def test_the_clock_of_a_sock_is_monotonic() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        before = time.monotonic()
        with Diag(bytearray(diag.RECEIVE)) as kernel:
            assert all(s.at >= before for s in kernel.tcp())
