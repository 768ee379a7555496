"""Addresses as sockets want them, and sockets as the event loop wants them."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure
from netwiz.probes.text import plain

Sockaddr = tuple[str, int] | tuple[str, int, int, int]


def family_of(address: str) -> int:
    """AF_INET or AF_INET6; a ProbeError when the text is no address."""
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        what = f"{plain(address, 80)!r} is not an IP address"
        raise ProbeError(Failure.BROKEN, what) from None
    return socket.AF_INET6 if version == 6 else socket.AF_INET


def sockaddr(address: str, port: int) -> Sockaddr:
    """What connect(2) takes; ``fe80::1%eth0`` is looked up in the thread's namespace.

    Raises ProbeError for what is no address, ENODEV for a device that is not there.
    """
    if family_of(address) == socket.AF_INET:
        return (address, port)
    bare, _, zone = address.partition("%")
    if not zone:
        return (bare, port, 0, 0)
    if zone.isascii() and zone.isdigit():
        return (bare, port, 0, int(zone) & 0xFFFFFFFF)
    try:
        return (bare, port, 0, socket.if_nametoindex(zone))
    except OSError:
        raise OSError(errno.ENODEV, f"no device {plain(zone, 20)}") from None


async def writable(sock: socket.socket, seconds: float) -> None:
    """Wait until a connect has ended, well or badly; TimeoutError after `seconds`."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(sock, ready.set)
    try:
        async with asyncio.timeout(seconds):
            await ready.wait()
    finally:
        loop.remove_writer(sock)


def own_end(sock: socket.socket) -> tuple[str, int]:
    """The local address and port; an address not chosen yet is empty."""
    try:
        address, port = sock.getsockname()[:2]
    except OSError:
        return "", 0
    return ("" if address in ("0.0.0.0", "::") else address), port
