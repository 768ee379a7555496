"""Live packets of real namespaces: heard, once, in order, told apart, counted."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from netwiz.probes.capture.inside import inside
from netwiz.probes.capture.wanted import FileWanted
from netwiz.probes.facts.packets import Level, PacketKind
from netwiz.probes.namespaces import NETNS_DIR
from tests.probes.capturing import (
    LEFT_IP,
    RIGHT_IP,
    capturing,
    join,
    packet_sockets,
    pair,
    promiscuity,
    read_file,
    send,
    socket_in,
    started,
    tap,
)
from tests.probes.little_net import Namespace, needs_root, sh

pytestmark = needs_root


@pytest.fixture
def lone() -> Iterator[Namespace]:
    namespace = Namespace("lone")
    yield namespace
    namespace.close()


@pytest.fixture
def two() -> Iterator[tuple[Namespace, Namespace]]:
    with pair() as both:
        yield both


async def test_the_loopback_shows_each_packet_once(lone: Namespace) -> None:
    async with capturing(tap(lone, "pg"), filter="udp port 9") as heard:
        assert heard.started is not None
        assert [(t.name, t.linktype) for t in heard.started.taps] == [("pg", 1)]
        send(lone, "127.0.0.1", 5)
        await heard.payloads(5)
        ended = await heard.end()
    assert (ended.why, ended.wrong) == ("stopped", False)
    assert [row.raw[-11:].decode()[-2:] for row in heard.numbered()] == [
        "00", "01", "02", "03", "04",
    ]  # fmt: skip
    assert heard.counts.seen == heard.counts.read == 5
    assert not heard.counts.sampled


async def test_what_comes_before_the_stop_is_told(lone: Namespace) -> None:
    """The kernel hands packets over in blocks: the last one must not be lost."""
    async with capturing(tap(lone), filter="udp port 9") as heard:
        send(lone, "127.0.0.1", 50)
        await heard.end()
    assert len(heard.numbered()) == 50


async def test_a_connection_that_is_open_already_is_heard(
    two: tuple[Namespace, Namespace],
) -> None:
    left, right = two
    with socket_in(right, socket.SOCK_STREAM) as server:
        server.bind((RIGHT_IP, 7777))
        server.listen()
        with socket_in(left, socket.SOCK_STREAM) as client:
            client.connect((RIGHT_IP, 7777))
            serving, _ = server.accept()
            with serving:
                async with capturing(tap(right, "pg")) as heard:
                    client.send(b"are you there")
                    await heard.until(
                        lambda: any(b"are you there" in r.raw for r in heard.rows)
                    )
                    await heard.end()
    assert {row.kind for row in heard.rows} <= {PacketKind.TCP, PacketKind.ARP}


async def test_several_are_merged_by_time_and_told_apart(
    two: tuple[Namespace, Namespace],
) -> None:
    left, right = two
    taps = (tap(left, "order"), tap(right, "pg"))
    async with capturing(*taps, filter="udp port 9") as heard:
        for _ in range(20):
            send(left, RIGHT_IP, 3)
            send(right, LEFT_IP, 3)
            await asyncio.sleep(0.01)
        await heard.payloads(240)
        await heard.end()
    rows = heard.numbered()
    times = [row.at_ns for row in rows]
    assert times == sorted(times)
    assert [row.tap for row in rows].count(0) == [row.tap for row in rows].count(1)
    first, second = rows[:2]
    assert (first.tap, second.tap) == (0, 1)
    assert first.source == second.source


async def test_a_device_that_appears_later_is_heard() -> None:
    left, right = Namespace("left"), Namespace("right")
    try:
        async with capturing(tap(right, "pg"), filter="udp port 9") as heard:
            join(left, right)
            send(left, RIGHT_IP, 4)
            await heard.payloads(4)
            await heard.end()
    finally:
        left.close()
        right.close()


def packets_on(namespace: Namespace, device: str) -> socket.socket:
    """A socket that sends frames as they are."""
    fd = os.open(NETNS_DIR / namespace.name, os.O_RDONLY)
    try:
        with inside(fd):
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            made.bind((device, 0))
            return made
    finally:
        os.close(fd)


def datagram(n: int, *, tag: str) -> bytes:
    """A broadcast frame with a UDP datagram to port 9 (no checksums)."""
    ends = socket.inet_aton(LEFT_IP) + socket.inet_aton(RIGHT_IP)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 41, n, 0, 64, 17, 0)
    udp = struct.pack("!HHHH", 40000, 9, 21, 0)
    link = b"\xff" * 6 + b"\x02" + bytes(5) + bytes.fromhex(tag)
    return link + head + ends + udp + b"number %06d" % n


async def test_a_vlan_tag_that_the_kernel_took_off_is_put_back(
    two: tuple[Namespace, Namespace],
) -> None:
    left, right = two
    wanted = tap(right, "pg", "wire0")
    async with (
        capturing(wanted) as everything,
        capturing(wanted, filter="vlan 7 and udp port 9") as tagged,
        capturing(wanted, filter="vlan 8") as others,
    ):
        with contextlib.closing(packets_on(left, "wire0")) as wire:
            for n in range(3):
                wire.send(datagram(n, tag="810000070800"))
            for n in range(2):
                wire.send(datagram(n, tag="0800"))
        await everything.payloads(5)
        await tagged.payloads(3)
        for heard in (everything, tagged, others):
            await heard.end()
    assert len(tagged.numbered()) == 3
    assert not others.rows
    assert all(row.raw[12:18].hex() == "810000070800" for row in tagged.numbered())
    assert tagged.rows[0].size == len(tagged.rows[0].raw)
    with_tag = [r for r in everything.numbered() if r.raw[12:14] == b"\x81\0"]
    assert len(with_tag) == 3


@contextlib.contextmanager
def tunnel(namespace: Namespace) -> Iterator[None]:
    """A device that carries IP without any link header (Linux, tuntap.rst)."""
    fd = os.open(NETNS_DIR / namespace.name, os.O_RDONLY)
    with inside(fd):
        tun = os.open("/dev/net/tun", os.O_RDWR)  # of the namespace it is opened in
    try:
        with inside(fd):
            fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"tun0", 0x1001))
        namespace.run("ip addr add 10.97.0.1/24 dev tun0; ip link set tun0 up")
        yield
    finally:
        os.close(fd)
        os.close(tun)


async def test_a_device_without_link_header_is_read_and_written(
    lone: Namespace, tmp_path: Path
) -> None:
    file = FileWanted(str(tmp_path / "x.pcapng"), spare_bytes=0)
    with tunnel(lone):
        async with (
            capturing(tap(lone, "vpn"), filter="udp port 9", file=file) as heard,
            capturing(tap(lone, "vpn", "tun0"), filter="udp port 9") as bound,
        ):
            send(lone, "10.97.0.2", 3)
            send(lone, "127.0.0.1", 1)
            await heard.payloads(4)
            await bound.payloads(3)
            await heard.end()
            await bound.end()
        assert bound.started is not None
        assert bound.started.taps[0].linktype == 101
        assert bound.rows[0].raw[0] == 0x45
    by_end = {row.destination: row for row in heard.rows}
    # In a list of Ethernet packets it has a header that can be read as one.
    assert by_end["10.97.0.2:9"].raw[12:15] == b"\x08\0\x45"
    assert by_end["127.0.0.1:9"].raw[12:15] == b"\x08\0\x45"
    again = await read_file(tmp_path / "x.pcapng")
    assert again.started is not None
    assert {(t.name, t.linktype) for t in again.started.taps} == {
        ("vpn/tun0", 101), ("vpn/lo", 1),
    }  # fmt: skip
    assert [row.destination for row in again.rows] == [
        row.destination for row in heard.rows
    ]


@contextlib.contextmanager
def bridged() -> Iterator[tuple[Namespace, list[Namespace]]]:
    """A host with a bridge and two containers at it."""
    host = Namespace("host")
    members: list[Namespace] = []
    try:
        host.run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        host.run("ip link add br0 type bridge; ip addr add 10.96.0.254/24 dev br0")
        host.run("ip link set br0 up")
        members += (member(host, 0), member(host, 1))
        yield host, members
    finally:
        for namespace in (*members, host):
            namespace.close()


def member(host: Namespace, n: int) -> Namespace:
    made = Namespace(f"member{n}")
    made.run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
    sh(
        f"ip -n {host.name} link add port{n} type veth"
        f" peer name eth0 netns {made.name};"
        f"ip -n {host.name} link set port{n} master br0 up;"
        f"ip -n {made.name} addr add 10.96.0.{n + 1}/24 dev eth0;"
        f"ip -n {made.name} link set eth0 up"
    )
    return made


async def test_a_bridge_shows_what_goes_between_its_ports_once_and_stays_as_it_is() -> (
    None
):
    with bridged() as (host, (one, two)):
        before = promiscuity(host)
        async with capturing(tap(host, "shop", "br0"), filter="udp port 9") as heard:
            assert promiscuity(host) == before
            send(one, "10.96.0.2", 3)
            send(two, "10.96.0.1", 3)
            send(host, "10.96.0.1", 3)
            send(one, "10.96.0.254", 3)
            await heard.payloads(12)
            third = member(host, 2)
            try:
                send(third, "10.96.0.1", 3)
                await heard.payloads(15)
            finally:
                third.close()
            await heard.end()
        assert promiscuity(host) == before
    assert len(heard.numbered()) == 15


async def test_what_a_bridge_floods_is_not_a_containers() -> None:
    """A stranger's question, whose answer is not shown here, would be unanswered."""
    with bridged() as (host, (one, two)):
        away = "02:00:00:00:00:99"
        one.run(f"ip neigh add 10.96.0.9 lladdr {away} dev eth0 nud permanent")
        async with (
            capturing(tap(two, "pg"), filter="udp port 9") as heard,
            capturing(tap(two, "pg", "eth0"), filter="udp port 9") as bound,
            capturing(tap(host, "shop", "br0"), filter="udp port 9") as bridge,
        ):
            send(one, "10.96.0.9", 4)
            send(one, "10.96.0.2", 3)
            for each, count in ((heard, 3), (bound, 7), (bridge, 7)):
                await each.payloads(count)
                await each.end()
                assert len(each.numbered()) == count
    assert {row.destination for row in heard.numbered()} == {"10.96.0.2:9"}


async def test_a_refusal_comes_in_at_another_port_of_the_bridge() -> None:
    with bridged() as (host, (one, _)):
        async with capturing(tap(host, "shop", "br0"), filter="tcp") as heard:
            with socket_in(one, socket.SOCK_STREAM) as client:
                assert client.connect_ex(("10.96.0.2", 5432))
            await heard.until(lambda: len(heard.rows) >= 2)
            await heard.end()
    asked, refused = heard.rows
    assert refused.level is Level.PROBLEM
    assert refused.about == asked.number
    assert "refused" in refused.text


async def test_a_bound_device_hears_nothing_of_the_others(
    two: tuple[Namespace, Namespace],
) -> None:
    left, right = two
    async with capturing(tap(right, "pg", "wire0"), filter="udp port 9") as heard:
        assert heard.started is not None
        assert heard.started.taps[0].device == "wire0"
        send(right, "127.0.0.1", 3)
        send(left, RIGHT_IP, 2)
        await heard.payloads(2)
        await heard.end()
    assert len(heard.rows) == 2


FILTERS = (
    "", "udp", "tcp", "port 9", "udp port 10 or port 9", "icmp", "arp", "pg",
    "pg and not port 9", "less 60", "udp[8:4] = 0x6e756d62", "dst port 9", "syn", "rst",
    "not (udp or arp)", "ether broadcast", "ip[8] < 65", "src pg or port 7",
)  # fmt: skip


async def test_the_same_packets_are_chosen_as_by_tcpdump(
    two: tuple[Namespace, Namespace], tmp_path: Path
) -> None:
    left, right = two
    names = {RIGHT_IP: "pg"}
    plain = {"pg": f"host {RIGHT_IP}", "syn": "tcp[tcpflags] & tcp-syn != 0",
             "rst": "tcp[tcpflags] & tcp-rst != 0",
             "pg and not port 9": f"host {RIGHT_IP} and not port 9",
             "src pg or port 7": f"src {RIGHT_IP} or port 7"}  # fmt: skip
    async with contextlib.AsyncExitStack() as stack:
        theirs, ours = {}, {}
        for n, text in enumerate(FILTERS):
            path = tmp_path / f"{n}.pcap"
            argv = ["nsenter", f"--net={NETNS_DIR / right.name}", "tcpdump", "-pU",
                    "--immediate-mode", "-Zroot", "-i", "wire0", "-w", str(path),
                    plain.get(text, text)]  # fmt: skip
            process = started(argv)
            assert process.stderr is not None
            await asyncio.to_thread(process.stderr.readline)
            theirs[text] = (process, path)
            ours[text] = await stack.enter_async_context(
                capturing(tap(right, "pg", "wire0"), filter=text, names=names)
            )
        for port in (7, 9, 10):
            send(left, RIGHT_IP, 3, port=port)
            with socket_in(left, socket.SOCK_STREAM) as client:
                assert client.connect_ex((RIGHT_IP, port))
        await ours[""].until(lambda: sum(b"number" in r.raw for r in ours[""].rows) > 8)
        for text, (process, path) in theirs.items():
            await ours[text].end()
            process.terminate()
            await asyncio.to_thread(process.communicate, timeout=60)
            expected = await read_file(path)
            found = [row.raw for row in ours[text].rows if row.size]
            assert found == [row.raw for row in expected.rows if row.size], text
    assert ours["rst"].rows
    assert ours["icmp"].rows


async def test_fifty_at_once() -> None:
    namespaces = [Namespace(f"n{n}") for n in range(50)]
    try:
        taps = [tap(namespace) for namespace in namespaces]
        async with capturing(*taps, filter="udp port 9") as heard:
            for namespace in namespaces:
                send(namespace, "127.0.0.1", 2)
            await heard.payloads(100)
            ended = await heard.end()
        assert not ended.wrong
        assert [row.tap for row in heard.rows] == [n for n in range(50) for _ in "ab"]
        assert not any(packet_sockets(namespace) for namespace in namespaces)
    finally:
        for namespace in namespaces:
            namespace.close()


async def test_two_that_share_a_namespace_are_one_tap(lone: Namespace) -> None:
    taps = (tap(lone, "app"), tap(lone, "sidecar"))
    async with capturing(*taps, filter="udp port 9") as heard:
        assert heard.started is not None
        assert [t.name for t in heard.started.taps] == ["app+sidecar"]
        send(lone, "127.0.0.1", 3)
        await heard.payloads(3)
        await heard.end()
    assert len(heard.rows) == 3
