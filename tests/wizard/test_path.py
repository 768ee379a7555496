"""The path: where the packet was expected, where it was seen, how it was rewritten."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import HOST, After, Attempted, Connection, Hop, Outcome
from netwiz.wizard.path import fate, path_from
from tests.wizard.world import BRIDGE, ORDER, PG, rst, syn

LINK = Connection(
    place=ORDER.place, address="10.99.0.1", port=8080, outcome=Outcome.REFUSED
)


def attempted(**more: object) -> Attempted:
    made = Attempted(connection=LINK, tapped=(ORDER.place, HOST, PG.place))
    return replace(made, **more)  # type: ignore[arg-type]


def test_expected_hops_that_were_not_seen_stay_in_the_picture() -> None:
    found = attempted(
        expected=(Hop(ORDER.place, "eth0"), Hop(HOST, BRIDGE), Hop(PG.place, "eth0")),
        sightings=(syn(ORDER.place, "eth0"), syn(HOST, BRIDGE)),
    )
    hops = path_from(found).forward
    assert [h.seen for h in hops] == [True, True, False]
    assert hops[1].note == "last seen here"


def test_a_device_that_nobody_expected_stands_where_it_was_passed() -> None:
    odd = replace(syn(HOST, "wg0"), at_us=2.0)
    found = attempted(
        expected=(Hop(ORDER.place, "eth0"), Hop(PG.place, "eth0")),
        sightings=(syn(ORDER.place, "eth0"), odd),
    )
    devices = [h.device for h in path_from(found).forward]
    assert devices == ["eth0", "wg0", "eth0"]


def test_nat_both_ways_is_told_where_it_shows() -> None:
    first = syn(HOST, "eth0")
    before = replace(first.packet, destination="10.99.0.1", destination_port=8080)
    after = replace(first.packet, source="172.18.0.1", source_port=5555)
    found = attempted(
        sightings=(
            replace(first, packet=before),
            replace(first, device=BRIDGE, packet=after),
        )
    )
    note = path_from(found).forward[1].note
    assert note == "DNAT from 10.99.0.1:8080; SNAT from 172.18.0.3:40000"


def test_a_proxy_ends_one_connection_and_makes_another() -> None:
    found = attempted(
        sightings=(syn(HOST, "eth0"), replace(syn(PG.place, "eth0"), leg=2))
    )
    note = path_from(found).forward[1].note
    assert note == "second connection, made by docker-proxy"


def test_the_way_back_begins_where_the_answer_was_born() -> None:
    found = attempted(sightings=(rst(HOST, BRIDGE), rst(ORDER.place, "eth0")))
    path = path_from(found)
    assert [h.note for h in path.backward] == ["born here", ""]
    assert path.verdict == "RST from 172.18.0.2"


def test_fates_in_words() -> None:
    assert fate(attempted()) == "refused inside the client's own namespace"
    assert fate(attempted(tapped=())) == "refused"
    lost = attempted(connection=replace(LINK, outcome=Outcome.TIMEOUT))
    assert fate(lost) == "timeout; no packet left"
    hung = replace(LINK, outcome=Outcome.CONNECTED, after=After.EOF, after_ms=0.5)
    assert fate(attempted(connection=hung)) == "accepted, then closed at once (0.5 ms)"
