"""Addresses that nobody answers for, by the kernel's neighbour table (rtnetlink(7))."""

from __future__ import annotations

import socket
import struct

from netwiz.probes.netlink.dump import Dumper, attributes
from netwiz.probes.netlink.rtnetlink import NETLINK_ROUTE

_RTM_NEWNEIGH, _RTM_GETNEIGH = 28, 30
# ndmsg: family, pad, device, state, flags, type.
_NDMSG = struct.Struct("=BxxxiHBB")
_NDA_DST = 1
_INCOMPLETE, _FAILED = 0x01, 0x20
_BUDGET_S = 0.5


def unanswered() -> frozenset[str]:
    """Addresses whose ARP question is open or was given up, in the thread's namespace.

    Raises OSError where the kernel cannot tell.
    """
    found: set[str] = set()
    with Dumper(NETLINK_ROUTE, budget_s=_BUDGET_S) as dumper:
        for kind, body in dumper.dump(_RTM_GETNEIGH, bytes(_NDMSG.size)):
            if kind != _RTM_NEWNEIGH or len(body) < _NDMSG.size:
                continue
            family, _, state, _, _ = _NDMSG.unpack_from(body)
            if not state & (_INCOMPLETE | _FAILED):
                continue
            for name, value in attributes(body[_NDMSG.size :]):
                if name == _NDA_DST and len(value) in (4, 16):
                    found.add(socket.inet_ntop(family, value))
    return frozenset(found)
