from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.engine import host_facts
from netwiz.probes.engine import local as engine_local
from netwiz.probes.engine.endpoint import EngineEndpoint
from netwiz.probes.engine.local import DaemonOptions, daemon_options
from netwiz.probes.sockets import processes

WHERE = EngineEndpoint("tcp://far:2375", host="far", port=2375)


class Daemon:
    """A daemon as /proc shows it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.words: tuple[str, ...] = ("dockerd",)
        self.proxies = False
        monkeypatch.setattr(engine_local, "_daemon_pid", lambda _: 7)
        monkeypatch.setattr(processes, "command_of", lambda _: self.words)
        monkeypatch.setattr(engine_local, "_proxy_runs", lambda: self.proxies)
        monkeypatch.setattr(engine_local, "PROC", root)
        (root / "7" / "root").mkdir(parents=True)

    def configure(self, text: str, path: str = "etc/docker/daemon.json") -> None:
        file = self.root / "7" / "root" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def told(self) -> tuple[bool | None, bool | None]:
        found = daemon_options(WHERE)
        return found.userland_proxy, found.iptables


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    return Daemon(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", (True, True)),
        ("--userland-proxy=false", (False, True)),
        ("--iptables=False", (True, False)),
        ("--iptables=0 --userland-proxy", (True, False)),
        ("--iptables=true", (True, True)),
        ("--userland-proxy-path=/x", (True, True)),
    ],
)
def test_the_command_line_tells(
    daemon: Daemon, words: str, told: tuple[bool, bool]
) -> None:
    daemon.words = ("dockerd", *words.split())
    assert daemon.told() == told


def test_the_configuration_tells_what_the_command_line_does_not(
    daemon: Daemon,
) -> None:
    daemon.configure(json.dumps({"userland-proxy": False, "iptables": "no"}))
    assert daemon.told() == (False, True)
    daemon.words = ("dockerd", "--config-file", "/x/d.json", "--iptables=false")
    assert daemon.told() == (True, False)
    daemon.configure('{"userland-proxy": false}', "x/d.json")
    assert daemon.told() == (False, False)
    daemon.words = ("dockerd", "--config-file=/x/d.json")
    assert daemon.told() == (False, True)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000])
def test_a_configuration_that_cannot_be_read_leaves_it_unknown(
    daemon: Daemon, text: str
) -> None:
    daemon.configure(text)
    assert daemon.told() == (None, None)
    daemon.proxies = True
    assert daemon.told() == (True, None)


def test_an_engine_elsewhere_tells_nothing() -> None:
    found = daemon_options(WHERE)
    assert found.iptables is None
    assert isinstance(found, DaemonOptions)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "x.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(path)
        server.listen(8)
        yield path


def test_the_socket_names_its_daemon(
    listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = EngineEndpoint(f"unix://{listening}", path=listening)
    names = {os.getpid(): "dockerd"}
    monkeypatch.setattr(processes, "name_of", lambda pid: names.get(pid, ""))
    monkeypatch.setattr(processes, "pids", lambda: iter([1, 4711, os.getpid()]))
    assert engine_local._daemon_pid(where) == os.getpid()
    # Socket activation: systemd listens, and the only dockerd must be the one.
    names = {os.getpid(): "systemd", 4711: "dockerd"}
    assert engine_local._daemon_pid(where) == 4711
    names[1] = "dockerd"
    assert engine_local._daemon_pid(where) == 0
    assert engine_local._daemon_pid(EngineEndpoint("unix:///none", path="/none")) == 0


def address(family: int, index: int, **attributes: str) -> bytes:
    body = struct.pack("=BBBBI", family, 24, 0, 0, index)
    for name, text in attributes.items():
        value = socket.inet_pton(family, text)
        kind = {"peer": host_facts.IFA_ADDRESS, "own": host_facts.IFA_LOCAL}[name]
        body += struct.pack("=HH", 4 + len(value), kind) + value
    return body


def test_addresses_are_our_own_and_not_the_peers() -> None:
    read = host_facts.parse_address
    both = address(socket.AF_INET, 3, peer="10.0.0.2", own="10.0.0.1")
    assert read(both) == (3, "10.0.0.1")
    assert read(address(socket.AF_INET6, 1, peer="fd00::1")) == (1, "fd00::1")
    assert read(address(socket.AF_INET, 1)) is None
    assert read(both[:20]) == (3, "10.0.0.2")
    assert read(both[:12]) is None


@given(st.binary(max_size=80))
def test_no_message_breaks_the_reading_of_addresses(body: bytes) -> None:
    found = host_facts.parse_address(body)
    assert found is None or isinstance(found[1], str)


def test_the_host_is_this_one() -> None:
    found = host_facts.read_host()
    assert found.hostname == socket.gethostname()
    assert found.device_of("127.0.0.1") == "lo"


@pytest.mark.parametrize(
    ("status", "root"),
    [
        (b"CapEff:\t000001ffffffffff\n", True),
        (b"Name:\tx\nCapEff:\t0000000000202000\n", True),
        (b"CapEff:\t0000000000200000\n", False),
        (b"CapEff:\t0000000000000000\n", False),
        (b"CapEff: x\n", False),
        (b"", False),
    ],
)
def test_rights_are_read_from_the_effective_capabilities(
    monkeypatch: pytest.MonkeyPatch, status: bytes, root: bool
) -> None:
    monkeypatch.setattr(host_facts, "read_small", lambda _: status)
    assert host_facts.read_host().root is root


def test_only_real_namespaces_with_usable_names_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_facts, "NETNS_DIR", tmp_path)
    here = Path("/proc/self/ns/net")
    other = Path("/proc/self/ns/uts")  # of the same file system, nsfs
    (tmp_path / "left-behind").write_text("")
    (tmp_path / "own").symlink_to(here)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    for name in ("good", "a b", "-rf", "x;y", "\x1b"):
        (tmp_path / name).symlink_to(other)
    assert host_facts.read_host().namespaces == ("good",)
    monkeypatch.setattr(host_facts, "NETNS_DIR", tmp_path / "none")
    assert host_facts.read_host().namespaces == ()
