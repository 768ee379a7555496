"""A TLS handshake as the application would make it, from where it stands."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import itertools
import re
import shlex
import socket
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from netwiz.probes.connect.endpoint import family_of, sockaddr, writable
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import HOST, Failure, Place, PlaceKind
from netwiz.probes.facts.tls import TlsOutcome, TlsTalk, Trust, TrustStore
from netwiz.probes.names.rootfs import RootFiles
from netwiz.probes.requests import TalkTls
from netwiz.probes.text import plain
from netwiz.probes.tls.certificate import parse
from netwiz.probes.tls.handshake import Handshake, Heard, words_for
from netwiz.probes.tls.messages import Messages
from netwiz.probes.tls.trust import Trusted

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

CONNECT_S = 1.2
ANSWER_S = 0.8
"""For the head of an HTTP answer. A slow server is not this question's business."""
_ISSUER_UNKNOWN = (2, 20, 21)
EVERY_CIPHER = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


async def talk_tls(ground: Ground, request: TalkTls) -> TlsTalk:
    """Shake hands with a server, and hear its first answer if it speaks HTTP.

    Sends what a client with Python's own settings sends: TLS 1.2 and 1.3, the name as
    SNI unless it is an address. With `lenient` it is anything from TLS 1.0 on, at
    OpenSSL's security level 0, to learn what the server would rather have. Takes
    `budget_ms` for the handshake, 1.2 s for the connection before and 0.8 s for the
    answer after it at most.

    Raises ProbeError when the namespace is gone or closed to us, never for what the
    peer or the network does.
    """
    return await shake_hands(ground, request)


async def shake_hands(ground: Ground, request: TalkTls, also: bytes = b"") -> TlsTalk:
    """The same, with one more certificate (DER) at hand when the chain is built."""
    trusted = await _trusted(ground, request)
    if trusted is not None and also:
        trusted.certificates.setdefault(also)
    messages = Messages()
    context = await asyncio.to_thread(_context, request, trusted, messages)
    if also:
        # What was only fetched is no anchor: the chain must lead on to a root.
        context.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
    store = trusted.store if trusted else TrustStore()
    known = TlsTalk(
        command=_command(ground, request),
        place=request.place,
        address=request.address,
        port=request.port,
        server_name=request.server_name,
        trust=request.trust,
        outcome=TlsOutcome.UNCONNECTED,
        store=store,
        at=datetime.now(UTC),
    )
    sock = await ground.namespaces.socket(
        request.place, family_of(request.address), socket.SOCK_STREAM
    )
    with contextlib.closing(sock):
        began = time.perf_counter()
        name = await _connected(sock, request)
        known = dataclasses.replace(
            known, tcp_ms=(time.perf_counter() - began) * 1000, errno_name=name
        )
        if name:
            return known
        name_sent = _asked_for(request) if request.sni else None
        shake = Handshake(sock, context, name_sent, messages)
        heard = await shake.run(request.budget_ms / 1000, _words(request), ANSWER_S)
        _leave(sock)
    told = _told(known, heard, messages)
    if trusted is not None and told.verify_code in _ISSUER_UNKNOWN:
        kin = await asyncio.to_thread(_kin, trusted, told)
        told = dataclasses.replace(told, kin=kin)
    return told


def _asked_for(request: TalkTls) -> str:
    """The name to send and to look for; none is sent to a server without one."""
    name = request.server_name or request.address
    return name.partition("%")[0]


def _told(known: TlsTalk, heard: Heard, messages: Messages) -> TlsTalk:
    return dataclasses.replace(
        known,
        **dataclasses.asdict(heard),
        alert=messages.alert,
        certificates=messages.certificates,
        asks_certificate=messages.asks_certificate,
        takes_issuers=messages.takes_issuers,
    )


def _kin(trusted: Trusted, told: TlsTalk) -> tuple[str, ...]:
    """Trusted authorities of the organisation that issued the topmost certificate."""
    top = told.certificates[-1] if told.certificates else None
    organisation = re.search(r"\bO=([^,]+)", top.issuer) if top else None
    if organisation is None:
        return ()
    wanted = organisation[1].encode()
    alike = (parse(c) for c in trusted.certificates if wanted in c)
    fit = (c.name for c in alike if f"O={organisation[1]}" in c.subject)
    return tuple(itertools.islice(fit, 3))


def _words(request: TalkTls) -> bytes:
    if not request.http:
        return b""
    return words_for(request.server_name or request.address, request.port)


async def _connected(sock: socket.socket, request: TalkTls) -> str:
    """Connect; the name of the errno where that fails."""
    try:
        number = sock.connect_ex(sockaddr(request.address, request.port))
        if number == errno.EINPROGRESS:
            await writable(sock, CONNECT_S)
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except TimeoutError:
        number = errno.ETIMEDOUT
    except OSError as error:
        number = error.errno or errno.EINVAL
    return errno.errorcode.get(number, str(number)) if number else ""


def _leave(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)


def _context(
    request: TalkTls, trusted: Trusted | None, messages: Messages
) -> ssl.SSLContext:
    try:
        # The name goes out as it is: one that is no host name is the network's or the
        # server's business, not a reason to say nothing.
        _asked_for(request).encode("idna")
    except UnicodeError as error:
        shown = plain(request.server_name, 80)
        what = f"{shown!r} cannot be sent as a server name"
        raise ProbeError(Failure.BROKEN, what) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not request.sni:
        context.check_hostname = False
    if request.trust is Trust.ANYONE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if trusted is not None:
        trusted.load_into(context)
    if request.lenient:
        with contextlib.suppress(ssl.SSLError, ValueError):
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.set_ciphers(EVERY_CIPHER)
    messages.listen(context)
    return context


async def _trusted(ground: Ground, request: TalkTls) -> Trusted | None:
    if request.trust is Trust.ANYONE:
        return None
    place = request.place if request.trust is Trust.CLIENT else HOST
    # A file system that hangs must hold up nobody's end: daemon threads.
    return await ground.namespaces.call(HOST, read_trust, ground, place)


def read_trust(ground: Ground, place: Place) -> Trusted:
    """The certificates that a place trusts. Blocks."""
    env: tuple[str, ...] = ()
    if place.kind is PlaceKind.CONTAINER and ground.snapshot is not None:
        found = ground.snapshot.by_id.get(place.key)
        env = found.env if found else ()
    with mapped(f"the certificates that {place.label} trusts"):
        root = ground.namespaces.root(place) if place != HOST else Path("/")
        return Trusted(RootFiles(root), env)


def _command(ground: Ground, request: TalkTls) -> str:
    host = f"[{request.address}]" if ":" in request.address else request.address
    words = ["openssl", "s_client", "-connect", f"{host}:{request.port}", "-showcerts"]
    name = request.server_name
    if not request.sni:
        words.append("-noservername")
    elif name and name != request.address:
        words += ["-servername", name, "-verify_hostname", name]
    enter = ground.namespaces.enter(request.place)
    return f"{enter}{shlex.join(words)} </dev/null"
