"""Real servers in a namespace of the tests, and clients that talk to them."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self, TypeVar

import dns.message
import dns.query

from netwiz.probes.facts import Place
from netwiz.probes.namespaces import NETNS_DIR
from tests.probes.little_net import Namespace
from tests.probes.wire import SERVER4, Wire

T = TypeVar("T")
NGINX = """
daemon off; user root; worker_processes 1;
pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  ssl_certificate {folder}/pay.pem; ssl_certificate_key {folder}/pay.pem;
  server {{
    listen 80; listen [::]:80; listen 443 ssl; ssl_protocols TLSv1.2 TLSv1.3;
    location / {{ return 200 hello; }}
    location /big {{ alias {folder}/big; }}
    location /bad {{ return 503; }}
  }}
}}
"""


@contextlib.contextmanager
def running(namespace: Namespace, *command: str) -> Iterator[None]:
    enter = ["nsenter", f"--net={NETNS_DIR / namespace.name}"]
    with subprocess.Popen([*enter, *command], stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def at(wire: Wire, place: Place, act: Callable[[], T]) -> T:
    return wire.ground.namespaces.call_here(place, act)


def dial(address: str, port: int, seconds: float = 30) -> socket.socket:
    return socket.create_connection((address, port), timeout=seconds)


def answers(wire: Wire, port: int) -> bool:
    def ask() -> bool:
        with contextlib.suppress(OSError), dial(SERVER4, port):
            return True
        return False

    return at(wire, wire.client.place, ask)


def over_http(address: str, paths: tuple[str, ...]) -> None:
    connection = http.client.HTTPConnection(address, 80, timeout=30)
    for path in paths:
        connection.request("GET", path)
        assert connection.getresponse().read()
    connection.close()


def over_tls(version: ssl.TLSVersion, folder: Path | None, port: int = 443) -> None:
    context = ssl.create_default_context(cafile=folder and str(folder / "pay.pem"))
    context.minimum_version = context.maximum_version = version
    with (
        dial(SERVER4, port) as sock,
        context.wrap_socket(sock, server_hostname="pay.lan") as tls,
    ):
        for _ in range(5):
            tls.sendall(b"GET / HTTP/1.1\r\nHost: pay.lan\r\n\r\n")
            assert tls.recv(4096)
        with contextlib.suppress(OSError):
            tls.unwrap()


def over_redis() -> None:
    with dial(SERVER4, 6379) as sock:
        for number in range(50):
            sock.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n%02d\r\n" % number)
            assert sock.recv(100) == b"+OK\r\n"


def over_dns() -> None:
    query = dns.message.make_query("pg.lan", "A")
    assert dns.query.udp(query, SERVER4, timeout=30).answer
    assert dns.query.tcp(query, SERVER4, timeout=30).answer


class Server:
    """Accepts one connection in the server's namespace and does as it is told."""

    def __init__(self, wire: Wire, talk: Callable[[socket.socket], None]) -> None:
        def make() -> socket.socket:
            made = socket.create_server((SERVER4, 0))
            made.settimeout(60)
            return made

        self.listener = at(wire, wire.server.place, make)
        self.port = self.listener.getsockname()[1]
        self._talk = talk
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        sock, _ = self.listener.accept()
        with sock:
            sock.settimeout(60)
            self._talk(sock)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(60)
        self.listener.close()
        assert not self._thread.is_alive()
