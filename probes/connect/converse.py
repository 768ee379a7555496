"""One connection on which something is said: what comes back, and what is lost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netwiz.probes.connect.dial import OUTCOMES
from netwiz.probes.connect.endpoint import family_of, own_end, sockaddr, writable
from netwiz.probes.connect.far_end import far_end
from netwiz.probes.connect.segments import Overheard
from netwiz.probes.connect.words import SILENCE, promised, words_for
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Outcome
from netwiz.probes.facts.firewall import RuleHit, Ruleset
from netwiz.probes.facts.talk import Conversation, Ending, TcpInfo
from netwiz.probes.netlink.tcpinfo import TCP_INFO_SIZE, tcp_info
from netwiz.probes.requests import Converse, ReadRules

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

ENOUGH = 128 * 1024
"""Bytes of an answer after which nothing more is wanted of it."""
KEPT = 512
CONNECT_S = 1.5
STALL_S = 1.5
"""An answer that has begun and pauses for so long is counted as stopped."""
LONGEST_MS = 6000


async def converse(ground: Ground, request: Converse) -> Conversation:
    """Say the words, listen, and look at both ends before hanging up.

    `budget_ms` is for the first byte of the answer. What the network does is in the
    finding; raises ProbeError only when the namespace is gone or closed to us.
    """
    family = family_of(request.address)

    def make() -> socket.socket:
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            if request.mss:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, request.mss)
            if request.taps:
                with contextlib.suppress(OSError):
                    made.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        except BaseException:
            made.close()
            raise
        return made

    with mapped(f"a socket in {request.place.label}"):
        sock = await ground.namespaces.call(request.place, make)
    overheard = Overheard(ground, request.taps)
    counters = _Counters(ground, request.counters)
    try:
        with contextlib.closing(sock):
            if request.taps:
                await overheard.open(_ports(request, own_end(sock)[1]))
            await counters.before()
            said = await _Talk(ground, request, sock).run()
        hits = await counters.hits()
    finally:
        overheard.close()
    ports = _ports(request)
    return dataclasses.replace(
        said,
        command=_command(ground, request),
        tapped=overheard.tapped,
        segments=overheard.segments(said.source_port, ports) if request.taps else (),
        hits=hits,
        counted=counters.counted,
        blind=(*overheard.blind, *counters.blind),
    )


def _ports(request: Converse, own: int = 0) -> set[int]:
    return {p for p in (request.port, request.server_port, own) if p}


class _Talk:
    """A socket that is about to connect, talk and hang up."""

    def __init__(self, ground: Ground, request: Converse, sock: socket.socket) -> None:
        self._ground = ground
        self._request = request
        self._sock = sock
        self._answer = b""
        self._received = 0
        self._first_ms = 0.0
        self._ended = False

    async def run(self) -> Conversation:
        request, began = self._request, time.perf_counter()
        outcome, name = await self._connect()
        source, source_port = own_end(self._sock)
        found = Conversation(
            place=request.place,
            address=request.address,
            port=request.port,
            words=request.words,
            outcome=outcome,
            errno_name=name,
            source=source,
            source_port=source_port,
        )
        if outcome is not Outcome.CONNECTED:
            return found
        said = words_for(
            request.words,
            request.host or request.address,
            size=request.size,
            other=request.other,
        )
        ending, name = await self._exchange(said)
        far = None
        if request.server is not None and ending is not Ending.COMPLETE:
            port = request.server_port or request.port
            far = await far_end(self._ground, request.server, port, source, source_port)
        info = self._info()
        self._leave(info)
        return dataclasses.replace(
            found,
            ending=ending,
            errno_name=name,
            sent=len(said),
            received=self._received,
            promised=promised(request.words, self._answer, self._received),
            first_bytes=self._answer[:KEPT],
            first_ms=self._first_ms,
            took_ms=(time.perf_counter() - began) * 1000,
            info=info,
            far=far,
        )

    async def _connect(self) -> tuple[Outcome, str]:
        request = self._request
        try:
            target = sockaddr(request.address, request.port)
            number = self._sock.connect_ex(target)
            if number == errno.EINPROGRESS:
                await writable(self._sock, CONNECT_S)
                number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except TimeoutError:
            return Outcome.TIMEOUT, ""
        except OSError as error:
            number = error.errno or 0
        if not number:
            return Outcome.CONNECTED, ""
        name = errno.errorcode.get(number, str(number))
        return OUTCOMES.get(number, Outcome.DENIED), name

    async def _exchange(self, said: bytes) -> tuple[Ending, str]:
        loop = asyncio.get_running_loop()
        budget_s = min(self._request.budget_ms, LONGEST_MS) / 1000
        asked = time.perf_counter()
        try:
            async with asyncio.timeout(budget_s):
                if said:
                    await loop.sock_sendall(self._sock, said)
                await self._read(loop)
                self._first_ms = (time.perf_counter() - asked) * 1000
            while self._goes_on():
                if (time.perf_counter() - asked) * 1000 > LONGEST_MS:
                    # It trickles, but it comes.
                    return Ending.COMPLETE, ""
                async with asyncio.timeout(STALL_S):
                    if not await self._read(loop):
                        break
        except TimeoutError:
            return Ending.SILENCE, ""
        except OSError as error:
            return Ending.RESET, errno.errorcode.get(error.errno or 0, "")
        return (Ending.COMPLETE if self._whole() else Ending.EOF), ""

    async def _read(self, loop: asyncio.AbstractEventLoop) -> bool:
        data = await loop.sock_recv(self._sock, 65536)
        self._received += len(data)
        if len(self._answer) < ENOUGH:
            self._answer += data
        self._ended = not data
        return bool(data)

    def _goes_on(self) -> bool:
        """Whether more of the answer is to come."""
        if self._ended or self._received >= ENOUGH:
            return False
        whole = promised(self._request.words, self._answer, self._received)
        if whole < 0:
            # A body without a length ends with the connection; other words may be the
            # first of a service that goes on waiting for ours.
            return self._answer.startswith(b"HTTP/")
        return self._received < whole

    def _whole(self) -> bool:
        if not self._received:
            return False
        whole = promised(self._request.words, self._answer, self._received)
        return self._received >= min(max(whole, 0), ENOUGH)

    def _info(self) -> TcpInfo:
        try:
            data = self._sock.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE
            )
        except OSError:
            return TcpInfo()
        return tcp_info(data)

    def _leave(self, info: TcpInfo) -> None:
        """Say good-bye by FIN where that can be: close(2) on unread data resets.

        What is not confirmed would be sent again for minutes, and be counted by rules
        while other words are tried: the kernel is to forget it at its next turn
        (TCP_USER_TIMEOUT, tcp(7)), which sends nothing and so disturbs no server.
        """
        with contextlib.suppress(OSError):
            if info.unacked:
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1)
            self._sock.shutdown(socket.SHUT_WR)
            while self._sock.recv(65536):
                pass


class _Counters:
    """Rule counters of several places, before and after."""

    def __init__(self, ground: Ground, places: Sequence[Place]) -> None:
        self._ground = ground
        self._places = places
        self._before: list[Ruleset] = []
        self.blind: list[str] = []
        self.counted: tuple[Place, ...] = ()

    async def before(self) -> None:
        if self._places:
            self._before = await self._read(self._distinct())

    async def hits(self) -> tuple[RuleHit, ...]:
        if not self._before:
            return ()
        from netwiz.probes.firewall.diff import diff

        after = {r.place: r for r in await self._read([b.place for b in self._before])}
        self.counted = tuple(after)
        return tuple(
            hit
            for before in self._before
            if before.place in after
            for hit in diff(before, after[before.place])
        )

    def _distinct(self) -> list[Place]:
        by_inode: dict[int, Place] = {}
        for place in self._places:
            with contextlib.suppress(ProbeError):
                by_inode.setdefault(self._ground.namespaces.inode(place), place)
        return list(by_inode.values())

    async def _read(self, places: Sequence[Place]) -> list[Ruleset]:
        from netwiz.probes.firewall.senses import read_rules

        found = []
        for place in places:
            try:
                with mapped(f"the rules of {place.label}"):
                    found.append(await read_rules(self._ground, ReadRules(place)))
            except ProbeError as error:
                self.blind.append(error.what)
        return found


def _command(ground: Ground, request: Converse) -> str:
    """What a person would run to see the same."""
    enter = ground.namespaces.enter(request.place)
    host = f"[{request.address}]" if ":" in request.address else request.address
    if request.words == SILENCE:
        return f"{enter}nc {request.address} {request.port}"
    if request.words == "tls":
        name = f" -servername {request.host}" if request.host else ""
        return f"{enter}openssl s_client -connect {host}:{request.port}{name}"
    seconds = request.budget_ms / 1000
    named = f" -H 'Host: {request.host}'" if request.host else ""
    shown = f"{enter}curl -sv -m {seconds:.0f}{named} http://{host}:{request.port}/"
    dumps = [
        f"{ground.namespaces.enter(p)}tcpdump -ni any 'tcp port {request.port}'"
        for p in request.taps
    ]
    return "; ".join([*dumps, shown])
