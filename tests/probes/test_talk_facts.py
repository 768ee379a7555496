"""What facts of a conversation conclude about themselves; words and their answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.connect.words import promised, words_for
from netwiz.probes.facts import (
    HOST,
    Conversation,
    Holder,
    Outcome,
    PathMtu,
    QueueWatch,
    TcpInfo,
)
from netwiz.probes.netlink.tcpinfo import tcp_info


def watch(*queued: int, backlog: int = 5) -> QueueWatch:
    return QueueWatch(place=HOST, port=1, queued=queued, backlog=backlog)


@pytest.mark.parametrize("queued", [(), (0,), (3, 0), (3, 2), (3, 3, 2, 4)])
def test_a_queue_that_moves(queued: tuple[int, ...]) -> None:
    assert watch(*queued).moved


@pytest.mark.parametrize("queued", [(1,), (1, 1, 1), (1, 2, 3)])
def test_a_queue_that_does_not(queued: tuple[int, ...]) -> None:
    assert not watch(*queued).moved


def test_full_is_above_the_backlog_all_the_time() -> None:
    assert watch(6, 6).full
    assert not watch(5, 6).full
    assert not watch().full


def test_a_limit_that_is_unknown_is_not_exhausted() -> None:
    assert Holder(1, "x", "S", open_files=16, max_files=16).out_of_files
    assert not Holder(1, "x", "S", open_files=16, max_files=0).out_of_files
    assert not Holder(1, "x", "S", open_files=15, max_files=16).out_of_files


def test_silence_about_large_packets_is_a_black_hole_only_if_nobody_tells() -> None:
    known = PathMtu(place=HOST, address="x", passes=1400, lost=1401)
    assert known.blackhole
    assert not PathMtu(place=HOST, address="x", passes=1500).blackhole
    assert not PathMtu(place=HOST, address="x", lost=84).blackhole
    told = PathMtu(place=HOST, address="x", passes=1400, lost=1401, told=1400)
    assert not told.blackhole


def test_words_are_heard_when_nothing_waits_for_confirmation() -> None:
    def said(sent: int, unacked: int) -> Conversation:
        return Conversation(
            place=HOST,
            address="x",
            port=1,
            words="http",
            outcome=Outcome.CONNECTED,
            sent=sent,
            info=TcpInfo(unacked=unacked),
        )

    assert said(80, 0).heard
    assert not said(80, 1).heard
    assert not said(0, 0).heard


@pytest.mark.parametrize("size", [0, 500, 3000, 9000])
def test_words_are_padded_without_a_long_line(size: int) -> None:
    said = words_for("http", "pg", size=size)
    assert len(said) >= size
    assert said.startswith(b"GET / HTTP/1.1\r\nHost: pg\r\n")
    assert said.endswith(b"\r\n\r\n")
    assert max(map(len, said.split(b"\r\n"))) < 1100


@pytest.mark.parametrize("kind", ["http", "tls"])
def test_other_words_are_as_long_and_alike_in_nothing_else(kind: str) -> None:
    said = words_for(kind, "pg", size=3000)
    other = words_for(kind, "pg", size=3000, other=True)
    # Two hellos of TLS differ by their random parts, and no more.
    assert abs(len(other) - len(said)) < 64
    assert b"GET" not in other


def test_a_hello_is_one_record_and_names_the_server() -> None:
    said = words_for("tls", "pg.example.test")
    assert said[0] == 0x16
    assert promised("tls", said, len(said)) == len(said)
    assert b"pg.example.test" in said


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert words_for("silence", "pg") == b""


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", 43),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 27),
        (b"HTTP/1.1 200 OK\r\n\r\nab", -1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n", -1),
        (CHUNKED + b"2\r\nab\r\n0\r\n\r\n", 59),
        (CHUNKED + b"2\r\nab\r\n", -1),
        (CHUNKED + b"2\r\nab\r\n0\r\nDigest: x\r\n\r\n", -1),
        (b"SSH-2.0-OpenSSH_9.2\r\n", -1),
        (b"", -1),
    ],
)
def test_how_long_an_answer_will_be(answer: bytes, whole: int) -> None:
    assert promised("http", answer, len(answer)) == whole


def test_a_head_that_is_not_over_goes_on() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Le"
    assert promised("http", head, len(head)) > len(head)


@given(st.binary(max_size=200), st.sampled_from(["http", "tls"]))
def test_any_answer_is_survived(answer: bytes, kind: str) -> None:
    assert promised(kind, answer, len(answer)) >= -1


@given(st.binary(max_size=300))
def test_any_tcp_info_is_survived(data: bytes) -> None:
    assert tcp_info(data).unacked >= 0
