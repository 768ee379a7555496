"""The certificate that a server should have sent along, and whether it was all missing.

A certificate says where its issuer's can be had (AIA caIssuers, RFC 5280 4.2.2.1).
Browsers go and get it, which is why a chain with a gap works in them and fails in
everything else. netwiz gets it too, once, from where the client stands: only by plain
HTTP, never from loopback or link-local addresses (a stranger chose the address, and
cloud machines serve their secrets there), and never more than a certificate's worth.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import ipaddress
import re
import shlex
import socket
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from netwiz.probes.connect.endpoint import family_of, sockaddr, writable
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.tls import IssuerFetched, TlsOutcome
from netwiz.probes.names.resolve import resolve
from netwiz.probes.requests import FetchIssuer, Resolve
from netwiz.probes.text import plain
from netwiz.probes.tls import der
from netwiz.probes.tls.certificate import LARGEST, parse
from netwiz.probes.tls.senses import shake_hands
from netwiz.probes.tls.trust import certificates_in

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

BUDGET_S = 1.5
"""Connection and answer together."""
_SIGNED_DATA = "1.2.840.113549.1.7.2"


async def fetch_issuer(ground: Ground, request: FetchIssuer) -> IssuerFetched:
    """Get the issuer's certificate, and shake hands once more with it at hand.

    `completes` is OpenSSL's word: the same handshake, verified by the same trust and
    this certificate as one that is known but not trusted for its own sake.
    """
    enter = ground.namespaces.enter(request.place)
    told = IssuerFetched(
        url=request.url, command=f"{enter}curl -sS {shlex.quote(request.url)}"
    )
    data, why_not = await _get(ground, request.place, request.url)
    found = _certificate_of(data)
    if found is None:
        return replace(told, why_not=why_not or "what came is no certificate")
    parsed = parse(found)
    if parsed.self_signed:
        return replace(
            told, certificate=parsed, why_not="it is a root, signed by itself"
        )
    again = await shake_hands(ground, request.talk, also=found)
    good = again.outcome is TlsOutcome.OK or again.verify_code in _OTHER_TROUBLE
    why_not = "" if good else again.reason or again.outcome.value
    return replace(told, certificate=parsed, completes=good, why_not=why_not)


_OTHER_TROUBLE = (62, 64)
"""The chain was found good before the name was looked at (X509_V_ERR_*_MISMATCH)."""


async def _get(ground: Ground, place: Place, url: str) -> tuple[bytes, str]:
    """What is at the URL, and if nothing, why."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        return b"", "the address it names is none"
    if parts.scheme != "http" or not host or " " in url:
        return b"", "it is not to be had by plain HTTP"
    found = await resolve(ground, Resolve(place, host))
    address = next(iter(found.addresses), "")
    if not address or not _is_decent(address):
        shown = plain(host, 80)
        return b"", f"{shown} has no address that netwiz would ask"
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    words = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: netwiz\r\n\r\n"
    sock = await ground.namespaces.socket(place, family_of(address), socket.SOCK_STREAM)
    with contextlib.closing(sock):
        try:
            async with asyncio.timeout(BUDGET_S):
                return await _exchange(sock, address, port, words.encode())
        except (OSError, TimeoutError):
            return b"", f"{plain(host, 80)} did not answer"


def _is_decent(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast)


async def _exchange(
    sock: socket.socket, address: str, port: int, words: bytes
) -> tuple[bytes, str]:
    loop = asyncio.get_running_loop()
    number = sock.connect_ex(sockaddr(address, port))
    if number == errno.EINPROGRESS:
        await writable(sock, BUDGET_S)
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, "")
    await loop.sock_sendall(sock, words)
    answer = b""
    while len(answer) < LARGEST and (part := await loop.sock_recv(sock, 16384)):
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    if not re.match(rb"HTTP/1\.[01] 200", head):
        return b"", f"the answer was {plain(head.splitlines()[0] if head else b'', 60)}"
    return body, ""


def _certificate_of(data: bytes) -> bytes | None:
    """The first certificate in DER, PEM, or a PKCS #7 of certificates only."""
    if found := certificates_in(data):
        try:
            inner = der.read(found[0]).parts()
            if inner and inner[0].tag == der.OID:
                return _first_of_pkcs7(inner)
        except ValueError:
            return None
        return found[0]
    with contextlib.suppress(ValueError):
        text = re.sub(rb"-----[^-]+-----|\s", b"", data)
        return _first_of_pkcs7(der.read(base64.b64decode(text)).parts())
    return None


def _first_of_pkcs7(parts: tuple[der.Element, ...]) -> bytes | None:
    """RFC 2315: SignedData, of which only the certificates are filled in."""
    if len(parts) < 2 or der.oid(parts[0].content) != _SIGNED_DATA:
        return None
    signed = der.read(parts[1].content).wanted(der.SEQUENCE)
    for part in signed.parts():
        if part.tag == 0xA0:
            return next((e.whole for e in der.elements(part.content)), None)
    return None
