"""Two namespaces on one wire, with servers of ours in them, and a fake container."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, cast

from netwiz.probes.facts import Container, HostFacts, Place, Snapshot, State
from netwiz.probes.namespaces import NETNS_DIR
from tests.probes.little_net import Namespace, ground, sh

CLIENT4, SERVER4, NOBODY4 = "10.9.0.1", "10.9.0.2", "10.9.0.77"
SECOND4 = "10.9.0.3"
"""The server's second address."""

CLIENT6, SERVER6, NOBODY6 = "fd00:9::1", "fd00:9::2", "fd00:9::77"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Wire:
    """A client and a server, `e0` to `e0`; use as a context manager."""

    def __init__(self) -> None:
        sweep()
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            self.client = stack.enter_context(contextlib.closing(Namespace("client")))
            self.server = stack.enter_context(contextlib.closing(Namespace("server")))
            self.ground = ground()
            stack.callback(self.ground.namespaces.close)
            a, b = self.client.name, self.server.name
            sh(f"ip -n {a} link add e0 type veth peer name e0 netns {b}")
            ends = ((self.client, CLIENT4, CLIENT6), (self.server, SERVER4, SERVER6))
            for namespace, four, six in ends:
                name = namespace.name
                # Nobody else is here: no second of looking for duplicates (RFC 4862).
                namespace.run("echo 0 > /proc/sys/net/ipv6/conf/e0/dad_transmits")
                sh(
                    f"ip -n {name} addr add {four}/24 dev e0;"
                    f"ip -n {name} addr add {six}/64 dev e0 nodad;"
                    f"ip -n {name} link set e0 up"
                )
            sh(f"ip -n {b} addr add {SECOND4}/24 dev e0")
            # A neighbour that is not there is given up after 0.1 s instead of 3.
            for family in ("ipv4", "ipv6"):
                self.client.run(
                    f"cd /proc/sys/net/{family}/neigh/e0;"
                    "echo 1 > mcast_solicit; echo 100 > retrans_time_ms"
                )
            # The kernel tells a new carrier to IPv6 up to a second late (linkwatch).
            until(lambda: self._refused(SERVER6) and self._refused(SERVER4))
            self._stack = stack.pop_all()

    def _refused(self, address: str) -> bool:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def dial() -> bool:
            with socket.socket(family) as sock:
                sock.settimeout(5)
                return sock.connect_ex((address, 9)) == errno.ECONNREFUSED

        return self.ground.namespaces.call_here(self.client.place, dial)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def socket(self, place: Place, kind: int, address: str, port: int) -> socket.socket:
        """A bound, non-blocking socket in a namespace."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def make() -> socket.socket:
            made = socket.socket(family, kind)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((address, port))
            if kind == socket.SOCK_STREAM:
                made.listen()
            made.setblocking(False)
            return made

        return self.ground.namespaces.call_here(place, make)

    @contextlib.asynccontextmanager
    async def serving(
        self, talk: Talk, address: str = SERVER4, port: int = 0
    ) -> AsyncIterator[int]:
        """A TCP server in the server's namespace; gives its port."""
        sock = self.socket(self.server.place, socket.SOCK_STREAM, address, port)

        async def handle(r: asyncio.StreamReader, w: asyncio.StreamWriter) -> None:
            try:
                with contextlib.suppress(ConnectionError):
                    await talk(r, w)
            finally:
                w.close()

        server = await asyncio.start_server(handle, sock=sock)
        try:
            yield sock.getsockname()[1]
        finally:
            server.close()
            # A handler still at work lets go of its socket before the loop ends.
            await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def answering(
        self,
        reply: Callable[[bytes], list[bytes]],
        address: str = SERVER4,
        port: int = 0,
    ) -> AsyncIterator[int]:
        """A UDP server that sends what `reply` makes of each datagram."""
        sock = self.socket(self.server.place, socket.SOCK_DGRAM, address, port)

        class Server(asyncio.DatagramProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = cast("asyncio.DatagramTransport", transport)

            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                for answer in reply(data):
                    self.transport.sendto(answer, addr)

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Server, sock=sock)
        try:
            yield sock.getsockname()[1]
        finally:
            transport.close()
            await asyncio.sleep(0)


class Box:
    """A container without an engine: a process with a root of its own."""

    def __init__(self, wire: Wire, root: Path, hostname: str = "") -> None:
        (root / "etc").mkdir(parents=True, exist_ok=True)
        script = (
            "import os, sys; os.chroot(sys.argv[1]); os.chdir('/');"
            "print('in', flush=True); sys.stdin.read()"
        )
        enter = ["nsenter", f"--net={NETNS_DIR / wire.client.name}"]
        self._process = subprocess.Popen(
            [*enter, sys.executable, "-c", script, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "in\n"
        container = Container(
            id="c" * 64,
            name="box",
            state=State.RUNNING,
            pid=self._process.pid,
            hostname=hostname,
        )
        self.root = root
        self.place = container.place
        self.ground = wire.ground
        self.ground.snapshot = Snapshot(
            datetime.now(UTC), host=HostFacts(), containers=(container,)
        )

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def close(self) -> None:
        self.ground.snapshot = None
        with self._process:
            pass  # closing its input ends it


def until(fact: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a fact, however busy the machine is."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def sweep() -> None:
    """Remove namespaces that a run of these tests left behind when it was killed."""
    for path in NETNS_DIR.glob("nwt-*"):
        pid = path.name.split("-")[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            sh(f"ip netns del {path.name}")


@contextlib.contextmanager
def rules(namespace: Namespace, *lines: str) -> Iterator[None]:
    """nft rules in a chain `input` or `output` of a namespace, for a while."""
    namespace.run(
        "nft add table inet t;"
        "nft add chain inet t input '{ type filter hook input priority 0; }';"
        "nft add chain inet t output '{ type filter hook output priority 0; }'"
    )
    try:
        for line in lines:
            namespace.run(f"nft add rule inet t {line}")
        yield
    finally:
        namespace.run("nft delete table inet t")
