"""The SSH session through which netwiz is looked at.

Every line shown would be seen as a packet, shown as a line, seen as a packet ... sshd
leaves SSH_CONNECTION to what it starts; sudo takes it away, so the processes that we
come from are asked as well, and after them the sockets of the nearest sshd among them.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_MOST_ANCESTORS = 64
_ESTABLISHED = "01"
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class SshSession:
    """The two ends of a connection."""

    client: str
    client_port: int
    server: str
    server_port: int

    @property
    def without(self) -> str:
        """A filter that takes everything else (pcap-filter(7))."""
        return (
            f"not (tcp and host {self.client} and host {self.server}"
            f" and port {self.client_port} and port {self.server_port})"
        )

    @property
    def words(self) -> str:
        """What it is, for a person."""
        client, server = _end(self.client), _end(self.server)
        return (
            f"your SSH session ({client}:{self.client_port}"
            f" to {server}:{self.server_port})"
        )


def own_sessions(
    environ: Mapping[str, str] | None = None, pid: int = 0, proc: Path = _PROC
) -> tuple[SshSession, ...]:
    """The sessions that we are used through; more than one where shells are nested."""
    environ = os.environ if environ is None else environ
    found = dict.fromkeys(_of_text(environ.get("SSH_CONNECTION", "")))
    ancestors = tuple(_ancestors(pid or os.getpid(), proc))
    for process in ancestors:
        found |= dict.fromkeys(_of_text(_variable(process)))
    for process in ancestors:
        if _comm(process).startswith("sshd"):
            spoken = dict.fromkeys(_of_sockets(process))
            found |= spoken
            if spoken:
                break
    return tuple(found)


def _ancestors(pid: int, proc: Path) -> Iterator[Path]:
    for _ in range(_MOST_ANCESTORS):
        try:
            stat = (proc / str(pid) / "stat").read_text("utf-8", "replace")
        except OSError:
            return
        # The name in brackets may hold anything; the parent is the second field after.
        pid = int(stat.rpartition(")")[2].split()[1])
        if pid <= 0:
            return
        yield proc / str(pid)


def _comm(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _variable(process: Path) -> str:
    try:
        data = (process / "environ").read_bytes()
    except OSError:
        return ""
    for entry in data.split(b"\0"):
        if entry.startswith(b"SSH_CONNECTION="):
            return entry.partition(b"=")[2].decode("utf-8", "replace")
    return ""


def _of_text(text: str) -> Iterator[SshSession]:
    """``client port server port``, as sshd writes it (sshd(8), ENVIRONMENT)."""
    parts = text.split()
    if len(parts) != 4:
        return
    with contextlib.suppress(ValueError):
        yield SshSession(
            _address(parts[0]), _port(parts[1]), _address(parts[2]), _port(parts[3])
        )


def _of_sockets(sshd: Path) -> Iterator[SshSession]:
    """Established connections of an sshd, from its table of sockets (proc(5))."""
    inodes: set[str] = set()
    with contextlib.suppress(OSError):
        for fd in (sshd / "fd").iterdir():
            with contextlib.suppress(OSError):
                link = str(fd.readlink())
                if link.startswith("socket:["):
                    inodes.add(link[8:-1])
    if not inodes:
        return
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in (sshd / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _ESTABLISHED and fields[9] in inodes:
                    server, client = _hex_end(fields[1]), _hex_end(fields[2])
                    yield SshSession(*client, *server)


def _hex_end(text: str) -> tuple[str, int]:
    """An end as /proc/net/tcp shows it: words of 32 bits in the host's order."""
    import sys

    address, _, port = text.partition(":")
    data = bytes.fromhex(address)
    if sys.byteorder == "little":
        data = b"".join(data[n : n + 4][::-1] for n in range(0, len(data), 4))
    return _plain(ipaddress.ip_address(data)), int(port, 16)


def _address(text: str) -> str:
    return _plain(ipaddress.ip_address(text.partition("%")[0]))


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """IPv4 as such, also where an IPv6 socket spoke it."""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError(text)
    return port


def _end(address: str) -> str:
    return f"[{address}]" if ":" in address else address
