"""Answers of the engine, bounded in size and in time; for use inside a gate's call."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from collections.abc import Iterable
from typing import Any, Self
from urllib.parse import quote, urlencode

from netwiz.probes.engine.endpoint import EngineEndpoint
from netwiz.probes.engine.errors import EngineAnswerError, NotAnEngineError
from netwiz.probes.text import plain

WHOLE_ANSWER_S = 8.0
"""How long one answer may take as a whole, however steadily it drips."""
ANSWER_LIMIT = 64 << 20
"""Octets of one answer; the list of a thousand containers has about one million."""
PIECE = 1 << 16


def get(client: Any, path: str, *, limit: int = ANSWER_LIMIT, **params: Any) -> bytes:
    """The body of a GET by the docker SDK's session.

    Args:
        client: the APIClient.
        path: without the version.
        limit: octets; more is an error, not a silent cut.
        params: the query; what is no text or number is written as JSON (filters).

    Raises:
        EngineAnswerError: an HTTP status of 400 and above.
        NotAnEngineError: more than `limit`.
        TimeoutError: longer than WHOLE_ANSWER_S.
        requests.RequestException: the connection failed.
    """
    end = time.monotonic() + WHOLE_ANSWER_S
    url = f"{client.base_url}{_versioned(client, path, params)}"
    with client.get(url, timeout=client.timeout, stream=True) as answer:
        return _whole(answer.iter_content(PIECE), answer.status_code, limit, end)


def get_json(client: Any, path: str, **params: Any) -> object:
    """The JSON answer to a GET; see `get` for what it raises."""
    return _json(path, get(client, path, **params))


class Reader:
    """Many answers over one connection, at a quarter of the SDK's time for each.

    That counts where three hundred containers are inspected. Over TCP and TLS it is the
    SDK that asks. Without a client the engine's own version of the API is spoken.
    """

    def __init__(
        self, client: Any, where: EngineEndpoint, timeout_s: float = 0.0
    ) -> None:
        self._client = client
        timeout_s = timeout_s or float(client.timeout)
        self._connection = (
            _UnixConnection(where.path, timeout_s) if where.path else None
        )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def json(self, path: str, **params: Any) -> object:
        """The JSON answer to a GET; raises as `get` does, and http.client's errors."""
        if self._connection is None:
            return get_json(self._client, path, **params)
        end = time.monotonic() + WHOLE_ANSWER_S
        self._connection.request("GET", _versioned(self._client, path, params))
        answer = self._connection.getresponse()
        pieces = iter(lambda: answer.read(PIECE), b"")
        try:
            body = _whole(pieces, answer.status, ANSWER_LIMIT, end)
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
            return _json(path, body)
        finally:
            # What was not read to its end would be taken for the next answer.
            if not answer.isclosed():
                self._connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("docker", timeout=timeout_s)
        self._path = path
        self._timeout_s = timeout_s

    def connect(self) -> None:
        self.sock = connect_unix(self._path, self._timeout_s)
        self.sock.settimeout(self._timeout_s)


def connect_unix(path: str, timeout_s: float) -> socket.socket:
    """A connected, blocking unix socket.

    A socket with a time limit of Python's would not wait for a place in the listener's
    queue: connect(2) says EAGAIN at once. SO_SNDTIMEO limits the waiting (socket(7)).

    Raises:
        OSError: what connect says; BlockingIOError when the time is over.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        whole, part = divmod(timeout_s, 1)
        limit = struct.pack("ll", int(whole), int(part * 1e6))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        made.connect(path)
    except BaseException:
        made.close()
        raise
    return made


def _versioned(client: Any, path: str, params: dict[str, Any]) -> str:
    query = {
        name: value if isinstance(value, str | int) else json.dumps(value)
        for name, value in params.items()
    }
    mark = "?" if query else ""
    version = f"/v{client.api_version}" if client is not None else ""
    return f"{version}{quote(path)}{mark}{urlencode(query)}"


def _whole(pieces: Iterable[bytes], status: int, limit: int, end: float) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise NotAnEngineError(f"more than {limit >> 20} MiB in one answer")
        if time.monotonic() > end:
            raise TimeoutError
    if status >= 400:
        raise EngineAnswerError(status, _message(bytes(body)))
    return bytes(body)


def _json(path: str, body: bytes) -> object:
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotAnEngineError(f"{path} brought no JSON") from error
    return found


def _message(body: bytes) -> str:
    """The engine's own words: ``{"message": ...}``, or the beginning of the body."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    said = found.get("message") if isinstance(found, dict) else None
    return plain(said if isinstance(said, str) else body.strip(), 300)
