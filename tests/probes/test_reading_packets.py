"""Everything that is not TCP or DNS: ICMP, ARP, neighbours, fragments, tunnels."""

from __future__ import annotations

from typing import Any

import pytest

from netwiz.probes.facts.packets import PacketKind
from tests.probes.lines import (
    A6,
    B6,
    ETHER,
    MS,
    A,
    B,
    Lines,
    S,
    Talk,
    told,
    udp,
)

# isort: split
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dot11 import Dot11
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RS,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import (
    ARP,
    LLC,
    STP,
    CookedLinux,
    CookedLinuxV2,
    Dot1AD,
    Dot1Q,
    Ether,
)
from scapy.layers.vxlan import VXLAN

GATEWAY = "172.18.0.1"
BROADCAST = Ether(src="02:42:ac:12:00:03", dst="ff:ff:ff:ff:ff:ff")


def quoting(about: Any, *, kind: int = 3, code: int = 3, mtu: int = 0) -> Any:
    """An ICMP error of the gateway's about a packet: its header and 8 octets more."""
    quoted = bytes(about[IP])[:28]
    icmp = ICMP(type=kind, code=code, nexthopmtu=mtu)
    return ETHER / IP(src=GATEWAY, dst=A) / icmp / quoted


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "refused by 172.18.0.1 (ICMP port unreachable)"),
        (10, "refused by 172.18.0.1 (ICMP host prohibited)"),
        (1, "not delivered by 172.18.0.1 (ICMP host unreachable)"),
        (0, "not delivered by 172.18.0.1 (ICMP network unreachable)"),
        (13, "not delivered by 172.18.0.1 (ICMP administratively prohibited)"),
        (77, "not delivered by 172.18.0.1 (ICMP unreachable, code 77)"),
    ],
)
def test_an_icmp_error_says_who_what_and_which_packet(code: int, words: str) -> None:
    lines = Lines()
    talk = Talk(lines)
    syn = talk.packet(0, "S")
    lines.read(syn)
    row = lines.read(quoting(syn, code=code), after=MS)
    assert told(row) == ("ICMP", "PROBLEM", f"{words}: order:40312 -> pg:3000")
    assert (row.source, row.destination, row.about) == (GATEWAY, A, 1)
    assert not lines.wait(60 * S), "it was answered: nobody is silent"


def test_an_icmp_error_to_a_dns_question_is_its_answer() -> None:
    lines = Lines()
    question = udp(b"\0\7\1\0\0\1\0\0\0\0\0\0\2pg\0\0\1\0\1")
    lines.read(question)
    row = lines.read(quoting(question))
    assert row.text.endswith(": order:5000 -> pg:53")
    assert row.about == 1
    assert not lines.wait(60 * S)


def test_an_answer_that_comes_too_late_for_its_socket() -> None:
    answer = udp(b"\0\7\x81\0\0\1\0\0\0\0\0\0\2pg\0\0\1\0\1", (B, 53), (A, 5000))
    row = Lines().read(quoting(answer))
    assert told(row)[1] == "ODD"
    assert "too late" in row.text


def test_an_icmp_error_that_passes_several_devices_is_one() -> None:
    lines = Lines()
    error = quoting(Talk(lines).packet(0, "S"))
    levels = [lines.read(error, after=after).level for after in (0, 9000, 2 * S)]
    assert levels == [3, 0, 3]


def test_too_large() -> None:
    about = ETHER / IP(src=A, dst=B, flags="DF") / TCP(sport=40312, dport=3000)
    row = Lines().read(quoting(about, code=4, mtu=1400))
    assert told(row) == (
        "ICMP",
        "ODD",
        "too large for 172.18.0.1, at most 1400 B: order:40312 -> pg:3000",
    )


def test_hops_used_up() -> None:
    row = Lines().read(quoting(udp(b"x"), kind=11, code=0))
    assert told(row)[:2] == ("ICMP", "ODD")
    assert row.text == "hops used up at 172.18.0.1: order:5000 -> pg:53"


def test_icmpv6_errors() -> None:
    about = IPv6(src=A6, dst=B6) / UDP(sport=1, dport=2) / b"xx"
    head = Ether() / IPv6(src="fe80::1", dst=A6)
    row = Lines().read(head / ICMPv6DestUnreach(code=4) / about)
    assert row.text == "refused by fe80::1 (ICMP port unreachable): order:1 -> pg:2"
    row = Lines().read(head / ICMPv6DestUnreach(code=1) / about)
    assert row.text.startswith(
        "not delivered by fe80::1 (ICMP administratively prohibited)"
    )
    row = Lines().read(head / ICMPv6PacketTooBig(mtu=1280) / about)
    assert row.text == "too large for fe80::1, at most 1280 B: order:1 -> pg:2"


def test_a_quoted_packet_that_is_cut_off() -> None:
    row = Lines().read(ETHER / IP(src=GATEWAY, dst=A) / ICMP(type=3, code=1) / b"E\0")
    assert row.text.endswith("(ICMP host unreachable): a packet it does not quote")


def test_pings() -> None:
    lines = Lines()
    lines.read(ETHER / IP(src=A, dst=B) / ICMP(id=7, seq=3))
    row = lines.read(ETHER / IP(src=B, dst=A) / ICMP(type=0, id=7, seq=3), after=MS)
    assert told(row) == ("ICMP", "PLAIN", "answers ping 3 after 1.0 ms")
    assert row.about == 1
    row = lines.read(Ether() / IPv6(src=A6, dst=B6) / ICMPv6EchoRequest(id=1, seq=9))
    assert row.text == "ping 9"


def who_has(target: str = B, source: str = A) -> Any:
    return BROADCAST / ARP(op=1, hwsrc=BROADCAST.src, psrc=source, pdst=target)


def is_at(mac: str = "02:42:ac:12:00:02") -> Any:
    return ETHER / ARP(op=2, hwsrc=mac, psrc=B, hwdst=BROADCAST.src, pdst=A)


def test_arp() -> None:
    lines = Lines()
    row = lines.read(who_has())
    assert told(row) == ("ARP", "PLAIN", f"who has {B} (pg)?")
    assert (row.source, row.destination) == (A, B)
    row = lines.read(is_at(), after=MS)
    assert row.text == f"{B} (pg) is at 02:42:ac:12:00:02 (1.0 ms)"
    assert row.about == 1
    assert not lines.wait(60 * S)


def test_nobody_has_the_address() -> None:
    lines = Lines()
    lines.read(who_has("172.18.0.99"))
    lines.read(who_has("172.18.0.99"), after=20_000)  # its copy at the next device
    lines.read(who_has("172.18.0.99"), after=S)
    (missed,) = lines.wait(S)
    assert told(missed) == (
        "ABSENCE",
        "PROBLEM",
        "nobody has 172.18.0.99: asked 2 times in 2.0 s",
    )
    lines.read(who_has("172.18.0.99"), after=100 * MS)
    assert not lines.wait(S), "said once is enough"


def test_the_answer_is_not_seen_by_third_parties() -> None:
    """A question goes to everybody, its answer only to who asked."""
    lines = Lines()
    for _ in range(5):
        lines.read(who_has())
        assert not lines.wait(30 * S)


def test_two_who_have_the_address() -> None:
    lines = Lines()
    lines.read(who_has())
    lines.read(is_at())
    row = lines.read(is_at("02:42:ac:12:00:66"), after=MS)
    assert told(row)[1] == "ODD"
    assert row.text.endswith("; a moment ago it was at 02:42:ac:12:00:02")


def test_asking_whether_an_address_is_free_needs_no_answer() -> None:
    lines = Lines()
    for _ in range(3):
        lines.read(who_has(A, "0.0.0.0"), after=S)
    row = lines.read(BROADCAST / ARP(op=1, hwsrc=BROADCAST.src, psrc=A, pdst=A))
    assert row.text == f"{A} (order) is here, at 02:42:ac:12:00:03"
    assert not lines.wait(60 * S)
    assert not lines.alarms


def test_neighbour_discovery() -> None:
    lines = Lines()
    asks = (
        Ether()
        / IPv6(src=A6, dst="ff02::1:ff00:2")
        / ICMPv6ND_NS(tgt=B6)
        / ICMPv6NDOptSrcLLAddr(lladdr="02:42:ac:12:00:03")
    )
    assert told(lines.read(asks)) == ("ARP", "PLAIN", f"who has {B6} (pg)?")
    answer = Ether() / IPv6(src=B6, dst=A6) / ICMPv6ND_NA(tgt=B6)
    row = lines.read(answer, after=MS)
    assert row.text == f"{B6} (pg) is there (1.0 ms)"
    nobody = asks.copy()
    nobody[ICMPv6ND_NS].tgt = "fd00::99"
    for _ in range(3):
        lines.read(nobody, after=S)
    (missed,) = lines.wait(100 * MS)
    assert missed.text == "nobody has fd00::99: asked 3 times in 2.1 s"
    lines.read(Ether() / IPv6(src=A6, dst="ff02::2") / ICMPv6ND_RS())
    assert lines.rows[-1].text == "ICMPv6 looks for routers"


def test_dhcp() -> None:
    def message(kind: str) -> str:
        packet = (
            BROADCAST
            / IP(src="0.0.0.0", dst="255.255.255.255")
            / UDP(sport=68, dport=67)
            / BOOTP(yiaddr="10.0.0.7")
            / DHCP(options=[("message-type", kind), "end"])
        )
        return " ".join(told(Lines().read(packet)))

    assert message("discover") == "UDP NOTE DHCP: looks for a server"
    assert message("ack") == "UDP NOTE DHCP: gives 10.0.0.7"
    assert message("nak") == "UDP PROBLEM DHCP: refuses the address (NAK)"


def test_other_datagrams() -> None:
    assert told(Lines().read(udp(b"x" * 123, to=(B, 9999)))) == (
        "UDP",
        "PLAIN",
        "123 B",
    )
    assert Lines().read(udp(b"x" * 48, to=(B, 123))).text == "NTP, 48 B"


def test_fragments_are_named() -> None:
    lines = Lines()
    whole = IP(src=A, dst=B, id=9) / UDP(sport=1, dport=2) / (b"x" * 3000)
    parts: list[Any] = whole.fragment(1400)  # type: ignore[no-untyped-call]
    texts = [lines.read(ETHER / part).text for part in parts]
    assert texts == [
        "first fragment of UDP: 1400 B from 0 on",
        "middle fragment of UDP: 1400 B from 1400 on",
        "last fragment of UDP: 208 B from 2800 on",
    ]
    six = IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment(offset=10, m=1, nh=17) / (b"y" * 80)
    assert lines.read(ETHER / six).text == "middle fragment of UDP: 80 B from 80 on"
    assert (lines.rows[-1].source, lines.rows[-1].destination) == (A6, B6)


def syn(ip: Any) -> Any:
    return ip / TCP(sport=40312, dport=3000, flags="S")


FOUR = IP(src=A, dst=B)


@pytest.mark.parametrize(
    ("packet", "linktype"),
    [
        (ETHER / syn(FOUR), 1),
        (ETHER / Dot1Q(vlan=7) / syn(FOUR), 1),
        (ETHER / Dot1AD(vlan=7) / Dot1Q(vlan=8) / syn(FOUR), 1),
        (ETHER / syn(IP(src=A, dst=B, options=[b"\x94\x04\0\0"])), 1),
        (syn(FOUR), 101),
        (syn(FOUR), 12),
        (syn(FOUR), 228),
        (CookedLinux(proto=0x800) / syn(FOUR), 113),
        (CookedLinuxV2(proto=0x800) / syn(FOUR), 276),
        (b"\2\0\0\0" + bytes(syn(FOUR)), 0),
    ],
)
def test_links(packet: Any, linktype: int) -> None:
    row = Lines().read(packet, linktype=linktype)
    assert told(row) == ("TCP", "NOTE", "asks for a connection")
    assert (row.source, row.destination) == (f"{A}:40312", f"{B}:3000")


def test_extension_headers() -> None:
    packet = ETHER / syn(IPv6(src=A6, dst=B6) / IPv6ExtHdrHopByHop())
    row = Lines().read(packet)
    assert (row.source, row.text) == (f"[{A6}]:40312", "asks for a connection")


def test_inside_a_tunnel() -> None:
    lines = Lines()

    def wrapped(inner: Any) -> Any:
        outer = ETHER / IP(src="10.77.0.11", dst="10.77.0.12")
        return outer / UDP(sport=50000, dport=4789) / VXLAN(vni=4097, flags=8) / inner

    row = lines.read(wrapped(ETHER / syn(FOUR)))
    assert told(row) == ("TCP", "NOTE", "asks for a connection [VXLAN 4097]")
    assert (row.source, row.destination) == (f"{A}:40312", f"{B}:3000")
    row = lines.read(wrapped(who_has()))
    assert row.text == f"who has {B} (pg)? [VXLAN 4097]"
    row = lines.read(wrapped(wrapped(ETHER / syn(FOUR))))
    assert "[VXLAN 4097]" in row.text


def test_what_is_not_ip() -> None:
    def text(packet: Any, linktype: int = 1) -> tuple[str, str]:
        row = Lines().read(packet, linktype=linktype)
        assert row.kind is PacketKind.OTHER
        return row.source, row.text

    assert text(Ether(src="02:00:00:00:00:01", type=0x88CC) / b"x") == (
        "02:00:00:00:00:01",
        "LLDP",
    )
    assert text(Ether(type=0x1234) / b"x")[1] == "ethertype 0x1234"
    assert text(Ether() / LLC() / STP())[1]
    assert text(ETHER / IP(src=A, dst=B, proto=47) / b"xxx")[1].startswith("GRE")
    assert text(Dot11(), 105)[1]
    assert text(b"")[1] == "a packet that is cut off or made up"
    assert text(ETHER / b"")[1]


def test_padding_is_no_data() -> None:
    """Ethernet frames have 60 bytes at least; what fills them up is nobody's."""
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    packet = bytes(talk.packet(0, "A")) + bytes(6)
    assert lines.read(packet).text == "ack"


def test_more_than_was_kept() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    data = bytes(talk.packet(0, "PA", b"x" * 5000))
    assert lines.bytes(data[:100], len(data)).text == "5000 B"
    talk.seq[0] += 5000
    assert talk.say(0, b"y").text == "1 B"
