"""Stands between netwiz and the engine, and does something at a chosen question."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path


class EngineProxy:
    """Forwards a unix socket; `at(b"/info", do)` acts before that is passed on."""

    def __init__(self, upstream: Path, path: Path) -> None:
        self.path = path
        self._upstream = upstream
        self._word = b""
        self._do: Callable[[], object] = bool
        self._open: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def at(self, word: bytes, do: Callable[[], object]) -> None:
        """Do this once, when a question contains the word."""

        def once() -> None:
            self._word = b""
            do()

        self._word, self._do = word, once

    def vanish(self) -> None:
        """End as an engine does that is killed: every connection breaks off."""
        self.path.unlink(missing_ok=True)
        for end in [self._server, *self._open]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                theirs, _ = self._server.accept()
                ours = socket.socket(socket.AF_UNIX)
                ours.connect(str(self._upstream))
                self._open += [theirs, ours]
                for source, sink, asks in ((theirs, ours, True), (ours, theirs, False)):
                    words = (source, sink, asks)
                    threading.Thread(target=self._pump, args=words, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(1 << 16):
                if asks and self._word and self._word in part:
                    self._do()
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def proxied(upstream: Path, path: Path) -> Iterator[EngineProxy]:
    """A proxy that is gone afterwards."""
    proxy = EngineProxy(upstream, path)
    try:
        yield proxy
    finally:
        proxy.vanish()
