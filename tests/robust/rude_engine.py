"""A proxy before the lab's engine that answers as an engine in trouble does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

CHUNK = 1 << 16
GARBAGE = b'{"Id": [1, {"\\u0000": "\x1b]0;x\x07", "a": '
Answer = Callable[["RudeEngine", bytes, socket.socket, socket.socket], None]


class RudeEngine:
    """One exchange per connection; `answer` decides what becomes of the reply."""

    def __init__(self, upstream: Path, path: Path, word: bytes, answer: Answer) -> None:
        self.path, self.word, self.answer = path, word, answer
        self.end = threading.Event()
        self.met = 0
        self._upstream = upstream
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let everybody go."""
        self.end.set()
        self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                theirs, _ = self._server.accept()
                threading.Thread(
                    target=self._serve, args=(theirs,), daemon=True
                ).start()

    def _serve(self, theirs: socket.socket) -> None:
        with theirs, contextlib.suppress(OSError):
            while asked := _head(theirs):
                with socket.socket(socket.AF_UNIX) as ours:
                    ours.connect(str(self._upstream))
                    # One exchange per connection upstream: its end is the answer's.
                    ours.sendall(_closing(asked))
                    if self.word in asked.partition(b"\r\n")[0]:
                        self.met += 1
                        self.answer(self, asked, ours, theirs)
                    else:
                        pass_on(ours, theirs)
                return


def _head(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(CHUNK)
        if not part:
            return b""
        data += part
    return data


def _closing(asked: bytes) -> bytes:
    line, _, rest = asked.partition(b"\r\n")
    kept = [r for r in rest.split(b"\r\n") if not r.lower().startswith(b"connection:")]
    return b"\r\n".join([line, b"Connection: close", *kept])


def pass_on(ours: socket.socket, theirs: socket.socket) -> None:
    """The whole answer, as it is."""
    while part := ours.recv(CHUNK):
        theirs.sendall(part)


def _whole(ours: socket.socket) -> bytes:
    return b"".join(iter(lambda: ours.recv(CHUNK), b""))


def slow(engine: RudeEngine, _: bytes, ours: socket.socket, to: socket.socket) -> None:
    """A second and a half later than usual."""
    engine.end.wait(1.5)
    pass_on(ours, to)


def never(engine: RudeEngine, _: bytes, __: socket.socket, ___: socket.socket) -> None:
    """Takes the question and keeps silent."""
    engine.end.wait(120)


def cut(_: RudeEngine, __: bytes, ours: socket.socket, to: socket.socket) -> None:
    """Hangs up in the middle of its answer."""
    whole = _whole(ours)
    to.sendall(whole[: len(whole) * 2 // 3])


def garbage(_: RudeEngine, __: bytes, ___: socket.socket, to: socket.socket) -> None:
    """Says what is no JSON."""
    _say(to, GARBAGE)


def odd(_: RudeEngine, __: bytes, ___: socket.socket, to: socket.socket) -> None:
    """JSON of quite another shape."""
    _say(to, b'[[null, {"Id": {}, "Names": 7}], "\\u001b[2J", 1e999]')


def endless(engine: RudeEngine, _: bytes, __: socket.socket, to: socket.socket) -> None:
    """A list that goes on and on."""
    to.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    entry = b'{"Id": "' + b"e" * 64 + b'", "Names": ["/x"], "Labels": {"a": "b"}},'
    while not engine.end.is_set():
        to.sendall(entry * 1000)


def _say(to: socket.socket, body: bytes) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    to.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


@contextlib.contextmanager
def rude(upstream: Path, path: Path, word: str, how: Answer) -> Iterator[RudeEngine]:
    """A proxy that answers so to questions whose first line has the word."""
    engine = RudeEngine(upstream, path, word.encode(), how)
    try:
        yield engine
    finally:
        engine.close()
