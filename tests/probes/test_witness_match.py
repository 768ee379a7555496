"""Which packets are ours, told on made-up events."""

from __future__ import annotations

import random
import socket
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts.base import HOST, Place
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.witness.decode import Frame
from netwiz.probes.witness.match import Matcher
from netwiz.probes.witness.probe import Probe
from netwiz.probes.witness.tap import Event

CLIENT, SERVER = Place.netns("client"), Place.netns("server")
A, B, H = (socket.inet_aton(f"172.18.0.{n}") for n in (3, 2, 1))
SEQUENCE = 0xFFFFFFFF
"""The last one: what answers it acknowledges 0."""

SYN = Frame("SYN", A, B, 41000, 3000, SEQUENCE)
SYN_ACK = Frame("SYN-ACK", B, A, 3000, 41000, 7, 0)
RST = Frame("RST", B, A, 3000, 41000, 0, 0)


def event(
    at: float, place: Place, device: str, frame: Frame, *, inbound: bool = False
) -> Event:
    return Event(place, device, inbound, False, int(at * 1000), frame)


def probe() -> Probe:
    return Probe(
        CLIENT,
        "172.18.0.2",
        3000,
        Protocol.TCP,
        source_port=41000,
        server=SERVER,
        server_addresses=frozenset((B,)),
        asked={B},
    )


WAY = [
    event(10, CLIENT, "eth0", SYN),
    event(11, HOST, "va", SYN, inbound=True),
    event(12, HOST, "vb", SYN),
    event(13, SERVER, "eth0", SYN, inbound=True),
    event(14, SERVER, "eth0", SYN_ACK),
    event(15, HOST, "vb", SYN_ACK, inbound=True),
    event(16, HOST, "va", SYN_ACK),
    event(17, CLIENT, "eth0", SYN_ACK, inbound=True),
]


def shown(events: list[Event], about: Probe | None = None) -> list[str]:
    found = Matcher(about or probe()).sightings(events)
    return [f"{s.place.label} {s.device} {s.packet.kind} {s.leg}" for s in found]


@given(st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_matter(chance: random.Random) -> None:
    mixed = WAY.copy()
    chance.shuffle(mixed)
    assert shown(mixed) == shown(WAY)
    assert len(shown(WAY)) == 8


def test_a_retransmission_is_not_a_second_visit() -> None:
    again = [replace(e, at_ns=e.at_ns + 10**9) for e in WAY[:2]]
    found = Matcher(probe()).sightings([*WAY[:2], *again])
    assert [s.at_us for s in found] == [0.0, 1.0]


def test_a_retransmission_that_gets_further_is_told() -> None:
    again = [replace(e, at_ns=e.at_ns + 10**9) for e in WAY[:3]]
    assert shown([*WAY[:2], *again])[-1] == "host vb SYN 1"


def test_another_flow_with_our_port_is_not_ours() -> None:
    other = replace(SYN, source=H, sequence=5)
    reply = replace(SYN_ACK, acknowledged=6)
    noise = [
        event(9, HOST, "va", other, inbound=True),
        event(12, SERVER, "eth0", reply),
        event(12, SERVER, "eth0", Frame("ICMP", H, A, icmp=(3, 3), quoted=other)),
        event(12, SERVER, "eth0", Frame("ICMP", H, A, icmp=(3, 3))),
    ]
    assert shown([*WAY, *noise]) == shown(WAY)


def test_an_error_about_the_answer_is_ours_with_the_ttl_that_it_came_with() -> None:
    spent = replace(SYN_ACK, ttl=1)
    about = Frame("ICMP", H, B, icmp=(11, 0), quoted=spent)
    strange = replace(about, quoted=replace(spent, acknowledged=9))
    events = [
        *WAY[:2],
        event(20, HOST, "h0", spent, inbound=True),
        event(21, HOST, "h0", about),
        event(22, HOST, "h0", strange),
    ]
    found = Matcher(probe()).sightings(events)[2:]
    assert [(s.packet.kind, s.packet.ttl, s.reply) for s in found] == [
        ("SYN-ACK", 1, True),
        ("ICMP", 0, True),
    ]


def test_without_a_tap_in_the_client_the_first_sight_counts() -> None:
    untapped = replace(probe(), client_tapped=False)
    assert shown(WAY[1:7], untapped) == shown(WAY)[1:7]


def test_an_answered_neighbour_question_is_no_sighting() -> None:
    asks = event(9, CLIENT, "eth0", Frame("ARP", A, B))
    tells = event(9.5, CLIENT, "eth0", Frame("ARP", B, A, answer=True), inbound=True)
    assert shown([asks]) == ["client eth0 ARP 1"]
    assert shown([asks, tells, *WAY]) == shown(WAY)


def test_an_address_that_is_only_being_claimed_is_no_question() -> None:
    assert shown([event(9, SERVER, "eth0", Frame("ARP", bytes(4), B))]) == []


def test_a_question_of_somebody_else_is_no_sighting() -> None:
    stray = Frame("ARP", A, H)
    assert shown([*WAY, event(20_000, CLIENT, "eth0", stray)]) == shown(WAY)


def test_a_reset_without_ack_belongs_to_nobody() -> None:
    lone = event(14, SERVER, "eth0", Frame("RST", B, A, 3000, 41000, 9))
    assert shown([*WAY[:4], lone]) == shown(WAY[:4])
    born = event(14, SERVER, "eth0", RST)
    assert shown([*WAY[:4], born])[-1] == "server eth0 RST 1"


def proxied() -> list[Event]:
    to_host = replace(SYN, destination=H)
    from_host = replace(SYN_ACK, source=H)
    second = Frame("SYN", H, B, 50000, 80, 77)
    return [
        event(10, CLIENT, "eth0", to_host),
        event(11, HOST, "br", to_host, inbound=True),
        event(12, HOST, "br", from_host),
        event(13, CLIENT, "eth0", from_host, inbound=True),
        event(200, HOST, "br", second),
        event(201, SERVER, "eth0", second, inbound=True),
        event(202, SERVER, "eth0", Frame("RST", B, H, 80, 50000, 0, 78)),
    ]


def through_proxy(ports: tuple[int, ...] = ()) -> Probe:
    return replace(probe(), address="172.18.0.1", server_ports=ports)


def test_a_second_leg_follows_an_accept_by_the_host() -> None:
    for ports in ((), (80,)):
        legs = shown(proxied(), through_proxy(ports))[4:]
        assert legs == ["host br SYN 2", "server eth0 SYN 2", "server eth0 RST 2"]


def test_a_connection_to_another_port_or_too_late_is_no_second_leg() -> None:
    assert len(shown(proxied(), through_proxy((81,)))) == 4
    late = [
        replace(e, at_ns=e.at_ns + 10**9) if e.at_ns > 100_000 else e for e in proxied()
    ]
    assert len(shown(late, through_proxy())) == 4


def test_no_second_leg_where_the_server_itself_answered() -> None:
    second = event(20, HOST, "br", Frame("SYN", H, B, 50000, 80, 77))
    assert shown([*WAY, second]) == shown(WAY)


def test_progress_is_told_as_it_comes() -> None:
    matcher = Matcher(probe())
    assert [matcher.add(e) for e in WAY] == [True] * 8
    assert matcher.arrived
    assert not matcher.add(event(30, CLIENT, "eth0", Frame("ARP", A, H)))
    assert matcher.unanswered() == []


def test_a_datagram_keeps_its_identity_through_nat() -> None:
    about = replace(probe(), protocol=Protocol.UDP, address="172.18.0.1", port=5353)
    sent = Frame("UDP", A, H, 41000, 5353, ident=9, size=9)
    inner = replace(sent, destination=B, destination_port=53, source=H)
    events = [
        event(1, CLIENT, "eth0", sent),
        event(2, HOST, "va", sent, inbound=True),
        event(3, HOST, "vb", inner),
        event(4, HOST, "vb", replace(inner, ident=10)),
        event(5, SERVER, "eth0", Frame("UDP", B, H, 53, 41000, size=20)),
        event(6, HOST, "va", Frame("UDP", H, A, 5353, 41000, size=20)),
        event(7, HOST, "va", Frame("ICMP", H, A, icmp=(3, 3), quoted=sent)),
        event(8, HOST, "va", Frame("UDP", H, A, 99, 41000, size=9, ident=1)),
    ]
    found = Matcher(about).sightings(events)
    assert [s.reply for s in found] == [False, False, False, True, True, True]


def held_back(*events: Event) -> bool:
    matcher = Matcher(probe())
    for one in events:
        matcher.add(one)
    return matcher.held_back(HOST)


def test_a_probe_is_held_back_where_it_came_in_and_did_not_go_out() -> None:
    first, came, went = WAY[0], WAY[1], event(12, HOST, "uplink", SYN)
    assert held_back()
    assert held_back(first, came)
    assert held_back(first, came, event(12, HOST, "lo", SYN))
    assert not held_back(first, came, went)
    assert not held_back(first, came, WAY[2])
    # It may have left by a device of the client's own that the host does not have.
    assert not held_back(first)
    # Somebody else's packet leaving, or an answer, is not the probe.
    other = event(12, HOST, "uplink", replace(SYN, source_port=41001, sequence=9))
    assert held_back(first, came, other)
    assert held_back(first, came, WAY[5], WAY[6])
