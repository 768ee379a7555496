"""Which way the kernel would send a packet: ``ip route get``, asked by hand.

RTM_GETROUTE of rtnetlink(7). With a source and an input device the kernel decides as it
does for a packet that it is to forward: policy rules, the input device's forwarding
switch and the check of the source's way back included.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import struct
import sys
from dataclasses import dataclass, replace

from netwiz.probes.connect.endpoint import sockaddr
from netwiz.probes.links.parse import ROUTE_KINDS
from netwiz.probes.netlink import rtnetlink
from netwiz.probes.netlink.dump import attributes
from netwiz.probes.text import plain

_RTM_GETROUTE = 26
_RTMSG = struct.Struct("=BBBBBBBBI")
_RTA_DST, _RTA_SRC, _RTA_IIF, _RTA_OIF = 1, 2, 3, 4
_RTA_GATEWAY, _RTA_PREFSRC, _RTA_TABLE, _RTA_MARK = 5, 7, 15, 16
_LOOKUP_TABLE, _FIB_MATCH = 0x1000, 0x2000
"""RTM_F_LOOKUP_TABLE and RTM_F_FIB_MATCH of linux/rtnetlink.h: say which table, and
which route of it, decided."""

ERROR_KINDS = {
    errno.ENETUNREACH: "",
    errno.EHOSTUNREACH: "unreachable",
    errno.EACCES: "prohibit",
    errno.EINVAL: "blackhole",
    errno.EXDEV: "source refused",
}
"""How the kernel answers where no packet would leave (fib_props of fib_semantics.c;
EXDEV: rp_filter would drop it)."""


@dataclass(frozen=True, slots=True)
class Way:
    """The kernel's answer."""

    kind: str = ""
    """As `RouteDecision.kind`."""
    device: str = ""
    gateway: str = ""
    source: str = ""
    destination: str = ""
    """The route that decided: CIDR or ``default``; empty where it is not told."""
    table: int = 0
    """Number of the table that it stands in; 0 where it is not told."""


def way_to(address: str, source: str = "", in_device: str = "", mark: int = 0) -> Way:
    """The decision in the thread's namespace.

    Without `in_device` it is that for a packet of the namespace's own. Raises OSError
    for other kernel errors (ENODEV: no such device), and ProbeError for what is no
    address.
    """
    target = sockaddr(address, 0)
    ip = ipaddress.ip_address(target[0])
    family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
    wanted = rtnetlink.attribute(_RTA_DST, ip.packed)
    bits = 0
    if source:
        packed = ipaddress.ip_address(source.partition("%")[0]).packed
        wanted += rtnetlink.attribute(_RTA_SRC, packed)
        bits = len(packed) * 8
    if in_device:
        wanted += _number(_RTA_IIF, socket.if_nametoindex(in_device))
    if mark:
        wanted += _number(_RTA_MARK, mark)
    if len(target) == 4 and target[3]:
        wanted += _number(_RTA_OIF, target[3])
    header = (family, ip.max_prefixlen, bits, 0, 0, 0, 0, 0)
    try:
        body = rtnetlink.request(
            _RTM_GETROUTE, _RTMSG.pack(*header, _LOOKUP_TABLE) + wanted
        )
    except OSError as error:
        if error.errno in ERROR_KINDS:
            return Way(ERROR_KINDS[error.errno])
        raise
    found = _read(family, body)
    # Kernels before 4.13 do not know the flag and answer with the address itself.
    with contextlib.suppress(OSError):
        matched = rtnetlink.request(
            _RTM_GETROUTE, _RTMSG.pack(*header, _LOOKUP_TABLE | _FIB_MATCH) + wanted
        )
        found = replace(found, destination=_matched(family, matched))
    return found


def _read(family: int, body: bytes) -> Way:
    kind = _RTMSG.unpack_from(body)[7]
    values = dict(attributes(body[_RTMSG.size :]))
    device = ""
    if index := int.from_bytes(values.get(_RTA_OIF, b"")[:4], sys.byteorder):
        device = socket.if_indextoname(index)
    return Way(
        kind=ROUTE_KINDS.get(kind, str(kind)),
        device=plain(device, 32),
        gateway=_text(family, values.get(_RTA_GATEWAY)),
        source=_text(family, values.get(_RTA_PREFSRC)),
        table=int.from_bytes(values.get(_RTA_TABLE, b"")[:4], sys.byteorder),
    )


def _matched(family: int, body: bytes) -> str:
    length = _RTMSG.unpack_from(body)[1]
    target = dict(attributes(body[_RTMSG.size :])).get(_RTA_DST)
    return f"{_text(family, target)}/{length}" if target else "default"


def _number(kind: int, value: int) -> bytes:
    return rtnetlink.attribute(kind, value.to_bytes(4, sys.byteorder))


def _text(family: int, packed: bytes | None) -> str:
    return socket.inet_ntop(family, packed) if packed else ""
