"""The parts of the flow watch: messages, joining, names. Mostly no kernel."""

from __future__ import annotations

import os
import socket
import struct
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts import (
    HOST,
    Attachment,
    Container,
    HostFacts,
    PortMapping,
    Snapshot,
    State,
)
from netwiz.probes.flows import diag
from netwiz.probes.flows.diag import Diag
from netwiz.probes.flows.join import in_order, join
from netwiz.probes.flows.spaces import Space
from netwiz.probes.flows.world import World
from netwiz.probes.netlink.tcpinfo import tcp_info
from tests.probes.flow_socks import A, B, end, sock, space


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
