"""Who is behind an address that NAT made: connection tracking is asked for one flow.

What comes in by the uplink bears the host's address, and what a server behind a
published port answers bears the server's. The kernel knows what the client had dialled
(linux/netfilter/nfnetlink_conntrack.h); one question takes some 50 us.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import OrderedDict

from netwiz.probes.conntrack.wire import (
    CTA_TUPLE_REPLY,
    IPCTNL_MSG_CT_GET,
    IPCTNL_MSG_CT_NEW,
    NETLINK_NETFILTER,
    parse,
    plain_payload,
)
from netwiz.probes.facts.conntrack import FlowEnds
from netwiz.probes.netlink.dump import NLM_F_REQUEST, split
from netwiz.probes.netlink.rtnetlink import attribute

MOST_KNOWN = 512
_NESTED = 0x8000
_IP, _PROTO = 1, 2
_V4_SRC, _V4_DST, _V6_SRC, _V6_DST = 1, 2, 3, 4
_NUMBER, _SPORT, _DPORT = 1, 2, 3
_NLMSGHDR = struct.Struct("=IHHII")
_NUMBERS = {"tcp": 6, "udp": 17, "dns": 17}


class Behind:
    """Asks the connection tracking of the namespace in which it was made."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        with contextlib.suppress(OSError):
            self._socket = socket.socket(
                socket.AF_NETLINK,
                socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
                NETLINK_NETFILTER,
            )
        self._known: OrderedDict[tuple[str, FlowEnds], FlowEnds | None] = OrderedDict()

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def dialled(self, protocol: str, answer: FlowEnds) -> FlowEnds | None:
        """The first packet's ends, by those of an answer as it was seen.

        None when the flow is not tracked, or cannot be asked for.
        """
        key = (protocol, answer)
        if key not in self._known:
            self._known[key] = self._ask(protocol, answer)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return self._known[key]

    def _ask(self, protocol: str, answer: FlowEnds) -> FlowEnds | None:
        if self._socket is None or protocol not in _NUMBERS:
            return None
        try:
            self._socket.send(_question(_NUMBERS[protocol], answer))
            # The kernel answers within the call that asks.
            data = self._socket.recv(8192)
        except OSError:
            return None
        for kind, _, body in split(data):
            if kind == IPCTNL_MSG_CT_NEW:
                flow = parse(body)
                return flow.original if flow else None
        return None


def _question(number: int, answer: FlowEnds) -> bytes:
    v6 = ":" in answer.source
    family = socket.AF_INET6 if v6 else socket.AF_INET
    source, target = (_V6_SRC, _V6_DST) if v6 else (_V4_SRC, _V4_DST)
    ends = attribute(source, socket.inet_pton(family, answer.source))
    ends += attribute(target, socket.inet_pton(family, answer.destination))
    ports = attribute(_NUMBER, bytes([number]))
    ports += attribute(_SPORT, answer.source_port.to_bytes(2, "big"))
    ports += attribute(_DPORT, answer.destination_port.to_bytes(2, "big"))
    wanted = attribute(_IP | _NESTED, ends) + attribute(_PROTO | _NESTED, ports)
    payload = plain_payload(family) + attribute(CTA_TUPLE_REPLY | _NESTED, wanted)
    length = _NLMSGHDR.size + len(payload)
    return _NLMSGHDR.pack(length, IPCTNL_MSG_CT_GET, NLM_F_REQUEST, 1, 0) + payload
