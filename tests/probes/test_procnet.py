from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.netlink import sockdiag
from netwiz.probes.netlink.dump import Dumper
from netwiz.probes.sockets import procnet, sockraw
from netwiz.probes.sockets.procnet import parse_line, read_proc

LINE = (
    "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000"
    "     0        0 12345 1 0000000000000000 100 0 0 10 0"
)


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    made = [
        socket.create_server(("127.0.0.1", 0)),
        socket.create_server(("::1", 0), family=socket.AF_INET6),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    ]
    made[2].bind(("127.0.0.1", 0))
    made.append(socket.create_connection(made[0].getsockname()))
    yield made
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("protocol", "states"),
    [("tcp", sockraw.TCP_ALL), ("udp", sockraw.UDP_BOUND)],
)
def test_both_ways_tell_the_same_of_our_sockets(
    sockets: list[socket.socket], protocol: str, states: int
) -> None:
    ours = {one.getsockname()[1] for one in sockets}
    with Dumper(sockdiag.NETLINK_SOCK_DIAG) as dumper:
        fast = list(sockdiag.read_raw(dumper, protocol, states))
    slow = list(read_proc(protocol, states))

    def told(found: list[sockraw.RawSocket]) -> set[tuple[object, ...]]:
        return {
            (s.local, s.local_port, s.remote, s.remote_port, s.state, s.inode, s.family)
            for s in found
            if s.local_port in ours
        }

    assert told(slow) == told(fast) != set()


def test_a_line_is_read() -> None:
    found = parse_line(LINE, "tcp", 4)
    assert found is not None
    assert sockraw.listener(found).text == "127.0.0.1:3000"
    assert (found.inode, found.sent, found.received) == (12345, 0, 0)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "  sl  local_address rem_address   st tx_queue",
        LINE.replace("0100007F", "01007F"),
        LINE.replace("0BB8", "1BBBB8"),
        LINE.replace("0BB8", "-1"),
        LINE.replace(" 0A ", " FF "),
        LINE.replace("12345", "-1"),
        LINE[:60],
    ],
)
def test_a_bad_line_is_left_out(line: str) -> None:
    assert parse_line(line, "tcp", 4) is None


@given(st.text(max_size=200), st.sampled_from([4, 6]))
def test_no_line_breaks_the_reading(line: str, family: int) -> None:
    assert parse_line(line, "tcp", family) is None


def test_without_ipv6_there_is_ipv4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tcp").write_text(f"head\n{LINE}\n")
    monkeypatch.setattr(procnet, "FOLDER", tmp_path)
    assert [s.local_port for s in read_proc("tcp", sockraw.TCP_LISTENING)] == [3000]
    with pytest.raises(FileNotFoundError):
        list(read_proc("udp", sockraw.UDP_BOUND))
