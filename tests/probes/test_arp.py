from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import ArpAnswers, Place
from netwiz.probes.links.arp import ask_arp
from netwiz.probes.requests import AskArp
from tests.probes.little_net import Namespace, needs_root
from tests.probes.wire import NOBODY4, SERVER4, Wire, rules
from tests.project import ROOT


async def ask(wire: Wire, address: str, place: Place | None = None) -> ArpAnswers:
    request = AskArp(place or wire.client.place, address, budget_ms=500)
    return await ask_arp(wire.ground, request)


def mac(namespace: Namespace) -> str:
    return namespace.run("ip -br link show e0").split()[2]


@needs_root
async def test_who_has_an_address_answers_with_its_mac(wire: Wire) -> None:
    found = await ask(wire, SERVER4)
    assert found.macs == (mac(wire.server),)
    assert found.command.endswith(f"arping -c 1 -I e0 {SERVER4}")


@needs_root
async def test_nobody_answers_for_an_address_that_nobody_has(wire: Wire) -> None:
    assert (await ask(wire, NOBODY4)).macs == ()


@needs_root
async def test_two_machines_with_one_address_both_answer(wire: Wire) -> None:
    # The second one is a macvlan on the server's end, in a namespace of its own.
    with contextlib.closing(Namespace("twin")) as twin:
        wire.server.run("ip link add link e0 name m0 type macvlan mode bridge")
        wire.server.run(f"ip link set m0 netns {twin.name}")
        twin.run(f"ip link set m0 name e0 up; ip addr add {SERVER4}/24 dev e0")
        found = await ask(wire, SERVER4)
        assert set(found.macs) == {mac(wire.server), mac(twin)}


@needs_root
async def test_the_owner_can_ask_whether_somebody_else_has_it_too(
    wire: Wire,
) -> None:
    alone = await ask(wire, SERVER4, wire.server.place)
    assert alone.macs == ()
    assert "arping -D" in alone.command
    wire.client.run(f"ip addr add {SERVER4}/32 dev e0")
    try:
        found = await ask(wire, SERVER4, wire.server.place)
    finally:
        wire.client.run(f"ip addr del {SERVER4}/32 dev e0")
    assert found.macs == (mac(wire.client),)


@needs_root
async def test_one_request_is_sent_and_no_more(wire: Wire) -> None:
    wire.server.run(
        "nft add table netdev t; nft add chain netdev t in"
        " '{ type filter hook ingress device e0 priority 0; }';"
        "nft add rule netdev t in ether type arp counter"
    )
    try:
        await ask(wire, NOBODY4)
        listing = wire.server.run("nft list table netdev t")
    finally:
        wire.server.run("nft delete table netdev t")
    assert "counter packets 1 " in listing


@needs_root
async def test_hostile_frames_are_not_taken_for_answers(wire: Wire) -> None:
    import socket

    loop = asyncio.get_running_loop()

    def listen() -> socket.socket:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        made.bind(("e0", 0x0806))
        made.setblocking(False)
        return made

    sock = wire.ground.namespaces.call_here(wire.server.place, listen)
    other = bytes.fromhex("ffffffffffff 020000000099 0806")
    arp = bytes.fromhex("0001 0800 06 04 0002 020000000099")
    target = bytes.fromhex("020000000001 0a090001")
    nobody = bytes([10, 9, 0, 77])
    frames = [
        other,
        other + arp[:5],
        other + os.urandom(60),
        other + arp + bytes([10, 9, 0, 78]) + target,  # of another address
        other + arp.replace(b"\0\2", b"\0\1", 1) + nobody + target,  # a question
        other + arp + nobody + target,
        other + arp + nobody + target + b"\0" * 1400,
    ]
    with contextlib.closing(sock):
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(ask(wire, NOBODY4))
            await loop.sock_recv(sock, 2048)
            for frame in frames:
                sock.send(frame)
    assert asking.result().macs == ("02:00:00:00:00:99",)


@needs_root
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "has no wire to 127.0.0.1: local"),
        ("203.0.113.9", "has no wire to 203.0.113.9: no route"),
        ("198.51.100.9", f"reaches 198.51.100.9 through {SERVER4}"),
        ("fd00:9::2", "is IPv6, which has no ARP"),
        ("db", "is not an IP address"),
    ],
)
async def test_where_arp_means_nothing_it_says_so(
    wire: Wire, address: str, reason: str
) -> None:
    wire.client.run(f"ip route replace 198.51.100.0/24 via {SERVER4}")
    with pytest.raises(ProbeError, match=reason):
        await ask(wire, address)


@needs_root
async def test_a_device_without_arp_is_said_to_have_none(wire: Wire) -> None:
    with contextlib.closing(Namespace("tunnel")) as lone:
        lone.run("ip tuntap add t0 mode tun; ip addr add 10.8.0.1/24 dev t0")
        lone.run("ip link set t0 up")
        with pytest.raises(ProbeError, match=r"t0 of .* is no Ethernet"):
            await ask(wire, "10.8.0.2", lone.place)


@needs_root
async def test_a_firewall_does_not_silence_arp(wire: Wire) -> None:
    with rules(wire.server, "input drop", "output drop"):
        assert (await ask(wire, SERVER4)).macs == (mac(wire.server),)


LOAD = """
import os, pathlib, sys
from netwiz.probes.links.scapy_loader import load_scapy
before = dict(os.environ)
load_scapy()
load_scapy()
assert dict(os.environ) == before
from scapy.layers.l2 import ARP
from scapy.layers.inet import TCP
assert "scapy.all" not in sys.modules
print([str(path) for path in pathlib.Path(os.environ["HOME"]).rglob("*")])
"""


def test_scapy_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD],
        env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src"), "PATH": "/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
