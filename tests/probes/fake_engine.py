"""An engine of our own behind a unix socket, to misbehave in ways a real one hides."""

from __future__ import annotations

import json
import re
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

from netwiz.probes.engine.gate import DockerGate
from netwiz.probes.engine.senses import open_engine
from netwiz.probes.machine import Ground

VERSION = {"Version": "28.2.1", "ApiVersion": "1.47"}
INFO = {"Name": "prod-01", "SecurityOptions": ["name=seccomp,profile=default"]}


def key(number: int) -> str:
    """A full container id."""
    return f"{number:064x}"


class Request(BaseHTTPRequestHandler):
    """One request; a route may take it over to misbehave."""

    protocol_version = "HTTP/1.1"
    server: FakeEngine

    def do_GET(self) -> None:
        path = re.sub(r"^/v[\d.]+", "", self.path)
        self.server.seen.append(path)
        answer = self.server.routes.get(path.partition("?")[0])
        if callable(answer):
            answer(self)
        elif answer is None:
            self.give(json.dumps({"message": "No such thing"}).encode(), 404)
        else:
            self.give(answer if isinstance(answer, bytes) else json.dumps(answer))

    def give(self, body: bytes | str, status: int = 200) -> None:
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


Answer = bytes | dict[str, Any] | list[Any] | Callable[[Request], None]


class FakeEngine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """The server; `routes` may be changed at any time, `seen` are the paths asked."""

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="nwt-")
        self.path = f"{self._folder.name}/docker.sock"
        self.seen: list[str] = []
        self.routes: dict[str, Answer] = {
            "/version": VERSION,
            "/info": INFO,
            "/networks": [],
            "/containers/json": [],
        }
        self.over = threading.Event()
        self._live: set[socket.socket] = set()
        self._thread: threading.Thread | None = None
        super().__init__(self.path, Request)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Serve; also after a stop, behind a new socket of the same path."""
        if self.over.is_set():
            self.over.clear()
            Path(self.path).unlink()
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.server_bind()
            self.server_activate()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Break everything off, as a daemon that ends does."""
        if self.over.is_set() or self._thread is None:
            return
        self.over.set()
        self.shutdown()
        self._thread.join()
        for live in list(self._live):
            try:
                live.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._live.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._live.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no concern of ours."""

    @property
    def environ(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.path}"}

    def gate(self, timeout_s: float = 5.0) -> DockerGate:
        return open_engine(self.environ, timeout_s=timeout_s)

    def ground(self, timeout_s: float = 5.0) -> Ground:
        return Ground(self.gate(timeout_s))

    def add(self, number: int, **state: Any) -> None:
        """A running container without a pid, in the list and to be inspected."""
        listed = self.routes["/containers/json"]
        assert isinstance(listed, list)
        name = f"c{number}"
        listed.append(
            {
                "Id": key(number),
                "Names": [f"/{name}"],
                "Image": "image",
                "State": state.get("Status", "running"),
                "Status": "Up 3 hours",
                "Labels": {},
                "HostConfig": {"NetworkMode": "app"},
                "NetworkSettings": {"Networks": {"app": attachment(number)}},
                "Mounts": [{"Destination": "/x"}, {"Destination": "/y"}],
                "Ports": [{"PrivatePort": 80, "PublicPort": 8000 + number}],
            }
        )
        self.routes[f"/containers/{key(number)}/json"] = {
            "Id": key(number),
            "Name": f"/{name}",
            "State": {"Status": "running", "Pid": 0, **state},
            "Config": {"Image": "image", "Env": ["A=1"], "Hostname": name},
            "HostConfig": {"NetworkMode": "app"},
            "NetworkSettings": {"Networks": {"app": attachment(number)}},
        }

    def inspects(self) -> list[str]:
        """The ids inspected so far, in order."""
        found = (re.fullmatch(r"/containers/(\w+)/json", path) for path in self.seen)
        return [m[1] for m in found if m]


def attachment(number: int) -> dict[str, Any]:
    return {
        "NetworkID": "f" * 64,
        "IPAddress": f"172.18.{number // 250}.{number % 250 + 2}",
        "IPPrefixLen": 16,
        "Gateway": "172.18.0.1",
    }


def close(ground: Ground) -> None:
    ground.namespaces.close()
    ground.engine.close()
