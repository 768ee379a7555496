"""What must not be blamed on a wire, or on the client's own end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    Connection,
    Finding,
    IcmpError,
    Interface,
    LinkTable,
    Neighbour,
    Outcome,
    ProcessRights,
)
from netwiz.wizard.verdict import Result
from tests.wizard.wire_world import (
    INSIDE,
    MACS,
    SENT,
    alone,
    at_once,
    links,
    no_source,
    ping,
    routed,
    wire,
)
from tests.wizard.world import GATEWAY, ORDER, World, case, walk

SPARE = Interface(11, "eth1", "veth", up=False)


async def test_links_in_order_are_no_fault() -> None:
    found = await walk(wire())
    assert found.result is Result.UNDETERMINED
    assert "pg has 172.18.0.2" in found.summary


async def test_a_right_entry_is_not_stale() -> None:
    right = Neighbour("172.18.0.2", "eth0", MACS["pg"], "REACHABLE")
    found = await walk(wire(see=links(neighbours=(right,)), seen=SENT))
    assert found.cause is None


async def test_a_failed_entry_is_not_wrong() -> None:
    failed = Neighbour("172.18.0.2", "eth0", "02:42:de:ad:be:ef", "FAILED")
    found = await walk(wire(see=links(neighbours=(failed,)), seen=SENT))
    assert found.cause is None


async def test_an_unused_device_that_is_down_is_not_blamed() -> None:
    def both(request: ask.Request) -> Finding:
        assert isinstance(request, ask.ReadLinks)
        found = links(routes=())(request)
        assert isinstance(found, LinkTable)
        if request.place != ORDER.place:
            return found
        return replace(found, interfaces=(*found.interfaces, SPARE))

    world = alone(attached=True, own=INSIDE["order"])
    world = replace(world, answers={**world.answers, ask.ReadLinks: both})
    found = await walk(world, case("203.0.113.10", 80))
    assert found.cause is None or found.cause.id != "link-down"


@pytest.mark.parametrize("streams", [0, 2])
async def test_few_sockets_have_not_used_up_the_ports(streams: int) -> None:
    ranged = (("net.ipv4.ip_local_port_range", "40000 40003"),)
    found = await walk(no_source(streams, ranged))
    assert found.result is Result.UNDETERMINED


async def test_a_ping_that_may_and_is_answered_is_no_fault() -> None:
    world = ping(ProcessRights(container_id=ORDER.id, effective=1 << 13))
    denied = replace(case(), error="ping: permission denied (are you root?)")
    found = await walk(world, denied)
    assert found.cause is None


async def test_a_prohibition_is_no_silent_neighbour() -> None:
    def told(link: Connection) -> Connection:
        link = replace(link, outcome=Outcome.HOST_UNREACHABLE)
        return replace(link, errno_name="EHOSTUNREACH", icmp=IcmpError(3, 10, GATEWAY))

    found = await walk(wire(seen=SENT, connection=told))
    steps = [s.node for s in found.steps]
    assert "wire" not in steps
    assert found.cause is None


async def test_an_own_icmp_error_is_the_own_question() -> None:
    def told(link: Connection) -> Connection:
        link = at_once(Outcome.HOST_UNREACHABLE, "EHOSTUNREACH")(link)
        return replace(link, icmp=IcmpError(3, 1, "172.18.0.3"))

    cut = {"order": INSIDE["order"], "pg": replace(INSIDE["pg"], up=False)}
    world: World = wire(see=links(inside=cut), seen=(), connection=told)
    found = await walk(world)
    assert found.cause is not None
    assert found.cause.id == "link-down"


async def test_a_route_that_forbids_is_the_route_s() -> None:
    world = wire(seen=(), connection=at_once(Outcome.DENIED, "EACCES"))
    answers = {**world.answers, ask.AskRoute: routed(kind="prohibit")}
    found = await walk(replace(world, answers=answers))
    assert "wire" not in [s.node for s in found.steps]
