"""The two hellos of TLS: what is offered, what is taken (RFC 8446, 4.1).

A hello that is cut off or made up is read as far as it makes sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netwiz.probes.facts.tls import ALERTS
from netwiz.probes.reading.words import MOST_NAME
from netwiz.probes.text import plain

_SERVER_NAME, _ALPN, _EARLY_DATA, _VERSIONS = 0, 16, 42, 43
_MOST_EXTENSIONS = 64
_MOST_PROTOCOLS = 4
_RETRY = bytes.fromhex(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
)
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446, 4.1.3)."""
_MESSAGES = {
    1: "client hello",
    2: "server hello",
    4: "session ticket",
    11: "certificate",
    12: "server key exchange",
    13: "certificate request",
    14: "server hello done",
    15: "certificate verify",
    16: "client key exchange",
    20: "finished",
    22: "certificate status",
}
_NAMES = {
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}
_CIPHERS = {
    0x002F: "AES128-SHA",
    0x0035: "AES256-SHA",
    0x003C: "AES128-SHA256",
    0x003D: "AES256-SHA256",
    0x009C: "AES128-GCM-SHA256",
    0x009D: "AES256-GCM-SHA384",
    0x009E: "DHE-RSA-AES128-GCM-SHA256",
    0x009F: "DHE-RSA-AES256-GCM-SHA384",
    0x1301: "AES_128_GCM_SHA256",
    0x1302: "AES_256_GCM_SHA384",
    0x1303: "CHACHA20_POLY1305_SHA256",
    0xC009: "ECDHE-ECDSA-AES128-SHA",
    0xC00A: "ECDHE-ECDSA-AES256-SHA",
    0xC013: "ECDHE-RSA-AES128-SHA",
    0xC014: "ECDHE-RSA-AES256-SHA",
    0xC023: "ECDHE-ECDSA-AES128-SHA256",
    0xC024: "ECDHE-ECDSA-AES256-SHA384",
    0xC027: "ECDHE-RSA-AES128-SHA256",
    0xC028: "ECDHE-RSA-AES256-SHA384",
    0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
    0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
    0xC02F: "ECDHE-RSA-AES128-GCM-SHA256",
    0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
    0xCCA8: "ECDHE-RSA-CHACHA20-POLY1305",
    0xCCA9: "ECDHE-ECDSA-CHACHA20-POLY1305",
    0xCCAA: "DHE-RSA-CHACHA20-POLY1305",
}
"""IANA's numbers, with the names that OpenSSL gives them."""


@dataclass(slots=True)
class ClientHello:
    """What a client offers."""

    name: str = ""
    versions: str = ""
    alpn: tuple[str, ...] = ()
    early: bool = False


@dataclass(slots=True)
class ServerHello:
    """What a server takes."""

    version: str = ""
    cipher: str = ""
    alpn: str = ""
    retry: bool = False


def version_name(number: int) -> str:
    """``TLS 1.2``."""
    return _NAMES.get(number, f"version {number:#06x}")


def client_hello(body: bytes) -> ClientHello:
    """A handshake message of type 1, from its type on."""
    found = ClientHello()
    highest = _two(body, 4)
    at = 39 + _one(body, 38)
    at += 2 + _two(body, at)
    at += 1 + _one(body, at)
    offered = [highest]
    for kind, value in _extensions(body, at):
        if kind == _SERVER_NAME:
            # A list of one: its length, the type of name, the name's length.
            found.name = plain(value[5 : 5 + _two(value, 3)], MOST_NAME)
        elif kind == _ALPN:
            found.alpn = tuple(_protocols(value))
        elif kind == _EARLY_DATA:
            found.early = True
        elif kind == _VERSIONS:
            listed = [_two(value, i) for i in range(1, min(len(value) - 1, 40), 2)]
            # Numbers beyond the known are there to keep servers tolerant (RFC 8701).
            offered = [number for number in listed if number in _NAMES] or offered
    found.versions = _range(offered)
    return found


def message_fields(content: int, body: bytes) -> list[tuple[str, str]]:
    """What a record's first message says, field by field; encrypted: nothing."""
    if content == 21 and len(body) == 2:
        return [("alert", f"{ALERTS.get(body[1], str(body[1]))} ({body[1]})")]
    if content != 22 or len(body) < 4 or body[0] not in _MESSAGES:
        return []
    length = int.from_bytes(body[1:4])
    if length > 2 * 16_384:
        return []
    said = [("message", _MESSAGES[body[0]])]
    if body[0] == 1:
        hello = client_hello(body)
        said += [
            ("server name", hello.name),
            ("versions", hello.versions),
            ("protocols", ", ".join(hello.alpn)),
        ]
    elif body[0] == 2:
        taken = server_hello(body)
        said += [
            ("takes", taken.version),
            ("cipher", taken.cipher),
            ("protocol", taken.alpn),
        ]
    return said


def _range(offered: list[int]) -> str:
    lowest, highest = min(offered), max(offered)
    if lowest == highest:
        return version_name(highest)
    return f"{version_name(lowest)}-{version_name(highest).split()[-1]}"


def server_hello(body: bytes) -> ServerHello:
    """A handshake message of type 2, from its type on."""
    version = _two(body, 4)
    at = 39 + _one(body, 38)
    cipher = _two(body, at)
    found = ServerHello(retry=body[6:38] == _RETRY)
    for kind, value in _extensions(body, at + 3):
        if kind == _VERSIONS:
            version = _two(value, 0)
        elif kind == _ALPN:
            found.alpn = next(_protocols(value), "")
    found.version = version_name(version)
    found.cipher = _CIPHERS.get(cipher, f"cipher {cipher:#06x}")
    return found


def _protocols(value: bytes) -> Iterator[str]:
    at = 2
    for _ in range(_MOST_PROTOCOLS):
        size = _one(value, at)
        if not size:
            return
        yield plain(value[at + 1 : at + 1 + size], 20)
        at += 1 + size


def _extensions(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    at += 2
    for _ in range(_MOST_EXTENSIONS):
        if at + 4 > len(body):
            return
        size = _two(body, at + 2)
        yield _two(body, at), body[at + 4 : at + 4 + size]
        at += 4 + size


def _one(data: bytes, at: int) -> int:
    return data[at] if at < len(data) else 0


def _two(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2])
