"""One TLS handshake over a socket that is already connected, without blocking."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from netwiz.probes.facts.tls import TlsOutcome
from netwiz.probes.text import plain
from netwiz.probes.tls.messages import Messages

MOST = 512 * 1024
"""Bytes that a server may send before netwiz hangs up."""
_HEAD = 16 * 1024
_RECORDS = (0x14, 0x15, 0x16, 0x17)
"""First bytes of TLS records; whatever begins otherwise is another protocol."""
_SETTLE_S = 0.15
"""After a handshake of TLS 1.3 a server may still turn the client down (RFC 8446,
4.6.2): its alert comes with the first answer, or unasked within a round trip."""


@dataclass
class Heard:
    """What a handshake brought; filled in as it goes on."""

    outcome: TlsOutcome = TlsOutcome.SILENT
    errno_name: str = ""
    verify_code: int = 0
    reason: str = ""
    first_bytes: bytes = b""
    received: int = 0
    version: str = ""
    cipher: str = ""
    alpn: str = ""
    handshake_done: bool = False
    cut: bool = False
    hello_ms: float = 0.0
    handshake_ms: float = 0.0
    http_status: int = 0
    http_server: str = ""
    http_date: datetime | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class _PeerGone(Exception):  # noqa: N818 - an end, not an error
    """The peer closed the connection."""


class Handshake:
    """A TLS client on a connected, non-blocking socket."""

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        name: str | None,
        messages: Messages,
    ) -> None:
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=name)
        self._messages = messages
        self._began = time.perf_counter()
        self.heard = Heard()

    async def run(self, budget_s: float, words: bytes, answer_s: float) -> Heard:
        """Shake hands within `budget_s`; then say `words` and wait for the answer.

        Never raises for what the peer or the network does.
        """
        heard = self.heard
        self._began = time.perf_counter()
        try:
            async with asyncio.timeout(budget_s):
                await self._until(self._tls.do_handshake)
            heard.outcome, heard.handshake_done = TlsOutcome.OK, True
            heard.handshake_ms = self._ms
            heard.version = self._tls.version() or ""
            heard.cipher = (self._tls.cipher() or ("",))[0]
            heard.alpn = self._tls.selected_alpn_protocol() or ""
            async with asyncio.timeout(answer_s if words else _SETTLE_S):
                await self._ask(words)
        except TimeoutError as error:
            if error.errno:
                self._broken(error)
            # Else silence: no handshake in time, or no answer after a good one.
        except (_PeerGone, ssl.SSLError, OSError) as error:
            self._broken(error)
        self._complete()
        return heard

    def _complete(self) -> None:
        heard = self.heard
        heard.handshake_ms = heard.handshake_ms or self._ms
        heard.version = heard.version or self._messages.version
        heard.cipher = heard.cipher or self._messages.cipher
        if heard.outcome is TlsOutcome.SILENT and not self._is_tls:
            heard.outcome = TlsOutcome.PLAIN

    @property
    def _ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000

    @property
    def _is_tls(self) -> bool:
        first = self.heard.first_bytes
        return not first or first[0] in _RECORDS

    def _broken(self, error: Exception) -> None:
        """Who ended it, and how; after a good handshake only an alert counts."""
        heard = self.heard
        if self._messages.alert >= 0:
            heard.outcome = TlsOutcome.ALERT
        elif heard.handshake_done:
            heard.cut = True
        elif isinstance(error, ssl.SSLCertVerificationError):
            heard.outcome = TlsOutcome.UNVERIFIED
            heard.verify_code = error.verify_code
            heard.reason = plain(error.verify_message, 200)
        elif not self._is_tls:
            heard.outcome = TlsOutcome.PLAIN
        elif isinstance(error, _PeerGone | ssl.SSLEOFError):
            heard.outcome = TlsOutcome.EOF
        elif isinstance(error, ssl.SSLError):
            heard.outcome = TlsOutcome.BROKEN
            heard.reason = plain((error.reason or str(error)).lower(), 200)
            heard.reason = heard.reason.replace("_", " ")
        elif isinstance(error, OSError):
            heard.outcome = TlsOutcome.RESET
            heard.errno_name = errno.errorcode.get(error.errno or 0, "")

    async def _until(self, act: Callable[[], bytes | None]) -> bytes | None:
        """Feed the library until `act` is done."""
        while True:
            try:
                done = act()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._more()
                continue
            except ssl.SSLError:
                await self._flush()  # our own alert, as any client would send it
                raise
            await self._flush()
            return done

    async def _flush(self) -> None:
        if data := self._out.read():
            await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def _more(self) -> None:
        heard = self.heard
        data = await asyncio.get_running_loop().sock_recv(self._sock, 65536)
        if not data:
            raise _PeerGone
        if not heard.received:
            heard.hello_ms = self._ms
        heard.received += len(data)
        if len(heard.first_bytes) < 64:
            heard.first_bytes = (heard.first_bytes + data)[:64]
        if heard.received > MOST:
            raise ssl.SSLError(1, f"more than {MOST // 1024} KiB and no end")
        self._in.write(data)

    async def _ask(self, words: bytes) -> None:
        if words:
            await self._until(lambda: self._said(words))
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _HEAD:
            part = await self._until(lambda: self._tls.read(4096))
            if not part:
                break
            head += part
            if not words:
                break
        self.heard.at = datetime.now(UTC)
        self.heard.cut = not head
        self._read_head(head)

    def _said(self, words: bytes) -> None:
        self._tls.write(words)

    def _read_head(self, head: bytes) -> None:
        heard = self.heard
        status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        if status is None:
            return
        heard.http_status = int(status[1])
        if server := re.search(rb"(?im)^server:[ \t]*([^\r\n]{1,200})", head):
            heard.http_server = plain(server[1].strip(), 80)
        if date := re.search(rb"(?im)^date:[ \t]*([^\r\n]{1,100})", head):
            heard.http_date = http_date(date[1])


def http_date(text: bytes) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7); None when it is none."""
    try:
        found = parsedate_to_datetime(text.decode("ascii", "replace").strip())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def words_for(name: str, port: int) -> bytes:
    """What any HTTP client says first."""
    host = name
    try:
        if ipaddress.ip_address(name).version == 6:
            host = f"[{name}]"
    except ValueError:
        pass
    where = host if port == 443 else f"{host}:{port}"
    lines = (
        "GET / HTTP/1.1",
        f"Host: {where}",
        "User-Agent: netwiz",
        "Accept: */*",
        "Connection: close",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii", "replace")
