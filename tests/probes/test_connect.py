from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from pathlib import Path

import pytest

from netwiz.probes.connect.dial import AFTER_MS, connect
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import After, Connection, Failure, Outcome, Place, Protocol
from tests.probes.little_net import Namespace, needs_root
from tests.probes.wire import (
    CLIENT4,
    CLIENT6,
    NOBODY4,
    NOBODY6,
    SERVER4,
    SERVER6,
    Wire,
    rules,
)

pytestmark = needs_root


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def dial(
    wire: Wire,
    address: str,
    port: int,
    protocol: Protocol = Protocol.TCP,
    budget_ms: float = 1200,
) -> Connection:
    place = wire.client.place
    before = open_files()
    found = await connect(
        wire.ground, place, address, port, protocol, budget_ms=budget_ms
    )
    assert open_files() <= before + 1, "a socket was left open"
    return found


async def wait_for_eof(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.read()


@pytest.mark.parametrize(("server", "client"), [(SERVER4, CLIENT4), (SERVER6, CLIENT6)])
async def test_a_service_that_waits_for_us_stays_open(
    wire: Wire, server: str, client: str
) -> None:
    async with wire.serving(wait_for_eof, server) as port:
        found = await dial(wire, server, port)
    assert found.works
    assert found.after is After.OPEN
    assert found.after_ms >= 50
    assert found.connect_ms > 0
    assert (found.source, found.icmp, found.errno_name) == (client, None, "")
    assert found.source_port
    assert found.command.endswith(f"nc -zv {server} {port}")


async def test_an_accept_without_a_service_is_seen_to_hang_up(wire: Wire) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with wire.serving(hang_up) as port:
        found = await dial(wire, SERVER4, port)
    assert found.hung_up
    assert found.after is After.EOF


async def test_on_a_busy_machine_a_hang_up_may_take_its_time(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(AFTER_MS * 2 / 1000)
        writer.close()

    monkeypatch.setattr(os, "getloadavg", lambda: (1000.0, 0.0, 0.0))
    async with wire.serving(hang_up) as port:
        found = await dial(wire, SERVER4, port)
    assert found.hung_up


async def test_a_reset_after_the_accept_is_told_from_an_eof(wire: Wire) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    async with wire.serving(reset) as port:
        found = await dial(wire, SERVER4, port)
    assert (found.outcome, found.after) == (Outcome.CONNECTED, After.RESET)
    assert found.errno_name == "ECONNRESET"


async def test_a_server_that_speaks_first_is_heard_and_left_politely(
    wire: Wire,
) -> None:
    ended: asyncio.Queue[bytes] = asyncio.Queue()

    async def speak(r: asyncio.StreamReader, w: asyncio.StreamWriter) -> None:
        w.write(b"220 " + b"x" * 4000)
        await w.drain()
        ended.put_nowait(await r.read())

    with rules(wire.server, "input tcp flags rst counter"):
        async with wire.serving(speak) as port:
            found = await dial(wire, SERVER4, port)
            assert await asyncio.wait_for(ended.get(), 60) == b""
        assert "packets 0 " in wire.server.run("nft list table inet t")
    assert found.works
    assert found.after is After.DATA
    assert found.first_bytes == (b"220 " + b"x" * 60)


@pytest.mark.parametrize("address", [SERVER4, SERVER6, "127.0.0.1", "::1"])
async def test_a_closed_port_refuses_without_icmp(wire: Wire, address: str) -> None:
    found = await dial(wire, address, 9)
    assert (found.outcome, found.errno_name) == (Outcome.REFUSED, "ECONNREFUSED")
    assert found.icmp is None
    assert found.source


@pytest.mark.parametrize(
    ("address", "reject", "felt", "icmp"),
    [
        (SERVER4, "icmp type port-unreachable", "REFUSED ECONNREFUSED", (3, 3)),
        (
            SERVER4,
            "icmp type host-prohibited",
            "HOST_UNREACHABLE EHOSTUNREACH",
            (3, 10),
        ),
        (
            SERVER4,
            "icmp type admin-prohibited",
            "HOST_UNREACHABLE EHOSTUNREACH",
            (3, 13),
        ),
        (SERVER4, "icmp type net-unreachable", "NET_UNREACHABLE ENETUNREACH", (3, 0)),
        (SERVER4, "icmp type prot-unreachable", "DENIED ENOPROTOOPT", (3, 2)),
        (SERVER4, "tcp reset", "REFUSED ECONNREFUSED", None),
        (SERVER6, "icmpv6 type port-unreachable", "REFUSED ECONNREFUSED", (1, 4)),
        (SERVER6, "icmpv6 type admin-prohibited", "DENIED EACCES", (1, 1)),
        (SERVER6, "icmpv6 type no-route", "NET_UNREACHABLE ENETUNREACH", (1, 0)),
    ],
)
async def test_the_icmp_behind_an_errno_is_named(
    wire: Wire,
    address: str,
    reject: str,
    felt: str,
    icmp: tuple[int, int] | None,
) -> None:
    async with wire.serving(wait_for_eof, address) as port:
        with rules(wire.server, f"input tcp dport {port} reject with {reject}"):
            found = await dial(wire, address, port)
    assert f"{found.outcome.name} {found.errno_name}" == felt
    assert (found.icmp and (found.icmp.type, found.icmp.code)) == icmp
    if found.icmp:
        assert found.icmp.source == address


async def test_silence_is_a_timeout_within_the_budget(wire: Wire) -> None:
    async with wire.serving(wait_for_eof) as port:
        with rules(wire.server, f"input tcp dport {port} drop"):
            found = await dial(wire, SERVER4, port, budget_ms=150)
    assert (found.outcome, found.errno_name) == (Outcome.TIMEOUT, "")
    assert 150 <= found.connect_ms < 10_000
    assert found.source == CLIENT4


@pytest.mark.parametrize(
    ("nobody", "own", "icmp"), [(NOBODY4, CLIENT4, (3, 1)), (NOBODY6, CLIENT6, (1, 3))]
)
async def test_a_missing_neighbour_is_reported_by_ourselves(
    wire: Wire, nobody: str, own: str, icmp: tuple[int, int]
) -> None:
    found = await dial(wire, nobody, 80, budget_ms=10_000)
    assert found.outcome is Outcome.HOST_UNREACHABLE
    assert found.icmp
    assert ((found.icmp.type, found.icmp.code), found.icmp.source) == (icmp, own)


@pytest.mark.parametrize("address", ["203.0.113.1", "2001:db8::1"])
async def test_no_route_is_known_at_once(wire: Wire, address: str) -> None:
    found = await dial(wire, address, 80)
    assert (found.outcome, found.icmp) == (Outcome.NET_UNREACHABLE, None)


async def test_ipv6_switched_off_leaves_no_source_address(wire: Wire) -> None:
    with contextlib.closing(Namespace("v4only")) as lone:
        lone.run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
        found = await connect(wire.ground, lone.place, "::1", 80)
    assert found.outcome is Outcome.ADDRESS_UNAVAILABLE


async def test_a_route_that_prohibits_denies_locally(wire: Wire) -> None:
    wire.client.run("ip route add prohibit 198.51.100.0/24")
    try:
        found = await dial(wire, "198.51.100.1", 80)
    finally:
        wire.client.run("ip route del prohibit 198.51.100.0/24")
    assert (found.outcome, found.errno_name) == (Outcome.DENIED, "EACCES")


async def test_an_answered_datagram_proves_a_udp_service(wire: Wire) -> None:
    async with wire.answering(lambda data: [b"got " + data]) as port:
        found = await dial(wire, SERVER4, port, Protocol.UDP)
    assert (found.outcome, found.after) == (Outcome.CONNECTED, After.DATA)
    assert found.first_bytes == b"got \0"
    assert found.source == CLIENT4


async def test_udp_without_an_answer_proves_nothing(wire: Wire) -> None:
    async with wire.answering(lambda _: []) as port:
        found = await dial(wire, SERVER4, port, Protocol.UDP, budget_ms=100)
    assert (found.outcome, found.works) == (Outcome.SILENT, False)


@pytest.mark.parametrize(("address", "code"), [(SERVER4, (3, 3)), (SERVER6, (1, 4))])
async def test_a_closed_udp_port_answers_by_icmp(
    wire: Wire, address: str, code: tuple[int, int]
) -> None:
    found = await dial(wire, address, 9, Protocol.UDP)
    assert found.outcome is Outcome.REFUSED
    assert found.icmp
    assert (found.icmp.type, found.icmp.code) == code


async def test_udp_eaten_on_our_own_way_out_is_denied(wire: Wire) -> None:
    with rules(wire.client, "output udp dport 9 drop"):
        found = await dial(wire, SERVER4, 9, Protocol.UDP)
    assert (found.outcome, found.errno_name) == (Outcome.DENIED, "EPERM")


async def test_port_53_is_asked_a_dns_question(wire: Wire) -> None:
    import dns.message
    import dns.rcode

    def refuse(wire_format: bytes) -> list[bytes]:
        reply = dns.message.make_response(dns.message.from_wire(wire_format))
        reply.set_rcode(dns.rcode.REFUSED)
        return [reply.to_wire()]

    async with wire.answering(refuse, port=53):
        found = await dial(wire, SERVER4, 53, Protocol.UDP)
    assert found.outcome is Outcome.CONNECTED


async def test_the_witness_learns_the_source_port_beforehand(wire: Wire) -> None:
    ports: list[int] = []

    async def note(sock: socket.socket) -> None:
        await asyncio.sleep(0)
        ports.append(sock.getsockname()[1])

    async with wire.serving(wait_for_eof) as port:
        found = await connect(
            wire.ground, wire.client.place, SERVER4, port, prepare=note
        )
    assert found.works
    assert ports == [found.source_port]


async def test_ephemeral_ports_run_out_as_for_the_application(wire: Wire) -> None:
    file = "/proc/sys/net/ipv4/ip_local_port_range"
    wire.client.run(f"echo 40000 40001 > {file}")
    held = [
        wire.socket(wire.client.place, socket.SOCK_STREAM, "0.0.0.0", port)
        for port in (40000, 40001)
    ]
    seen: list[int] = []
    try:
        async with wire.serving(wait_for_eof) as port:
            found = await connect(
                wire.ground,
                wire.client.place,
                SERVER4,
                port,
                prepare=lambda sock: seen.append(sock.getsockname()[1]),
            )
    finally:
        for sock in held:
            sock.close()
        wire.client.run(f"echo 32768 60999 > {file}")
    assert seen == [0]
    assert found.outcome is Outcome.ADDRESS_UNAVAILABLE


async def test_a_socket_that_meets_itself_is_no_service(wire: Wire) -> None:
    file = "/proc/sys/net/ipv4/ip_local_port_range"
    wire.client.run(f"echo 40000 40000 > {file}")
    try:
        found = await dial(wire, "127.0.0.1", 40000)
    finally:
        wire.client.run(f"echo 32768 60999 > {file}")
    assert found.outcome is Outcome.REFUSED


async def test_a_link_local_address_needs_its_device(wire: Wire) -> None:
    addresses = wire.server.run("ip -6 -br addr show dev e0 scope link").split()
    peer = next(a for a in addresses if a.startswith("fe80")).partition("/")[0]
    found = await dial(wire, f"{peer}%e0", 9)
    assert found.outcome is Outcome.REFUSED
    with pytest.raises(OSError, match="no device nope"):
        await dial(wire, f"{peer}%nope", 9)


async def test_a_namespace_that_is_gone_is_said_to_be_gone(wire: Wire) -> None:
    with pytest.raises(ProbeError) as caught:
        await connect(wire.ground, Place.netns("nwt-none"), SERVER4, 80)
    assert caught.value.kind is Failure.GONE


@pytest.mark.parametrize("address", ["db", "", "1.2.3.4.5", "::1%", "\x1b[2J"])
async def test_what_is_no_address_is_not_looked_up(wire: Wire, address: str) -> None:
    with pytest.raises(ProbeError, match="is not an IP address"):
        await connect(wire.ground, wire.client.place, address, 80)


async def test_a_cancelled_attempt_leaves_no_socket(wire: Wire) -> None:
    with rules(wire.server, "input tcp dport 9 drop"):
        before = open_files()
        started = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(
                connect(
                    wire.ground,
                    wire.client.place,
                    SERVER4,
                    9,
                    budget_ms=60_000,
                    prepare=lambda _: started.set(),
                )
            )
            await started.wait()
            task.cancel()
        assert task.cancelled()
        assert open_files() <= before
