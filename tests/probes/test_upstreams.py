"""Whom the engine's name server asks, by what was told to whom."""

from __future__ import annotations

from netwiz.probes.facts import Container, Engine, Origin, ResolverFiles, upstreams_of
from netwiz.probes.facts.upstreams import EMBEDDED, FALLBACK, Upstreams
from netwiz.probes.names.passed_on import udp_body

PLAIN = Container("c" * 64, "box")
TOLD = Container("c" * 64, "box", dns=("10.0.0.9",))
ENGINE = Engine("unix:///x")
HOST = ResolverFiles(servers=("127.0.0.1", "10.0.0.2"))
LOOP = ResolverFiles(servers=("127.0.0.1",))
INSIDE = ResolverFiles(servers=(EMBEDDED,))


def test_what_the_container_was_told_goes_first() -> None:
    found = upstreams_of(INSIDE, TOLD, ENGINE, HOST)
    assert found == Upstreams(("10.0.0.9",), Origin.CONTAINER, by_engine=True)


def test_then_the_daemons_and_then_the_hosts() -> None:
    daemon = Engine("unix:///x", dns=("10.0.0.5",))
    assert upstreams_of(INSIDE, PLAIN, daemon, HOST).servers == ("10.0.0.5",)
    found = upstreams_of(INSIDE, PLAIN, ENGINE, HOST)
    assert (found.servers, found.origin) == (HOST.servers, Origin.HOST)


def test_a_note_of_the_engine_is_the_best_word() -> None:
    noted = ResolverFiles(servers=(EMBEDDED,), upstreams=("10.0.0.7",))
    assert upstreams_of(noted, PLAIN, ENGINE, HOST).servers == ("10.0.0.7",)


def test_the_hosts_loopback_server_is_asked_from_the_host_by_the_engine_only() -> None:
    found = upstreams_of(INSIDE, PLAIN, ENGINE, LOOP)
    assert found.from_host("127.0.0.1")
    asked_for = Container("c" * 64, "box", dns=("127.0.0.1",))
    assert not upstreams_of(INSIDE, asked_for, ENGINE, LOOP).from_host("127.0.0.1")
    direct = ResolverFiles(servers=("127.0.0.1",))
    assert not upstreams_of(direct, None, ENGINE, LOOP).from_host("127.0.0.1")


def test_on_the_default_bridge_the_fallback_is_known_by_the_hosts_loopback() -> None:
    given = ResolverFiles(servers=FALLBACK)
    assert upstreams_of(given, PLAIN, ENGINE, LOOP).origin is Origin.FALLBACK
    own = ResolverFiles(servers=("10.3.3.3",))
    assert upstreams_of(own, PLAIN, ENGINE, HOST).origin is Origin.OWN
    assert upstreams_of(HOST, None, None, HOST).servers == HOST.servers


def test_only_questions_to_a_name_server_are_looked_into() -> None:
    udp = bytes(20) + b"\x9c\x40\x00\x35\x00\x0c\x00\x00" + b"data"
    packet = b"\x45" + udp[1:9] + b"\x11" + udp[10:16] + bytes([10, 0, 0, 2]) + udp[20:]
    assert udp_body(packet, 0x0800) == (b"data", "10.0.0.2")
    assert udp_body(packet.replace(b"\x00\x35", b"\x00\x36"), 0x0800) == (b"", "")
    assert udp_body(packet[:20], 0x0800) == (b"", "")
    assert udp_body(packet, 0x0806) == (b"", "")
    six = bytes(6) + b"\x11" + bytes(17) + bytes(15) + b"\x01" + packet[20:]
    assert udp_body(six, 0x86DD) == (b"data", "::1")
