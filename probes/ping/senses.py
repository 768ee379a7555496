"""Rights of a container's first process, and ICMP echo from its namespace."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Failure, Place
from netwiz.probes.facts.ping import Echoed, ProcessRights
from netwiz.probes.requests import Echo, ReadRights

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")
_REQUEST, _REPLY = 8, 0
_REQUEST6, _REPLY6 = 128, 129
_ECHO = struct.Struct("!BBHHH")
_PAYLOAD = b"netwiz: is this way open?"
_GAP_S = 0.1


async def read_rights(ground: Ground, request: ReadRights) -> ProcessRights:
    """Capabilities, ids and ping's group range of a container's first process.

    Raises ProbeError when it does not run any more.
    """
    place = Place.container(request.container_id, request.container_id[:12])
    pid = ground.namespaces.pid(place)
    with mapped("the container's first process"):
        text = await asyncio.to_thread(_status, pid)
        groups = await ground.namespaces.call(place, _groups)
    fields = dict(
        line.split(":", 1) for line in text.splitlines() if line.count(":") >= 1
    )
    return ProcessRights(
        command=f"grep -E 'Cap|Uid|Gid' /proc/{pid}/status; "
        f"{ground.namespaces.enter(place)}sysctl net.ipv4.ping_group_range",
        container_id=request.container_id,
        seccomp=fields.get("Seccomp", "").strip() == "2",
        effective=int(fields.get("CapEff", "0").strip() or "0", 16),
        bounding=int(fields.get("CapBnd", "0").strip() or "0", 16),
        user=_second(fields.get("Uid", "")),
        group=_second(fields.get("Gid", "")),
        ping_groups=groups,
    )


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text("ascii", "replace")


def _second(ids: str) -> int:
    """The effective one of real, effective, saved and file system id."""
    found = ids.split()
    return int(found[1]) if len(found) > 1 and found[1].isdigit() else 0


def _groups() -> tuple[int, int]:
    words = _GROUPS.read_text("ascii").split()
    if len(words) != 2:
        return 1, 0
    return int(words[0]), int(words[1])


async def echo(ground: Ground, request: Echo) -> Echoed:
    """A few echo requests (RFC 792, RFC 4443), 0.1 s apart, and how many came back.

    The last is waited for until `budget_ms` after the first. Raises ProbeError for
    what is no address, and where raw sockets are closed to us.
    """
    place, address = request.place, request.address
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        raise ProbeError(Failure.BROKEN, "an address is wanted for echo") from None
    six = ip.version == 6

    def make() -> socket.socket:
        family = socket.AF_INET6 if six else socket.AF_INET
        protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
        sock.setblocking(False)
        return sock

    with mapped(f"echo from {place.label}"):
        sock = await ground.namespaces.call(place, make)
    count = max(1, request.count)
    try:
        answered, error = await _ask(sock, address, six, count, request.budget_ms)
    finally:
        sock.close()
    seconds = max(1, round(request.budget_ms / 1000))
    return Echoed(
        command=f"{ground.namespaces.enter(place)}ping -c {count} -W {seconds} {ip}",
        place=place,
        address=address,
        sent=0 if error else count,
        answered=answered,
        error=error,
    )


async def _ask(
    sock: socket.socket, address: str, six: bool, count: int, budget_ms: int
) -> tuple[int, str]:
    loop = asyncio.get_running_loop()
    ident = os.getpid() & 0xFFFF
    end = time.monotonic() + budget_ms / 1000
    back: set[int] = set()
    try:
        sock.connect((address, 0))
        for number in range(count):
            await loop.sock_sendall(sock, _request(six, ident, number))
            await _hear(sock, six, ident, back, min(end, time.monotonic() + _GAP_S))
        while len(back) < count and time.monotonic() < end:
            await _hear(sock, six, ident, back, end)
    except OSError as failed:
        return len(back), errno.errorcode.get(failed.errno or 0, str(failed.errno))
    return len(back), ""


async def _hear(
    sock: socket.socket, six: bool, ident: int, back: set[int], until: float
) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(max(0.0, until - time.monotonic())):
            data = await loop.sock_recv(sock, 2048)
    except TimeoutError:
        return
    number = _answers(data, six, ident)
    if number is not None:
        back.add(number)


def _request(six: bool, ident: int, number: int) -> bytes:
    kind = _REQUEST6 if six else _REQUEST
    message = _ECHO.pack(kind, 0, 0, ident, number) + _PAYLOAD
    # The kernel fills in the checksum of ICMPv6 (RFC 3542), not that of ICMP.
    total = 0 if six else _checksum(message)
    return _ECHO.pack(kind, 0, total, ident, number) + _PAYLOAD


def _answers(data: bytes, six: bool, ident: int) -> int | None:
    """The number of the request that this is the reply to; None for all else."""
    start = 0 if six else (data[0] & 0x0F) * 4 if data else 0
    if len(data) < start + _ECHO.size:
        return None
    kind, _, _, whose, number = _ECHO.unpack_from(data, start)
    wanted = _REPLY6 if six else _REPLY
    return number if (kind, whose) == (wanted, ident) else None


def _checksum(data: Sequence[int]) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = bytes(data) + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
