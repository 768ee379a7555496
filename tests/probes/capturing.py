"""Captures in tests: namespaces to listen in, and somebody who hears the stream."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.inside import inside
from netwiz.probes.capture.stream import LiveStream, open_capture
from netwiz.probes.capture.wanted import CaptureWanted, FileWanted, TapWanted
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureStarted,
    CaptureTapGone,
    PacketRow,
)
from netwiz.probes.machine import Ground
from netwiz.probes.namespaces import NETNS_DIR
from tests.probes.little_net import Namespace, ground, sh

WITHIN_S = 60.0
LEFT_IP, RIGHT_IP = "10.99.0.1", "10.99.0.2"


def tap(namespace: Namespace, name: str = "", device: str = "") -> TapWanted:
    return TapWanted(namespace.place, name or namespace.name, device)


def socket_in(namespace: Namespace, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    """A socket that lives in a namespace."""
    return socket_at(NETNS_DIR / namespace.name, kind)


def socket_at(path: Path, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    """A socket that lives in the namespace behind a file."""
    fd = os.open(path, os.O_RDONLY)
    try:
        with inside(fd):
            return socket.socket(socket.AF_INET, kind)
    finally:
        os.close(fd)


@contextmanager
def pair() -> Iterator[tuple[Namespace, Namespace]]:
    """Two namespaces with a veth between them."""
    left, right = Namespace("left"), Namespace("right")
    try:
        join(left, right)
        yield left, right
    finally:
        left.close()
        right.close()


def join(left: Namespace, right: Namespace, device: str = "wire0") -> None:
    """A veth between two namespaces, with the two addresses."""
    sh(
        f"ip -n {left.name} link add {device} type veth"
        f" peer name {device} netns {right.name}"
    )
    for namespace, address in ((left, LEFT_IP), (right, RIGHT_IP)):
        # Nothing but what the tests send: no neighbour discovery.
        namespace.run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
        sh(
            f"ip -n {namespace.name} addr add {address}/24 dev {device};"
            f"ip -n {namespace.name} link set {device} up"
        )


def send(namespace: Namespace, to: str, count: int, *, port: int = 9) -> None:
    """Datagrams that bear their number."""
    with socket_in(namespace) as sender:
        for n in range(count):
            # Not connected: a refusal would come back in the place of the next one.
            sender.sendto(b"number %06d" % n, (to, port))


class Heard:
    """Takes in all that a stream says, and can be waited for."""

    def __init__(self, stream: LiveStream) -> None:
        self.stream = stream
        self.started: CaptureStarted | None = None
        self.rows: list[PacketRow] = []
        self.counts = CaptureCounts()
        self.gone: list[CaptureTapGone] = []
        self.ended: CaptureEnded | None = None
        self._news = asyncio.Event()
        self._task = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        async for said in self.stream:
            assert self.ended is None, "something was said after the end"
            if isinstance(said, CaptureStarted):
                assert self.started is None
                self.started = said
            elif isinstance(said, Batch):
                self.rows += said
            elif isinstance(said, CaptureCounts):
                self.counts = said
            elif isinstance(said, CaptureTapGone):
                self.gone.append(said)
            else:
                self.ended = said
            self._news.set()

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for a fact."""
        async with asyncio.timeout(WITHIN_S):
            while not done():
                assert not self._task.done() or not self._task.result()
                self._news.clear()
                waiting = asyncio.ensure_future(self._news.wait())
                await asyncio.wait({waiting, self._task}, timeout=0.2)
                waiting.cancel()

    async def payloads(self, count: int) -> None:
        """Wait for so many rows that bear a number."""
        await self.until(lambda: len(self.numbered()) >= count)

    def numbered(self) -> list[PacketRow]:
        return [row for row in self.rows if b"number " in row.raw]

    async def end(self) -> CaptureEnded:
        """Stop it, and hear it to the end."""
        await self.stream.stop()
        async with asyncio.timeout(WITHIN_S):
            await self._task
        assert self.ended is not None
        return self.ended

    async def ends(self) -> CaptureEnded:
        """Wait for an end that we do not bring about."""
        async with asyncio.timeout(WITHIN_S):
            await self._task
        assert self.ended is not None
        return self.ended

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@asynccontextmanager
async def capturing(
    *taps: TapWanted,
    filter: str = "",  # noqa: A002 - as CaptureWanted has it
    file: FileWanted | None = None,
    source: str = "",
    names: dict[str, str] | None = None,
    snaplen: int = 2048,
    refusals: bool = False,
    where: Ground | None = None,
) -> AsyncIterator[Heard]:
    """A capture with somebody who listens; afterwards its process must be gone."""
    wanted = CaptureWanted(
        taps=taps,
        filter=filter,
        file=file,
        source=source,
        names=names or {},
        snaplen=snaplen,
        refusals=refusals,
    )
    stands = None if source else where or ground()
    async with open_capture(stands, wanted) as stream:
        heard = Heard(stream)
        try:
            await heard.until(lambda: heard.started is not None)
            yield heard
        finally:
            await heard.close()
    await vanished(stream.pid)


async def read_file(path: Path, filter: str = "") -> Heard:  # noqa: A002
    """A file, read to its end."""
    async with capturing(source=str(path), filter=filter) as heard:
        await heard.ends()
        return heard


async def vanished(pid: int) -> None:
    """Wait until no process has this pid, not even one that nobody waited for."""
    end = time.monotonic() + WITHIN_S
    while is_there(pid):
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def packet_sockets(namespace: Namespace) -> int:
    """Packet sockets in a namespace (proc(5), /proc/net/packet)."""
    return len(namespace.run("cat /proc/self/net/packet").splitlines()) - 1


async def no_packet_sockets(namespace: Namespace) -> None:
    end = time.monotonic() + WITHIN_S
    while packet_sockets(namespace):
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


def promiscuity(namespace: Namespace) -> list[str]:
    """The count of every device, in order."""
    told = namespace.run("ip -d link").split()
    return [b for a, b in itertools.pairwise(told) if a == "promiscuity"]


def python(script: str, *words: str, prefix: tuple[str, ...] = ()) -> list[str]:
    """The command that runs a script with netwiz and tests at hand."""
    root = Path(__file__).parents[2]
    path = f"import sys; sys.path[:0] = [{str(root / 'src')!r}, {str(root)!r}]\n"
    return [*prefix, sys.executable, "-c", path + script, *words]


def started(argv: list[str], **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
