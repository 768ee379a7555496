from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import (
    Address,
    Container,
    Failure,
    HostFacts,
    Interface,
    LinkTable,
    Place,
    Route,
    Snapshot,
    State,
)
from netwiz.probes.links.senses import ask_route, find_address, read_links
from netwiz.probes.links.sysctls import MOST_DEVICES, read_sysctls
from netwiz.probes.requests import AskRoute, FindAddress, ReadLinks
from tests.probes.little_net import Namespace, needs_root
from tests.probes.wire import (
    CLIENT4,
    CLIENT6,
    NOBODY4,
    SERVER4,
    SERVER6,
    Box,
    Wire,
    until,
)

pytestmark = needs_root


@pytest.fixture(autouse=True)
def known(wire: Wire) -> None:
    know(wire, wire.client.name, wire.server.name)


def know(wire: Wire, *names: str) -> None:
    wire.ground.snapshot = Snapshot(datetime.now(UTC), host=HostFacts(namespaces=names))


async def read(wire: Wire, place: Place | None = None) -> LinkTable:
    return await read_links(wire.ground, ReadLinks(place or wire.client.place))


def device(table: LinkTable, name: str) -> Interface:
    found = table.interface(name)
    assert found
    return found


async def test_a_veth_is_described_with_its_other_end(wire: Wire) -> None:
    mine, theirs = await read(wire), await read(wire, wire.server.place)
    own, peer = device(mine, "e0"), device(theirs, "e0")
    assert (own.kind, own.mtu, own.up, own.carrier) == ("veth", 1500, True, True)
    assert own.mac == wire.client.run("ip -br link show e0").split()[2]
    assert (own.peer, own.peer_name) == (wire.server.place, "e0")
    assert own.peer_index == peer.index
    assert (peer.peer, peer.peer_index) == (wire.client.place, own.index)
    assert device(mine, "lo").kind == ""


async def test_another_end_in_an_unknown_namespace_stays_unknown(wire: Wire) -> None:
    know(wire, wire.client.name)
    own = device(await read(wire), "e0")
    assert (own.peer, own.peer_name) == (None, "")
    assert own.peer_index > 0


async def test_a_pair_at_home_knows_its_place(wire: Wire) -> None:
    wire.client.run("ip link add p0 type veth peer name p1")
    try:
        own = device(await read(wire), "p0")
    finally:
        wire.client.run("ip link del p0")
    assert (own.peer, own.peer_name) == (wire.client.place, "p1")
    assert (own.up, own.carrier) == (False, False)


async def test_ports_of_a_bridge_and_stacked_devices_are_told_apart(
    wire: Wire,
) -> None:
    wire.client.run(
        "ip link add br7 type bridge; ip link add p0 type veth peer name p1;"
        "ip link set p0 master br7; ip link add link e0 name m0 type macvlan"
    )
    try:
        table = await read(wire)
    finally:
        wire.client.run("ip link del br7; ip link del p0; ip link del m0")
    bridge, port, stacked = (device(table, name) for name in ("br7", "p0", "m0"))
    assert (bridge.kind, bridge.master) == ("bridge", 0)
    assert port.master == bridge.index
    assert (stacked.kind, stacked.peer_index) == ("macvlan", 0)
    assert stacked.parent_index == device(table, "e0").index


async def test_a_cut_wire_has_no_carrier(wire: Wire) -> None:
    wire.server.run("ip link set e0 down")
    try:
        own = device(await read(wire), "e0")
    finally:
        # Switched off, a device loses its IPv6 addresses (ipv6(7)).
        wire.server.run(f"ip link set e0 up; ip addr add {SERVER6}/64 dev e0 nodad")
    assert (own.up, own.carrier) == (True, False)


async def test_addresses_and_routes_are_those_of_the_namespace(wire: Wire) -> None:
    wire.client.run(
        "ip route add 203.0.113.0/24 via 10.9.0.2 metric 7;"
        "ip route add default via 10.9.0.2 src 10.9.0.1;"
        "ip route add blackhole 198.51.100.0/24;"
        "ip route add 192.0.2.0/24 nexthop via 10.9.0.2 nexthop via 10.9.0.3;"
        "ip route add 10.99.0.0/24 via inet6 fd00:9::2;"
        "ip route add 10.98.0.0/24 via 10.9.0.2 table 77;"
        "ip -6 route add 2001:db8::/32 via fd00:9::2"
    )
    try:
        table = await read(wire)
    finally:
        wire.client.run(
            "ip route del 203.0.113.0/24; ip route del default;"
            "ip route del blackhole 198.51.100.0/24; ip route del 192.0.2.0/24;"
            "ip route del 10.99.0.0/24; ip route flush table 77;"
            "ip -6 route del 2001:db8::/32"
        )
    assert Address(CLIENT4, 24, "e0", "global") in table.addresses
    assert Address(CLIENT6, 64, "e0", "global") in table.addresses
    assert Address("127.0.0.1", 8, "lo", "host") in table.addresses
    expected = {
        Route("203.0.113.0/24", "e0", SERVER4, metric=7),
        Route("default", "e0", SERVER4, CLIENT4),
        Route("198.51.100.0/24", kind="blackhole"),
        Route("192.0.2.0/24", "e0", SERVER4),
        Route("192.0.2.0/24", "e0", "10.9.0.3"),
        Route("10.99.0.0/24", "e0", SERVER6),
        Route("2001:db8::/32", "e0", SERVER6, metric=1024, family=6),
        Route(f"{CLIENT4}/32", "e0", source=CLIENT4, kind="local"),
    }
    assert expected - set(table.routes) == set()
    assert all(route.destination != "10.98.0.0/24" for route in table.routes)


async def test_neighbours_of_both_families_are_listed(wire: Wire) -> None:
    wire.client.run(
        "ip neigh replace 10.9.0.40 lladdr 02:00:00:00:00:40 dev e0 nud permanent;"
        "ip neigh replace fd00:9::40 lladdr 02:00:00:00:00:41 dev e0 nud stale"
    )
    try:
        table = await read(wire)
    finally:
        wire.client.run("ip neigh del 10.9.0.40 dev e0; ip neigh del fd00:9::40 dev e0")
    four, six = table.neighbour("10.9.0.40"), table.neighbour("fd00:9::40")
    assert four
    assert (four.mac, four.state, four.device) == (
        "02:00:00:00:00:40",
        "PERMANENT",
        "e0",
    )
    assert six
    assert (six.mac, six.state) == ("02:00:00:00:00:41", "STALE")


async def test_sysctls_are_those_of_the_namespace(wire: Wire) -> None:
    wire.client.run("echo 1 > /proc/sys/net/ipv4/conf/e0/route_localnet")
    wire.server.run("echo 1 > /proc/sys/net/ipv4/ip_forward")
    try:
        mine, theirs = await read(wire), await read(wire, wire.server.place)
    finally:
        wire.client.run("echo 0 > /proc/sys/net/ipv4/conf/e0/route_localnet")
        wire.server.run("echo 0 > /proc/sys/net/ipv4/ip_forward")
    assert mine.sysctl("net.ipv4.conf.e0.route_localnet") == "1"
    assert theirs.sysctl("net.ipv4.conf.e0.route_localnet") == "0"
    assert theirs.sysctl("net.ipv4.ip_forward") == "1"
    assert theirs.sysctl("net.ipv4.conf.e0.forwarding") == "1"
    assert mine.sysctl("net.ipv4.ip_local_port_range") == "32768 60999"
    assert mine.sysctl("net.ipv6.conf.all.disable_ipv6") == "0"


def test_sysctls_of_many_devices_are_bounded() -> None:
    asked = [f"none{n}" for n in range(MOST_DEVICES)]
    names = {name for name, _ in read_sysctls([*asked, "lo"])}
    assert "net.ipv4.conf.lo.rp_filter" not in names
    assert "net.ipv4.ip_forward" in names
    assert len(read_sysctls(["../..", "..", "", "a/b"])) == len(read_sysctls([]))


@pytest.mark.parametrize(
    ("address", "kind", "name", "gateway", "source"),
    [
        (SERVER4, "unicast", "e0", "", CLIENT4),
        (CLIENT4, "local", "lo", "", CLIENT4),
        ("10.9.0.255", "broadcast", "e0", "", CLIENT4),
        ("203.0.113.9", "unicast", "e0", SERVER4, CLIENT4),
        ("198.51.100.1", "prohibit", "", "", ""),
        ("198.51.100.2", "blackhole", "", "", ""),
        ("198.51.100.3", "unreachable", "", "", ""),
        ("192.0.2.1", "", "", "", ""),
        (SERVER6, "unicast", "e0", "", CLIENT6),
        ("2001:db8::1", "unicast", "e0", SERVER6, CLIENT6),
        ("2001:db8:1::1", "prohibit", "", "", ""),
        ("2001:db8:2::1", "blackhole", "", "", ""),
        ("2001:db8:ffff::1", "unicast", "e0", SERVER6, CLIENT6),
        ("fc00::1", "", "", "", ""),
    ],
)
async def test_the_route_is_the_kernels_decision(  # noqa: PLR0917 - one row each
    wire: Wire, address: str, kind: str, name: str, gateway: str, source: str
) -> None:
    wire.client.run(
        "ip route replace 203.0.113.0/24 via 10.9.0.2;"
        "ip route replace prohibit 198.51.100.1;"
        "ip route replace blackhole 198.51.100.2;"
        "ip route replace unreachable 198.51.100.3;"
        "ip -6 route replace 2001:db8::/32 via fd00:9::2;"
        "ip -6 route replace prohibit 2001:db8:1::/48;"
        "ip -6 route replace blackhole 2001:db8:2::/48"
    )
    found = await ask_route(wire.ground, AskRoute(wire.client.place, address))
    assert (found.kind, found.device, found.gateway) == (kind, name, gateway)
    assert found.source == source
    assert found.command.endswith(f"ip route get {address}")


async def test_policy_rules_count_in_a_route_decision(wire: Wire) -> None:
    wire.client.run(
        "ip rule add to 192.0.2.7 table 77; ip route add default via 10.9.0.3 table 77"
    )
    try:
        found = await ask_route(wire.ground, AskRoute(wire.client.place, "192.0.2.7"))
    finally:
        wire.client.run("ip rule del to 192.0.2.7 table 77; ip route flush table 77")
    assert (found.kind, found.gateway) == ("unicast", "10.9.0.3")


@pytest.mark.parametrize("address", ["db", "", "10.0.0.0/8", "1.2.3", "\x1b"])
async def test_what_is_no_address_is_said_to_be_none(wire: Wire, address: str) -> None:
    with pytest.raises(ProbeError, match="is not an IP address"):
        await ask_route(wire.ground, AskRoute(wire.client.place, address))
    with pytest.raises(ProbeError, match="is not an IP address"):
        await find_address(wire.ground, FindAddress(address))


async def holders(wire: Wire, address: str) -> list[tuple[str, str]]:
    found = await find_address(wire.ground, FindAddress(address))
    assert found.unseen == ()
    return [(holder.place.label, holder.device) for holder in found.holders]


async def test_an_address_is_found_wherever_it_is_configured(wire: Wire) -> None:
    assert await holders(wire, SERVER4) == [(wire.server.name, "e0")]
    assert await holders(wire, "FD00:9:0::1") == [(wire.client.name, "e0")]
    assert await holders(wire, NOBODY4) == []
    wire.client.run(f"ip addr add {SERVER4}/32 dev lo")
    try:
        twice = await holders(wire, SERVER4)
    finally:
        wire.client.run(f"ip addr del {SERVER4}/32 dev lo")
    assert sorted(twice) == [(wire.client.name, "lo"), (wire.server.name, "e0")]


async def test_holders_are_named_with_their_mac(wire: Wire) -> None:
    table = await read(wire, wire.server.place)
    found = await find_address(wire.ground, FindAddress(SERVER4))
    assert [holder.mac for holder in found.holders] == [device(table, "e0").mac]


async def test_containers_that_share_a_namespace_count_once(
    wire: Wire, tmp_path: Path
) -> None:
    with contextlib.closing(Box(wire, tmp_path)) as box:
        assert box.ground.snapshot
        (owner,) = box.ground.snapshot.containers
        rider = Container(
            id="e" * 64,
            name="rider",
            state=State.RUNNING,
            pid=owner.pid,
            network_mode=f"container:{owner.id}",
        )
        box.ground.snapshot = Snapshot(datetime.now(UTC), containers=(rider, owner))
        assert await holders(wire, CLIENT4) == [("box", "e0")]


async def test_a_place_that_went_away_is_named_as_unseen(wire: Wire) -> None:
    know(wire, wire.server.name, "nwt-none")
    found = await find_address(wire.ground, FindAddress(SERVER4))
    assert [holder.place for holder in found.holders] == [wire.server.place]
    assert found.unseen == ("nwt-none",)


async def test_links_of_a_place_that_went_away_are_gone(wire: Wire) -> None:
    gone = Place.netns("nwt-none")
    for asked in (
        read_links(wire.ground, ReadLinks(gone)),
        ask_route(wire.ground, AskRoute(gone, SERVER4)),
    ):
        with pytest.raises(ProbeError) as caught:
            await asked
        assert caught.value.kind is Failure.GONE


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def namespaces_of_threads() -> set[int]:
    tasks = Path("/proc/self/task").iterdir()
    return {(task / "ns/net").stat().st_ino for task in tasks}


async def test_nothing_stays_open_and_nobody_stays_abroad(wire: Wire) -> None:
    await read(wire)
    before = open_files()
    for _ in range(5):
        await read(wire)
        await find_address(wire.ground, FindAddress(SERVER4))
    assert open_files() <= before
    assert len(namespaces_of_threads()) == 1


async def test_a_machine_of_many_devices_is_read_in_time(wire: Wire) -> None:
    with contextlib.closing(Namespace("crowd")) as crowd:
        crowd.run(
            "ip link add br0 type bridge; i=0; while [ $i -lt 150 ]; do"
            ' echo "link add v$i type veth peer name w$i";'
            ' echo "link set v$i master br0";'
            " i=$((i+1)); done | ip -batch -"
        )
        until(lambda: "w149" in crowd.run("ip -br link show w149"))
        table = await read(wire, crowd.place)
    assert len(table.interfaces) == 302
    assert device(table, "v7").peer_name == "w7"
    assert table.sysctl("net.ipv4.conf.br0.rp_filter")
