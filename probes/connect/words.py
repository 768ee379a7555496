"""What is said after connecting, and when an answer to it is whole.

Only what every client of the scheme says first: a GET of ``/``, a ClientHello. Nothing
of it asks a service to change anything.
"""

from __future__ import annotations

import contextlib
import ssl

HTTP, TLS, SILENCE = "http", "tls", "silence"
_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_TLS_HEADER = 5


def words_for(kind: str, host: str, *, size: int = 0, other: bool = False) -> bytes:
    """The bytes to say; `size` pads HTTP, `other` is a filler of the same length."""
    said = b""
    if kind == HTTP:
        said = _get(host, size)
    elif kind == TLS:
        said = _client_hello(host)
    if other and said:
        return b"x" * (len(said) - len(_HEAD_END)) + _HEAD_END
    return said


def _get(host: str, size: int) -> bytes:
    named = f"[{host}]" if ":" in host else host
    lines = ["GET / HTTP/1.1", f"Host: {named}", "User-Agent: netwiz", "Accept: */*"]
    lines.append("Connection: close")
    short = sum(len(line) + 2 for line in lines) + 2
    number = 0
    while short < size:
        # Several short fields: one long field is over many a server's limit.
        field = f"X-Padding-{number}: {'p' * min(1000, max(1, size - short))}"
        lines.append(field)
        short += len(field) + 2
        number += 1
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _client_hello(host: str) -> bytes:
    """What Python's own TLS would say first to this server."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host or None)
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def promised(kind: str, answer: bytes, received: int) -> int:
    """How many bytes a whole answer has, as far as it says so; -1 when it does not."""
    if kind == TLS:
        return _tls_records(answer)
    if kind == HTTP and answer.startswith(b"HTTP/"):
        head, found, _ = answer.partition(_HEAD_END)
        if not found:
            return received + 1
        status = head.split(b" ", 2)[1:2]
        if status in ([b"204"], [b"304"]):
            return len(head) + len(_HEAD_END)
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            length = value.strip()
            if name.lower() == b"content-length" and length.isdigit():
                return len(head) + len(_HEAD_END) + min(int(length), 1 << 40)
            if name.lower() == b"transfer-encoding" and length.lower() == b"chunked":
                # Its last chunk ends it, though the connection may be kept (RFC 9112,
                # 7.1); with trailers, or before, only the connection's end tells.
                return received if answer.endswith(_LAST_CHUNK) else -1
    return -1


def _tls_records(answer: bytes) -> int:
    """Where the record ends in which the answer ends (RFC 8446, 5.1)."""
    at = 0
    while at < len(answer):
        if len(answer) < at + _TLS_HEADER:
            return at + _TLS_HEADER
        at += _TLS_HEADER + int.from_bytes(answer[at + 3 : at + 5], "big")
    return at or -1
