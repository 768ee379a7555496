"""What the kernel's own stack counted, and what of it rose."""

from __future__ import annotations

import socket

from netwiz.probes.facts import HOST, KernelCounters, Rise
from netwiz.probes.firewall.kernel import (
    counters_here,
    parse_pairs,
    parse_rows,
    parse_tracking,
    rises,
)

SNMP = """\
Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 1200
Tcp: RtoAlgorithm MaxConn
Tcp: 1 -1
"""
TRACKING = """\
entries  searched found new invalid insert_failed drop early_drop
0000000a  00000000 00000000 00000000 00000001 00000002 00000010 00000000
0000000a  00000000 00000000 00000000 00000001 00000001 00000001 00000000
"""


def test_pairs_are_named_as_nstat_names_them() -> None:
    found = dict(parse_pairs(SNMP))
    assert found["IpInReceives"] == 1200
    assert found["TcpMaxConn"] == -1


def test_rows_of_snmp6() -> None:
    assert parse_rows("Ip6InNoRoutes   \t7\nbroken\n") == [("Ip6InNoRoutes", 7)]


def test_processors_are_added_up() -> None:
    found = dict(parse_tracking(TRACKING))
    assert found["nf_conntrack.drop"] == 17
    assert found["nf_conntrack.insert_failed"] == 3
    assert "nf_conntrack.entries" not in found


def test_only_what_rose_is_told() -> None:
    before = KernelCounters(place=HOST, counters=(("A", 1), ("B", 2)))
    after = KernelCounters(place=HOST, counters=(("A", 4), ("B", 2), ("C", 9)))
    assert rises(before, after) == (Rise(HOST, "A", 3),)


def test_a_datagram_nobody_reads_is_counted_by_this_kernel() -> None:
    before = counters_here(HOST)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        held.bind(("127.0.0.1", 0))
        sender.sendto(b"x", held.getsockname())
        after = counters_here(HOST)
    assert any(r.name == "UdpOutDatagrams" for r in rises(before, after))


def test_broken_files_tell_nothing() -> None:
    assert parse_pairs("Ip: A\nTcp: 1\n") == []
    assert parse_pairs("Ip: A\nIp: x\n") == []
    assert parse_tracking("") == []
