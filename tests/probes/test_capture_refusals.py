"""A refusal by ICMP reaches who asked with a filter that does not take ICMP."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from netwiz.probes.capture.refusals import LEFT_IN, Refusals
from netwiz.probes.capture.ring import Packet
from netwiz.probes.capture.wanted import FileWanted
from netwiz.probes.capture.words import parse
from netwiz.probes.facts.packets import Level, PacketKind
from tests.probes.capturing import RIGHT_IP, capturing, pair, read_file, socket_in, tap
from tests.probes.little_net import Namespace, needs_root, sh

AWAY = "10.55.0.1"


@pytest.fixture
def asker() -> Iterator[Namespace]:
    """Its way to AWAY goes over a router that prohibits it (ip-route(8))."""
    with pair() as (left, right):
        sh(f"ip -n {left.name} route add 10.55.0.0/24 via {RIGHT_IP}")
        right.run("echo 1 > /proc/sys/net/ipv4/ip_forward")
        sh(f"ip -n {right.name} route add prohibit 10.55.0.0/24")
        yield left


def ask(asker: Namespace) -> None:
    with socket_in(asker, socket.SOCK_STREAM) as client:
        client.settimeout(20)
        assert client.connect_ex((AWAY, 3000))


@needs_root
@pytest.mark.parametrize("words", ["port 3000", AWAY, "tcp port 3000 or vlan", "tcp"])
async def test_a_refusal_is_told_and_not_written(
    asker: Namespace, tmp_path: Path, words: str
) -> None:
    file = FileWanted(str(tmp_path / "x.pcapng"), spare_bytes=0)
    async with capturing(
        tap(asker, "order", "wire0"), filter=words, file=file, refusals=True
    ) as heard:
        assert heard.started is not None
        assert heard.started.left_in == (LEFT_IN,)
        ask(asker)
        await heard.until(lambda: any(r.kind is PacketKind.ICMP for r in heard.rows))
        await heard.end()
    asked, refused = heard.rows
    assert (refused.kind, refused.level) == (PacketKind.ICMP, Level.PROBLEM)
    assert refused.about == asked.number
    assert "prohibited" in refused.text
    assert (heard.counts.seen, heard.counts.read, heard.counts.written) == (2, 2, 1)
    again = await read_file(tmp_path / "x.pcapng")
    assert [row.raw for row in again.rows] == [asked.raw]


@needs_root
async def test_one_about_something_else_is_not_told(
    asker: Namespace, tmp_path: Path
) -> None:
    file = FileWanted(str(tmp_path / "x.pcapng"), spare_bytes=0)
    taps = tap(asker, "order", "wire0")
    async with (
        capturing(taps, filter="port 4000", refusals=True) as other,
        capturing(taps, filter="port 3000") as plain,
        capturing(taps, file=file) as everything,
    ):
        ask(asker)
        await everything.until(
            lambda: any(r.kind is PacketKind.ICMP for r in everything.rows)
        )
        for heard in (everything, plain, other):
            await heard.end()
    assert not other.rows
    assert [row.kind for row in plain.rows] == [PacketKind.TCP]
    # A file that has everything is read in the same way.
    async with capturing(
        source=str(tmp_path / "x.pcapng"), filter="port 3000", refusals=True
    ) as again:
        await again.ends()
    assert [row.kind for row in again.rows] == [PacketKind.TCP, PacketKind.ICMP]
    assert again.rows[1].about == again.rows[0].number


@pytest.mark.parametrize(
    "words",
    ["port 3000", "tcp", "pg", "not port 22", "vlan 7 and port 3000", "tcp or icmp"],
)
def test_most_filters_miss_refusals(words: str) -> None:
    found = parse(words, {"10.0.0.1": "pg"})
    assert found.refusals
    assert found.both_ways


@pytest.mark.parametrize(
    "words", ["port 80 and not icmp", "! icmp6", "dst port 80", "syn"]
)
def test_who_wants_no_icmp_or_one_direction_is_told_of_no_silence(words: str) -> None:
    found = parse(words, {})
    assert not found.refusals
    assert not found.both_ways


@pytest.mark.parametrize("words", ["", "errors"])
def test_who_takes_everything_takes_refusals(words: str) -> None:
    found = parse(words, {})
    assert not found.refusals
    assert found.both_ways


def ip4(protocol: int, body: bytes, *, ends: bytes = bytes(8)) -> bytes:
    head = (0x45, 0, 20 + len(body), 7, 0, 64, protocol, 0, ends)
    return struct.pack(">BBHHHBBH8s", *head) + body


def ip6(protocol: int, body: bytes) -> bytes:
    return struct.pack(">IHBB32s", 6 << 28, len(body), protocol, 64, bytes(32)) + body


def error(version: int, port: int, kind: int) -> bytes:
    quoted = struct.pack(">HHI", 40000, port, 1)
    head = bytes((kind, 1)) + bytes(6)
    if version == 4:
        return ip4(1, head + ip4(6, quoted))
    return ip6(58, head + ip6(6, quoted))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("tag", ["", "8100000a"])
def test_the_filter_is_asked_about_what_is_quoted(version: int, tag: str) -> None:
    kind = b"\x08\0" if version == 4 else b"\x86\xdd"
    link = bytes(12) + bytes.fromhex(tag) + kind
    devices = [(0, 1, 1), (1, 101, 101)]
    refusals = Refusals("port 3000", tags=False)
    first = 3 if version == 4 else 1

    def packet(data: bytes, device: int = 0) -> Packet:
        return (0, device, len(data), data)

    about = packet(link + error(version, 3000, first))
    flat = packet(error(version, 3000, first), 1)
    other = packet(link + error(version, 4000, first))
    echo = packet(link + error(version, 3000, 8 if version == 4 else 128))
    body = struct.pack(">HHI", 3000, 7, 1) + bytes(40)
    maker = ip4 if version == 4 else ip6
    chosen = packet(bytes(12) + kind + maker(6, body))
    packets = [chosen, about, other, flat, chosen]
    assert refusals.only_read(packets, devices) == (
        [chosen, chosen],
        [chosen, about, flat, chosen],
    )
    # Where all devices are Ethernet, most packets are not looked into.
    assert refusals.only_read([chosen, about, other], devices[:1]) == (
        [chosen],
        [chosen, about],
    )
    assert not tag or refusals.passed([echo, other], devices) == ([], [])
    assert refusals.passed([chosen, echo, other, flat], devices) == (
        [chosen],
        [chosen, flat],
    )


def test_what_the_filter_takes_itself_stays_in_the_file() -> None:
    data = bytes(12) + b"\x08\0" + error(4, 3000, 3)
    packets = [(0, 0, len(data), data)]
    refusals = Refusals("host 0.0.0.0", tags=False)
    assert refusals.only_read(packets, [(0, 1, 1)]) == (packets, packets)


@pytest.mark.parametrize("cut", range(0, 70, 3))
def test_a_cut_one_is_nobodys(cut: int) -> None:
    data = (bytes(12) + b"\x08\0" + error(4, 3000, 3))[:cut]
    packets = [(0, 0, 70, data)]
    refusals = Refusals("port 3000", tags=False)
    for found in (refusals.only_read, refusals.passed):
        assert len(found(packets, [(0, 1, 1)])[1]) <= 1
