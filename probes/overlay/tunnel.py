"""A tunnel read from rtnetlink, in the thread's namespace: device and tables."""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.overlay import (
    VXLAN_PORT,
    Forwarding,
    Tunnel,
    TunnelNeighbour,
)
from netwiz.probes.netlink.dump import Dumper, attributes
from netwiz.probes.netlink.rtnetlink import NETLINK_ROUTE
from netwiz.probes.text import plain

_IFINFOMSG = struct.Struct("=BxHiII")
_NDMSG = struct.Struct("=BxxxiHBB")
_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_RTM_NEWNEIGH, _RTM_GETNEIGH = 28, 30
_IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO = 3, 4, 18
_INFO_KIND, _INFO_DATA = 1, 2
_VXLAN_ID, _VXLAN_PORT = 1, 15
_NDA_DST, _NDA_LLADDR = 1, 2
MOST = 8192
"""Entries of one table; a network has at most some hundred addresses."""


@dataclass(frozen=True, slots=True)
class VxlanDevice:
    """A VXLAN device (IFLA_VXLAN_* of linux/if_link.h)."""

    index: int
    name: str
    mtu: int
    vni: int
    port: int


def vxlan_devices() -> list[VxlanDevice]:
    """Every VXLAN device of the thread's namespace. Raises OSError."""
    found = []
    with Dumper(NETLINK_ROUTE) as dumper:
        for kind, body in dumper.dump(_RTM_GETLINK, bytes(_IFINFOMSG.size)):
            if kind != _RTM_NEWLINK or len(body) < _IFINFOMSG.size:
                continue
            values = dict(attributes(body[_IFINFOMSG.size :]))
            info = dict(attributes(values.get(_IFLA_LINKINFO, b"")))
            if info.get(_INFO_KIND, b"").rstrip(b"\0") != b"vxlan":
                continue
            data = dict(attributes(info.get(_INFO_DATA, b"")))
            port = int.from_bytes(data.get(_VXLAN_PORT, b"")[:2], "big")
            found.append(
                VxlanDevice(
                    index=_IFINFOMSG.unpack_from(body)[2],
                    name=plain(values.get(_IFLA_IFNAME, b"").rstrip(b"\0"), 32),
                    mtu=_number(values.get(_IFLA_MTU)),
                    vni=_number(data.get(_VXLAN_ID)),
                    port=port or VXLAN_PORT,
                )
            )
    return found


def read_tunnel(place: Place, vni: int) -> Tunnel:
    """The tunnel of a network in its namespace, the thread's. Raises OSError.

    A network with several subnets has a device for each; all of them count, and the one
    with the network's number lends its name.
    """
    devices = vxlan_devices()
    first = next((d for d in devices if d.vni == vni), next(iter(devices), None))
    names = {d.index for d in devices}
    forwarding = {
        Forwarding(mac.hex(":"), _text(node))
        for index, node, mac in _entries(socket.AF_BRIDGE)
        if index in names and _text(node) and len(mac) == 6
    }
    neighbours = {
        TunnelNeighbour(_text(address), mac.hex(":"))
        for index, address, mac in _entries(socket.AF_UNSPEC)
        if index in names and _text(address) and len(mac) == 6
    }
    return Tunnel(
        place=place,
        device=first.name if first else "",
        vni=first.vni if first else 0,
        port=first.port if first else VXLAN_PORT,
        mtu=first.mtu if first else 0,
        forwarding=tuple(sorted(forwarding, key=lambda f: (f.node, f.mac))),
        neighbours=tuple(sorted(neighbours, key=lambda n: n.address)),
    )


def _entries(family: int) -> list[tuple[int, bytes, bytes]]:
    """(device, destination, MAC) of a neighbour table or forwarding database."""
    found = []
    request = _NDMSG.pack(family, 0, 0, 0, 0)
    with Dumper(NETLINK_ROUTE, limit=MOST) as dumper:
        for kind, body in dumper.dump(_RTM_GETNEIGH, request):
            if kind != _RTM_NEWNEIGH or len(body) < _NDMSG.size:
                continue
            values = dict(attributes(body[_NDMSG.size :]))
            index = _NDMSG.unpack_from(body)[1]
            found.append(
                (index, values.get(_NDA_DST, b""), values.get(_NDA_LLADDR, b""))
            )
    return found


def _text(packed: bytes) -> str:
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    if len(packed) == 16:
        return socket.inet_ntop(socket.AF_INET6, packed)
    return ""


def _number(value: bytes | None) -> int:
    return int.from_bytes(value[:4], sys.byteorder) if value else 0
