"""An application that cannot reach something and tries again, by raw sockets alone.

Runs in a container's network namespace with the container's own hosts file and name
servers: `trier.py '{"root": "/proc/42/root", "target": "tcp://pg:3000", ...}'`. Prints
one JSON line for each attempt; with `log` it writes what Node would write to that file.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import secrets
import socket
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

NODE = {
    errno.ECONNREFUSED: "ECONNREFUSED",
    errno.ETIMEDOUT: "ETIMEDOUT",
    errno.EHOSTUNREACH: "EHOSTUNREACH",
    errno.ENETUNREACH: "ENETUNREACH",
    errno.ECONNRESET: "ECONNRESET",
}


@dataclass(frozen=True)
class Job:
    """What to try, and how."""

    root: str
    target: str
    log: str = ""
    timeout: float = 2.0
    interval: float = 1.0
    seconds: float = 30.0
    line: str = ""
    """What is logged of a failure, or of whatever comes when it is a TLS error."""
    talk: bool = False
    """Wait for bytes after the handshake."""


class NoNameError(Exception):
    """The name has no address."""


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    url = urlsplit(job.target)
    host, port = url.hostname or "", url.port or 0
    end = time.time() + job.seconds
    while time.time() < end:
        begun = time.time()
        told, line = attempt(job, url.scheme, host, port)
        if job.line:
            told, line = "as told", job.line
        if line and job.log:
            with contextlib.suppress(OSError), Path(job.log).open("w") as log:
                log.write(line + "\n")
        said = {"at": begun, "took": time.time() - begun, "end": told}
        print(json.dumps(said), flush=True)
        time.sleep(max(0.0, begun + job.interval - time.time()))


def attempt(job: Job, scheme: str, host: str, port: int) -> tuple[str, str]:
    """How it ended, and the line that an application would log."""
    try:
        address = resolved(job, host)
    except NoNameError as error:
        return f"dns: {error}", f"Error: getaddrinfo EAI_AGAIN {host}"
    if scheme == "dns":
        return "ok", ""
    kind = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.settimeout(job.timeout)
        try:
            sock.connect((address, port))
            if kind == socket.SOCK_DGRAM or job.talk:
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                if not sock.recv(1):
                    return "hung up", "Error: socket hang up"
        except TimeoutError:
            return "timeout", f"Error: connect ETIMEDOUT {address}:{port}"
        except OSError as error:
            name = NODE.get(error.errno or 0, f"errno {error.errno}")
            return name, f"Error: connect {name} {address}:{port}"
    return "ok", ""


def resolved(job: Job, host: str) -> str:
    """The address that the container's files and name servers give."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    etc = Path(job.root) / "etc"
    for line in (etc / "hosts").read_text().splitlines():
        words = line.partition("#")[0].split()
        if host in words[1:] and ":" not in words[0]:
            return words[0]
    servers = [
        line.split()[1]
        for line in (etc / "resolv.conf").read_text().splitlines()
        if line.startswith("nameserver")
    ]
    why = "no server"
    for server in servers:
        try:
            return asked(server, host, job.timeout)
        except TimeoutError:
            why = "no answer"
        except OSError as error:
            why = str(error.strerror)
    raise NoNameError(why)


def asked(server: str, host: str, timeout: float) -> str:
    """One question for an A record."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    labels = b"".join(bytes([len(x)]) + x.encode() for x in host.split("."))
    number = secrets.token_bytes(2)
    head = number + b"\1\0\0\1\0\0\0\0\0\0"
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect((server, 53))
        sock.sendall(head + labels + b"\0\0\1\0\1")
        while True:
            reply = sock.recv(4096)
            if reply[:2] == number:
                break
    rcode, answers = reply[3] & 15, struct.unpack_from("!H", reply, 6)[0]
    if rcode or not answers:
        raise NoNameError(f"rcode {rcode}")
    # The last record of the chain: its last four bytes are the address.
    return socket.inet_ntoa(reply[-4:])


if __name__ == "__main__":
    main()
