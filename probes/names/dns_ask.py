"""Put one question to one name server, from inside a namespace.

What is sent is what any resolver sends: a datagram to port 53, once more when half of
the patience is over, and a TCP connection where the answer did not fit.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import socket
import time
from typing import TYPE_CHECKING

from netwiz.probes.connect.endpoint import Sockaddr, family_of, sockaddr, writable
from netwiz.probes.connect.error_queue import keep_errors
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.names import Answer, NameOutcome
from netwiz.probes.names import dnswire

if TYPE_CHECKING:
    import dns.message

    from netwiz.probes.machine import Ground

PORT = 53

_DATAGRAM = 2048
"""Bytes of a datagram that are looked at; without EDNS 512 are allowed (RFC 1035)."""

_MOST_WRONG = 16
"""Datagrams that are no answer to our question, after which we stop listening."""

_UNREACHABLE = {
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.EHOSTDOWN,
    errno.ENETDOWN,
    errno.EADDRNOTAVAIL,
    errno.EAFNOSUPPORT,
    errno.EACCES,
    errno.EPERM,
    errno.EINVAL,
    errno.ENODEV,
}


async def ask(
    ground: Ground,
    place: Place,
    server: str,
    name: str,
    record: str,
    *,
    patience_s: float,
    stream: bool = False,
) -> Answer:
    """One server's answer to one question; what the network does never raises.

    `name` is taken as complete (no search list). `stream` asks over TCP at once
    (``options use-vc``). Raises ProbeError for names that no server can be asked for
    and where the namespace cannot be entered.
    """
    message = dnswire.question(name, record)
    exchange = Exchange(ground, place, server, message, patience_s)
    start = time.perf_counter()
    over_tcp = stream
    reply = None
    try:
        reply = None if stream else await exchange.datagram()
        if reply is None or reply.truncated:
            over_tcp, reply = True, None
            reply = await exchange.stream()
        outcome, addresses = reply.outcome, reply.addresses
    except TimeoutError:
        outcome, addresses = NameOutcome.TIMEOUT, ()
    except OSError as error:
        outcome, addresses = outcome_of(error), ()
    return Answer(
        server=server,
        question=f"{dnswire.check_name(name)}.",
        record=record,
        outcome=outcome,
        addresses=addresses,
        ms=(time.perf_counter() - start) * 1000,
        over_tcp=over_tcp,
        rcode=reply.rcode if reply else "",
    )


def outcome_of(error: OSError) -> NameOutcome:
    """What an errno on the way to a name server means; raises it where it is ours."""
    if error.errno == errno.ECONNREFUSED:
        return NameOutcome.REFUSED
    if error.errno in _UNREACHABLE:
        return NameOutcome.UNREACHABLE
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return NameOutcome.SERVFAIL
    raise error


@dataclasses.dataclass
class Exchange:
    """One question on its way to one server."""

    ground: Ground
    place: Place
    server: str
    message: dns.message.Message
    patience_s: float

    def __post_init__(self) -> None:
        self._wire = self.message.to_wire()
        self.nonsense = 0
        """Datagrams that were no answer to the question."""
        self._deadline = time.perf_counter() + self.patience_s

    @property
    def _left(self) -> float:
        return self._deadline - time.perf_counter()

    async def _socket(self, kind: int) -> tuple[socket.socket, Sockaddr]:
        def make() -> tuple[socket.socket, Sockaddr]:
            target = sockaddr(self.server, PORT)
            made = socket.socket(family_of(self.server), kind)
            made.setblocking(False)
            return made, target

        return await self.ground.namespaces.call(self.place, make)

    async def datagram(self, *, again: bool = True) -> dnswire.Reply:
        """Ask by UDP. Raises TimeoutError, and OSError for ICMP errors.

        `again` sends the question once more when half of the patience is over.
        """
        loop = asyncio.get_running_loop()
        sock, target = await self._socket(socket.SOCK_DGRAM)
        with contextlib.closing(sock):
            # As glibc does: ICMP errors end the wait, also the transient ones.
            keep_errors(sock)
            # Connected: the kernel takes datagrams from this server's port 53 alone.
            sock.connect(target)
            await loop.sock_sendall(sock, self._wire)
            if not again:
                return await self._listen(sock, self._left)
            with contextlib.suppress(TimeoutError):
                return await self._listen(sock, self._left / 2)
            await loop.sock_sendall(sock, self._wire)
            return await self._listen(sock, self._left)

    async def _listen(self, sock: socket.socket, seconds: float) -> dnswire.Reply:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(max(0.0, seconds)):
            for _ in range(_MOST_WRONG):
                data = await loop.sock_recv(sock, _DATAGRAM)
                if reply := dnswire.judge(self.message, data):
                    return reply
                self.nonsense += 1
            # Somebody floods us; whoever waits on gains nothing but their traffic.
            await asyncio.sleep(max(0.0, seconds))
        raise TimeoutError

    async def stream(self) -> dnswire.Reply:
        """Ask by TCP. Raises TimeoutError, and OSError for what the network does."""
        loop = asyncio.get_running_loop()
        sock, target = await self._socket(socket.SOCK_STREAM)
        with contextlib.closing(sock):
            number = sock.connect_ex(target)
            if number == errno.EINPROGRESS:
                await writable(sock, max(0.0, self._left))
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, "")
            async with asyncio.timeout(max(0.0, self._left)):
                size = len(self._wire).to_bytes(2, "big")
                await loop.sock_sendall(sock, size + self._wire)
                length = int.from_bytes(await _exactly(sock, 2), "big")
                data = await _exactly(sock, min(length, dnswire.MOST_BYTES))
            # Big and hostile, it may take a second to parse: not on the event loop.
            reply = await asyncio.to_thread(dnswire.judge, self.message, data)
        if reply is None:
            raise OSError(errno.ECONNRESET, "no answer to the question")
        return dataclasses.replace(reply, truncated=False)


async def _exactly(sock: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    parts = bytearray()
    while len(parts) < size:
        part = await loop.sock_recv(sock, size - len(parts))
        if not part:
            raise OSError(errno.ECONNRESET, "closed before the answer was complete")
        parts += part
    return bytes(parts)
