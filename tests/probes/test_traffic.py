"""Traffic counters of real devices in namespaces of our own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.traffic import DeviceTotals, Traffic
from netwiz.probes.machine import Machine
from netwiz.probes.requests import ReadTraffic
from tests.probes.little_net import Namespace, NoEngine, needs_root, sh

pytestmark = needs_root


@pytest.fixture
def pair() -> Iterator[tuple[Namespace, Namespace]]:
    left, right = Namespace("left"), Namespace("right")
    try:
        sh(
            f"ip -n {left.name} link add a0 type veth peer name b0 netns {right.name};"
            f"ip -n {left.name} addr add 10.77.0.1/24 dev a0;"
            f"ip -n {right.name} addr add 10.77.0.2/24 dev b0;"
            f"ip -n {left.name} link set a0 up; ip -n {right.name} link set b0 up"
        )
        yield left, right
    finally:
        left.close()
        right.close()


async def read(*places: Place) -> Traffic:
    machine = Machine(NoEngine())
    try:
        found = await machine.perform(ReadTraffic(places))
    finally:
        machine.close()
    assert isinstance(found, Traffic)
    return found


def device(found: Traffic, place: Place, name: str) -> DeviceTotals:
    return next(d for d in dict(found.places)[place] if d.name == name)


async def test_bytes_are_counted_where_they_pass(
    pair: tuple[Namespace, Namespace],
) -> None:
    left, right = pair
    before = await read(left.place, right.place)
    for _ in range(3):
        left.run("busybox ping -c 1 -s 1000 10.77.0.2")
    after = await read(left.place, right.place)
    for place, name in ((left.place, "a0"), (right.place, "b0")):
        old, new = device(before, place, name), device(after, place, name)
        assert new.received - old.received >= 3000
        assert new.sent - old.sent >= 3000
        assert new.packets - old.packets >= 6
        assert len(new.mac) == 17
    assert after.at_s > before.at_s


async def test_what_a_device_drops_is_counted(
    pair: tuple[Namespace, Namespace],
) -> None:
    left, right = pair
    before = await read(right.place)
    # Of a protocol that nobody there speaks (IEEE 802, local experimental).
    frame = "b'\\xff' * 6 + b'\\x02' + b'\\x00' * 5 + b'\\x88\\xb5' + b'x' * 50"
    script = (
        "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW);"
        f"s.bind(('a0', 0)); [s.send({frame}) for _ in range(7)]"
    )
    left.run(f'python3 -c "{script}"')
    after = await read(right.place)
    old, new = device(before, right.place, "b0"), device(after, right.place, "b0")
    assert new.dropped - old.dropped >= 7


async def test_loopback_is_left_out_and_what_is_gone_is_named(
    pair: tuple[Namespace, Namespace],
) -> None:
    left, _ = pair
    found = await read(left.place, Place.netns("nobody-here"))
    assert [d.name for d in dict(found.places)[left.place]] == ["a0"]
    assert found.unseen == ("nobody-here",)
