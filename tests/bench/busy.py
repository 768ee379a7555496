"""Healthy clients, many of them, in one namespace: `busy.py '{"seconds": 60, ...}'`.

Connections are opened and closed all the time, some by RST; bursts; names that exist,
and ones that only a search list makes; a fallback to a second address; TLS; an idle
connection that is kept. Prints how many of each, every second and at the end, as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import ssl
import struct
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

EMBEDDED = ("127.0.0.11", 53)
LOCAL = 8000


class Busy:
    """Counts what it did; what failed is counted as well, and is no error here."""

    def __init__(self, job: dict[str, str]) -> None:
        self.job = job
        self.done: Counter[str] = Counter()
        self.end = time.monotonic() + float(job["seconds"])
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE

    async def http(self) -> None:
        """One request; the server closes."""
        reader, writer = await asyncio.open_connection(self.job["web"], 80)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        await reader.read()
        writer.close()

    async def burst(self) -> None:
        """Thirty at once."""
        await asyncio.gather(*(self.http() for _ in range(30)))

    async def redis(self) -> None:
        """A ping, then a close by RST (SO_LINGER of 0), as some pools do it."""
        reader, writer = await asyncio.open_connection(self.job["cache"], 6379)
        writer.write(b"PING\r\n")
        await reader.readline()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async def secure(self) -> None:
        """A handshake and a line."""
        reader, writer = await asyncio.open_connection(
            self.job["tls"], 443, ssl=self.tls
        )
        await reader.readline()
        writer.close()

    async def fallback(self) -> None:
        """A name with two addresses: nobody listens on the first."""
        for host in ("127.0.1.1", "127.0.0.1"):
            with contextlib.suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection(host, LOCAL)
                writer.close()

    async def outside(self) -> None:
        """Over an uplink that loses packets."""
        reader, writer = await asyncio.open_connection(self.job["outside"], 80)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        await reader.read()
        writer.close()

    async def names(self) -> None:
        """One that exists here, one outside, and what a search list makes of it."""
        for name in ("web", "example.test", "web.corp.example.test"):
            await self.ask(name)

    async def ask(self, name: str) -> None:
        """A and AAAA from one socket, as libc does."""
        loop = asyncio.get_running_loop()
        labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(EMBEDDED)
            packet = b""
            for kind in (1, 28):
                head = secrets.token_bytes(2) + b"\1\0\0\1\0\0\0\0\0\0"
                question = labels + b"\0\0" + bytes([kind]) + b"\0\1"
                packet = head + question
                await loop.sock_sendall(sock, packet)
            for _ in range(2):
                try:
                    await asyncio.wait_for(loop.sock_recv(sock, 4096), 5)
                except TimeoutError:
                    # As libc does it: after 5 s it asks once more.
                    await loop.sock_sendall(sock, packet)
                    await asyncio.wait_for(loop.sock_recv(sock, 4096), 5)

    async def again(
        self, name: str, do: Callable[[], Awaitable[None]], pause: float
    ) -> None:
        """The same until the end, one after another."""
        # wait_for of Python 3.11 may lose a cancellation: the clock ends it as well.
        while time.monotonic() < self.end:
            try:
                await asyncio.wait_for(do(), 15)
                self.done[name] += 1
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                self.done[f"{name} failed"] += 1
            await asyncio.sleep(pause)

    async def run(self) -> None:
        """All of it side by side."""
        local = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", LOCAL)
        _, idle = await asyncio.open_connection(self.job["cache"], 6379)
        tasks = [
            asyncio.ensure_future(self.again(name, do, pause))
            for name, do, pause in (
                ("http", self.http, 0.03),
                ("http", self.http, 0.05),
                ("burst", self.burst, 2.0),
                ("redis", self.redis, 0.04),
                ("tls", self.secure, 0.2),
                ("fallback", self.fallback, 1.0),
                ("outside", self.outside, 0.1),
                ("names", self.names, 0.2),
            )
        ]
        while (left := self.end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 1.0))
            print(json.dumps({"at": time.time(), "so_far": self.done}), flush=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        idle.close()
        local.close()


def main() -> None:
    job = json.loads(sys.argv[1])
    busy = Busy(job)
    begun = time.time()
    asyncio.run(busy.run())
    told = {"at": time.time(), "seconds": time.time() - begun, "done": busy.done}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
