"""Routes of packets to be forwarded, policy rules, and dialling by a given device."""

from __future__ import annotations

import pytest

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import Outcome, PolicyRule, RouteDecision
from netwiz.probes.links.senses import ask_route, read_links
from netwiz.probes.requests import AskRoute, Attempt, ReadLinks
from netwiz.probes.witness.attempt import attempt
from tests.probes.little_net import needs_root
from tests.probes.wire import CLIENT4, SERVER4, Wire

pytestmark = needs_root

STRANGER, BEYOND = "192.0.2.9", "203.0.113.7"


async def forwarded(wire: Wire, address: str, device: str = "p0") -> RouteDecision:
    """The client's decision on a stranger's packet that came in at `device`."""
    asked = AskRoute(wire.client.place, address, STRANGER, device)
    return await ask_route(wire.ground, asked)


@pytest.fixture
def router(wire: Wire) -> Wire:
    """The client's namespace as a router, with a second leg `p0`."""
    wire.client.run(
        "ip link add p0 type veth peer name p1; ip addr add 192.0.2.1/24 dev p0;"
        "ip link set p0 up; ip link set p1 up; ip route replace default via 10.9.0.2;"
        "echo 1 > /proc/sys/net/ipv4/ip_forward"
    )
    return wire


@pytest.fixture(autouse=True)
def undone(wire: Wire) -> object:
    yield
    wire.client.run(
        "ip link del p0 || :; ip route del default || :; ip rule del pref 700 || :;"
        "ip route flush table 77 || :; ip route del blackhole 198.51.100.0/24 || :;"
        "echo 0 > /proc/sys/net/ipv4/ip_forward"
    )


async def test_a_strangers_packet_goes_by_the_default_route(router: Wire) -> None:
    found = await forwarded(router, BEYOND)
    assert (found.kind, found.device, found.gateway) == ("unicast", "e0", "10.9.0.2")
    assert (found.destination, found.table) == ("default", 254)
    assert found.command.endswith(f"ip route get {BEYOND} from {STRANGER} iif p0")


async def test_a_device_that_does_not_forward_has_no_way(router: Wire) -> None:
    router.client.run("echo 0 > /proc/sys/net/ipv4/conf/p0/forwarding")
    assert (await forwarded(router, BEYOND)).kind == "unreachable"
    own = await ask_route(router.ground, AskRoute(router.client.place, BEYOND))
    assert own.kind == "unicast"


async def test_a_hole_is_told_for_forwarded_packets_too(router: Wire) -> None:
    router.client.run("ip route add blackhole 198.51.100.0/24")
    assert (await forwarded(router, "198.51.100.1")).kind == "blackhole"


async def test_no_route_is_told_for_forwarded_packets_too(router: Wire) -> None:
    router.client.run("ip route del default")
    found = await forwarded(router, BEYOND)
    assert (found.kind, found.device, found.table) == ("", "", 0)


async def test_the_table_that_decided_is_named(router: Wire) -> None:
    router.client.run(
        "ip rule add from 192.0.2.0/24 fwmark 0x7/0xff lookup 77 pref 700;"
        "ip route add 203.0.113.0/24 via 10.9.0.3 dev e0 table 77"
    )
    plain = await forwarded(router, BEYOND)
    marked = AskRoute(router.client.place, BEYOND, STRANGER, "p0", mark=7)
    found = await ask_route(router.ground, marked)
    assert (plain.gateway, plain.table) == ("10.9.0.2", 254)
    assert (found.gateway, found.table) == ("10.9.0.3", 77)
    assert found.destination == "203.0.113.0/24"
    table = await read_links(router.ground, ReadLinks(router.client.place))
    assert [r for r in table.rules if not r.usual] == [
        PolicyRule(
            700,
            77,
            source="192.0.2.0/24",
            mark=7,
            mask=0xFF,
            text="from 192.0.2.0/24 fwmark 0x7/0xff lookup 77",
        )
    ]


async def test_a_device_that_is_not_there_is_said(router: Wire) -> None:
    with pytest.raises(ProbeError):
        await forwarded(router, BEYOND, "nowhere0")


async def test_an_attempt_leaves_by_the_device_that_was_named(router: Wire) -> None:
    place = router.client.place
    right = Attempt(place, SERVER4, 1, device="e0")
    wrong = Attempt(place, SERVER4, 1, device="p0", budget_ms=300)
    met = (await attempt(router.ground, right)).connection
    assert (met.outcome, met.source) == (Outcome.REFUSED, CLIENT4)
    assert "curl -v --interface e0" in met.command
    lost = (await attempt(router.ground, wrong)).connection
    assert lost.outcome is not Outcome.REFUSED
