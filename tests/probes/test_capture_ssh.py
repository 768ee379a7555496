"""The SSH session that netwiz is used through, found in every way there is."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netwiz.probes.capture.filters import compiled
from netwiz.probes.capture.ssh import SshSession, own_sessions
from tests.probes.capturing import python, started
from tests.probes.little_net import Namespace, needs_root

FOUR = SshSession("198.51.100.7", 50111, "203.0.113.10", 22)
SIX = SshSession("2001:db8::7", 50112, "2001:db8::1", 2222)


class Proc:
    """A /proc with the processes that a test makes up."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def process(
        self, pid: int, parent: int, name: str, environ: bytes = b"", tcp: str = ""
    ) -> None:
        folder = self.root / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "net").mkdir()
        (folder / "stat").write_text(f"{pid} ({name}) S {parent} {pid} {pid} 0 -1\n")
        (folder / "comm").write_text(name + "\n")
        (folder / "environ").write_bytes(environ)
        (folder / "net" / "tcp").write_text("  sl  local_address\n" + tcp)
        (folder / "fd" / "3").symlink_to("socket:[4711]")
        (folder / "fd" / "4").symlink_to("/dev/null")


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def row(session: SshSession, state: str = "01", inode: int = 4711) -> str:
    """A line of /proc/net/tcp, seen from the server."""

    def end(address: str, port: int) -> str:
        word = int.from_bytes(socket.inet_aton(address), sys.byteorder)
        return f"{word:08X}:{port:04X}"

    server = end(session.server, session.server_port)
    client = end(session.client, session.client_port)
    rest = f"00000000:00000000 00:00000000 00000000 0 0 {inode} 1"
    return f"   0: {server} {client} {state} {rest}\n"


def test_by_our_own_variable(proc: Proc) -> None:
    environ = {"SSH_CONNECTION": "198.51.100.7 50111 203.0.113.10 22"}
    assert own_sessions(environ, 10, proc.root) == (FOUR,)


def test_by_that_of_a_process_we_come_from_when_sudo_took_ours(proc: Proc) -> None:
    proc.process(10, 9, "netwiz")
    proc.process(9, 8, "sudo) S 1 (x")
    proc.process(
        8, 1, "bash", b"A=1\0SSH_CONNECTION=2001:db8::7 50112 2001:db8::1 2222"
    )
    proc.process(1, 0, "systemd")
    assert own_sessions({}, 10, proc.root) == (SIX,)


def test_by_the_socket_of_the_nearest_sshd(proc: Proc) -> None:
    other = SshSession("198.51.100.9", 1, "203.0.113.10", 22)
    proc.process(10, 9, "netwiz")
    proc.process(9, 7, "bash")
    proc.process(7, 6, "sshd-session", b"", row(FOUR) + row(other, inode=99))
    proc.process(6, 1, "sshd", b"", row(other))
    proc.process(1, 0, "systemd")
    assert own_sessions({}, 10, proc.root) == (FOUR,)


def test_a_listening_sshd_is_no_session(proc: Proc) -> None:
    proc.process(10, 7, "netwiz")
    proc.process(7, 1, "sshd", b"", row(FOUR, state="0A"))
    assert own_sessions({}, 10, proc.root) == ()


@pytest.mark.parametrize(
    "text",
    ["", "1 2 3", "a b c d", "1.2.3.4 0 1.2.3.5 22", "1.2.3.4 99999 1.2.3.5 22",
     "1.2.3.4 x 1.2.3.5 22", "1.2.3.4 5 or 22", "\x1b[31m 1 1.1.1.1 1"],
)  # fmt: skip
def test_a_variable_that_makes_no_sense_is_none(proc: Proc, text: str) -> None:
    assert own_sessions({"SSH_CONNECTION": text}, 10, proc.root) == ()


def test_addresses_are_as_packets_have_them(proc: Proc) -> None:
    for client in ("::ffff:198.51.100.7", "198.51.100.7"):
        text = f"{client} 50111 203.0.113.10 22"
        assert own_sessions({"SSH_CONNECTION": text}, 10, proc.root) == (FOUR,)
    text = "fe80::1%eth0 50111 fe80::2%eth0 22"
    (found,) = own_sessions({"SSH_CONNECTION": text}, 10, proc.root)
    assert found.client == "fe80::1"


def test_each_is_a_filter_and_a_sentence() -> None:
    assert compiled(f"{FOUR.without} and {SIX.without}")
    assert FOUR.words == "your SSH session (198.51.100.7:50111 to 203.0.113.10:22)"
    assert SIX.words == "your SSH session ([2001:db8::7]:50112 to [2001:db8::1]:2222)"


SCRIPT = """
import asyncio, os, socket, sys
from netwiz.probes.capture.stream import open_capture
from netwiz.probes.capture.wanted import CaptureWanted, TapWanted
from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.base import HOST, Place
from netwiz.probes.facts.packets import CaptureStarted
from tests.probes.little_net import ground

def pair():
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    return listener, client, listener.accept()[0]

async def main():
    ours, others = pair(), pair()
    a, b = ours[1].getsockname(), ours[1].getpeername()
    os.environ["SSH_CONNECTION"] = f"{a[0]} {a[1]} {b[0]} {b[1]}"
    own, text = sys.argv[1] == "own", sys.argv[2]
    wanted = CaptureWanted((TapWanted(HOST, "host"),), text, own_ssh=own)
    async with open_capture(ground(), wanted) as stream:
        for n in range(5):
            ours[1].send(b"secret")
            others[1].send(b"public")
        await asyncio.sleep(0)
        await stream.stop()
        async for said in stream:
            if isinstance(said, CaptureStarted):
                print("left out", len(said.left_out))
            if isinstance(said, Batch):
                for row in said:
                    for word in (b"secret", b"public"):
                        if word in row.raw:
                            print(word.decode())
asyncio.run(main())
"""


@pytest.fixture
def lone() -> Iterator[Namespace]:
    namespace = Namespace("lone")
    yield namespace
    namespace.close()


@needs_root
@pytest.mark.parametrize("text", ["", "tcp", "not udp or vlan 7"])
@pytest.mark.parametrize("own", [False, True], ids=["left out", "wanted"])
async def test_its_packets_are_left_out_of_the_hosts(
    lone: Namespace, text: str, *, own: bool
) -> None:
    prefix = ("nsenter", f"--net=/run/netns/{lone.name}")
    process = started(python(SCRIPT, "own" if own else "-", text, prefix=prefix))
    out, err = await asyncio.to_thread(process.communicate, timeout=60)
    assert not process.returncode, err
    lines = out.splitlines()
    assert lines.count("public") == 5
    assert lines.count("secret") == (5 if own else 0)
    assert ("left out 0" if own else "left out 1") in lines


def test_a_real_process_that_we_come_from_is_asked() -> None:
    script = (
        "from netwiz.probes.capture.ssh import own_sessions; print(own_sessions({}))"
    )
    inner = python(script)
    outer = (
        "import os, subprocess, sys; subprocess.run(sys.argv[1:], env={}, check=True)"
    )
    variable = "198.51.100.7 50111 203.0.113.10 22"
    process = started([sys.executable, "-c", outer, *inner], SSH_CONNECTION=variable)
    out, err = process.communicate(timeout=60)
    assert repr(FOUR) in out, err
