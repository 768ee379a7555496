"""The devices of a namespace, as far as a packet's way needs them: who is whose peer.

One dump of rtnetlink(7), parsed by hand: 300 devices take 4 ms, with a library 60 ms.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Place
from netwiz.probes.netlink import rtnetlink
from netwiz.probes.netlink.dump import Dumper, attributes
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_IFINFOMSG = struct.Struct("=BxHiII")
_IFLA_IFNAME, _IFLA_LINK, _IFLA_MASTER = 3, 5, 10
_IFLA_LINKINFO, _IFLA_INFO_KIND = 18, 1
_IFLA_EXT_MASK, _SKIP_STATS = 29, 8
_IFLA_LINK_NETNSID = 37


@dataclass(frozen=True, slots=True)
class Device:
    """A device and what it hangs on."""

    index: int
    name: str
    kind: str = ""
    """veth, bridge, macvlan ...; empty for a plain device."""
    master: int = 0
    other: int = 0
    """Index of a veth's other end, or of the device below."""
    namespace: int = -1
    """The kernel's number for where `other` is; -1: here."""


def devices() -> dict[str, Device]:
    """Devices by name, in the calling thread's namespace. Raises OSError."""
    mask = rtnetlink.attribute(_IFLA_EXT_MASK, struct.pack("=I", _SKIP_STATS))
    found: dict[str, Device] = {}
    with Dumper(rtnetlink.NETLINK_ROUTE) as dumper:
        for kind, body in dumper.dump(_RTM_GETLINK, bytes(_IFINFOMSG.size) + mask):
            if kind != _RTM_NEWLINK or len(body) < _IFINFOMSG.size:
                continue
            values = dict(attributes(body[_IFINFOMSG.size :]))
            name = plain(values.get(_IFLA_IFNAME, b"").rstrip(b"\0"), 32)
            info = dict(attributes(values.get(_IFLA_LINKINFO, b"")))
            found[name] = Device(
                index=_IFINFOMSG.unpack_from(body)[2],
                name=name,
                kind=plain(info.get(_IFLA_INFO_KIND, b"").rstrip(b"\0"), 32),
                master=_number(values.get(_IFLA_MASTER), 0),
                other=_number(values.get(_IFLA_LINK), 0),
                namespace=_number(values.get(_IFLA_LINK_NETNSID), -1),
            )
    return found


def _number(value: bytes | None, default: int) -> int:
    if not value:
        return default
    return int.from_bytes(value[:4], sys.byteorder, signed=True)


Numbers = dict[tuple[Place, int], Place]
"""(place, the kernel's number there) to the place that the number means."""


def numbers(ground: Ground, places: Sequence[Place]) -> Numbers:
    """By which number each place knows each other (RTM_GETNSID).

    Runs at home in a worker thread and goes through all the places.
    """
    known: Numbers = {}
    with contextlib.ExitStack() as stack:
        opened: list[tuple[Place, int]] = []
        for place in places:
            with contextlib.suppress(OSError, ProbeError):
                # Before going anywhere: the host's path means the thread's namespace.
                path = ground.namespaces.path(place)
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(os.close, fd)
                opened.append((place, fd))
        for place, _ in opened:
            others = [(other, fd) for other, fd in opened if other != place]
            with contextlib.suppress(OSError, ProbeError):
                found = ground.namespaces.call_here(place, _ask, others)
                known |= {(place, number): other for number, other in found.items()}
    return known


def _ask(others: Sequence[tuple[Place, int]]) -> dict[int, Place]:
    found: dict[int, Place] = {}
    for other, fd in others:
        with contextlib.suppress(OSError):
            number = rtnetlink.namespace_id(fd)
            if number >= 0:
                found[number] = other
    return found
