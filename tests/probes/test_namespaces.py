"""Into a namespace and home again, in a thread, without a subprocess."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import threading
from pathlib import Path

import pytest

from netwiz.probes import namespaces as module
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import HOST, Failure, Place
from tests.probes.wire import Wire, until

SIOCGSKNS = 0x894C


def here() -> int:
    return Path("/proc/thread-self/ns/net").stat().st_ino


def where(made: socket.socket) -> int:
    """The namespace a socket lives in (netdevice(7), SIOCGSKNS)."""
    fd = fcntl.ioctl(made, SIOCGSKNS)
    try:
        return os.fstat(fd).st_ino
    finally:
        os.close(fd)


async def test_a_function_runs_there_and_the_thread_comes_home(wire: Wire) -> None:
    ways = wire.ground.namespaces
    home = here()
    there = await ways.call(wire.client.place, here)
    assert there == ways.inode(wire.client.place) != home
    assert await ways.call(HOST, here) == home == here()


async def test_sockets_stay_where_they_were_made_under_load(wire: Wire) -> None:
    ways = wire.ground.namespaces
    places = (HOST, wire.client.place, wire.server.place)
    want = {p: ways.inode(p) if p != HOST else here() for p in places}

    async def one(place: Place) -> None:
        made = await ways.socket(place, socket.AF_INET, socket.SOCK_DGRAM)
        with made:
            assert not made.getblocking()
            assert where(made) == want[place]

    await asyncio.gather(*(one(p) for p in places * 200))


async def test_what_the_function_raises_comes_out_and_the_thread_is_home(
    wire: Wire,
) -> None:
    def fails() -> None:
        raise LookupError("no")

    ways = wire.ground.namespaces
    with pytest.raises(LookupError):
        await ways.call(wire.client.place, fails)
    assert await ways.call(HOST, here) == here()


async def test_places_that_are_not_there(wire: Wire) -> None:
    ways = wire.ground.namespaces
    for name in ("nwt-no-such", "../../proc/self/ns/net", "a" * 300):
        with pytest.raises(ProbeError) as caught:
            await ways.call(Place.netns(name), here)
        assert caught.value.kind in (Failure.GONE, Failure.BROKEN)
    with pytest.raises(ProbeError) as caught:
        await ways.call(Place.container("f" * 64, "lost"), here)
    assert caught.value.kind is Failure.GONE


async def test_a_thread_that_cannot_come_home_is_never_used_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = wire.ground.namespaces
    real = module.setns
    home = here()
    lost: list[int] = []

    def once(fd: int) -> None:
        if os.fstat(fd).st_ino == home and not lost:
            lost.append(threading.get_ident())
            raise OSError(1, "Operation not permitted")
        real(fd)

    monkeypatch.setattr(module, "setns", once)
    with pytest.raises(ProbeError, match="ask again"):
        await ways.call(wire.client.place, here)
    seen = [await ways.call(HOST, here) for _ in range(20)]
    assert seen == [home] * 20


async def test_a_socket_made_for_nobody_is_closed(wire: Wire) -> None:
    made: list[socket.socket] = []
    begun, go_on = threading.Event(), threading.Event()

    def make() -> socket.socket:
        made.append(socket.socket())
        begun.set()
        go_on.wait(5)
        return made[0]

    asking = asyncio.ensure_future(wire.ground.namespaces.call(HOST, make))
    await asyncio.to_thread(begun.wait, 5)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    go_on.set()
    await asyncio.to_thread(until, lambda: made[0].fileno() == -1)


def test_how_a_person_gets_there(wire: Wire) -> None:
    ways = wire.ground.namespaces
    assert ways.enter(HOST) == ""
    assert ways.enter(wire.client.place).startswith("ip netns exec ")
    lost = ways.enter(Place.container("f" * 64, "order"))
    assert lost == "nsenter -t $(docker inspect -f '{{.State.Pid}}' order) -n "


def test_a_thread_gone_astray_refuses_all_further_work(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = wire.ground.namespaces
    seen: list[str] = []

    def work() -> None:
        real, entered = module.setns, threading.Event()

        def one_way(fd: int) -> None:
            if entered.is_set():
                raise OSError(1, "Operation not permitted")
            real(fd)
            entered.set()

        monkeypatch.setattr(module, "setns", one_way)
        for place in (wire.client.place, wire.client.place):
            try:
                ways.call_here(place, lambda: seen.append("ran"))
            except module.PoisonedError:
                seen.append("refused")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    # The first call ran and could not come home; the second was not even begun.
    assert seen == ["ran", "refused", "refused"]
