"""Which packet sizes come through to an address and back: echoes with DF set.

Each size is asked for by one ICMP echo with DF set; an answer has the same size, so
both directions are measured at once. All sizes of a round are under way together: a
silent one costs the round's time, not its own. A second round narrows the gap.

`IP_PMTUDISC_PROBE` sends whatever the device takes and neither believes nor teaches
the kernel's cache of path MTUs (ip(7)).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netwiz.probes.connect.endpoint import family_of, sockaddr
from netwiz.probes.errors import mapped
from netwiz.probes.facts.talk import PathMtu
from netwiz.probes.links.scapy_loader import load_scapy
from netwiz.probes.links.senses import route_to
from netwiz.probes.requests import MeasurePath

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

LADDER: tuple[int, ...] = (
    *(9000, 1500, 1492, 1480, 1472, 1460, 1450, 1440, 1420, 1400, 1380, 1360),
    *(1340, 1320, 1300, 1280, 1200, 1000, 800, 576, 296, 84),
)
"""Sizes of the first round: Ethernet, PPPoE, tunnels, VPNs, clouds, and the small."""
NARROW = 64
"""Sizes of the second round at most."""
_IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE, _IP_MTU = 10, 3, 14
_IPV6_MTU_DISCOVER, _IPV6_MTU = 23, 24
_HEADS: dict[int, int] = {socket.AF_INET: 28, socket.AF_INET6: 48}
"""IP header and the eight bytes of ICMP."""


@dataclass(slots=True)
class _Round:
    """What was sent and what came back."""

    sent: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    told: int = 0
    told_by: str = ""


async def measure_path(ground: Ground, request: MeasurePath) -> PathMtu:
    """Sweep the sizes in two rounds. Takes twice the budget where some are lost.

    Raises ProbeError where raw sockets are closed to us (CAP_NET_RAW), where there is
    no route, and for what is no address. That nothing at all is answered (an echo may
    be filtered) is a finding: `passes` is 0.
    """
    place, address = request.place, request.address
    family = family_of(address)
    await asyncio.to_thread(load_scapy)
    with mapped(f"a path from {place.label}"):
        sock, device, device_mtu, known = await ground.namespaces.call(
            place, _open, address, family
        )
    echo = _Echo(sock, family, address)
    try:
        seconds = request.budget_ms / 1000
        first = [size for size in LADDER if size <= device_mtu]
        await echo.round({device_mtu, *first}, seconds)
        low, high = echo.gap()
        if low and high > low + 1:
            await echo.round(_between(low, high), seconds)
    finally:
        await asyncio.to_thread(sock.close)
    low, high = echo.gap()
    found = echo.found
    size = (low or device_mtu) - _HEADS[family]
    return PathMtu(
        command=f"{ground.namespaces.enter(place)}ping -M do -c 1 -s {size} {address}",
        place=place,
        address=address,
        device=device,
        device_mtu=device_mtu,
        known=known,
        passes=low,
        lost=high,
        told=found.told,
        told_by=found.told_by,
        answered=tuple(sorted(found.answered)),
        silent=tuple(sorted(found.sent - found.answered)),
    )


def _between(low: int, high: int) -> set[int]:
    """Sizes between the two, all of them if they are few."""
    step = max(1, (high - low) // NARROW)
    return set(range(low + step, high, step))


def _open(address: str, family: int) -> tuple[socket.socket, str, int, int]:
    """A raw ICMP socket, and the device by which it sends, with its MTU."""
    _, device, _, _ = route_to(address)
    mtu = _mtu_of(device)
    known = _known_mtu(address, family) or mtu
    number = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    sock = socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, number)
    try:
        sock.setblocking(False)
        level, option = (
            (socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER)
            if family == socket.AF_INET6
            else (socket.IPPROTO_IP, _IP_MTU_DISCOVER)
        )
        sock.setsockopt(level, option, _IP_PMTUDISC_PROBE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    except BaseException:
        sock.close()
        raise
    return sock, device, mtu, known


def _mtu_of(device: str) -> int:
    """SIOCGIFMTU (netdevice(7)), in the thread's namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        asked = struct.pack("16si", device.encode()[:15], 0).ljust(40, b"\0")
        answer = fcntl.ioctl(sock, 0x8921, asked)
    return int(struct.unpack_from("16si", answer)[1])


def _known_mtu(address: str, family: int) -> int:
    """What the kernel goes by now: its cache of path MTUs, or the device's."""
    level, option = (
        (socket.IPPROTO_IPV6, _IPV6_MTU)
        if family == socket.AF_INET6
        else (socket.IPPROTO_IP, _IP_MTU)
    )
    with socket.socket(family, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
        sock.connect(sockaddr(address, 9))
        return sock.getsockopt(level, option)
    return 0


class _Echo:
    """Echoes of many sizes to one address."""

    def __init__(self, sock: socket.socket, family: int, address: str) -> None:
        self._sock = sock
        self._family = family
        self._target = sockaddr(address, 0)
        self._address = self._target[0]
        self._ident = os.getpid() & 0xFFFF
        self.found = _Round()

    def gap(self) -> tuple[int, int]:
        """Largest size that was answered, and the smallest larger one that was not."""
        low = max(self.found.answered, default=0)
        silent = self.found.sent - self.found.answered
        return low, min((s for s in silent if s > low), default=0)

    async def round(self, sizes: Iterable[int], seconds: float) -> None:
        """Send all of them, and listen until all are answered or the time is up."""
        for size in sorted(sizes):
            await self._send(size)
        loop = asyncio.get_running_loop()
        end = time.monotonic() + seconds
        while self.found.sent - self.found.answered:
            try:
                async with asyncio.timeout(max(0.0, end - time.monotonic())):
                    data, sender = await loop.sock_recvfrom(self._sock, 65535)
            except TimeoutError:
                return
            except OSError as error:
                if error.errno not in (errno.EMSGSIZE, errno.EHOSTUNREACH):
                    raise
                continue
            self._heard(data, sender[0])

    async def _send(self, size: int) -> None:
        message = _message(self._family, self._ident, size)
        try:
            self._sock.sendto(message, self._target)
        except OSError as error:
            # Larger than the device takes: that is no finding about the path.
            if error.errno != errno.EMSGSIZE:
                raise
            return
        self.found.sent.add(size)
        await asyncio.sleep(0)

    def _heard(self, data: bytes, sender: str) -> None:
        v6 = self._family == socket.AF_INET6
        # A raw IPv4 socket gives the IP header as well, a raw IPv6 socket does not.
        body = data if v6 else data[(data[0] & 0x0F) * 4 :]
        if len(body) < 8:
            return
        kind, code = body[0], body[1]
        if kind == (129 if v6 else 0):
            ident, size = struct.unpack_from("!HH", body, 4)
            if ident == self._ident and sender.partition("%")[0] == self._address:
                self.found.answered.add(size)
        elif (kind, code) == ((2, 0) if v6 else (3, 4)):
            self._told(body, sender, v6=v6)

    def _told(self, body: bytes, sender: str, *, v6: bool) -> None:
        """An ICMP error that names an MTU, if it is about one of our echoes."""
        quoted = body[8:]
        head = 40 if v6 else ((quoted[0] & 0x0F) * 4 if quoted else 0)
        if len(quoted) < head + 8:
            return
        (ident,) = struct.unpack_from("!H", quoted, head + 4)
        if ident != self._ident:
            return
        mtu = struct.unpack_from("!I", body, 4)[0] if v6 else 0
        self.found.told = mtu or struct.unpack_from("!H", body, 6)[0] or 1
        self.found.told_by = sender.partition("%")[0]


def _message(family: int, ident: int, size: int) -> bytes:
    """An echo request filling a packet of `size`, which is its sequence number too."""
    from scapy.layers.inet import ICMP
    from scapy.layers.inet6 import ICMPv6EchoRequest
    from scapy.packet import Raw

    filler = Raw(b"n" * (size - _HEADS[family]))
    if family == socket.AF_INET6:
        # The kernel fills in the checksum of a raw ICMPv6 socket (RFC 3542, 3.1).
        return bytes(ICMPv6EchoRequest(id=ident, seq=size) / filler)
    return bytes(ICMP(type=8, id=ident, seq=size) / filler)
