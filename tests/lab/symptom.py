"""What an application would see, by raw sockets and nothing of netwiz.

A scenario counts only if its symptom is there before netwiz looks. So this
module shares no code with netwiz: were both wrong in the same way, nobody
would notice.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.lab import resolver

if TYPE_CHECKING:
    from tests.lab.engine import Lab

CONNECT_SECONDS = 5.0
"""Far more than 3.05 s, the time after which an unanswered ARP is an error."""
ANSWER_SECONDS = 4.0
"""Twice as long as the slowest answer of any scenario."""
CLOSE_SECONDS = 0.3
SLOW_SECONDS = 1.5
"""Less than any scenario's delay: on a busy machine a delay only grows."""
LATE_SECONDS = 0.8
"""A lost SYN costs a second; the close that is waited for costs 0.3."""
DEFAULT_PORTS = {"http": 80, "https": 443}

BY_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EADDRNOTAVAIL: "no-address",
    errno.EPERM: "denied",
    errno.EACCES: "denied",
}


@dataclass(frozen=True)
class Target:
    """What is dialled: scheme tcp, udp, http, https or dns."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True)
class Seen:
    """The symptom, and what each address of the target gave."""

    symptom: str
    details: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.symptom} ({'; '.join(self.details)})"


def parse(text: str) -> Target:
    """host:port, [v6]:port, scheme://..., or a bare name to resolve."""
    if "://" not in text:
        bare = ":" not in text
        text = f"dns://{text}" if bare else f"tcp://{text}"
    url = urlsplit(text)
    port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
    if not url.hostname or (not port and url.scheme != "dns"):
        raise ValueError(f"no host and port in {text!r}")
    return Target(url.scheme, url.hostname, port)


def look(lab: Lab, place: str, to: str, times: int = 1) -> Seen:
    """Try from there, once or often: every address of the target, worst news first."""
    target = parse(to)
    begun = time.monotonic()
    try:
        addresses = resolver.addresses(lab, place, target.host)
    except resolver.ResolutionError as error:
        return Seen("dns", (str(error),))
    if target.scheme == "dns":
        return _timed("ok", begun, tuple(addresses))
    trusted = _trusted(lab, place) if target.scheme == "https" else ""
    results = [
        (address, lab.in_namespace(place, _often(target, address, trusted, times)))
        for address in addresses
    ]
    details = tuple(f"{address} {result}" for address, result in results)
    bad = [result for _, result in results if result != "ok"]
    # An address family that this place does not have is skipped by every
    # client as long as there is another address.
    telling = [result for result in bad if result != "no-address"]
    if telling:
        return Seen(telling[0], details)
    if len(bad) == len(results):
        return Seen("no-address", details)
    return _timed("ok", begun, details)


def _timed(symptom: str, begun: float, details: tuple[str, ...]) -> Seen:
    took = time.monotonic() - begun
    if took > SLOW_SECONDS:
        return Seen("slow", (*details, f"{took:.1f} s"))
    return Seen(symptom, details)


def _often(target: Target, address: str, trusted: str, times: int) -> Callable[[], str]:
    """Many attempts at once, and whether they all end alike."""
    one = _attempt(target, address, trusted)
    if times == 1:
        return one

    def timed(_: int) -> tuple[str, bool]:
        begun = time.monotonic()
        return one(), time.monotonic() - begun > LATE_SECONDS

    def attempts() -> str:
        # Threads are born in the namespace of the thread that makes them.
        with ThreadPoolExecutor(8) as pool:
            ends = set(pool.map(timed, range(times)))
        return "unsteady" if len(ends) > 1 else next(iter(ends))[0]

    return attempts


def _attempt(target: Target, address: str, trusted: str) -> Callable[[], str]:
    def attempt() -> str:
        try:
            if target.scheme == "udp":
                return _udp(target, address)
            return _tcp(target, address, trusted)
        except ssl.SSLError:
            return "tls"
        except TimeoutError:
            return "timeout"
        except OSError as error:
            return BY_ERRNO.get(error.errno or 0, f"errno {error.errno}")

    return attempt


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _tcp(target: Target, address: str, trusted: str) -> str:
    with socket.socket(_family(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(CONNECT_SECONDS)
        sock.connect((address, target.port))
        if target.scheme == "https":
            return _https(target, sock, trusted)
        if target.scheme == "http":
            return _http(target, sock)
        # docker-proxy accepts for a dead server and hangs up a moment later.
        sock.settimeout(CLOSE_SECONDS)
        try:
            return "ok" if sock.recv(1) else "reset"
        except TimeoutError:
            return "ok"


def _http(target: Target, sock: socket.socket) -> str:
    sock.settimeout(ANSWER_SECONDS)
    sock.sendall(f"GET / HTTP/1.0\r\nHost: {target.host}\r\n\r\n".encode())
    answer = b""
    # To its end: what is large may hang where a first line came through.
    while not _whole(answer):
        more = sock.recv(65536)
        if not more:
            break
        answer += more
    return "ok" if answer.startswith(b"HTTP/") else "reset"


def _whole(answer: bytes) -> bool:
    """Whether an answer has as many bytes as it announced."""
    head, found, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n") if found else []:
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False


BUNDLES = ("etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem")


def _trusted(lab: Lab, place: str) -> str:
    """The certificates that a place trusts, out of its own root file system (PEM)."""
    pid = lab.engine_pid() if place == "host" else lab.pid_of(place)
    root, environ = Path(f"/proc/{pid}/root"), Path(f"/proc/{pid}/environ")
    env = environ.read_text().split("\0") if place != "host" else []
    named = "".join(e[15:] for e in env if e.startswith("SSL_CERT_FILE=/"))
    for path in filter(None, (named, *BUNDLES)):
        with contextlib.suppress(OSError):
            return (root / path).read_text()
    return ""


def _https(target: Target, sock: socket.socket, trusted: str) -> str:
    """As a client of today verifies: by the bundle alone, and never by CN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False
    if trusted:
        context.load_verify_locations(cadata=trusted)
    sock.settimeout(ANSWER_SECONDS)
    with context.wrap_socket(sock, server_hostname=target.host) as secured:
        return _http(target, secured)


def _udp(target: Target, address: str) -> str:
    """Any answer to a datagram is a success; none is a timeout."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as sock:
        sock.settimeout(ANSWER_SECONDS)
        sock.connect((address, target.port))
        sock.send(b"lab\n")
        return "ok" if sock.recv(512) else "reset"
