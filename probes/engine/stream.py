"""An answer of the engine without end: events, followed logs.

A plain HTTP/1.1 exchange (RFC 9112) on the event loop, one connection each. The docker
SDK would need a thread per stream, three hundred for the logs of three hundred
containers, and has no public way to end one that is silent.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncGenerator
from typing import Protocol, Self, cast

from netwiz.probes.engine.chunks import Dechunker
from netwiz.probes.engine.endpoint import EngineEndpoint, Tls
from netwiz.probes.engine.errors import EngineAnswerError, NotAnEngineError
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure
from netwiz.probes.machine import EngineGate
from netwiz.probes.text import plain

PIECE = 1 << 16
"""Octets read at once, and the limit of the head and of every line in it."""
FULL_QUEUE_S = 0.02
"""Between two attempts to connect to an engine that has many to accept."""


class EngineStream:
    """The body of one endless answer."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        chunked: bool,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._chunked = chunked

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        self.close()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The octets as they come; ends when the engine ends or breaks off."""
        coded = Dechunker()
        try:
            while data := await self._reader.read(PIECE):
                piece = coded.feed(data) if self._chunked else data
                if piece:
                    yield piece
                if coded.done:
                    return
        except (OSError, ValueError):
            # A daemon that stops closes in the middle; the caller asks again anyway.
            return

    async def gather(self, seconds: float) -> None:
        """Let what comes meanwhile wait in the kernel: then one read takes many."""
        transport = self._writer.transport
        if isinstance(transport, asyncio.Transport) and not transport.is_closing():
            transport.pause_reading()
            await asyncio.sleep(seconds)
            transport.resume_reading()

    def close(self) -> None:
        """End it at once, whatever is under way; safe to call twice."""
        self._writer.transport.abort()


class StreamingGate(EngineGate, Protocol):
    """A gate that can also open streams."""

    async def stream(self, what: str, path: str) -> EngineStream:
        """A connection of its own for the answer to a GET."""


def streaming(gate: EngineGate) -> StreamingGate:
    """The gate as one that opens streams.

    Raises:
        ProbeError: it cannot (a fake one, say).
    """
    if not hasattr(gate, "stream"):
        raise ProbeError(Failure.ENGINE, f"{gate.endpoint} cannot be followed")
    return cast("StreamingGate", gate)


async def open_stream(
    where: EngineEndpoint, path: str, timeout_s: float
) -> EngineStream:
    """GET a path on a new connection and read the head of the answer.

    Raises:
        OSError: the connection failed.
        TimeoutError: no head within `timeout_s`.
        EngineAnswerError: an HTTP status other than 200.
        NotAnEngineError: the head is not HTTP.
    """
    async with asyncio.timeout(timeout_s):
        reader, writer = await _connect(where)
        try:
            # With the connection closed behind it, no answer needs a length to end.
            lines = (f"GET {path} HTTP/1.1", "Host: docker", "Connection: close")
            writer.write("\r\n".join((*lines, "", "")).encode("ascii"))
            await writer.drain()
            return await _answer(reader, writer)
        except BaseException:
            writer.transport.abort()
            raise


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> EngineStream:
    status, headers = await _head(reader)
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    stream = EngineStream(reader, writer, chunked=chunked)
    if status != 200:
        raise EngineAnswerError(status, await _error_text(stream))
    return stream


async def _connect(
    where: EngineEndpoint,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if where.path:
        connected = await _knock_in(where.path)
        return await asyncio.open_unix_connection(sock=connected, limit=PIECE)
    context = _context(where.tls) if where.tls is not None else None
    return await asyncio.open_connection(
        where.host, where.port, ssl=context, limit=PIECE
    )


async def _knock_in(path: str) -> socket.socket:
    """A connected unix socket.

    Unlike TCP, connect(2) says EAGAIN at once while the listener's queue is full, and
    nothing tells when it is not; the event loop would take that for success.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        while True:
            try:
                made.connect(path)
            except BlockingIOError:
                await asyncio.sleep(FULL_QUEUE_S)
            else:
                return made
    except BaseException:
        made.close()
        raise


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca or None)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate and tls.key:
        context.load_cert_chain(tls.certificate, tls.key)
    return context


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Status and headers (names in lower case) of an answer."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise NotAnEngineError("its answer has no end of the head") from error
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if not words[0].startswith("HTTP/1.") or len(words) < 2 or not words[1].isdecimal():
        raise NotAnEngineError(f"its answer begins with {plain(first, 60)}")
    pairs = (line.partition(":") for line in rest)
    return int(words[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _error_text(stream: EngineStream) -> str:
    """The engine's words; a short body is enough of them."""
    body = b""
    async for piece in stream.pieces():
        body += piece
        if len(body) > 4096 or body.rstrip().endswith(b"}"):
            break
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    said = found.get("message") if isinstance(found, dict) else None
    return plain(said if isinstance(said, str) else body.strip(), 300)
