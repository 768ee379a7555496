"""Real servers, the kernel's own packets: faults are told, health raises no alarm."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import pytest

from netwiz.probes.facts.packets import Level, PacketKind
from tests.lab.certificates import Certificates
from tests.lab.scenario import Certificate as Wanted
from tests.probes.little_net import needs_root
from tests.probes.real_servers import (
    NGINX,
    Server,
    answers,
    at,
    dial,
    over_dns,
    over_http,
    over_redis,
    over_tls,
    running,
)
from tests.probes.tap import Tap, alarms, tapped, until_row
from tests.probes.wire import CLIENT4, NOBODY4, SERVER4, SERVER6, Wire, rules, until

pytestmark = needs_root
NAMES = {CLIENT4: "order", SERVER4: "pg"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    made = Certificates(folder / "c", {"pay": Wanted(names=("pay.lan",))})
    (folder / "pay.pem").write_text(made.fact("pay", "crt") + made.fact("pay", "key"))
    (folder / "big").write_bytes(b"x" * 300_000)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    return folder


@pytest.fixture(scope="module")
def servers(wire: Wire, folder: Path) -> Iterator[None]:
    redis = ("redis-server", "--save", "", "--protected-mode", "no", "--bind", SERVER4)
    names = "dnsmasq -k -C /dev/null --no-resolv --no-hosts --pid-file= --user=root"
    with (
        running(wire.server, "nginx", "-c", str(folder / "nginx.conf")),
        running(wire.server, *redis, "--dir", str(folder)),
        running(wire.server, *names.split(), f"--address=/pg.lan/{SERVER4}"),
    ):
        for port in (80, 443, 6379, 53):
            until(lambda port=port: answers(wire, port))  # type: ignore[misc]
        yield


@pytest.mark.parametrize("device", ["e0", ""], ids=["one device", "every device"])
@pytest.mark.parametrize("where", ["client", "server"])
def test_a_healthy_busy_network_raises_no_alarm(
    wire: Wire, servers: None, folder: Path, where: str, device: str
) -> None:
    place = wire.client.place if where == "client" else wire.server.place
    with tapped(wire.ground, place, device) as tap:
        for _ in range(4):
            for do in (
                lambda: over_http(SERVER4, ("/", "/big", "/")),
                lambda: over_http(SERVER6, ("/big", "/", "/")),
                lambda: over_tls(ssl.TLSVersion.TLSv1_3, folder),
                lambda: over_tls(ssl.TLSVersion.TLSv1_2, folder),
                over_redis,
                over_dns,
            ):
                at(wire, wire.client.place, do)
            # To itself as well: on the loopback each packet passes twice.
            at(wire, wire.server.place, lambda: over_http(SERVER4, ("/", "/big")))
    rows = tap.rows(NAMES)
    assert not alarms(rows)
    texts = "\n".join(row.text for row in rows)
    for words in (
        "asks for a connection",
        "accepted after",
        "GET /big (Host: 10.9.0.2)",
        "200 OK after",
        "TLS hello for pay.lan (TLS 1.3)",
        "takes TLS 1.3, AES_256_GCM_SHA384",
        "TLS hello for pay.lan (TLS 1.2)",
        "takes TLS 1.2, ECDHE-ECDSA-AES256-GCM-SHA384",
        "asks for A pg.lan",
        "pg.lan is 10.9.0.2 (pg)",
        "closes (sent",
        "closes, too (sent",
    ):
        assert words in texts
    assert {row.kind for row in rows} >= {
        PacketKind.TCP,
        PacketKind.DNS,
        PacketKind.TLS,
        PacketKind.HTTP,
    }


def test_parallel_connections_of_a_bench_raise_no_alarm(
    wire: Wire, servers: None
) -> None:
    with tapped(wire.ground, wire.client.place, "e0") as tap:
        wire.client.run(
            f"redis-benchmark -h {SERVER4} -n 3000 -c 20 -P 4 -d 3000 -t set,get -q"
        )
    rows = tap.rows(NAMES)
    assert len(rows) > 1000
    assert not alarms(rows)


@pytest.fixture
def tap(wire: Wire) -> Iterator[Tap]:
    with tapped(wire.ground, wire.client.place, "e0") as made:
        yield made


def test_a_closed_port(wire: Wire, tap: Tap) -> None:
    with pytest.raises(ConnectionRefusedError):
        at(wire, wire.client.place, lambda: dial(SERVER4, 3000))
    row = until_row(tap, "refused", NAMES)
    assert row.text.startswith(f"refused: RST from pg ({SERVER4}:3000) after ")
    assert (row.level, row.source) == (Level.PROBLEM, f"{SERVER4}:3000")


def test_a_firewall_that_refuses(wire: Wire, servers: None, tap: Tap) -> None:
    with (
        rules(wire.server, "input tcp dport 80 reject with icmp type port-unreachable"),
        pytest.raises(ConnectionRefusedError),
    ):
        at(wire, wire.client.place, lambda: dial(SERVER4, 80))
    row = until_row(tap, "refused", NAMES)
    assert row.text.startswith("refused by pg (ICMP port unreachable): order:")
    assert row.text.endswith("-> pg:80")
    assert row.about
    with (
        rules(wire.server, "input tcp dport 6379 reject with tcp reset"),
        pytest.raises(ConnectionRefusedError),
    ):
        at(wire, wire.client.place, lambda: dial(SERVER4, 6379))
    until_row(tap, f"refused: RST from pg ({SERVER4}:6379)", NAMES)


def test_a_firewall_that_drops(wire: Wire, servers: None, tap: Tap) -> None:
    with (
        rules(wire.server, "input tcp dport 80 drop"),
        pytest.raises(TimeoutError),
    ):
        at(wire, wire.client.place, lambda: dial(SERVER4, 80, 2.2))
    missed = until_row(tap, "no answer", NAMES)
    assert missed.kind is PacketKind.ABSENCE
    assert missed.text.startswith("no answer to 2 SYNs in ")
    assert missed.destination == f"{SERVER4}:80"
    assert until_row(tap, "asks again (2nd time, 1.", NAMES).about == missed.about


def test_an_address_that_nobody_has(wire: Wire) -> None:
    with tapped(wire.ground, wire.server.place, "e0") as tap:
        with pytest.raises(OSError, match="No route to host"):
            at(wire, wire.server.place, lambda: dial(NOBODY4, 80))
        row = until_row(tap, "nobody has", NAMES)
    assert row.text.startswith(f"nobody has {NOBODY4}: asked 2 times in ")
    assert (row.level, row.source) == (Level.PROBLEM, SERVER4)


def test_a_name_server_that_is_silent(wire: Wire, servers: None, tap: Tap) -> None:
    query = dns.message.make_query("pg.lan", "A")

    def ask() -> None:
        dns.query.udp(query, SERVER4, timeout=0.5)

    with (
        rules(wire.server, "input udp dport 53 drop"),
        pytest.raises(dns.exception.Timeout),
    ):
        at(wire, wire.client.place, ask)
    row = until_row(tap, "no answer after 2.", NAMES)
    assert row.text.endswith(" to: A pg.lan")


def test_a_name_that_is_refused(wire: Wire, servers: None, tap: Tap) -> None:
    query = dns.message.make_query("elsewhere.test", "A")
    at(wire, wire.client.place, lambda: dns.query.udp(query, SERVER4, timeout=30))
    row = until_row(tap, "REFUSED", NAMES)
    assert row.level is Level.PROBLEM


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_that_is_not_trusted(
    wire: Wire, servers: None, tap: Tap, version: ssl.TLSVersion
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        at(wire, wire.client.place, lambda: over_tls(version, None))
    row = until_row(tap, "the client refuses the certificate", NAMES)
    assert row.text.startswith("alert: ")
    assert row.text.endswith(": unknown CA, not trusted")
    assert row.level is Level.PROBLEM
    assert row.source.startswith(CLIENT4)


def test_protocols_that_do_not_meet(wire: Wire, servers: None, tap: Tap) -> None:
    with pytest.raises(ssl.SSLError):
        at(wire, wire.client.place, lambda: over_tls(ssl.TLSVersion.TLSv1_3, None, 80))
    row = until_row(tap, "no TLS here", NAMES)
    assert row.text == "answers the TLS hello in plain HTTP (400): no TLS here"

    def plain() -> None:
        connection = http.client.HTTPConnection(SERVER4, 443, timeout=30)
        connection.request("GET", "/")
        assert connection.getresponse().status == 400

    at(wire, wire.client.place, plain)
    row = until_row(tap, "this port speaks TLS", NAMES)
    assert row.text == "400: plain HTTP was sent, this port speaks TLS"


def test_a_service_that_fails(wire: Wire, servers: None, tap: Tap) -> None:
    at(wire, wire.client.place, lambda: over_http(SERVER4, ("/bad",)))
    row = until_row(tap, "503", NAMES)
    assert row.level is Level.PROBLEM
    assert row.text.endswith(": GET /bad")


def test_a_service_that_aborts(wire: Wire, tap: Tap) -> None:
    def abort(sock: socket.socket) -> None:
        assert sock.recv(100) == b"question"
        sock.sendall(b"half an answer")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def ask() -> None:
        with dial(SERVER4, server.port) as sock:
            sock.sendall(b"question")
            while sock.recv(100):
                pass

    with Server(wire, abort) as server, pytest.raises(ConnectionResetError):
        at(wire, wire.client.place, ask)
    row = until_row(tap, "aborts (RST)", NAMES)
    assert row.text.endswith(": sent 14 B, got 8 B")
    assert (row.level, row.source) == (Level.PROBLEM, f"{SERVER4}:{server.port}")


def test_a_service_that_does_not_read(wire: Wire, tap: Tap) -> None:
    full = threading.Event()

    def sleep(sock: socket.socket) -> None:
        assert full.wait(60)
        while sock.recv(65536):
            pass

    def flood() -> None:
        with dial(SERVER4, server.port) as sock:
            sock.settimeout(1)
            with contextlib.suppress(TimeoutError):
                while True:
                    sock.send(b"x" * 65536)
            until_row(tap, "does not read", NAMES)
            full.set()

    with Server(wire, sleep) as server:
        at(wire, wire.client.place, flood)
    row = until_row(tap, "window open again after", NAMES)
    assert row.source == f"{SERVER4}:{server.port}"
    assert until_row(tap, "window full: reads no more", NAMES).number < row.number


def test_data_that_gets_lost(wire: Wire, tap: Tap) -> None:
    """What the server sends from now on does not arrive: the client says it again."""
    heard = threading.Event()

    def mute(sock: socket.socket) -> None:
        assert sock.recv(100) == b"one"
        with rules(wire.server, f"input tcp dport {server.port} drop"):
            heard.set()
            until_row(tap, "sends 3 B again (3rd time", NAMES)
        assert sock.recv(100) == b"two"

    def ask() -> None:
        with dial(SERVER4, server.port) as sock:
            sock.sendall(b"one")
            assert heard.wait(60)
            sock.sendall(b"two")
            assert sock.recv(100) == b""

    with Server(wire, mute) as server:
        at(wire, wire.client.place, ask)
    first = until_row(tap, "sends 3 B again", NAMES)
    assert first.level >= Level.NOTE
    third = until_row(tap, "sends 3 B again (3rd time", NAMES)
    assert third.level is Level.ODD
    assert third.about == first.about > 0
