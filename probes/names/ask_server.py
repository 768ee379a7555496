"""Put a question to one name server in just one way, and say all that came of it.

Where `resolve` does what an application does, this does what it never does: no second
server, no second transport, no search list. So each server and each transport can be
told from the others. A question may be repeated for faults that come and go, and the
place may be watched meanwhile, to see to whom a forwarding server passes it on.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.names import NONSENSE, Answer, NameOutcome, ServerAnswer
from netwiz.probes.names import dnswire
from netwiz.probes.names.dns_ask import Exchange, outcome_of
from netwiz.probes.names.passed_on import Watch
from netwiz.probes.requests import AskServer
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

MOST_TIMES = 30
"""Questions of one request."""

LINGER_S = 0.05
"""A forwarded question may leave after the answer came from a cache; not for long."""


async def ask_server(ground: Ground, request: AskServer) -> ServerAnswer:
    """The server's answer to the question, asked `times` times one after another.

    What the network does never raises. Raises ProbeError for names that no server can
    be asked for and where the namespace cannot be entered.
    """
    name = dnswire.check_name(request.name)
    tries: list[tuple[Answer, dnswire.Reply | None, str]] = []
    end = time.perf_counter() + max(request.budget_ms * 3, 3000) / 1000
    async with _watching(ground, request) as seen:
        for number in range(max(1, min(request.times, MOST_TIMES))):
            if number and time.perf_counter() >= end:
                break
            tries.append(await _once(ground, request, name))
    told = next((t for t in tries if t[1] is not None), tries[-1])
    answer, reply, error = told
    return ServerAnswer(
        place=request.place,
        server=request.server,
        name=plain(name, 255),
        record=request.record,
        over_tcp=request.over_tcp,
        outcome=answer.outcome,
        rcode=reply.rcode if reply else "",
        addresses=answer.addresses,
        flags=reply.flags if reply else (),
        size=reply.size if reply else 0,
        answer_ms=answer.ms,
        error=error,
        tries=tuple(t[0] for t in tries),
        asked_on=tuple(s for s in dict.fromkeys(seen) if s != request.server),
        command=_command(ground, request, name),
    )


async def _once(
    ground: Ground, request: AskServer, name: str
) -> tuple[Answer, dnswire.Reply | None, str]:
    message = dnswire.question(name, request.record)
    patience = request.budget_ms / 1000
    exchange = Exchange(ground, request.place, request.server, message, patience)
    start = time.perf_counter()
    reply: dnswire.Reply | None = None
    error = ""
    try:
        if request.over_tcp:
            reply = await exchange.stream()
        else:
            # Of many questions each has one datagram, so that a lost one shows.
            reply = await exchange.datagram(again=request.times == 1)
        outcome, addresses = reply.outcome, reply.addresses
        if reply.truncated and not addresses and outcome is NameOutcome.NODATA:
            outcome = NameOutcome.ANSWERED
    except TimeoutError:
        outcome, addresses = NameOutcome.TIMEOUT, ()
        error = NONSENSE if exchange.nonsense else ""
    except OSError as failed:
        outcome, addresses = outcome_of(failed), ()
        error = errno.errorcode.get(failed.errno or 0, "")
    answer = Answer(
        server=request.server,
        question=f"{name}.",
        record=request.record,
        outcome=outcome,
        addresses=addresses,
        ms=(time.perf_counter() - start) * 1000,
        over_tcp=request.over_tcp,
        rcode=reply.rcode if reply else "",
    )
    return answer, reply, error


@contextlib.asynccontextmanager
async def _watching(ground: Ground, request: AskServer) -> AsyncIterator[Sequence[str]]:
    """To whom the question goes on from the place, gathered until the end."""
    if not request.watch:
        yield ()
        return
    seen: list[str] = []
    watch = await _open(ground, request.place, request.name)
    if watch is None:
        yield ()
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(watch.fileno(), lambda: seen.extend(watch.read()))
    try:
        yield seen
        await asyncio.sleep(LINGER_S)
        seen.extend(watch.read())
    finally:
        loop.remove_reader(watch.fileno())
        await asyncio.to_thread(watch.close)


async def _open(ground: Ground, place: Place, name: str) -> Watch | None:
    """None where packets may not be looked at: the answer is worth something alone."""

    def make() -> socket.socket:
        return Watch.socket()

    try:
        made = await ground.namespaces.call(place, make)
    except OSError:
        return None
    return Watch(made, dnswire.check_name(name))


def _command(ground: Ground, request: AskServer, name: str) -> str:
    enter = ground.namespaces.enter(request.place)
    over = "+tcp " if request.over_tcp else ""
    again = f"for n in $(seq {request.times}); do " if request.times > 1 else ""
    line = f"{enter}dig @{request.server} {over}{name} {request.record}"
    return f"{again}{line}; done" if again else line
