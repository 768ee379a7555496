"""Names to addresses as the client's own resolver would, by hand.

Reads the place's /etc/hosts and resolv.conf from the host side and asks the
name servers from within its network namespace. IPv6 comes first, as RFC 6724
has it for localhost and for any place with an IPv6 address.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.lab.engine import Lab

QUERY_SECONDS = 8.0
"""Twice what the engine's name server spends on a dead one before it asks the next."""
A, AAAA = 1, 28
TRUNCATED = 0x02
"""In the third octet of the header."""


class ResolutionError(Exception):
    """The name has no address, for a reason that is told."""


class SilenceError(ResolutionError):
    """No server has answered."""


def addresses(lab: Lab, place: str, host: str) -> list[str]:
    """Every address of a host as seen from a place."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    root = _root(lab, place)
    if found := _from_hosts(root / "etc/hosts", host):
        return found
    return lab.in_namespace(place, lambda: _ask(root / "etc/resolv.conf", host))


def _root(lab: Lab, place: str) -> Path:
    """The place's file system; outside has the lab host's."""
    if place in {"host", "engine", "outside"}:
        return Path(f"/proc/{lab.engine_pid()}/root")
    return Path(f"/proc/{lab.pid_of(place)}/root")


def _from_hosts(file: Path, host: str) -> list[str]:
    found: list[str] = []
    for line in file.read_text().splitlines():
        words = line.partition("#")[0].split()
        if host in words[1:]:
            found.append(words[0])
    return sorted(dict.fromkeys(found), key=lambda address: ":" not in address)


def _ask(file: Path, host: str) -> list[str]:
    settings = [line.split() for line in file.read_text().splitlines()]
    servers = [s[1] for s in settings if s[:1] == ["nameserver"]] or ["127.0.0.1"]
    search = [domain for s in settings if s[:1] == ["search"] for domain in s[1:]]
    longer = [f"{host}.{domain}" for domain in search if domain != "."]
    as_it_is_first = host.count(".") >= _ndots(settings) or host.endswith(".")
    names = [host, *longer] if as_it_is_first else [*longer, host]
    reasons: list[str] = []
    for name in names:
        found: list[str] = []
        for kind in (AAAA, A):
            try:
                found += _query_any(servers, name, kind)
            except SilenceError as error:
                # Nobody waits as long again for the other record.
                reasons.append(str(error))
                break
            except ResolutionError as error:
                reasons.append(str(error))
        if found:
            return list(dict.fromkeys(found))
    raise ResolutionError(reasons[-1] if reasons else f"{host}: no address")


def _ndots(settings: list[list[str]]) -> int:
    words = [word for s in settings if s[:1] == ["options"] for word in s[1:]]
    return max(
        (int(w.removeprefix("ndots:")) for w in words if w.startswith("ndots:")),
        default=1,
    )


def _query_any(servers: list[str], name: str, kind: int) -> list[str]:
    """The next server is asked only when one does not answer."""
    reason = ""
    for server in servers[:3]:
        try:
            return _query(server, name, kind)
        except OSError as error:
            reason = f"{server}: {error.strerror or 'no answer'}"
    raise SilenceError(reason)


def _query(server: str, name: str, kind: int) -> list[str]:
    number = secrets.randbits(16)
    labels = b"".join(
        bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")
    )
    question = labels + b"\0" + struct.pack("!HH", kind, 1)
    packet = struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + question
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(QUERY_SECONDS)
        sock.connect((server, 53))
        sock.send(packet)
        answer = sock.recv(4096)
    if answer[2] & TRUNCATED:
        answer = _over_tcp(server, packet)
    _, flags, _, count, _, _ = struct.unpack_from("!HHHHHH", answer)
    if code := flags & 0xF:
        words = {2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
        raise ResolutionError(f"{server}: {name}: {words.get(code, code)}")
    return _records(answer, 12 + len(question), count, kind)


def _over_tcp(server: str, packet: bytes) -> bytes:
    """The same question where the answer did not fit into a datagram."""
    with socket.create_connection((server, 53), QUERY_SECONDS) as sock:
        sock.sendall(struct.pack("!H", len(packet)) + packet)
        with sock.makefile("rb") as stream:
            (size,) = struct.unpack("!H", stream.read(2))
            return stream.read(size)


def _records(answer: bytes, offset: int, count: int, wanted: int) -> list[str]:
    found: list[str] = []
    for _ in range(count):
        offset = _skip_name(answer, offset)
        kind, _, _, length = struct.unpack_from("!HHIH", answer, offset)
        offset += 10
        if kind == wanted:
            found.append(str(ipaddress.ip_address(answer[offset : offset + length])))
        offset += length
    return found


def _skip_name(answer: bytes, offset: int) -> int:
    while length := answer[offset]:
        if length & 0xC0:
            return offset + 2
        offset += length + 1
    return offset + 1
