from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.netlink import dump as netlink
from netwiz.probes.netlink import sockdiag
from netwiz.probes.netlink.dump import Dumper, attributes, split
from netwiz.probes.sockets import sockraw

V6ONLY = struct.pack("=HHB3x", 5, sockdiag.INET_DIAG_SKV6ONLY, 1)


def message(
    family: int, state: int, local: str, port: int, *, tail: bytes = b""
) -> bytes:
    packed = socket.inet_pton(family, local).ljust(16, b"\0")
    head = struct.pack("=BBxx", family, state)
    ports = port.to_bytes(2, "big") + (4711).to_bytes(2, "big")
    ends = packed + socket.inet_pton(family, local).ljust(16, b"\0")
    numbers = struct.pack("=I8xIIIII", 0, 0, 3, 128, 0, 99)
    return head + ports + ends + numbers + tail


def frame(kind: int, body: bytes, *, sequence: int = 1) -> bytes:
    length = 16 + len(body)
    return struct.pack("=IHHII", length, kind, 0, sequence, 0) + body.ljust(
        (len(body) + 3) & ~3, b"\0"
    )


def test_a_listener_is_read_from_its_message() -> None:
    raw = sockdiag.parse(message(socket.AF_INET, 10, "127.0.0.1", 3000), "tcp")
    assert raw is not None
    found = sockraw.listener(raw)
    assert (found.text, found.queued, found.backlog, found.inode) == (
        "127.0.0.1:3000",
        3,
        128,
        99,
    )
    assert found.loopback
    assert not found.wildcard


@pytest.mark.parametrize(
    ("tail", "text"),
    [(b"", "*:80"), (V6ONLY, "[::]:80"), (V6ONLY[:4], "*:80"), (b"\xff" * 9, "*:80")],
)
def test_a_dual_stack_listener_is_told_from_one_of_ipv6_only(
    tail: bytes, text: str
) -> None:
    raw = sockdiag.parse(message(socket.AF_INET6, 10, "::", 80, tail=tail), "tcp")
    assert raw is not None
    assert sockraw.listener(raw).text == text


def test_a_mapped_address_is_shown_as_the_ipv4_one_it_takes() -> None:
    raw = sockdiag.parse(message(socket.AF_INET6, 10, "::ffff:127.0.0.1", 80), "tcp")
    assert raw is not None
    found = sockraw.listener(raw)
    assert (found.text, found.family, found.loopback) == ("127.0.0.1:80", 4, True)


def test_states_sort_sockets_into_listeners_and_streams() -> None:
    def raw(protocol: str, state: int, port: int = 9) -> sockraw.RawSocket:
        body = message(socket.AF_INET, state, "10.0.0.1", port)
        found = sockdiag.parse(body, protocol)
        assert found is not None
        return found

    mixed = [raw("tcp", state) for state in range(14)]
    mixed += [raw("udp", 7), raw("udp", 1), raw("udp", 7, port=0)]
    assert [s.protocol for s in sockraw.listeners(mixed)] == ["tcp", "udp"]
    assert sorted({s.state for s in sockraw.streams(mixed)}) == sorted(
        set(sockraw.STATES.values())
    )


@given(st.binary(max_size=200))
def test_no_message_breaks_the_parser(body: bytes) -> None:
    raw = sockdiag.parse(body, "tcp")
    if raw is not None:
        assert 0 <= raw.local_port < 65_536
        sockraw.listeners([raw])
        sockraw.streams([raw])


@given(st.integers(0, 40), st.binary(max_size=60))
def test_a_message_that_was_cut_or_lengthened_is_read_or_left(
    keep: int, tail: bytes
) -> None:
    whole = message(socket.AF_INET6, 10, "::", 80, tail=V6ONLY)
    assert sockdiag.parse(whole[: 72 - keep - 1], "tcp") is None
    assert sockdiag.parse(whole + tail, "tcp") is not None


@given(st.binary(max_size=300))
def test_no_datagram_breaks_the_splitting(data: bytes) -> None:
    assert sum(len(body) + 16 for _, _, body in split(data)) <= len(data)
    assert sum(len(value) + 4 for _, value in attributes(data)) <= len(data)


def test_messages_are_split_up_to_the_first_bad_one() -> None:
    good = frame(20, b"abcde")
    assert list(split(good + good)) == [(20, 1, b"abcde")] * 2
    lying = struct.pack("=IHHII", 4000, 20, 0, 1, 0)
    assert list(split(good + lying + good)) == [(20, 1, b"abcde")]
    assert list(split(struct.pack("=IHHII", 0, 20, 0, 1, 0) + good)) == []


class Kernel:
    """A netlink socket that answers from a list."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers

    def send(self, data: bytes) -> int:
        return len(data)

    def settimeout(self, left: float) -> None:
        assert left > 0

    def recv(self, size: int) -> bytes:
        if not self.answers:
            raise TimeoutError
        return self.answers.pop(0)[:size]

    def close(self) -> None:
        self.answers = []


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel([])
    monkeypatch.setattr("netwiz.probes.netlink.dump.socket.socket", lambda *_: made)
    return made


def test_a_dump_ends_with_done_and_skips_what_is_not_its_own(kernel: Kernel) -> None:
    stale = frame(20, b"old!", sequence=7)
    kernel.answers = [
        stale + frame(20, b"one!"),
        b"garbage",
        frame(20, b"two!") + frame(netlink.NLMSG_DONE, b""),
    ]
    with Dumper(4) as dumper:
        assert [body for _, body in dumper.dump(20, b"")] == [b"one!", b"two!"]


def test_what_the_kernel_refuses_is_raised(kernel: Kernel) -> None:
    refusal = struct.pack("=i", -errno.EPERM)
    kernel.answers = [frame(netlink.NLMSG_ERROR, refusal)]
    with Dumper(4) as dumper, pytest.raises(PermissionError):
        list(dumper.dump(20, b""))


@pytest.mark.parametrize("body", [b"", b"\0\0", struct.pack("=i", 0)])
def test_a_mutilated_refusal_ends_the_dump(kernel: Kernel, body: bytes) -> None:
    kernel.answers = [frame(netlink.NLMSG_ERROR, body)]
    with Dumper(4) as dumper:
        assert list(dumper.dump(20, b"")) == []


def test_a_kernel_that_cannot_diagnose_is_read_the_slow_way(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def read(protocol: str, states: int) -> Iterator[sockraw.RawSocket]:
        asked.append(protocol)
        yield from ()

    monkeypatch.setattr(sockdiag, "read_proc", read)
    missing = struct.pack("=i", -errno.ENOENT)
    kernel.answers = [frame(netlink.NLMSG_ERROR, missing)]
    with Dumper(4) as dumper:
        assert list(sockdiag.read_raw(dumper, "udp", sockraw.UDP_BOUND)) == []
    assert asked == ["udp"]


def test_a_dump_without_end_is_cut(kernel: Kernel) -> None:
    kernel.answers = [frame(20, b"more")] * 100
    with Dumper(4, limit=10) as dumper:
        assert len(list(dumper.dump(20, b""))) == 10


def test_a_spent_budget_is_a_timeout() -> None:
    with Dumper(4, budget_s=0) as dumper, pytest.raises(TimeoutError):
        list(dumper.dump(sockdiag.SOCK_DIAG_BY_FAMILY, bytes(56)))


def test_the_kernel_tells_of_a_socket_of_ours() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=7) as server, Dumper(4) as d:
        port = server.getsockname()[1]
        found = sockraw.listeners(
            raw
            for raw in sockdiag.read_raw(d, "tcp", sockraw.TCP_LISTENING)
            if raw.local_port == port
        )
        assert [(s.address, s.backlog, s.inode) for s in found] == [
            ("127.0.0.1", 7, os.fstat(server.fileno()).st_ino)
        ]
