"""A tap: the ring of one namespace, the devices it hears, and how it ends.

One ring for a namespace, unbound, and not one for each device: closing a packet socket
costs 13 ms, and devices that appear later (docker network connect) are heard without
anything being done. Link types differ by device, so the filter chooses by the device's
type (`filters.combined`); what has no Ethernet header is told from its IP header on.

A container's tap leaves out frames for somebody else's link address: a bridge that has
not learnt where somebody is floods what is for them to all of its ports, and shows the
answer to one only, so that a stranger's question would look unanswered. What is passed
on inside the namespace is seen all the same, where it goes out.

A tap on one device is bound to it, and hears all that comes there. A tap on a bridge
hears its ports, where packets come in, and the host's own packets where they leave the
bridge's device: a bridge shows traffic between its ports only in promiscuous mode,
which would change it. Ports come and go; the kernel tells (rtnetlink(7), RTMGRP_LINK),
and the filter is replaced.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from netwiz.probes.capture import filters
from netwiz.probes.capture.inside import inside
from netwiz.probes.capture.order import TapOrder
from netwiz.probes.capture.ring import ARPHRD_ETHER, ARPHRD_LOOPBACK, Packet, Ring
from netwiz.probes.witness.links import Device, devices

_RTMGRP_LINK = 1
_SIOCGIFHWADDR = 0x8927
_LINKTYPE_ETHERNET, _LINKTYPE_RAW = 1, 101

NewDevice = Callable[["Tap", str, int], int]
"""(tap, name of the device, LINKTYPE_*) to the number that its packets shall bear."""


class TapGoneError(Exception):
    """The device or namespace is not there."""


class Tap:
    """One namespace, device or bridge under watch. Made from outside; goes in."""

    def __init__(
        self, number: int, order: TapOrder, ring_bytes: int, new: NewDevice
    ) -> None:
        """Open it; raises OSError, TapGoneError."""
        self.number = number
        self.name = order.name
        self.device = order.device
        self.comment = order.comment
        self.pidfd = order.pidfd
        self.linktype = _LINKTYPE_ETHERNET
        self._order = order
        self._new = new
        self._bound = 0
        self._bridge = 0
        self._ports: frozenset[int] = frozenset()
        self._names: dict[int, str] = {}
        self._ethernet = _steps(order.ethernet)
        self._raw = _steps(order.raw)
        with inside(order.fd):
            self.news = _link_news()
            self.ring = self._open(ring_bytes)

    def _open(self, size: int) -> Ring:
        found = devices()
        self._names = {device.index: name for name, device in found.items()}
        if not self.device:
            own = self._order.own
            program = filters.combined(self._ethernet, self._raw, own=own)
            return Ring(size, filters.packed(program), self._learn)
        device = found.get(self.device)
        if device is None:
            raise TapGoneError(f"there is no device {self.device}")
        if device.kind == "bridge":
            self._bridge = device.index
            self._ports = _ports_of(device, found)
            return Ring(size, self._bridge_program(), self._learn)
        self._bound = device.index
        kind = _hardware(self.device)
        if kind not in {ARPHRD_ETHER, ARPHRD_LOOPBACK}:
            self.linktype = _LINKTYPE_RAW
        program = filters.combined(self._ethernet, self._raw)
        return Ring(size, filters.packed(program), self._learn, device.index)

    @property
    def is_bridge(self) -> bool:
        """Whether it hears the ports of a bridge, as one place."""
        return bool(self._bridge)

    def _bridge_program(self) -> bytes:
        program = filters.of_bridge(self._bridge, self._ports, self._ethernet)
        return filters.packed(program)

    def _learn(self, index: int, kind: int) -> tuple[int, bool]:
        flat = kind not in {ARPHRD_ETHER, ARPHRD_LOOPBACK}
        name = self._names.get(index) or self.ring.name_of(index)
        linktype = _LINKTYPE_RAW if flat else _LINKTYPE_ETHERNET
        return self._new(self, name, linktype), flat

    def take(self) -> list[Packet]:
        """Packets that are there now."""
        return self.ring.take()

    def changed(self) -> str:
        """Look at the devices again after news; says why if this tap is over."""
        if not _drained(self.news):
            return ""
        try:
            with inside(self._order.fd):
                found = devices()
        except OSError:
            return ""  # asked again at the next news
        return self._renewed(found)

    def _renewed(self, found: dict[str, Device]) -> str:
        names = {device.index: name for name, device in found.items()}
        for index, name in self._names.items():
            if names.get(index) != name:
                self.ring.forget(index)
        self._names = names
        here = self._bound or self._bridge
        if here and here not in names:
            return f"the device {self.device} is gone"
        if self._bridge:
            ports = _ports_of(found[names[here]], found)
            if ports != self._ports:
                self._ports = ports
                self.ring.choose(self._bridge_program())
        return ""

    def missing(self) -> str:
        """Whether the namespace's file has gone, for those that no process holds."""
        if self.pidfd >= 0 or not self._order.path:
            return ""
        try:
            if Path(self._order.path).stat().st_ino == self._order.inode:
                return ""
        except OSError:
            pass
        return "its namespace is gone"

    def close(self) -> None:
        """Close everything, the namespace's and the process's file as well."""
        self.ring.close()
        self.news.close()
        for fd in (self._order.fd, self.pidfd):
            if fd >= 0:
                os.close(fd)


def _steps(text: str) -> filters.Program:
    data = bytes.fromhex(text)
    return tuple(struct.iter_unpack("=HBBI", data))


def _ports_of(bridge: Device, found: dict[str, Device]) -> frozenset[int]:
    return frozenset(d.index for d in found.values() if d.master == bridge.index)


def _link_news() -> socket.socket:
    news = socket.socket(
        socket.AF_NETLINK,
        socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
        0,
    )
    news.bind((0, _RTMGRP_LINK))
    return news


def _drained(news: socket.socket) -> bool:
    """Read all news away; whether there were any."""
    some = False
    for _ in range(1000):
        try:
            if not news.recv(1 << 16):
                break
        except BlockingIOError:
            break
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # too much to tell: so it is news
                break
        some = True
    return some


def _hardware(device: str) -> int:
    """ARPHRD_* of a device in the thread's namespace (netdevice(7))."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asked = struct.pack("=16s24x", device.encode()[:15])
        answer = fcntl.ioctl(asker, _SIOCGIFHWADDR, asked)
    return ctypes.c_uint16.from_buffer_copy(answer[16:18]).value
