"""What follows a handshake, between two namespaces joined by a cable."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from netwiz.probes.connect.converse import converse
from netwiz.probes.facts import Ending, Outcome
from netwiz.probes.links.path_mtu import measure_path
from netwiz.probes.machine import Ground
from netwiz.probes.namespaces import NETNS_DIR
from netwiz.probes.requests import Converse, MeasurePath, ReadSockets, WatchQueue
from netwiz.probes.sockets.queue import watch_queue
from netwiz.probes.sockets.senses import read_sockets
from tests.probes.little_net import Namespace, ground, needs_root, sh
from tests.probes.wire import until

pytestmark = needs_root
NEAR, FAR, PORT = "10.9.0.1", "10.9.0.2", 8080

SERVER = """
import socket, sys
how = sys.argv[1]
server = socket.create_server(("0.0.0.0", 8080), backlog=8)
print("ready", flush=True)
kept = []
while how == "hangs":
    sys.stdin.read(1)
while True:
    client, _ = server.accept()
    if how == "keeps":
        kept.append(client)
        continue
    client.recv(65536)
    head = b"HTTP/1.1 200 OK\\r\\nContent-Length: 40000\\r\\n\\r\\n"
    client.sendall(head + b"x" * (40000 if how == "answers" else 100))
    client.close()
"""


@dataclass
class Cable:
    """Two namespaces, a cable, and a server at the far end."""

    ground: Ground
    near: Namespace
    far: Namespace
    server: subprocess.Popen[str] | None = None

    def serve(self, how: str) -> int:
        """Start the server and wait until it listens; its pid."""
        self.server = subprocess.Popen(
            [
                *("nsenter", f"--net={NETNS_DIR / self.far.name}"),
                *(sys.executable, "-c", SERVER, how),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.server.stdout is not None
        assert self.server.stdout.readline() == "ready\n"
        return self.server.pid

    def ask(self, **more: object) -> Converse:
        here = self.near.place
        known = {"server": self.far.place, "budget_ms": 1500, **more}
        return Converse(here, FAR, PORT, **known)  # type: ignore[arg-type]

    def close(self) -> None:
        if self.server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.server.pid, signal.SIGCONT)
            self.server.kill()
            self.server.communicate()
        self.ground.namespaces.close()
        self.near.close()
        self.far.close()


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable(ground(), Namespace("near"), Namespace("far"))
    try:
        sh(
            f"ip link add c0 netns {made.near.name} type veth "
            f"peer name c1 netns {made.far.name}"
        )
        made.near.run(f"ip addr add {NEAR}/24 dev c0 && ip link set c0 up")
        made.far.run(f"ip addr add {FAR}/24 dev c1 && ip link set c1 up")
        yield made
    finally:
        made.close()


async def test_a_whole_answer(cable: Cable) -> None:
    cable.serve("answers")
    found = await converse(cable.ground, cable.ask())
    assert found.ending is Ending.COMPLETE
    assert found.first_line == "HTTP/1.1 200 OK"
    assert found.received == found.promised > 40000
    assert found.heard


async def test_an_answer_that_breaks_off(cable: Cable) -> None:
    cable.serve("breaks")
    found = await converse(cable.ground, cable.ask())
    assert found.ending is Ending.EOF
    assert 100 < found.received < found.promised


async def test_nobody_listens(cable: Cable) -> None:
    found = await converse(cable.ground, cable.ask())
    assert found.outcome is Outcome.REFUSED
    assert found.ending is Ending.NONE


async def test_words_that_wait_unread(cable: Cable) -> None:
    cable.serve("keeps")
    found = await converse(cable.ground, cable.ask())
    assert found.ending is Ending.SILENCE
    assert found.heard
    assert found.far is not None
    assert found.far.accepted
    assert found.far.unread == found.sent


async def test_words_that_wait_in_the_accept_queue(cable: Cable) -> None:
    cable.serve("hangs")
    found = await converse(cable.ground, cable.ask())
    assert found.ending is Ending.SILENCE
    assert found.far is not None
    assert not found.far.accepted
    request = WatchQueue(cable.far.place, PORT, budget_ms=300)
    watch = await watch_queue(cable.ground, request)
    assert watch.queued[-1] == 1
    assert not watch.moved
    assert watch.backlog == 8
    assert [h.state for h in watch.holders] == ["S"]


async def test_a_queue_that_is_full(cable: Cable) -> None:
    cable.serve("hangs")
    for _ in range(9):
        await converse(cable.ground, cable.ask(words="silence", budget_ms=1))
    watch = await watch_queue(
        cable.ground, WatchQueue(cable.far.place, PORT, budget_ms=200)
    )
    assert watch.full
    assert watch.queued[-1] == 9


async def test_a_stopped_server(cable: Cable) -> None:
    pid = cable.serve("answers")
    os.kill(pid, signal.SIGSTOP)
    await converse(cable.ground, cable.ask(budget_ms=100))
    watch = await watch_queue(
        cable.ground, WatchQueue(cable.far.place, PORT, budget_ms=200)
    )
    assert [h.stopped for h in watch.holders] == [True]


async def test_an_idle_listener_is_not_waited_for(cable: Cable) -> None:
    cable.serve("answers")
    watch = await watch_queue(cable.ground, WatchQueue(cable.far.place, PORT))
    assert watch.moved
    assert len(watch.queued) == 1


async def test_words_that_are_dropped_for_what_they_say(cable: Cable) -> None:
    cable.serve("answers")
    cable.far.run("iptables -I INPUT -m string --string 'GET ' --algo bm -j DROP")
    taps = (cable.near.place, cable.far.place)
    said = await converse(cable.ground, cable.ask(taps=taps))
    # Else the words would go on being sent, and counted, while others are tried.
    dropped = cable.far.run("iptables -L INPUT -vxn")
    until(lambda: not cable.near.run(f"ss -Htan dport = :{PORT}"))
    assert cable.far.run("iptables -L INPUT -vxn") == dropped
    other = await converse(cable.ground, cable.ask(other=True))
    assert said.ending is Ending.SILENCE
    assert not said.heard
    assert said.info.total_retransmits
    again = [s for s in said.segments if s.size and s.times > 1]
    assert {s.place for s in again} == set(taps)
    assert other.heard
    assert other.sent == said.sent


async def test_the_birth_of_a_reset(cable: Cable) -> None:
    cable.serve("answers")
    cable.far.run(
        "iptables -I INPUT -p tcp -m string --string 'GET ' --algo bm "
        "-j REJECT --reject-with tcp-reset"
    )
    taps = (cable.near.place, cable.far.place)
    said = await converse(cable.ground, cable.ask(taps=taps))
    assert said.ending is Ending.RESET
    assert said.errno_name == "ECONNRESET"
    first = said.resets[0]
    assert (first.place, first.inbound, first.from_client) == (taps[1], False, False)


async def test_an_answer_that_is_too_large(cable: Cable) -> None:
    cable.serve("answers")
    cable.far.run("ip link set c1 gso_max_segs 1")
    cable.far.run("iptables -I OUTPUT -m length --length 1401:65535 -j DROP")
    plain = await converse(cable.ground, cable.ask())
    small = await converse(cable.ground, cable.ask(mss=536))
    assert plain.ending is Ending.SILENCE
    assert plain.heard
    assert plain.far is not None
    assert plain.far.unacked
    assert small.ending is Ending.COMPLETE
    sizes = await measure_path(cable.ground, MeasurePath(cable.near.place, FAR, 200))
    assert (sizes.passes, sizes.lost) == (1400, 1401)
    assert sizes.blackhole
    assert sizes.device_mtu == 1500


async def test_every_size_that_the_device_takes(cable: Cable) -> None:
    sizes = await measure_path(cable.ground, MeasurePath(cable.near.place, FAR, 200))
    assert (sizes.passes, sizes.lost) == (1500, 0)
    assert not sizes.blackhole


async def test_a_router_that_says_so(cable: Cable) -> None:
    """Behind the far end a narrower link: its router names the MTU."""
    beyond = Namespace("beyond")
    try:
        sh(
            f"ip link add d0 netns {cable.far.name} type veth "
            f"peer name d1 netns {beyond.name}"
        )
        cable.far.run("ip addr add 10.9.1.1/24 dev d0 && ip link set d0 mtu 1300 up")
        cable.far.run("sysctl -qw net.ipv4.ip_forward=1")
        beyond.run("ip addr add 10.9.1.2/24 dev d1 && ip link set d1 mtu 1300 up")
        beyond.run("ip route add default via 10.9.1.1")
        cable.near.run(f"ip route add default via {FAR}")
        asked = MeasurePath(cable.near.place, "10.9.1.2", 200)
        sizes = await measure_path(cable.ground, asked)
        assert (sizes.passes, sizes.lost) == (1300, 1301)
        assert (sizes.told, sizes.told_by) == (1300, FAR)
        assert not sizes.blackhole
    finally:
        beyond.close()


async def test_what_a_connection_measures(cable: Cable) -> None:
    cable.serve("keeps")
    made: list[socket.socket] = []

    def dial() -> None:
        sock = socket.create_connection((FAR, PORT))
        sock.sendall(b"hello")
        made.append(sock)

    work = threading.Thread(
        target=lambda: cable.ground.namespaces.call_here(cable.near.place, dial)
    )
    work.start()
    work.join()
    try:
        detailed = ReadSockets(cable.far.place, detail=True)
        table = await read_sockets(cable.ground, detailed)
        (stream,) = [s for s in table.streams if s.local_port == PORT]
        assert stream.unread == 5
        assert stream.info is not None
        assert stream.info.received == 5
        plain = await read_sockets(cable.ground, ReadSockets(cable.far.place))
        assert all(s.info is None for s in plain.streams)
    finally:
        made[0].close()
