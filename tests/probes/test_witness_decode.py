"""Headers are read from any bytes at all without a fault."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.witness.decode import Frame, address_text, decode
from netwiz.probes.witness.filter import ETH_ARP, ETH_IP, ETH_IPV6, program

V4 = socket.inet_aton("172.18.0.3"), socket.inet_aton("172.18.0.2")
V6 = socket.inet_pton(socket.AF_INET6, "fd00::3"), b"\xfd" + bytes(14) + b"\x02"


def ipv4(
    protocol: int, payload: bytes, *, fragment: int = 0, options: int = 0
) -> bytes:
    head = 0x45 + options
    size = 20 + options * 4 + len(payload)
    fixed = struct.pack(
        "!BBHHHBBH4s4s", head, 0, size, 77, fragment, 64, protocol, 0, *V4
    )
    return fixed + bytes(options * 4) + payload


def ipv6(protocol: int, payload: bytes) -> bytes:
    return (
        struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 63, *V6) + payload
    )


def tcp(flags: int, sequence: int = 1000, acknowledged: int = 0) -> bytes:
    return struct.pack(
        "!HHIIBBHHH", 41000, 3000, sequence, acknowledged, 5 << 4, flags, 0, 0, 0
    )


def seen(ethertype: int, data: bytes) -> Frame:
    frame = decode(ethertype, data)
    assert frame is not None
    return frame


def test_tcp_flags() -> None:
    kinds = {0x02: "SYN", 0x12: "SYN-ACK", 0x14: "RST", 0x04: "RST", 0x10: "TCP"}
    for flags, kind in kinds.items():
        assert seen(ETH_IP, ipv4(6, tcp(flags))).kind == kind
        assert seen(ETH_IPV6, ipv6(6, tcp(flags))).kind == kind
    syn = seen(ETH_IP, ipv4(6, tcp(2), options=3))
    assert (syn.source_port, syn.destination_port, syn.sequence) == (41000, 3000, 1000)
    assert (syn.ttl, syn.ident, syn.acknowledged) == (64, 77, -1)
    assert address_text(syn.source) == "172.18.0.3"
    assert seen(ETH_IP, ipv4(6, tcp(0x14, 0, 1001))).acknowledged == 1001


def test_icmp_errors_quote_what_they_are_about() -> None:
    about = ipv4(6, tcp(2))[:28]
    error = seen(ETH_IP, ipv4(1, bytes((3, 10)) + bytes(6) + about))
    assert (error.kind, error.icmp) == ("ICMP", (3, 10))
    assert error.quoted is not None
    assert error.quoted.sequence == 1000
    about6 = ipv6(17, struct.pack("!HHHH", 5, 6, 9, 0))
    error6 = seen(ETH_IPV6, ipv6(58, bytes((1, 4)) + bytes(6) + about6))
    assert error6.quoted is not None
    assert error6.quoted.destination_port == 6


def test_an_echo_is_no_error() -> None:
    assert decode(ETH_IP, ipv4(1, bytes((8, 0)) + bytes(30))) is None


def test_an_error_about_an_error_ends_there() -> None:
    nested = ipv4(1, bytes((3, 1)) + bytes(6) + ipv4(6, tcp(2)))
    error = seen(ETH_IP, ipv4(1, bytes((3, 1)) + bytes(6) + nested))
    assert error.quoted is None


def test_neighbours() -> None:
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    asked = seen(ETH_ARP, head + bytes(6) + V4[0] + bytes(6) + V4[1])
    assert (asked.kind, asked.destination, asked.answer) == ("ARP", V4[1], False)
    told = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2)
    assert seen(ETH_ARP, told + bytes(6) + V4[1] + bytes(6) + V4[0]).answer
    solicit = seen(ETH_IPV6, ipv6(58, bytes((135, 0)) + bytes(6) + V6[1]))
    assert (solicit.kind, solicit.destination, solicit.answer) == ("ARP", V6[1], False)
    assert seen(ETH_IPV6, ipv6(58, bytes((136, 0)) + bytes(6) + V6[1])).answer


def test_a_later_fragment_has_no_ports() -> None:
    assert decode(ETH_IP, ipv4(6, tcp(2), fragment=5)) is None


@given(st.sampled_from((ETH_IP, ETH_IPV6, ETH_ARP, 0, 0x8100)), st.binary(max_size=256))
def test_any_bytes_are_survived(ethertype: int, data: bytes) -> None:
    frame = decode(ethertype, data)
    assert frame is None or len(frame.source) in (4, 16)


@given(
    st.sampled_from((1, 6, 17, 58)),
    st.binary(max_size=120),
    st.integers(0, 10),
    st.integers(0, 160),
)
def test_truncated_and_hostile_payloads_are_survived(
    protocol: int, payload: bytes, options: int, cut: int
) -> None:
    decode(ETH_IP, ipv4(protocol, payload, options=options)[:cut])
    decode(ETH_IPV6, ipv6(protocol, payload)[:cut])
    decode(ETH_IP, ipv4(1, bytes((3, 1)) + bytes(6) + payload)[:cut])


def test_the_filter_only_jumps_within_itself() -> None:
    for protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        code = program(protocol, range(1, 20))
        steps = list(struct.iter_unpack("=HBBI", code))
        assert len(steps) < 120
        for at, (operation, yes, no, operand) in enumerate(steps):
            if operation & 7 == 5:  # BPF_JMP
                jumps = (operand,) if operation == 5 else (yes, no)
                assert all(at + 1 + jump < len(steps) for jump in jumps)
        assert [step[3] for step in steps[-2:]] == [0, 192]
