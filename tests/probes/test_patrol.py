"""The patrol in real namespaces: what fails there is told, and what works is not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from netwiz.probes.facts import HostFacts, Place, Snapshot
from netwiz.probes.facts.signs import Awaited, SeenBy, Sign, SignKind
from netwiz.probes.namespaces import NETNS_DIR
from netwiz.probes.patrol import sockets
from netwiz.probes.patrol.mind import Mind
from netwiz.probes.patrol.patrol import Patrol
from netwiz.probes.patrol.post import Post
from netwiz.probes.patrol.program import of_a_namespace, of_the_host
from netwiz.probes.patrol.tap import Tap
from tests.probes.little_net import needs_root
from tests.probes.wire import CLIENT4, NOBODY4, SERVER4, SERVER6, Wire, rules, until
from tests.probes.zone import NAMES, zone
from tests.project import ROOT

pytestmark = needs_root
PATIENCE_S = 60.0


class Told:
    """What a patrol has told so far."""

    def __init__(self) -> None:
        self.signs: list[Sign] = []
        self.patrol: Patrol
        self._changed = asyncio.Condition()

    async def read(self, patrol: Patrol) -> None:
        async for batch in patrol:
            async with self._changed:
                self.signs.extend(batch.signs)
                self._changed.notify_all()

    async def _wait(self, fits: Callable[[Sign], bool]) -> Sign:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            while not (found := [sign for sign in self.signs if fits(sign)]):
                await self._changed.wait()
            return found[0]

    def wanted(self, kind: SignKind, **fields: object) -> asyncio.Future[Sign]:
        """The first sign with these values, once it is told."""

        def fits(sign: Sign) -> bool:
            same = all(getattr(sign, name) == is_ for name, is_ in fields.items())
            return sign.kind is kind and same

        return asyncio.ensure_future(self._wait(fits))


@contextlib.asynccontextmanager
async def patrolling(wire: Wire) -> AsyncIterator[Told]:
    """A patrol over both ends of the wire."""
    places = (wire.client.name, wire.server.name)
    facts = HostFacts(root=True, namespaces=places)
    wire.ground.snapshot = Snapshot(datetime.now(UTC), facts)
    told = Told()
    try:
        async with Patrol(wire.ground) as patrol:
            told.patrol = patrol
            reader = asyncio.ensure_future(told.read(patrol))
            yield told
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
    finally:
        wire.ground.snapshot = None


def dial(wire: Wire, place: Place, address: str, port: int) -> int:
    """One attempt with a short patience; the number of the error."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def there() -> int:
        with socket.socket(family) as sock:
            sock.settimeout(2)
            return sock.connect_ex((address, port))

    return wire.ground.namespaces.call_here(place, there)


async def until_told(
    told: asyncio.Future[Sign], do: Callable[[], object], pause: float = 0.3
) -> Sign:
    """Try again and again, as an application does, until the patrol tells."""
    while not told.done():
        await asyncio.to_thread(do)
        await asyncio.wait([told], timeout=pause)
    return await told


@pytest.mark.parametrize("address", [SERVER4, SERVER6])
async def test_a_refusal_is_named(wire: Wire, address: str) -> None:
    async with patrolling(wire) as patrol:
        told = patrol.wanted(SignKind.REFUSED, target=address, port=9)
        sign = await until_told(told, lambda: dial(wire, wire.client.place, address, 9))
        assert sign.place == wire.client.place
        assert sign.seen is SeenBy.PACKETS


async def test_a_refusal_on_a_loopback_is_named(wire: Wire) -> None:
    async with patrolling(wire) as patrol:
        counted = patrol.wanted(SignKind.COUNTED, place=wire.client.place)
        told = patrol.wanted(SignKind.REFUSED, target="127.0.0.1", port=9)
        sign = await until_told(
            told, lambda: dial(wire, wire.client.place, "127.0.0.1", 9)
        )
        assert sign.place == wire.client.place
        assert (await counted).count >= 1


async def test_nobody_at_an_address(wire: Wire) -> None:
    wire.client.run("echo 1000 > /proc/sys/net/ipv4/neigh/e0/retrans_time_ms")
    try:
        async with patrolling(wire) as patrol:
            told = patrol.wanted(SignKind.UNREACHABLE, target=NOBODY4, port=9)
            sign = await until_told(
                told, lambda: dial(wire, wire.client.place, NOBODY4, 9)
            )
            assert f"nobody answers ARP for {NOBODY4}" in sign.text
    finally:
        wire.client.run("echo 100 > /proc/sys/net/ipv4/neigh/e0/retrans_time_ms")


async def test_a_syn_that_is_dropped_then_answered(wire: Wire) -> None:
    async with patrolling(wire) as patrol:
        listening = wire.socket(wire.server.place, socket.SOCK_STREAM, SERVER4, 7070)
        with contextlib.closing(listening):
            told = patrol.wanted(SignKind.HALF_OPEN, target=SERVER4, port=7070)
            with rules(wire.server, "input tcp dport 7070 drop"):
                sign = await until_told(
                    told, lambda: dial(wire, wire.client.place, SERVER4, 7070)
                )
            assert sign.place == wire.client.place
            assert sign.age_s >= 0.4
            # And when it works again, that is told as well.
            worked = patrol.wanted(SignKind.WORKED, target=SERVER4, port=7070)
            await until_told(
                worked, lambda: dial(wire, wire.client.place, SERVER4, 7070)
            )


async def test_what_only_a_log_told_of_is_looked_out_for(wire: Wire) -> None:
    async with patrolling(wire) as patrol:
        listening = wire.socket(wire.server.place, socket.SOCK_STREAM, SERVER4, 7075)
        with contextlib.closing(listening):
            wanted = Awaited(wire.client.place, SERVER4, 7075)
            worked = patrol.wanted(SignKind.WORKED, target=SERVER4, port=7075)

            async def keep_asking() -> None:
                # As the screen does it: the patrol soon forgets.
                while not worked.done():
                    patrol.patrol.awaits([wanted])
                    await asyncio.sleep(0.2)

            asking = asyncio.ensure_future(keep_asking())
            sign = await until_told(
                worked, lambda: dial(wire, wire.client.place, SERVER4, 7075)
            )
            await asking
            assert sign.place == wire.client.place


async def test_a_place_that_is_only_just_registered_is_awaited_later(
    wire: Wire,
) -> None:
    """A round mends its lists in a thread of its own, one after the other."""
    patrol = Patrol(wire.ground)
    patrol._posts = {1: Post(wire.client.place, 1, -1)}
    wanted = Awaited(wire.client.place, SERVER4, 7076)
    patrol.awaits([wanted])
    patrol._minds = {1: Mind()}
    patrol.awaits([wanted])
    assert not patrol._minds[1].expect(SERVER4, 7076, time.monotonic())


async def test_an_error_of_a_firewall(wire: Wire) -> None:
    reject = "input tcp dport 7071 reject with icmpx type admin-prohibited"
    with rules(wire.server, reject):
        async with patrolling(wire) as patrol:
            told = patrol.wanted(SignKind.UNREACHABLE, target=SERVER4, port=7071)
            sign = await until_told(
                told, lambda: dial(wire, wire.client.place, SERVER4, 7071)
            )
            assert "administratively prohibited" in sign.text


async def test_a_connection_that_nobody_accepts(wire: Wire) -> None:
    async with patrolling(wire) as patrol:
        listening = wire.socket(wire.server.place, socket.SOCK_STREAM, SERVER4, 7072)
        with contextlib.closing(listening):

            def connect() -> socket.socket:
                return socket.create_connection((SERVER4, 7072), timeout=10)

            kept = await wire.ground.namespaces.call(wire.client.place, connect)
            with contextlib.closing(kept):
                sign = await patrol.wanted(
                    SignKind.NOT_ACCEPTED, target=SERVER4, port=7072
                )
                assert sign.client == CLIENT4


async def test_a_name_server_that_is_silent_and_one_that_fails(wire: Wire) -> None:
    def ask(name: str) -> Callable[[], None]:
        question = b"\1\2\1\0\0\1\0\0\0\0\0\0" + bytes([len(name)]) + name.encode()

        def there() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(2.5)
                sock.connect((SERVER4, 53))
                sock.send(question + b"\0\0\1\0\1")
                with contextlib.suppress(OSError):
                    sock.recv(512)

        return lambda: wire.ground.namespaces.call_here(wire.client.place, there)

    def fails(query: bytes) -> list[bytes]:
        return [query[:2] + b"\x81\x82" + query[4:]]

    silent = wire.socket(wire.server.place, socket.SOCK_DGRAM, SERVER4, 53)
    async with patrolling(wire) as patrol:
        with contextlib.closing(silent):
            told = patrol.wanted(SignKind.UNANSWERED, target="pay", server=SERVER4)
            sign = await until_told(told, ask("pay"))
            assert sign.place == wire.client.place
        async with wire.answering(fails, port=53):
            failed = patrol.wanted(SignKind.NAME_FAILED, target="shop")
            sign = await until_told(failed, ask("shop"))
            assert sign.text == f"{SERVER4} answered SERVFAIL"


async def test_names_that_are_answered_are_no_sign(wire: Wire) -> None:
    """A thousand questions and connections, and not one sign of a failure."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())

    async with (
        wire.answering(zone(NAMES), port=53),
        wire.serving(talk, port=7073),
        patrolling(wire) as patrol,
    ):
        last = patrol.wanted(SignKind.REFUSED, target=SERVER4, port=9)

        def busy() -> None:
            for _ in range(1000):
                with socket.socket() as sock:
                    sock.settimeout(30)
                    sock.connect((SERVER4, 7073))
                    sock.send(b"x\n")
                    assert sock.recv(9) == b"x\n"

        await asyncio.to_thread(
            wire.ground.namespaces.call_here, wire.client.place, busy
        )
        # What is told at the end proves that somebody was looking all the time.
        sign = await until_told(last, lambda: dial(wire, wire.client.place, SERVER4, 9))
        quiet = {SignKind.WORKED, SignKind.COUNTED}
        told = [s for s in patrol.signs if s.kind not in quiet and s.port != 9]
        assert told == []
        assert sign.port == 9


def test_the_programs_are_taken_by_the_kernel(wire: Wire) -> None:
    many = [(f"10.1.{n}.1", n) for n in range(200)] + [("fd00::1", 80)]
    for program in (of_the_host(), of_the_host(many), of_a_namespace()):
        make = partial(Tap, program, outgoing=True)
        wire.ground.namespaces.call_here(wire.client.place, make).close()


def test_a_namespaces_sockets(wire: Wire) -> None:
    listening = wire.socket(wire.server.place, socket.SOCK_STREAM, SERVER4, 7074)
    with contextlib.closing(listening):

        def look() -> list[sockets.Socket]:
            return sockets.connections(1 << sockets.LISTEN)

        found = wire.ground.namespaces.call_here(wire.server.place, look)
        assert (SERVER4, 7074) in {(s.local, s.local_port) for s in found}
        assert not wire.ground.namespaces.call_here(wire.client.place, look)


def packet_sockets(namespace: str) -> int:
    """How many taps there are in a namespace (proc(5), net/packet)."""
    enter = ["nsenter", f"--net={NETNS_DIR / namespace}", "cat", "/proc/net/packet"]
    done = subprocess.run(enter, capture_output=True, text=True, check=True)
    return len(done.stdout.splitlines()) - 1


def test_killed_it_leaves_nothing(wire: Wire, tmp_path: Path) -> None:
    """No tap, and no namespace that is held."""
    name = wire.client.name
    script = tmp_path / "patrol.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import asyncio
            from datetime import UTC, datetime
            from netwiz.probes.facts import HostFacts, Snapshot
            from netwiz.probes.patrol.closer import Why
            from netwiz.probes.patrol.patrol import Patrol
            from tests.probes.little_net import ground

            async def main():
                here = ground()
                facts = HostFacts(root=True, namespaces=({name!r},))
                here.snapshot = Snapshot(datetime.now(UTC), facts)
                async with Patrol(here) as patrol:
                    async for signs in patrol:
                        if signs.places > 1:
                            patrol._closer.ask(here.places()[-1], Why.NAMES)
                            print("goes round", flush=True)

            asyncio.run(main())
            """
        )
    )
    before = packet_sockets(name)
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    with subprocess.Popen(
        [sys.executable, str(script)], env=env, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        assert running.stdout.readline() == "goes round\n"
        until(lambda: packet_sockets(name) > before)
        running.send_signal(signal.SIGKILL)
        running.wait(timeout=60)
    until(lambda: packet_sockets(name) == before)
