"""Who on the wire claims an address: one ARP question, every answer (RFC 826).

Two MACs for one address are two machines with one address. This sense broadcasts one
ARP request, the only packet of netwiz beyond the connects and queries that any client
makes; a neighbour that hears it may note our MAC, as with any other request.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Failure, Place
from netwiz.probes.facts.links import ArpAnswers
from netwiz.probes.links.scapy_loader import load_scapy
from netwiz.probes.links.senses import route_to
from netwiz.probes.netlink import rtnetlink
from netwiz.probes.requests import AskArp
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

_ETH_P_ARP = 0x0806
_ARPHRD_ETHER = 1
_IS_AT = 2
_FRAME = 1514
_MOST_MACS = 16
_MOST_FRAMES = 512
"""A bridge in trouble floods; what counts comes in the first few frames."""

_UNSPECIFIED = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class _Ear:
    """A packet socket on the right device, and who asks."""

    sock: socket.socket
    device: str
    mac: str
    source: str


async def ask_arp(ground: Ground, request: AskArp) -> ArpAnswers:
    """Which MACs answer for an IPv4 address within `budget_ms`; all of it is waited.

    The route decides the device. For an address of the place itself the question is the
    probe of RFC 5227 (sender 0.0.0.0), and whoever answers is another owner. Raises
    ProbeError for IPv6, for an address behind a gateway or on a device without ARP, and
    where packet sockets are closed to us (CAP_NET_RAW).
    """
    place, address = request.place, request.address
    wanted = _ipv4(address)
    # Its 0.3 s of loading are nobody's budget but the process's own.
    await asyncio.to_thread(load_scapy)
    with mapped(f"ARP in {place.label}"):
        ear = await ground.namespaces.call(place, _listen, place, wanted)
    try:
        macs = await _ask(ear, wanted, request.budget_ms / 1000)
    finally:
        # Closing a packet socket waits for the kernel's grace period, about 13 ms.
        await asyncio.to_thread(ear.sock.close)
    probe = "-D " if ear.source == _UNSPECIFIED else ""
    enter = ground.namespaces.enter(place)
    return ArpAnswers(
        command=f"{enter}arping {probe}-c 1 -I {ear.device} {wanted}",
        place=place,
        address=str(wanted),
        macs=tuple(macs),
    )


def _ipv4(address: str) -> ipaddress.IPv4Address:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        what = f"{plain(address, 80)!r} is not an IP address"
        raise ProbeError(Failure.BROKEN, what) from None
    if found.version == 6:
        what = f"{found} is IPv6, which has no ARP; see the neighbour table instead"
        raise ProbeError(Failure.BROKEN, what)
    return found


def _listen(place: Place, wanted: ipaddress.IPv4Address) -> _Ear:
    """A packet socket in the thread's namespace, where the address should be."""
    kind, device, gateway, source = route_to(str(wanted))
    if kind == "local" and not wanted.is_loopback:
        device, source = _device_of(wanted), _UNSPECIFIED
    elif kind != "unicast":
        what = f"{place.label} has no wire to {wanted}: {kind or 'no route'}"
        raise ProbeError(Failure.BROKEN, what)
    elif gateway:
        what = f"{place.label} reaches {wanted} through {gateway}: no neighbour of it"
        raise ProbeError(Failure.BROKEN, what)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.setblocking(False)
        # Until it is bound to the device it hears nothing: not a frame of others.
        sock.bind((device, _ETH_P_ARP))
        hardware, mac = sock.getsockname()[3:5]
    except BaseException:
        sock.close()
        raise
    if hardware != _ARPHRD_ETHER:
        sock.close()
        what = f"{device} of {place.label} is no Ethernet, so it has no ARP"
        raise ProbeError(Failure.BROKEN, what)
    return _Ear(sock, device, mac.hex(":"), source or _UNSPECIFIED)


def _device_of(address: ipaddress.IPv4Address) -> str:
    for own in rtnetlink.addresses():
        if own.packed == address.packed:
            return socket.if_indextoname(own.index)
    return ""


async def _ask(ear: _Ear, wanted: ipaddress.IPv4Address, seconds: float) -> list[str]:
    loop = asyncio.get_running_loop()
    macs: dict[str, None] = {}
    await loop.sock_sendall(ear.sock, _who_has(ear, wanted))
    deadline = time.perf_counter() + seconds
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(deadline - time.perf_counter()):
            for _ in range(_MOST_FRAMES):
                frame = await loop.sock_recv(ear.sock, _FRAME)
                if mac := _claim(frame, wanted):
                    macs[mac] = None
                if len(macs) >= _MOST_MACS:
                    break
    return list(macs)


def _who_has(ear: _Ear, wanted: ipaddress.IPv4Address) -> bytes:
    from scapy.layers.l2 import ARP, Ether

    # Each field is named: for those left out scapy would ask the host's own tables.
    ethernet = Ether(dst="ff:ff:ff:ff:ff:ff", src=ear.mac, type=_ETH_P_ARP)
    return bytes(
        ethernet
        / ARP(
            hwtype=1,
            ptype=0x0800,
            hwlen=6,
            plen=4,
            op=1,
            hwsrc=ear.mac,
            psrc=ear.source,
            hwdst="00:00:00:00:00:00",
            pdst=str(wanted),
        )
    )


def _claim(frame: bytes, wanted: ipaddress.IPv4Address) -> str:
    """The MAC that claims the address in this frame; empty for all other frames."""
    from scapy.layers.l2 import ARP, Ether

    try:
        reply = Ether(frame).getlayer(ARP)
        if reply is None or reply.op != _IS_AT or reply.psrc != str(wanted):
            return ""
        return plain(reply.hwsrc, 32)
    except Exception:  # noqa: BLE001 - whatever hostile bytes bring a dissector to
        return ""
