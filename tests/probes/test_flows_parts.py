"""The parts of the flow watch by themselves: no namespace, mostly no kernel."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts import (
    HOST,
    Attachment,
    Container,
    HostFacts,
    Place,
    PortMapping,
    Snapshot,
    State,
)
from netwiz.probes.facts.flows import Captured, FlowTable, TroubleKind
from netwiz.probes.facts.packets import Level, PacketKind, PacketRow
from netwiz.probes.flows import diag, tracker
from netwiz.probes.flows.diag import Diag, Info, Sock
from netwiz.probes.flows.join import in_order, join
from netwiz.probes.flows.spaces import Space
from netwiz.probes.flows.tracker import Tracker
from netwiz.probes.flows.trouble import EndHistory, lossy, slow, troubles_of
from netwiz.probes.flows.watch import LONGEST_PAUSE_S, PAUSE_S, SHARE, _pause
from netwiz.probes.flows.world import World
from netwiz.probes.netlink.tcpinfo import tcp_info

NOTHING = Info._make([0] * 15)
_cookies = iter(range(1, 1_000_000))


def end(text: str) -> bytes:
    address, _, port = text.rpartition(":")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address) + int(port).to_bytes(2, "big")


def sock(near: str, far: str, *, cookie: int = 0, at: float = 1.0, **more: int) -> Sock:
    """An established one."""
    one, other = end(near), end(far)
    fields = {"state": 1, "timer": 0, "tries": 0, "unread": 0, "unsent": 0, "inode": 7}
    state = fields | {k: v for k, v in more.items() if k in fields}
    known = NOTHING._asdict() | {k: v for k, v in more.items() if k not in fields}
    info = Info._make(known[name] for name in Info._fields)
    return Sock(
        cookie=cookie or next(_cookies),
        protocol=6,
        near=one,
        far=other,
        family=2,
        identity=b"",
        info=info,
        at=at,
        ends=one + other,
        mirror=other + one,
        turn=0,
        **state,
    )


def space(inode: int, *socks: Sock, listening: Iterable[str] = ()) -> Space:
    made = Space(inode, Place.netns(f"n{inode}"), tcp=list(socks))
    made.listening = frozenset(end(text) for text in listening)
    return made


# The kernel's messages


def message(family: int, *, tail: bytes = b"", state: int = 1) -> bytes:
    names = (4711).to_bytes(2, "big") + (80).to_bytes(2, "big") + bytes(range(32))
    identity = names + struct.pack("=IQ", 0, 99)
    head = struct.pack("=BBBB", family, state, 1, 2)
    return head + identity + struct.pack("=IIIII", 0, 3, 4, 5, 6) + tail


def attribute(kind: int, value: bytes) -> bytes:
    padding = b"\0" * (-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding


def test_a_message_is_read() -> None:
    data = attribute(8, b"\0") + attribute(diag.INET_DIAG_INFO, bytes(280))
    found = diag.parse(message(socket.AF_INET, tail=data), diag.TCP, at=5.0)
    assert found is not None
    assert (found.cookie, found.state, found.timer, found.tries) == (99, 1, 1, 2)
    assert (found.unread, found.unsent, found.inode) == (3, 4, 6)
    assert found.near == bytes(range(4)) + (4711).to_bytes(2, "big")
    assert found.far == bytes(range(16, 20)) + (80).to_bytes(2, "big")
    assert found.mirror == found.far + found.near
    assert found.info is not None
    assert found.info.window_known
    assert found.at == 5.0


def test_a_half_open_connection_is_called_by_its_old_name() -> None:
    found = diag.parse(message(socket.AF_INET, state=12), diag.TCP)
    assert found is not None
    assert found.state == diag.SYN_RECV


def test_an_older_kernels_shorter_info_counts_as_nought() -> None:
    data = attribute(diag.INET_DIAG_INFO, bytes(104) + b"\1" * 8)
    found = diag.parse(message(socket.AF_INET6, tail=data), diag.TCP)
    assert found is not None
    assert found.info is not None
    assert not found.info.window_known
    assert found.info.acked == 0


@given(st.binary(max_size=400), st.sampled_from([6, 17]))
def test_no_message_breaks_the_parser(body: bytes, protocol: int) -> None:
    found = diag.parse(body, protocol)
    assert found is None or len(found.near) in (6, 18)


@given(st.binary(max_size=120))
def test_no_attributes_break_the_parser(tail: bytes) -> None:
    assert diag.parse(message(socket.AF_INET, tail=tail), 6) is not None


def test_the_numbers_are_those_that_the_socket_itself_tells() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        served, _ = server.accept()
        with client, served:
            client.sendall(b"x" * 12_345)
            served.sendall(b"y" * 678)
            assert client.recv(678, socket.MSG_WAITALL | socket.MSG_PEEK)
            port = client.getsockname()[1].to_bytes(2, "big")
            with Diag(bytearray(diag.RECEIVE)) as kernel:
                (seen,) = [
                    s for s in kernel.tcp() if s.near[-2:] == port and s.state != 10
                ]
                again, gone = kernel.again([seen])
            whole = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            own = tcp_info(whole)
            assert gone == 0
            for one in (seen, *again):
                assert one.info is not None
                assert one.info.acked == own.acked == 12_346
                assert one.info.received == own.received == 678
                assert one.info.rtt_us == round(own.rtt_ms * 1000)
                assert one.info.total_retrans == own.total_retransmits == 0
                # dsack_dups and snd_wnd by their places in linux/tcp.h.
                assert one.info.needless == struct.unpack_from("=I", whole, 216)[0]
                assert one.info.window == struct.unpack_from("=I", whole, 228)[0] > 0
                assert 0 < one.info.min_rtt_us <= one.info.rtt_us
                assert one.inode == os.fstat(client.fileno()).st_ino


def test_a_socket_that_is_gone_is_missed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        port = client.getsockname()[1].to_bytes(2, "big")
        with Diag(bytearray(diag.RECEIVE)) as kernel:
            both = [s for s in kernel.tcp() if port in (s.near[-2:], s.far[-2:])]
            assert len(both) == 2
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1" + bytes(7))
            client.close()
            server.accept()[0].close()
            found, gone = kernel.again(both)
    assert gone == 2 - len(found)
    assert gone


# Joining


A, B = "10.0.0.1:40000", "10.0.0.2:80"


def test_mirrors_are_one_connection() -> None:
    one = space(1, sock(A, B))
    other = space(2, sock(B, A), listening=[B])
    (pair,) = join([one, other])
    joined = in_order(pair)
    assert joined.client is not None
    assert joined.server is not None
    assert (joined.client[0], joined.server[0]) == (one, other)


def test_loopbacks_of_two_namespaces_are_never_joined() -> None:
    near, far = "127.0.0.1:40000", "127.0.0.1:80"
    spaces = [space(n, sock(near, far)) for n in (1, 2)]
    assert len(join([*spaces, space(3, sock(far, near))])) == 3
    spaces[0].tcp.append(sock(far, near))
    pairs = join(spaces)
    both = [pair for pair in pairs if pair[1] is not None]
    assert [{seen[0].inode for seen in pair if seen} for pair in both] == [{1}]


def test_equal_addresses_join_in_their_own_namespace_first() -> None:
    twins = [space(n, sock(A, B), sock(B, A), listening=[B]) for n in (1, 2)]
    for one, other in join(twins):
        assert other is not None
        assert one[0] is other[0]


def test_a_socket_connected_to_itself_is_left_alone() -> None:
    (pair,) = join([space(1, sock(A, A))])
    assert pair[1] is None


def test_what_was_led_elsewhere_is_joined_by_the_clients_end() -> None:
    client = space(1, sock(A, "10.99.0.1:8080"))
    server = space(2, sock(B, A), listening=[B])
    ((one, other),) = join([client, server])
    assert (one[0], other and other[0]) == (client, server)


def test_what_was_masqueraded_is_joined_by_the_tables_word_only() -> None:
    dialled, gateway = "10.99.0.1:8080", "10.0.0.254:40000"
    client = space(1, sock(A, dialled))
    server = space(2, sock(B, gateway), listening=[B])
    assert len(join([client, server])) == 2
    turned = {(end(A), end(dialled)): (end(B), end(gateway))}
    ((one, other),) = join([client, server], turned)
    assert (one[0], other and other[0]) == (client, server)


ENDS = st.sampled_from(["10.0.0.1:1", "10.0.0.2:2", "127.0.0.1:3", "127.0.0.1:4"])


@given(st.lists(st.tuples(st.integers(1, 3), ENDS, ENDS), max_size=12))
def test_every_socket_is_in_exactly_one_pair(
    wanted: list[tuple[int, str, str]],
) -> None:
    spaces = {n: space(n) for n in (1, 2, 3)}
    for inode, near, far in wanted:
        spaces[inode].tcp.append(sock(near, far))
    pairs = join(spaces.values())
    told = [seen[1].cookie for pair in pairs for seen in pair if seen]
    assert sorted(told) == sorted(s.cookie for p in spaces.values() for s in p.tcp)
    for pair in pairs:
        in_order(pair)


# Following


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


# What a capture adds


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


def test_a_capture_cannot_fill_the_memory() -> None:
    followed = Tracker()
    for number in range(6000):
        one = row(number, f"10.1.{number >> 8}.{number & 255}:1", B)
        followed.note_rows(Batch.of([one] * 5))
    table = look(followed)
    assert len(followed.captured.pairs) <= 4096
    assert len(table.flows) <= 300


# Names


def box(name: str, address: str, **more: object) -> Container:
    place = Attachment("net", "app", ipv4=address, aliases=(name, f"{name}-alias"))
    fields = {"state": State.RUNNING, "pid": 1, "attachments": (place,)} | more
    return Container(id=f"{name}-id", name=name, **fields)  # type: ignore[arg-type]


def test_ends_are_called_by_container_alias_service_and_published_port() -> None:
    web = box(
        "web",
        "10.0.0.2",
        service="front",
        published=(PortMapping(80, "tcp", "", 8080),),
    )
    host = HostFacts(addresses=(("eth0", "192.0.2.1"),))
    world = World(Snapshot(datetime.now(UTC), host, containers=(web,)))
    home = Space(5, web.place, pid=1, containers=(web,))
    seen = world.seen(home, sock(B, A), None)
    assert (seen.name, seen.aliases) == ("web", ("front", "web-alias"))
    assert world.published(home, end(B), "tcp") == 8080
    assert world.published(home, end("10.0.0.2:81"), "tcp") == 0
    assert world.behind(end("192.0.2.1:8080"), "tcp") == "web:80"
    assert world.behind(end("192.0.2.1:8080"), "udp") == ""
    elsewhere = Space(6, HOST)
    assert world.unseen(end(B), elsewhere).name == "web"
    assert world.unseen(end("192.0.2.1:22"), home).name == "host"
    stranger = world.unseen(end("203.0.113.9:1"), home)
    assert (stranger.name, stranger.here) == ("203.0.113.9", False)
    assert world.named("10.0.0.2:80").name == "web"
    assert world.named("[2001:db8::1]:80").address == "2001:db8::1"
    assert world.named("02:42:ac:11:00:02").port in (0, 2)


# Trouble


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


# The pace


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
