from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import (
    HOST,
    Container,
    Failure,
    HostFacts,
    Place,
    Protocol,
    Snapshot,
    State,
)
from netwiz.probes.machine import Ground
from netwiz.probes.requests import (
    FindListeners,
    IdentifyNamespace,
    ReadSockets,
    WatchListener,
)
from netwiz.probes.sockets.identity import identify_namespace
from netwiz.probes.sockets.senses import find_listeners, read_sockets, watch_listener
from tests.probes.little_net import Namespace, ground, needs_root

pytestmark = needs_root
R = TypeVar("R")


@pytest.fixture
def stage() -> Iterator[Ground]:
    made = ground()
    yield made
    made.namespaces.close()


@pytest.fixture
def there() -> Iterator[Namespace]:
    made = Namespace("sock")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def another() -> Iterator[Namespace]:
    made = Namespace("other")
    try:
        yield made
    finally:
        made.close()


def inside(stage: Ground, where: Namespace, make: Callable[[], R]) -> R:
    return stage.namespaces.call_here(where.place, make)


def serve(address: str, *, dual: bool = False, backlog: int = 5) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server(
        (address, 0), family=family, backlog=backlog, dualstack_ipv6=dual
    )


async def test_listeners_of_both_families_are_seen_with_their_owner(
    stage: Ground, there: Namespace
) -> None:
    makers: list[tuple[str, bool]] = [("127.0.0.1", False), ("::1", False)]
    makers += [("0.0.0.0", False), ("::", False), ("::", True)]
    servers = inside(stage, there, lambda: [serve(a, dual=d) for a, d in makers])
    try:
        found = await read_sockets(stage, ReadSockets(there.place))
        seen = {s.port: s for s in found.listeners}
        for (address, dual), server in zip(makers, servers, strict=True):
            port = server.getsockname()[1]
            one = seen.pop(port)
            assert (one.address, one.backlog) == (address, 5)
            assert one.v6only is (":" in address and not dual)
            assert one.inode == os.fstat(server.fileno()).st_ino
            # The socket lives there; we, who hold it, do not.
            assert one.process is None
        assert not seen
        assert found.command == f"ip netns exec {there.name} ss -tuanp"
    finally:
        for server in servers:
            server.close()


async def test_a_process_that_lives_there_is_named(
    stage: Ground, there: Namespace
) -> None:
    pid = int(
        there.run(
            'python3 -c \'import socket,time;s=socket.create_server(("",4000));'
            "print(1,flush=True);time.sleep(60)' >/dev/null 2>&1 & echo $!"
        )
    )
    try:
        watched = await watch_listener(stage, WatchListener(there.place, 4000, 7000))
        assert [s.process.pid for s in watched.appeared if s.process] == [pid]
        assert watched.appeared[0].text == "0.0.0.0:4000"
        everywhere = await read_sockets(stage, ReadSockets(there.place))
        assert everywhere.on(4000)[0].process == watched.appeared[0].process
    finally:
        os.kill(pid, 9)


async def test_connections_and_a_full_backlog_are_seen(
    stage: Ground, there: Namespace
) -> None:
    def connect() -> list[socket.socket]:
        server = serve("127.0.0.1", backlog=1)
        where = server.getsockname()
        clients = [socket.create_connection(where) for _ in range(2)]
        dual = serve("::", dual=True)
        mapped = socket.create_connection(("127.0.0.1", dual.getsockname()[1]))
        return [server, *clients, dual, mapped]

    sockets = inside(stage, there, connect)
    try:
        found = await read_sockets(stage, ReadSockets(there.place))
        port = sockets[0].getsockname()[1]
        full = found.on(port)[0]
        assert (full.queued, full.backlog) == (2, 1)
        assert {s.state for s in found.streams} == {"ESTAB"}
        assert {s.remote for s in found.streams} == {"127.0.0.1"}
        clients = [s for s in found.streams if s.remote_port == port]
        assert {s.inode for s in clients} == {
            os.fstat(s.fileno()).st_ino for s in sockets[1:3]
        }
    finally:
        for one in sockets:
            one.close()


async def test_bound_udp_sockets_are_listeners_and_connected_ones_are_not(
    stage: Ground, there: Namespace
) -> None:
    def bind() -> list[socket.socket]:
        free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        free.bind(("127.0.0.1", 5353))
        busy = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        busy.connect(("127.0.0.1", 5353))
        only = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        only.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        only.bind(("0.0.0.0", 5354))
        return [free, busy, only]

    sockets = inside(stage, there, bind)
    try:
        found = await read_sockets(stage, ReadSockets(there.place))
        udp = [(s.text, s.device) for s in found.listeners if s.protocol == "udp"]
        assert sorted(udp) == [("0.0.0.0:5354", "lo"), ("127.0.0.1:5353", "")]
        assert found.accepting("127.0.0.1", 5353, "udp")
        assert not found.on(5353, "tcp")
    finally:
        for one in sockets:
            one.close()


def known(*places: Place, containers: tuple[Container, ...] = ()) -> Snapshot:
    names = tuple(place.key for place in places)
    return Snapshot(
        datetime.now(UTC), HostFacts(namespaces=names), None, "", containers
    )


async def test_a_port_is_found_wherever_somebody_listens_on_it(
    stage: Ground, there: Namespace, another: Namespace
) -> None:
    server = inside(stage, there, lambda: serve("127.0.0.1"))
    port = server.getsockname()[1]
    lost = Container(
        id="e" * 64, name="lost", state=State.RUNNING, pid=2**22 - 1, hostname="x"
    )
    alias = Place.netns(there.name)
    stage.snapshot = known(there.place, another.place, alias, containers=(lost,))
    try:
        found = await find_listeners(stage, FindListeners(port))
        assert [place for place, _ in found.found] == [there.place]
        assert found.found[0][1][0].text == f"127.0.0.1:{port}"
        assert found.unseen == ("lost",)
        udp = await find_listeners(stage, FindListeners(port, Protocol.UDP))
        assert udp.found == ()
    finally:
        server.close()


async def test_our_own_listener_is_found_on_the_host(stage: Ground) -> None:
    with serve("127.0.0.1") as server:
        port = server.getsockname()[1]
        found = await find_listeners(stage, FindListeners(port))
    ((place, listeners),) = found.found
    assert place == HOST
    assert listeners[0].process is not None
    assert listeners[0].process.pid == os.getpid()


async def test_a_listener_that_comes_late_is_awaited(
    stage: Ground, there: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = inside(stage, there, lambda: serve("127.0.0.1"))
    port = first.getsockname()[1]
    first.close()

    late: list[socket.socket] = []
    call = stage.namespaces.call

    async def look_then_listen(place: Place, do: Any, *args: Any) -> Any:
        found = await call(place, do, *args)
        if not late:
            late.append(inside(stage, there, lambda: again(port)))
        return found

    monkeypatch.setattr(stage.namespaces, "call", look_then_listen)
    found = await watch_listener(stage, WatchListener(there.place, port, 8000))
    udp = WatchListener(there.place, port, 0, Protocol.UDP)
    assert (await watch_listener(stage, udp)).appeared == ()
    late[0].close()
    assert [s.port for s in found.appeared] == [port]
    assert found.watched_ms >= 50


def again(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


async def test_nobody_listening_is_an_answer(stage: Ground, there: Namespace) -> None:
    found = await watch_listener(stage, WatchListener(there.place, 9, budget_ms=0))
    assert found.appeared == ()
    found = await watch_listener(stage, WatchListener(there.place, 9, budget_ms=-5))
    assert found.appeared == ()


async def test_a_namespace_that_is_gone_is_said_to_be(stage: Ground) -> None:
    nowhere = Place.netns("nwt-never-was")
    for ask in (
        read_sockets(stage, ReadSockets(nowhere)),
        watch_listener(stage, WatchListener(nowhere, 80)),
        identify_namespace(stage, IdentifyNamespace(nowhere)),
    ):
        with pytest.raises(ProbeError) as caught:
            await ask
        assert caught.value.kind is Failure.GONE


async def test_a_namespace_is_known_by_its_inode(
    stage: Ground, there: Namespace, another: Namespace
) -> None:
    async def inode(place: Place) -> int:
        return (await identify_namespace(stage, IdentifyNamespace(place))).inode

    here = os.stat("/proc/self/ns/net").st_ino  # noqa: PTH116
    assert await inode(HOST) == here
    assert len({here, await inode(there.place), await inode(another.place)}) == 3
    found = await identify_namespace(stage, IdentifyNamespace(there.place))
    assert there.run(found.command).strip() == str(found.inode)
    named = await identify_namespace(stage, IdentifyNamespace(HOST))
    assert named.command == "readlink /proc/self/ns/net"
