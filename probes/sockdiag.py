"""The sockets of a namespace by sock_diag: thirty times cheaper than /proc/net/tcp.

Wire format: ``linux/inet_diag.h``, ``linux/sock_diag.h``, sock_diag(7). Everything here
runs in a thread that stands in the namespace, and blocks.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from netwiz.probes.facts.sockets import Listener, Stream
from netwiz.probes.netlink import Dumper, attributes

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
INET_DIAG_SKV6ONLY = 11

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

# inet_diag_req_v2: family, protocol, extensions, pad, states, then inet_diag_sockid,
# of which nothing is filled in because all sockets are wanted.
_REQUEST = struct.Struct("=BBBxI48x")
# inet_diag_msg: family, state, timer, retransmits, sockid {sport, dport (big endian),
# src[16], dst[16], device, cookie[8]}, expires, rqueue, wqueue, uid, inode.
_MESSAGE = struct.Struct("=BBxx2s2s16s16sI8xIIIII")


@dataclass(frozen=True, slots=True)
class RawSocket:
    """One inet_diag_msg, decoded."""

    protocol: str
    family: int
    """4 or 6."""
    state: int
    local: str
    local_port: int
    remote: str
    remote_port: int
    device: int
    """Index of the device it is bound to; 0 when it is not."""
    received: int
    """Bytes to be read; for LISTEN: connections waiting to be accepted."""
    sent: int
    """Bytes not yet acknowledged; for LISTEN: the limit of the accept queue."""
    inode: int
    v6only: bool


def parse(body: bytes, protocol: str) -> RawSocket | None:
    """An inet_diag_msg with its attributes; None when it is not a whole one."""
    if len(body) < _MESSAGE.size:
        return None
    values = _MESSAGE.unpack_from(body)
    family, state, sport, dport, source, target, device = values[:7]
    if family not in (socket.AF_INET, socket.AF_INET6):
        return None
    v6only = False
    if family == socket.AF_INET6:
        for kind, value in attributes(body[_MESSAGE.size :]):
            if kind == INET_DIAG_SKV6ONLY:
                v6only = value[:1] == b"\1"
    return RawSocket(
        protocol=protocol,
        family=4 if family == socket.AF_INET else 6,
        state=state,
        local=_address(family, source),
        local_port=int.from_bytes(sport, "big"),
        remote=_address(family, target),
        remote_port=int.from_bytes(dport, "big"),
        device=device,
        received=values[8],
        sent=values[9],
        inode=values[11],
        v6only=v6only,
    )


def read_raw(dumper: Dumper, protocol: str, states: int) -> Iterator[RawSocket]:
    """Every socket of a protocol in one of the states, IPv4 first.

    A kernel without IPv6 or without the protocol's diagnosis (ENOENT) has none to tell
    of; that is no error.
    """
    number = socket.IPPROTO_TCP if protocol == "tcp" else socket.IPPROTO_UDP
    for family in (socket.AF_INET, socket.AF_INET6):
        request = _REQUEST.pack(family, number, 0, states)
        try:
            for kind, body in dumper.dump(SOCK_DIAG_BY_FAMILY, request):
                found = parse(body, protocol)
                if kind == SOCK_DIAG_BY_FAMILY and found is not None:
                    yield found
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise


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


@lru_cache(maxsize=4096)
def _address(family: int, packed: bytes) -> str:
    # One form everywhere: inet_ntop writes ::ffff:1.2.3.4 where ipaddress does not.
    return socket.inet_ntop(family, packed[:4] if family == socket.AF_INET else packed)


def _device(index: int) -> str:
    """The device's name in the calling thread's namespace."""
    if not index:
        return ""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"device {index}"
