"""One attempt to connect, felt as the application would feel it.

It sends what any client sends (a SYN, or one datagram) and takes note of everything
that comes back: errno and how long it took, the ICMP error behind it and its sender,
and what happens in the moments after an accept, for an accept alone proves nothing:
docker-proxy accepts for a service that is dead and hangs up a moment later.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import inspect
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from netwiz.probes.connect.endpoint import (
    Sockaddr,
    family_of,
    own_end,
    sockaddr,
    writable,
)
from netwiz.probes.connect.error_queue import first_icmp_error, keep_errors
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import After, Connection, Outcome, Protocol
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

Prepare = Callable[[socket.socket], Awaitable[None] | None]
"""Called with the bound socket before its first packet leaves; may be a coroutine."""

AFTER_MS = 60.0
"""docker-proxy with a dead backend hangs up within 1 ms on an idle machine; less than
50 ms of waiting mistakes it for a working service on a busy one."""

BUSY_AFTER_MS = 250.0
"""Where more wants to run than there are processors, docker-proxy may have to wait for
its turn several times over."""

FIRST_BYTES = 64
_DRAIN = 256 * 1024

OUTCOMES = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.ETIMEDOUT: Outcome.TIMEOUT,
    errno.EHOSTUNREACH: Outcome.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Outcome.HOST_UNREACHABLE,
    errno.ENETUNREACH: Outcome.NET_UNREACHABLE,
    errno.ENETDOWN: Outcome.NET_UNREACHABLE,
    errno.EADDRNOTAVAIL: Outcome.ADDRESS_UNAVAILABLE,
    errno.ECONNRESET: Outcome.RESET,
}

_DNS_PING = struct.pack("!6H", 0x6E77, 0, 1, 0, 0, 0) + b"\0" + struct.pack("!2H", 2, 1)
"""A question that every name server can answer from memory: NS of the root."""


async def connect(
    ground: Ground,
    place: Place,
    address: str,
    port: int,
    protocol: Protocol = Protocol.TCP,
    *,
    budget_ms: float = 1200,
    prepare: Prepare | None = None,
    device: str = "",
) -> Connection:
    """Connect from `place` and say what happened.

    `budget_ms` bounds the wait for the handshake (TCP) or the answer (UDP); after an
    accept up to 60 ms more (250 on a busy machine) are spent to see whether it stays.
    An unreachable neighbour shows as EHOSTUNREACH only after 3.05 s: a smaller budget
    reports TIMEOUT.

    With `prepare` the socket is bound first, so that ``getsockname()`` names the source
    port of packets yet to come. Where no free port was left to bind, `prepare` gets it
    unbound (port 0), and connect(2) tries as the application would. With `device` the
    packets leave by that device and no other.

    Raises ProbeError when the namespace is gone or closed to us, never for what the
    network does.
    """
    family = family_of(address)
    kind = socket.SOCK_STREAM if protocol is Protocol.TCP else socket.SOCK_DGRAM

    def make() -> tuple[socket.socket, Sockaddr]:
        target = sockaddr(address, port)
        made = socket.socket(family, kind)
        try:
            made.setblocking(False)
            keep_errors(made)
            if device:
                name = device.encode()
                made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
            if prepare is not None:
                _bind(made)
        except BaseException:
            made.close()
            raise
        return made, target

    flags = "-zv" if protocol is Protocol.TCP else "-zvu"
    tool = _tool(flags, address, port, device)
    start = Connection(
        command=ground.namespaces.enter(place) + tool,
        place=place,
        address=address,
        port=port,
        protocol=protocol,
        outcome=Outcome.TIMEOUT,
    )
    try:
        sock, target = await ground.namespaces.call(place, make)
    except OSError as error:
        if error.errno != errno.EAFNOSUPPORT:
            raise
        # A kernel without IPv6 denies the application the same way.
        return _ended(start, error)
    with contextlib.closing(sock):
        if prepare is not None:
            waiting = prepare(sock)
            if inspect.isawaitable(waiting):
                await waiting
        one = _Attempt(sock, target, start, budget_ms / 1000)
        return await (one.tcp() if protocol is Protocol.TCP else one.udp())


def _tool(flags: str, address: str, port: int, device: str) -> str:
    """What a person would run; curl alone can be told by which device to leave."""
    if not device:
        return f"nc {flags} {address} {port}"
    host = f"[{address}]" if ":" in address else address
    return f"curl -v --interface {plain(device, 32)} telnet://{host}:{port}"


def _bind(sock: socket.socket) -> None:
    # bind(2) is stricter than connect(2), which shares ports between destinations. So
    # its failure says nothing about the application's attempt.
    with contextlib.suppress(OSError):
        sock.bind(("::" if sock.family == socket.AF_INET6 else "0.0.0.0", 0))


def _after_ms() -> float:
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    return BUSY_AFTER_MS if busy else AFTER_MS


def _ended(so_far: Connection, error: OSError) -> Connection:
    """An attempt that an errno ended; EACCES, EINVAL and the like count as denied."""
    number = error.errno or 0
    return dataclasses.replace(
        so_far,
        outcome=OUTCOMES.get(number, Outcome.DENIED),
        errno_name=errno.errorcode.get(number, str(number)),
    )


class _Attempt:
    """A socket on its way to a target."""

    def __init__(
        self, sock: socket.socket, target: Sockaddr, so_far: Connection, budget_s: float
    ) -> None:
        self._sock = sock
        self._target = target
        self._so_far = so_far
        self._deadline = time.perf_counter() + budget_s
        self._began = time.perf_counter()

    @property
    def _left(self) -> float:
        return max(0.0, self._deadline - time.perf_counter())

    def _note(self) -> None:
        """Write down our end while it is known: a failed TCP socket forgets it."""
        source, port = own_end(self._sock)
        self._so_far = dataclasses.replace(
            self._so_far,
            source=source or self._so_far.source,
            source_port=port or self._so_far.source_port,
        )

    def _timed(self, outcome: Outcome) -> Connection:
        ms = (time.perf_counter() - self._began) * 1000
        return dataclasses.replace(self._so_far, connect_ms=ms, outcome=outcome)

    def _failed(self, error: OSError) -> Connection:
        timed = self._timed(Outcome.TIMEOUT)
        return dataclasses.replace(
            _ended(timed, error), icmp=first_icmp_error(self._sock)
        )

    async def tcp(self) -> Connection:
        self._began = time.perf_counter()
        try:
            number = self._sock.connect_ex(self._target)
            self._note()
            if number == errno.EINPROGRESS:
                await writable(self._sock, self._left)
                number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except TimeoutError:
            return self._timed(Outcome.TIMEOUT)
        if number:
            return self._failed(OSError(number, ""))
        connected = self._timed(Outcome.CONNECTED)
        self._note()
        if self._met_itself():
            return dataclasses.replace(
                connected, outcome=Outcome.REFUSED, errno_name="ECONNREFUSED"
            )
        # From here on ICMP errors are advice again, as for any other application.
        keep_errors(self._sock, keep=False)
        return await self._aftermath(connected)

    def _met_itself(self) -> bool:
        """Whether the kernel chose our source port equal to the port we dial.

        A TCP socket that dials itself connects by simultaneous open (RFC 9293, 3.5).
        Nobody listens there: with any other source port it would have been refused.
        """
        try:
            return bool(self._sock.getsockname() == self._sock.getpeername())
        except OSError:
            return False

    async def _aftermath(self, connected: Connection) -> Connection:
        """What an accepted connection does in its first moments, then hang up."""
        accepted = time.perf_counter()
        loop = asyncio.get_running_loop()
        first, name = b"", ""
        try:
            async with asyncio.timeout(_after_ms() / 1000):
                first = await loop.sock_recv(self._sock, FIRST_BYTES)
            after = After.DATA if first else After.EOF
        except TimeoutError:
            after = After.OPEN
        except OSError as error:
            after = After.RESET
            name = errno.errorcode.get(error.errno or 0, "")
        ms = (time.perf_counter() - accepted) * 1000
        self._leave()
        return dataclasses.replace(
            connected, after=after, after_ms=ms, first_bytes=first, errno_name=name
        )

    def _leave(self) -> None:
        """Say good-bye by FIN: close(2) with unread data would send a RST."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            read = 0
            while read < _DRAIN and (more := self._sock.recv(16384)):
                read += len(more)

    async def udp(self) -> Connection:
        loop = asyncio.get_running_loop()
        self._began = time.perf_counter()
        # One byte and not none: an empty datagram is end-of-file to some servers.
        payload = _DNS_PING if self._so_far.port == 53 else b"\0"
        try:
            self._sock.connect(self._target)
            self._note()
            async with asyncio.timeout(self._left):
                await loop.sock_sendall(self._sock, payload)
                first = await loop.sock_recv(self._sock, 65535)
        except TimeoutError as error:
            # The kernel's own ETIMEDOUT is the same class; it carries an errno.
            return self._failed(error) if error.errno else self._timed(Outcome.SILENT)
        except OSError as error:
            return self._failed(error)
        answered = self._timed(Outcome.CONNECTED)
        return dataclasses.replace(
            answered, after=After.DATA, first_bytes=first[:FIRST_BYTES]
        )
