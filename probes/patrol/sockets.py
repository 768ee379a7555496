"""The sockets of a namespace that tell of trouble: half-open, waiting, asking names.

The kernel is asked for the wanted states only (inet_diag.h). A dump of connections
walks the whole table of the machine, some 0.15 ms whatever it finds, so it is made
where the counters of a namespace give a reason; one of listeners costs a tenth of it.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from netwiz.probes.netlink.dump import Dumper
from netwiz.probes.netlink.sockdiag import NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY
from netwiz.probes.sockets.sockraw import unmapped

ESTABLISHED, SYN_SENT, TIME_WAIT, LISTEN = 1, 2, 6, 10
CONNECTED = sum(1 << state for state in (1, 4, 5, 6, 8, 9, 11))
"""Every state that a handshake led to (net/tcp_states.h)."""
WAITING = frozenset({1, 8})
"""ESTABLISHED or CLOSE-WAIT: of the states of a connection that nobody has accepted,
those that no other socket without a process is in."""
DNS_PORT = 53
MOST = 4096
"""Sockets of one look; a namespace with more is busy, not hidden."""
BUDGET_S = 0.5

_TCPDIAG_GETSOCK = 18
# inet_diag_req: family, lengths and extensions, an empty sockid, states, no cache.
_REQUEST_BOTH = struct.Struct("=4x48xI4x")
# inet_diag_req_v2: family, protocol, extensions, pad, states, an empty sockid.
_REQUEST = struct.Struct("=BBBxI48x")
# inet_diag_msg: family, state, timer, retransmits, sport, dport, source, target,
# device, cookie, expires, received, sent, uid, inode.
_MESSAGE = struct.Struct("=BBBBHH16s16sIQIIIII")


@dataclass(frozen=True, slots=True)
class Socket:
    """What a look tells of one socket."""

    state: int
    local: str
    local_port: int
    remote: str
    remote_port: int
    retransmits: int
    expires_ms: int
    """Until the running timer ends: of SYN-SENT, until the SYN is sent again."""
    received: int
    """LISTEN: connections that wait to be accepted."""
    limit: int
    """LISTEN: the limit of the accept queue."""
    inode: int
    """0: no process has it (yet, or any more)."""
    cookie: int
    """Tells it from any other socket of this boot."""

    @property
    def syn_age_s(self) -> float:
        """How long ago the first SYN went out, at least (RFC 6298; RTO of 1 s).

        Linux 6.5 repeats after 1, 2, 3, 4 s, earlier ones after 1, 3, 7: the lesser.
        """
        left = self.expires_ms / 1000
        waited = 1.0 - left if left <= 1.0 else 2.0 ** (self.retransmits) - left
        return max(0.0, self.retransmits + waited)


def connections(states: int) -> list[Socket]:
    """TCP sockets of the thread's namespace in one of the states, of both families.

    Raises OSError where the kernel cannot tell.
    """
    with Dumper(NETLINK_SOCK_DIAG, budget_s=BUDGET_S, limit=MOST) as dumper:
        try:
            # The old request walks the table once for both families.
            return list(_read(dumper, _TCPDIAG_GETSOCK, _REQUEST_BOTH.pack(states)))
        except OSError:
            found: list[Socket] = []
            for family in (socket.AF_INET, socket.AF_INET6):
                request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, states)
                found += _read(dumper, SOCK_DIAG_BY_FAMILY, request)
            return found


def asking() -> list[Socket]:
    """UDP sockets that are connected to a name server's port (getaddrinfo does so)."""
    with Dumper(NETLINK_SOCK_DIAG, budget_s=BUDGET_S, limit=MOST) as dumper:
        found: list[Socket] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _REQUEST.pack(family, socket.IPPROTO_UDP, 0, 1 << ESTABLISHED)
            found += _read(dumper, SOCK_DIAG_BY_FAMILY, request)
        return [one for one in found if one.remote_port == DNS_PORT]


def _read(dumper: Dumper, kind: int, request: bytes) -> Iterator[Socket]:
    for _, body in dumper.dump(kind, request):
        if len(body) < _MESSAGE.size:
            continue
        values = _MESSAGE.unpack_from(body)
        family, state, _, retransmits, sport, dport, source, target = values[:8]
        _, cookie, expires, received, limit, _, inode = values[8:]
        size = 4 if family == socket.AF_INET else 16
        yield Socket(
            state=state,
            local=unmapped(socket.inet_ntop(family, source[:size])),
            local_port=socket.ntohs(sport),
            remote=unmapped(socket.inet_ntop(family, target[:size])),
            remote_port=socket.ntohs(dport),
            retransmits=retransmits,
            expires_ms=expires,
            received=received,
            limit=limit,
            inode=inode,
            cookie=cookie,
        )
