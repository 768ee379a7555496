"""Echo requests and rights, on a small net of real namespaces and by bytes."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts.ping import CAP_NET_RAW, ProcessRights
from netwiz.probes.ping.senses import _answers, _checksum, _request, _second


def reply(ident: int, number: int, kind: int = 0) -> bytes:
    """An IPv4 packet with an ICMP message, as a raw socket gives it."""
    return b"\x45" + b"\0" * 19 + struct.pack("!BBHHH", kind, 0, 0, ident, number)


def test_only_the_reply_to_our_own_request_counts() -> None:
    assert _answers(reply(7, 2), False, 7) == 2
    assert _answers(reply(8, 2), False, 7) is None
    assert _answers(reply(7, 2, kind=8), False, 7) is None
    assert _answers(reply(7, 2, kind=3), False, 7) is None
    six = struct.pack("!BBHHH", 129, 0, 0, 7, 1)
    assert _answers(six, True, 7) == 1


@given(st.binary(max_size=64), st.booleans())
def test_any_bytes_are_survived(data: bytes, six: bool) -> None:
    _answers(data, six, 7)


def test_a_request_checks_itself() -> None:
    # RFC 1071: over a message with its checksum in place the sum is zero.
    assert _checksum(_request(False, 7, 1)) == 0
    assert _request(True, 7, 1)[0] == 128


def test_rights_are_read_by_bit_and_by_group() -> None:
    raw = ProcessRights(container_id="x", effective=1 << CAP_NET_RAW, group=5)
    assert raw.raw
    assert not raw.may_have_raw
    assert not raw.ping_group
    wide = ProcessRights(container_id="x", group=5, ping_groups=(0, 2147483647))
    assert wide.ping_group
    assert not wide.raw
    assert _second("0\t1000\t0\t0") == 1000
    assert _second("") == 0
