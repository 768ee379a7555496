"""What goes wrong between us and the engine, in one line and with what to do about it.

The docker SDK wraps requests, which wraps urllib3, which wraps the kernel's errno: the
chain is searched for the innermost thing that means something to a person.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

from netwiz.probes.engine.endpoint import EngineEndpoint
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure
from netwiz.probes.text import plain

START = "start it (systemctl start docker), or set DOCKER_HOST to where it listens"
JOIN = "run it as root (sudo netwiz), or as a member of the socket's group"


class EngineAnswerError(Exception):
    """The engine answered, but with an error: HTTP status and its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class NotAnEngineError(Exception):
    """What answered does not speak the Engine API, or speaks far too much."""


def explained(what: str, error: BaseException, where: EngineEndpoint) -> ProbeError:
    """The ProbeError for whatever came out of a call of the engine."""
    chain = tuple(_chain(error))
    for link in chain:
        if isinstance(link, ProbeError):
            return link
        found = _answered(what, link) or _never_reached(link, where)
        if found is not None:
            return found
    reason = plain(f"{type(error).__name__}: {error}", 160)
    if _broke_off(chain):
        return _engine(f"the engine at {where.url} broke off", "try again")
    return _engine(f"{what}: {where.url} did not answer as an engine does ({reason})")


def _engine(what: str, remedy: str = "") -> ProbeError:
    return ProbeError(Failure.ENGINE, what, remedy)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it was made from, each once, not endlessly."""
    waiting: list[BaseException] = [error]
    seen: list[BaseException] = []
    while waiting and len(seen) < 30:
        link = waiting.pop(0)
        if any(link is s for s in seen):
            continue
        seen.append(link)
        yield link
        inner = (link.__cause__, link.__context__, *link.args)
        waiting += [i for i in inner if isinstance(i, BaseException)]


def _answered(what: str, link: BaseException) -> ProbeError | None:
    """The engine was there and said no."""
    status = getattr(getattr(link, "response", None), "status_code", None)
    message = str(getattr(link, "explanation", None) or link)
    if isinstance(link, EngineAnswerError):
        status, message = link.status, link.message
    if not isinstance(status, int):
        return None
    message = plain(message, 200)
    if status == 404:
        return ProbeError(Failure.GONE, f"{what}: not there any more ({message})")
    if status in (401, 403):
        return _engine(
            f"{what}: the engine does not allow it ({message})",
            "a proxy or an authorisation plugin of the engine stands in between",
        )
    return _engine(f"{what}: the engine says {status}: {message}")


def _never_reached(link: BaseException, where: EngineEndpoint) -> ProbeError | None:
    """Nobody was reached, or nobody who speaks."""
    url = where.url
    if isinstance(link, NotAnEngineError):
        return _engine(f"what answers at {url} is no Docker Engine: {link}")
    if (
        isinstance(link, TimeoutError | BlockingIOError)
        or "Timeout" in type(link).__name__
    ):
        return _engine(
            f"the engine at {url} does not answer in time",
            "see whether it hangs: docker info, journalctl -u docker",
        )
    if isinstance(link, socket.gaierror):
        return _engine(
            f"the engine's host in {url} cannot be resolved", f"mend {where.origin}"
        )
    if isinstance(link, ssl.SSLError):
        reason = plain(link.reason or str(link), 120)
        return _engine(
            f"TLS with the engine at {url} failed: {reason}",
            "see DOCKER_TLS_VERIFY and DOCKER_CERT_PATH",
        )
    if isinstance(link, OSError) and link.errno is not None:
        return _of_errno(link.errno, where)
    return None


def _of_errno(number: int, where: EngineEndpoint) -> ProbeError | None:
    url = where.url
    if number in (errno.ENOENT, errno.ENOTDIR):
        return _engine(f"there is no Docker Engine at {url}: no such socket", START)
    if number in (errno.EACCES, errno.EPERM):
        return _engine(f"the engine's socket {url} may not be used by us", JOIN)
    if number == errno.ECONNREFUSED:
        return _engine(f"nobody answers at {url}: no engine behind it", START)
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return _engine(f"the engine at {url} cannot be reached", f"mend {where.origin}")
    if number in (errno.ENOTSOCK, errno.EPROTOTYPE):
        return _engine(f"{url} is no socket of an engine", START)
    return None


def _broke_off(chain: tuple[BaseException, ...]) -> bool:
    names = {"RemoteDisconnected", "IncompleteRead", "ProtocolError", "ChunkedEncoding"}
    return any(
        isinstance(link, ConnectionError | EOFError)
        or any(type(link).__name__.startswith(name) for name in names)
        for link in chain
    )
