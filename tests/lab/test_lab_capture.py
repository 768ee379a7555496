"""Captures at real containers: their names, their networks, and how they end."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from netwiz.probes.capture.wanted import FileWanted, TapWanted
from netwiz.probes.engine.senses import open_engine
from netwiz.probes.facts import Place, Snapshot, SnapshotTaken
from netwiz.probes.machine import Machine
from netwiz.probes.requests import TakeSnapshot
from tests.lab.engine import Lab
from tests.lab.scenario import Options
from tests.probes.capturing import Heard, capturing, read_file, socket_at

pytestmark = pytest.mark.lab

SLEEP = ("lab/busybox", "sleep", "1000")


class Shop:
    """Two containers on a network, and the machine that looks at them."""

    def __init__(self, lab: Lab, machine: Machine, snapshot: Snapshot) -> None:
        self.lab = lab
        self.machine = machine
        self.snapshot = snapshot

    def tap(self, name: str) -> TapWanted:
        (found,) = self.snapshot.find(name)
        return TapWanted(found.place, name)

    def address(self, name: str, network: str = "") -> str:
        (found,) = self.snapshot.find(name)
        return next(a.ipv4 for a in found.attachments if network in {"", a.network})

    def send(self, sender: str, to: str, count: int = 3) -> None:
        with socket_at(self.lab.netns_of(sender)) as made:
            for n in range(count):
                made.sendto(b"number %06d" % n, (to, 9))

    async def look(self) -> None:
        self.snapshot = await taken(self.machine)


async def raised(lab: Lab, options: Options) -> Shop:
    lab.restore(options)
    lab.docker("network", "create", "--subnet", "172.31.5.0/24", "shop")
    for name in ("pg", "order"):
        lab.docker("run", "-d", "--name", name, "--network", "shop", *SLEEP)
    machine = Machine(open_engine(lab.env()))
    return Shop(lab, machine, await taken(machine))


async def taken(machine: Machine) -> Snapshot:
    found = await machine.perform(TakeSnapshot(fresh=True))
    assert isinstance(found, SnapshotTaken)
    return found.snapshot


@pytest_asyncio.fixture
async def shop(lab: Lab) -> AsyncIterator[Shop]:
    made = await raised(lab, Options())
    yield made
    made.machine.close()


def listening(
    shop: Shop, *names: str, file: FileWanted | None = None
) -> AbstractAsyncContextManager[Heard]:
    taps = [shop.tap(name) for name in names]
    return capturing(*taps, filter="udp port 9", file=file, where=shop.machine.ground)


def capinfos(path: Path) -> str:
    return subprocess.run(
        ["capinfos", str(path)], capture_output=True, text=True, timeout=60, check=True
    ).stdout


async def test_the_file_names_container_image_and_networks(
    shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "x.pcapng"
    file = FileWanted(str(path), spare_bytes=0)
    async with listening(shop, "pg", "order", file=file) as heard:
        shop.send("order", shop.address("pg"))
        await heard.payloads(6)
        await heard.end()
    told = await asyncio.to_thread(capinfos, path)
    (pg,) = shop.snapshot.find("pg")
    assert "Name = pg/eth0" in told
    assert (
        f"Comment = container pg, id {pg.short_id}, image lab/busybox,"
        f" networks shop ({shop.address('pg')})"
    ) in told
    again = await read_file(path)
    assert again.started is not None
    assert {t.name for t in again.started.taps} == {"pg/eth0", "order/eth0"}
    assert len(again.rows) == 6


async def test_a_network_that_is_joined_later_is_heard(shop: Shop) -> None:
    async with listening(shop, "pg") as heard:
        shop.lab.docker("network", "create", "--subnet", "172.31.6.0/24", "late")
        shop.lab.docker("network", "connect", "late", "pg")
        shop.lab.docker("network", "connect", "late", "order")
        await shop.look()
        shop.send("order", shop.address("pg", "late"))
        await heard.payloads(3)
        await heard.end()
    assert not heard.gone


async def test_a_container_that_stops_ends_its_tap_alone(shop: Shop) -> None:
    async with listening(shop, "pg", "order") as heard:
        shop.lab.docker("kill", "pg")
        await heard.until(lambda: bool(heard.gone))
        assert heard.gone[0].tap == 0
        assert heard.gone[0].why == "pg: the container stopped"
        shop.send("order", "127.0.0.1")
        await heard.payloads(3)
        shop.lab.docker("rm", "-f", "order")
        ended = await heard.ends()
    assert ended.wrong
    assert ended.why == "nothing is left to listen to: order: the container stopped"
    # Nothing of ours kept what the engine removed.
    assert shop.lab.docker("ps", "-q") == ""


async def test_an_engine_that_restarts_ends_what_it_ends(shop: Shop) -> None:
    async with listening(shop, "pg", "order") as heard:
        await asyncio.to_thread(shop.lab.restart_engine)
        ended = await heard.ends()
    assert {gone.tap for gone in heard.gone} == {0, 1}
    assert ended.wrong


async def test_an_engine_that_restarts_and_leaves_them_alone_is_not_noticed(
    lab: Lab,
) -> None:
    shop = await raised(lab, Options(live_restore=True))
    try:
        async with listening(shop, "pg") as heard:
            await asyncio.to_thread(lab.restart_engine)
            shop.send("order", shop.address("pg"))
            await heard.payloads(3)
            ended = await heard.end()
        assert not heard.gone
        assert not ended.wrong
    finally:
        shop.machine.close()


async def test_a_networks_bridge_shows_what_its_containers_say(shop: Shop) -> None:
    (network,) = [n for n in shop.snapshot.networks if n.name == "shop"]
    host = Place.netns(shop.lab.names.host_netns)
    wanted = TapWanted(host, "shop", f"br-{network.id[:12]}")
    async with capturing(wanted, filter="udp port 9") as heard:
        shop.send("order", shop.address("pg"))
        shop.send("pg", shop.address("order"))
        await heard.payloads(6)
        await heard.end()
    assert len(heard.rows) == 6


async def test_a_container_that_does_not_run_is_said(shop: Shop) -> None:
    from netwiz.probes.errors import ProbeError
    from netwiz.probes.facts.base import Failure

    shop.lab.docker("kill", "pg")
    wanted = shop.tap("pg")
    for _ in range(2):  # by what we know of it, and by what is
        with pytest.raises(ProbeError) as caught:
            async with capturing(wanted, where=shop.machine.ground):
                pass
        assert caught.value.kind is Failure.GONE
        await shop.look()


async def test_a_connection_older_than_the_capture_is_read(shop: Shop) -> None:
    with socket_at(shop.lab.netns_of("pg"), socket.SOCK_STREAM) as server:
        server.bind((shop.address("pg"), 5432))
        server.listen()
        with socket_at(shop.lab.netns_of("order"), socket.SOCK_STREAM) as client:
            client.connect((shop.address("pg"), 5432))
            (serving, _) = server.accept()
            with serving:
                taps = [shop.tap("pg")]
                async with capturing(*taps, where=shop.machine.ground) as heard:
                    client.send(b"number 000001")
                    await heard.payloads(1)
                    await _quiet(heard)


async def _quiet(heard: Heard) -> None:
    ended = await heard.end()
    assert not ended.wrong
