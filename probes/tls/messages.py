"""What was said in a handshake, message by message (RFC 5246, RFC 8446).

OpenSSL shows every message to a callback, decrypted: certificates as sent, whether a
client certificate was asked for, alerts by number. Python has it as a debugging hook of
SSLContext (``_msg_callback``, 3.8 and later) and offers nothing public that tells as
much: the chain of a handshake that failed to verify is shown nowhere else.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from netwiz.probes.facts.tls import Certificate
from netwiz.probes.tls.certificate import parse, parse_name

_HANDSHAKE, _ALERT = 22, 21
_SERVER_HELLO, _CERTIFICATE, _CERTIFICATE_REQUEST = 2, 11, 13
_TLS_1_3 = 0x0304
_CLOSE, _CANCELLED = 0, 90
_SUPPORTED_VERSIONS = 43
_AUTHORITIES = 47
"""The extension that names the authorities (RFC 8446, 4.2.4)."""
_MOST_CERTIFICATES = 20
_MOST_ISSUERS = 20


@dataclass
class Messages:
    """What the peer said so far."""

    certificates: tuple[Certificate, ...] = ()
    asks_certificate: bool = False
    takes_issuers: tuple[str, ...] = ()
    alert: int = -1
    version: str = ""
    cipher_id: int = 0
    suites: dict[int, str] = field(default_factory=dict)

    def listen(self, context: ssl.SSLContext) -> None:
        """Be told of every message of the handshakes made with a context."""
        self.suites = {c["id"] & 0xFFFF: c["name"] for c in context.get_ciphers()}
        context._msg_callback = self._heard  # type: ignore[attr-defined]

    @property
    def cipher(self) -> str:
        """The suite that the server chose."""
        return self.suites.get(self.cipher_id, "")

    def _heard(
        self, _: object, direction: str, version: int, kind: int, what: int, data: bytes
    ) -> None:
        if direction != "read":
            return
        # An exception in here would end the handshake as if the peer were to blame.
        try:
            self._note(int(version), int(kind), int(what), data)
        except (ValueError, IndexError):
            return

    def _note(self, version: int, kind: int, what: int, data: bytes) -> None:
        if kind == _ALERT and len(data) == 2:
            fatal = data[0] == 2 or version >= _TLS_1_3
            if fatal and data[1] not in (_CLOSE, _CANCELLED):
                self.alert = data[1]
        elif kind == _HANDSHAKE and what == _SERVER_HELLO:
            self.version = version_name(_chosen(data))
            self.cipher_id = int.from_bytes(data[39 + data[38] :][:2])
        elif kind == _HANDSHAKE and what == _CERTIFICATE and not self.certificates:
            self.certificates = _certificates(data, version)
        elif kind == _HANDSHAKE and what == _CERTIFICATE_REQUEST:
            self.asks_certificate = True
            self.takes_issuers = _issuers(data, version)


def version_name(version: int) -> str:
    """``TLSv1.2``; as OpenSSL writes it."""
    names = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", _TLS_1_3: "TLSv1.3"}
    return names.get(version, f"{version:#06x}")


def _chosen(hello: bytes) -> int:
    """The version of a ServerHello: an extension says it from TLS 1.3 on."""
    start = 39 + hello[38] + 3
    for kind, value in _extensions(hello[start + 2 :]):
        if kind == _SUPPORTED_VERSIONS:
            return int.from_bytes(value[:2])
    return int.from_bytes(hello[4:6])


def _certificates(data: bytes, version: int) -> tuple[Certificate, ...]:
    newer = version >= _TLS_1_3
    offset = 4 + (1 + data[4] if newer else 0) + 3
    found: list[Certificate] = []
    while offset + 3 <= len(data) and len(found) < _MOST_CERTIFICATES:
        size = int.from_bytes(data[offset : offset + 3])
        offset += 3
        found.append(parse(data[offset : offset + size]))
        offset += size
        if newer:
            offset += 2 + int.from_bytes(data[offset : offset + 2])
    return tuple(found)


def _issuers(data: bytes, version: int) -> tuple[str, ...]:
    listed = b""
    if version >= _TLS_1_3:
        start = 5 + data[4] + 2
        for kind, value in _extensions(data[start:]):
            if kind == _AUTHORITIES:
                listed = value[2:]
    else:
        start = 5 + data[4]
        start += 2 + int.from_bytes(data[start : start + 2])
        listed = data[start + 2 :]
    names = (parse_name(name) for name in _counted(listed))
    return tuple(name for name, _ in zip(names, range(_MOST_ISSUERS), strict=False))


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 4 <= len(data):
        size = int.from_bytes(data[offset + 2 : offset + 4])
        yield (
            int.from_bytes(data[offset : offset + 2]),
            data[offset + 4 : offset + 4 + size],
        )
        offset += 4 + size


def _counted(data: bytes) -> Iterator[bytes]:
    """Pieces that are each preceded by their length in two bytes."""
    offset = 0
    while offset + 2 <= len(data):
        size = int.from_bytes(data[offset : offset + 2])
        yield data[offset + 2 : offset + 2 + size]
        offset += 2 + size


def understood() -> bool:
    """Whether this Python shows the messages of a handshake."""
    hook: Any = getattr(ssl.SSLContext, "_msg_callback", None)
    return hook is not None
