"""The gate to the engine: every question to it passes through here, off the loop.

Made without connecting; the first call connects. The docker SDK blocks and takes a
tenth of a second to import, so both happen in a worker thread.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from netwiz.probes.engine.endpoint import EngineEndpoint, find_endpoint
from netwiz.probes.engine.errors import NotAnEngineError, explained
from netwiz.probes.engine.pool import DaemonPool
from netwiz.probes.engine.read import connect_unix
from netwiz.probes.engine.stream import EngineStream, open_stream
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure

if TYPE_CHECKING:
    from docker.api.client import APIClient

TIMEOUT_S = 5.0
"""How long the engine may keep silent."""

_VERSION = re.compile(r"\d{1,3}\.\d{1,4}")


def open_engine(
    environ: Mapping[str, str] = os.environ, *, timeout_s: float = TIMEOUT_S
) -> DockerGate:
    """The gate to the engine that the environment names; never raises or connects."""
    return DockerGate(find_endpoint(environ), timeout_s=timeout_s)


class DockerGate:
    """An EngineGate on the docker SDK's APIClient.

    Every error of the engine, of the SDK or of the connection leaves as a ProbeError:
    Failure.GONE for what the engine does not know (any more), else Failure.ENGINE.
    """

    def __init__(self, where: EngineEndpoint, *, timeout_s: float = TIMEOUT_S) -> None:
        self.where = where
        self.endpoint = where.url
        self.timeout_s = timeout_s
        self._pool = DaemonPool(4, "engine")
        self._lock = threading.Lock()
        self._made: APIClient | None = None
        self._closed = False

    async def call(self, what: str, do: Callable[[Any], Any]) -> Any:
        """Run `do(client)` in a worker thread.

        Args:
            what: what is asked, as the beginning of an error's message.
            do: is given the docker SDK's APIClient.
        """
        if self._closed:
            raise ProbeError(Failure.ENGINE, f"{what}: the engine's gate is closed")
        return await self._pool.run(lambda: self._run(what, do))

    async def stream(self, what: str, path: str) -> EngineStream:
        """A connection of its own, for an answer that has no end.

        Args:
            what: what is asked, as the beginning of an error's message.
            path: without the version, which is put before it.
        """
        version = await self.call(what, lambda client: client.api_version)
        try:
            return await open_stream(self.where, f"/v{version}{path}", self.timeout_s)
        except Exception as error:
            raise explained(what, error, self.where) from error

    def close(self) -> None:
        """Give connections and threads back; a call under way ends by its timeout."""
        self._closed = True
        self._pool.close()
        # Without the lock: a worker may hold it while it waits for a dead engine.
        made, self._made = self._made, None
        if made is not None:
            made.close()

    def _run(self, what: str, do: Callable[[Any], Any]) -> Any:
        try:
            return do(self._client())
        except Exception as error:
            raise explained(what, error, self.where) from error

    def _client(self) -> APIClient:
        if self.where.problem:
            raise ProbeError(Failure.ENGINE, self.where.problem, self.where.remedy)
        self._knock()
        with self._lock:
            if self._made is not None:
                return self._made
            made = self._connect()
            if self._closed:
                made.close()
            else:
                self._made = made
            return made

    def _knock(self) -> None:
        """Raise OSError when nobody answers behind a unix socket.

        It takes a few microseconds. Without an engine the SDK need not be loaded, and
        never gets to leave the socket of a failed connect open, as it does.
        """
        if self.where.path:
            connect_unix(self.where.path, self.timeout_s).close()

    def _connect(self) -> APIClient:
        from docker.api.client import APIClient
        from docker.tls import TLSConfig

        tls = self.where.tls
        config: TLSConfig | bool = False
        if tls is not None:
            pair = (tls.certificate, tls.key) if tls.certificate and tls.key else None
            config = TLSConfig(
                client_cert=pair, ca_cert=tls.ca or None, verify=tls.verify
            )
        client = APIClient(
            base_url=self.where.base_url,
            version="auto",
            timeout=self.timeout_s,  # type: ignore[arg-type]
            tls=config,
        )
        if self.where.path:
            # Else requests looks for proxies and .netrc at each call.
            client.trust_env = False
        if not _VERSION.fullmatch(client.api_version):
            client.close()
            raise NotAnEngineError("it names no API version")
        return client
