"""The senses of the engine against a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from netwiz.probes.engine.senses import open_engine, refresh
from netwiz.probes.engine.watch import (
    EngineEvent,
    EngineLost,
    EngineWatcher,
    Happening,
    Resync,
)
from netwiz.probes.facts import (
    Container,
    Finding,
    ListenersByPlace,
    LogErrors,
    LogLine,
    NamespaceIdentity,
    Restarts,
    Snapshot,
    SnapshotTaken,
    SocketTable,
    State,
)
from netwiz.probes.logs.follower import LogFollower
from netwiz.probes.machine import Machine
from netwiz.probes.requests import (
    CountRestarts,
    FindListeners,
    IdentifyNamespace,
    ReadLogErrors,
    ReadSockets,
    Request,
    TakeSnapshot,
)
from tests.lab.engine import Lab

pytestmark = pytest.mark.lab

SLEEP = ("sleep", "1000")
SERVE = ("nc", "-ll", "-p", "3000", "-e", "cat")


@pytest.fixture
def clean(lab: Lab) -> Lab:
    lab.restore()
    return lab


@pytest.fixture
def machine(clean: Lab) -> Iterator[Machine]:
    made = Machine(open_engine(clean.env()))
    yield made
    made.close()


async def look(machine: Machine) -> Snapshot:
    found = await machine.perform(TakeSnapshot(fresh=True))
    assert isinstance(found, SnapshotTaken)
    return found.snapshot


async def one(machine: Machine, name: str) -> Container:
    (found,) = (await look(machine)).find(name)
    return found


async def until(
    machine: Machine, request: Request, good: Callable[[Finding], bool]
) -> Finding:
    """Ask until the answer is as it must become."""
    async with asyncio.timeout(60):
        while not good(found := await machine.perform(request)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def test_a_snapshot_is_what_docker_made(clean: Lab, machine: Machine) -> None:
    clean.docker(
        *("network", "create", "--label", "com.docker.compose.project=shop"),
        *("-o", "com.docker.network.driver.mtu=1400", "--subnet", "172.30.0.0/24"),
        "app",
    )
    clean.docker(
        *("run", "-d", "--name", "pg", "--network", "app", "--network-alias", "db"),
        *("-p", "127.0.0.1:3000:5432", "-e", "PGHOST=x", "--restart", "always"),
        *("--label", "com.docker.compose.service=db", "--hostname", "db1"),
        *("lab/busybox", *SLEEP),
    )
    rides = ("--network", "container:pg")
    clean.docker("run", "-d", "--name", "rider", *rides, "lab/busybox", *SLEEP)
    clean.docker("create", "--name", "idle", "lab/busybox", *SLEEP)
    found = await look(machine)
    assert found.engine is not None
    assert found.engine.version.split(".")[0].isdecimal()
    assert found.engine.local
    assert found.engine.userland_proxy is True
    assert found.engine.iptables is True
    assert found.host.root
    (pg,) = found.find("pg")
    assert (pg.state, pg.pid) == (State.RUNNING, clean.pid_of("pg"))
    assert (pg.network_mode, pg.hostname, pg.service) == ("app", "db1", "db")
    assert (pg.restart_policy, pg.command) == ("always", "sleep 1000")
    assert "PGHOST=x" in pg.env
    assert [(p.host_ip, p.host_port, p.container_port) for p in pg.published] == [
        ("127.0.0.1", 3000, 5432)
    ]
    assert pg.requested == pg.published
    (place,) = pg.attachments
    assert (place.network, place.ipv4, place.prefix4) == ("app", "172.30.0.2", 24)
    assert "db" in place.aliases
    network = found.networks_by_id[place.network_id]
    assert (network.project, network.mtu) == ("shop", 1400)
    assert [(s.subnet, s.gateway) for s in network.subnets] == [
        ("172.30.0.0/24", "172.30.0.1")
    ]
    device = clean.run(["ip", "-br", "link", "show", network.device]).stdout
    assert device.startswith(network.device)
    (rider,) = found.find("rider")
    assert found.find(rider.rides_on) == (pg,)
    (idle,) = found.find("idle")
    assert (idle.state, idle.pid, idle.started_at) == (State.CREATED, 0, None)
    default = next(n for n in found.networks if n.device == "docker0")
    assert default.name == "bridge"


async def test_a_restart_brings_a_new_pid_without_events(
    clean: Lab, machine: Machine
) -> None:
    clean.docker("run", "-d", "--name", "pg", "lab/busybox", *SLEEP)
    before = await one(machine, "pg")
    clean.docker("restart", "-t", "0", "pg")
    after = await one(machine, "pg")
    assert after.pid == clean.pid_of("pg") != before.pid
    clean.docker("pause", "pg")
    assert (await one(machine, "pg")).state is State.PAUSED
    clean.docker("unpause", "pg")
    clean.docker("network", "create", "late")
    clean.docker("network", "connect", "late", "pg")
    assert {a.network for a in (await one(machine, "pg")).attachments} == {
        "bridge",
        "late",
    }


async def test_events_drive_the_snapshot(clean: Lab, machine: Machine) -> None:
    async with EngineWatcher(machine.ground) as watcher:
        found: list[Happening] = await watcher.batch()
        assert isinstance(found[0], Resync)
        await look(machine)
        await asyncio.to_thread(
            clean.docker, "run", "-d", "--name", "pg", "lab/busybox", *SLEEP
        )
        events: list[EngineEvent] = []
        while "start" not in {e.action for e in events}:
            found = await watcher.batch()
            events += [h for h in found if isinstance(h, EngineEvent)]
        ids = {e.container_id for e in events}
        snapshot = await refresh(machine.ground, ids - {""})
        assert snapshot.find("pg")[0].pid == clean.pid_of("pg")
        assert machine.ground.snapshot is snapshot


async def test_a_daemon_that_starts_anew_is_followed_again(
    clean: Lab, machine: Machine
) -> None:
    always = ("--restart", "always", "lab/busybox")
    clean.docker("run", "-d", "--name", "pg", *always, *SLEEP)
    first = await look(machine)
    assert first.engine is not None
    async with EngineWatcher(machine.ground, longest_pause_s=0.2) as watcher:
        found: list[Happening] = []
        while not found:
            found += await watcher.batch()
        await asyncio.to_thread(clean.restart_engine)
        while sum(isinstance(h, Resync) for h in found) < 2:
            found += await watcher.batch()
        assert any(isinstance(h, EngineLost) for h in found)
    again = await look(machine)
    assert again.engine is not None
    assert again.engine.version == first.engine.version
    assert again.find("pg")


async def test_who_listens_in_a_container_is_named(
    clean: Lab, machine: Machine
) -> None:
    clean.docker("network", "create", "app")
    clean.docker(
        *("run", "-d", "--name", "pg", "--network", "app", "-p", "3000:3000"),
        *("lab/busybox", *SERVE),
    )
    pg = await one(machine, "pg")
    found = await until(
        machine,
        ReadSockets(pg.place),
        lambda f: isinstance(f, SocketTable) and bool(f.on(3000)),
    )
    assert isinstance(found, SocketTable)
    (listener,) = found.on(3000)
    assert listener.process is not None
    assert (listener.process.pid, listener.process.container_id) == (pg.pid, pg.id)
    assert found.command == f"nsenter -t {pg.pid} -n ss -tuanp"
    # The engine's resolver has its sockets in there too, without a process of theirs.
    assert any(s.address == "127.0.0.11" for s in found.listeners)
    everywhere = await machine.perform(FindListeners(3000))
    assert isinstance(everywhere, ListenersByPlace)
    assert "pg" not in everywhere.unseen
    by_place = {place.key: there for place, there in everywhere.found}
    assert by_place[pg.id] == (listener,)
    proxies = [
        s.process.name
        for place, there in everywhere.found
        for s in there
        if s.process and place.key == clean.names.host_netns
    ]
    assert set(proxies) == {"docker-proxy"}


async def test_a_rider_stands_in_the_namespace_of_its_owner(
    clean: Lab, machine: Machine
) -> None:
    clean.docker("run", "-d", "--name", "pg", "lab/busybox", *SLEEP)
    clean.docker(
        *("run", "-d", "--name", "rider", "--network", "container:pg"),
        *("lab/busybox", *SLEEP),
    )
    clean.docker("run", "-d", "--name", "other", "lab/busybox", *SLEEP)
    snapshot = await look(machine)

    async def inode(name: str) -> int:
        (who,) = snapshot.find(name)
        found = await machine.perform(IdentifyNamespace(who.place))
        assert isinstance(found, NamespaceIdentity)
        return found.inode

    assert await inode("pg") == await inode("rider") != await inode("other")


async def test_a_crash_loop_is_counted(clean: Lab, machine: Machine) -> None:
    clean.docker(
        *("run", "-d", "--name", "crash", "--restart", "always", "lab/busybox"),
        *("sh", "-c", "echo no config; exit 3"),
    )
    crash = await one(machine, "crash")
    found = await until(
        machine,
        CountRestarts(crash.id),
        lambda f: isinstance(f, Restarts) and f.count >= 2 and f.deaths >= 2,
    )
    assert isinstance(found, Restarts)
    assert found.last_exit == 3
    assert set(found.last_lines) == {"no config"}


@pytest.mark.parametrize("tty", [(), ("-t",)])
async def test_logs_are_read_and_followed(
    clean: Lab, machine: Machine, tty: tuple[str, ...]
) -> None:
    script = (
        "echo fine; echo 'connect ECONNREFUSED 127.0.0.1:3000' >&2;"
        " printf '\\033[31mred\\033[0m\\n'; exec sleep 1000"
    )
    clean.docker("run", "-d", "--name", "app", *tty, "lab/busybox", "sh", "-c", script)
    app = await one(machine, "app")
    found = await until(
        machine,
        ReadLogErrors(app.id),
        lambda f: isinstance(f, LogErrors) and bool(f.lines),
    )
    assert isinstance(found, LogErrors)
    (line,) = found.lines
    assert line.text == "connect ECONNREFUSED 127.0.0.1:3000"
    assert line.stream == ("stdout" if tty else "stderr")
    assert app.started_at is not None
    async with asyncio.timeout(60), LogFollower(machine.ground) as logs:
        logs.add([app.id])
        texts: set[str] = set()
        async for each in logs:
            assert isinstance(each, LogLine)
            texts.add(each.text)
            if len(texts) == 3:
                break
    assert texts == {"fine", line.text, "red"}


async def test_a_container_without_a_readable_log_says_why(
    clean: Lab, machine: Machine
) -> None:
    clean.docker(
        *("run", "-d", "--name", "mute", "--log-driver", "none"),
        *("lab/busybox", *SLEEP),
    )
    mute = await one(machine, "mute")
    found = await machine.perform(ReadLogErrors(mute.id))
    assert "logging driver" in getattr(found, "what", "")
    counted = await machine.perform(CountRestarts(mute.id))
    assert isinstance(counted, Restarts)
    assert counted.last_lines == ()
