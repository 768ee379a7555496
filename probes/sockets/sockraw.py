"""A socket as the kernel tells of it, and what it is to a person."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from netwiz.probes.facts.sockets import Listener, Stream
from netwiz.probes.facts.talk import TcpInfo

ESTABLISHED, CLOSE, LISTEN = 1, 7, 10
STATES = {
    1: "ESTAB",
    2: "SYN-SENT",
    3: "SYN-RECV",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    6: "TIME-WAIT",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    11: "CLOSING",
    12: "SYN-RECV",
}
"""``net/tcp_states.h`` to the names that ``ss`` prints; 12 is NEW_SYN_RECV, a request
that has no full socket yet. CLOSE is left out: a TCP socket in it says nothing."""

TCP_ALL = sum(1 << state for state in STATES) | 1 << LISTEN
TCP_LISTENING = 1 << LISTEN
UDP_BOUND = 1 << CLOSE
"""An unconnected UDP socket is in CLOSE; a connected one, which takes datagrams from
its peer only, is in ESTABLISHED."""


@dataclass(frozen=True, slots=True)
class RawSocket:
    """A socket as the kernel tells of it, by whichever way."""

    protocol: str
    family: int
    """4 or 6."""
    state: int
    local: str
    local_port: int
    remote: str
    remote_port: int
    device: int = 0
    """Index of the device it is bound to; 0 when it is not."""
    received: int = 0
    """Bytes to be read; for LISTEN: connections waiting to be accepted."""
    sent: int = 0
    """Bytes not yet acknowledged; for LISTEN: the limit of the accept queue."""
    inode: int = 0
    v6only: bool = False
    info: TcpInfo | None = None


def listeners(raw: Iterable[RawSocket]) -> tuple[Listener, ...]:
    """The listening TCP and the bound, unconnected UDP sockets among them."""
    return tuple(
        listener(r)
        for r in raw
        if r.local_port and r.state == (LISTEN if r.protocol == "tcp" else CLOSE)
    )


def listener(raw: RawSocket) -> Listener:
    """A socket as a listener, its process not yet known.

    An IPv6 socket bound to ``::ffff:127.0.0.1`` (Java does so) takes IPv4 only, and is
    shown as what it is: 127.0.0.1.
    """
    local, family = unmapped(raw.local), raw.family
    if local != raw.local:
        family = 4
    tcp = raw.protocol == "tcp"
    return Listener(
        address=local,
        port=raw.local_port,
        protocol=raw.protocol,
        family=family,
        v6only=raw.v6only,
        backlog=raw.sent if tcp else 0,
        queued=raw.received if tcp else 0,
        inode=raw.inode,
        device=_device(raw.device),
    )


def streams(raw: Iterable[RawSocket]) -> tuple[Stream, ...]:
    """The TCP connections among them, in whatever state."""
    return tuple(
        Stream(
            local=unmapped(r.local),
            local_port=r.local_port,
            remote=unmapped(r.remote),
            remote_port=r.remote_port,
            state=STATES[r.state],
            family=r.family,
            inode=r.inode,
            unread=r.received,
            unacked=r.sent,
            info=r.info,
        )
        for r in raw
        if r.protocol == "tcp" and r.state in STATES
    )


@lru_cache(maxsize=4096)
def unmapped(address: str) -> str:
    """The IPv4 address inside an IPv4-mapped one (RFC 4291, 2.5.5.2), else itself."""
    if not address.startswith("::ffff:"):
        return address
    inner = ipaddress.IPv6Address(address).ipv4_mapped
    return str(inner) if inner else address


def _device(index: int) -> str:
    """The device's name in the calling thread's namespace."""
    if not index:
        return ""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"device {index}"
