"""What a proxy says to a request that an application would send through it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import shlex
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from netwiz.probes.connect.endpoint import family_of, sockaddr, writable
from netwiz.probes.facts.tls import ProxyAnswer
from netwiz.probes.names.resolve import resolve
from netwiz.probes.requests import AskProxy, Resolve
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

BUDGET_S = 2.5
"""A proxy that cannot reach the target may take longer; its word is then unknown."""


async def ask_proxy(ground: Ground, request: AskProxy) -> ProxyAnswer:
    """Send the proxy one request: GET of an http target, CONNECT to an https one."""
    proxy = f"{request.proxy}:{request.port}"
    enter = ground.namespaces.enter(request.place)
    url = f"{request.scheme}://{request.target}/"
    told = ProxyAnswer(
        proxy=proxy,
        command=f"{enter}curl -sSI -x {shlex.quote(proxy)} {shlex.quote(url)}",
    )
    found = await resolve(ground, Resolve(request.place, request.proxy))
    address = next(iter(found.addresses), "")
    if not address:
        return replace(told, problem=f"{plain(request.proxy, 80)} has no address")
    words = (
        f"CONNECT {request.target} HTTP/1.1\r\n"
        if request.scheme == "https"
        else f"GET {url} HTTP/1.1\r\n"
    )
    words += (
        f"Host: {request.target}\r\nUser-Agent: netwiz\r\nConnection: close\r\n\r\n"
    )
    sock = await ground.namespaces.socket(
        request.place, family_of(address), socket.SOCK_STREAM
    )
    with contextlib.closing(sock):
        try:
            async with asyncio.timeout(BUDGET_S):
                head = await _exchange(sock, address, request.port, words.encode())
        except TimeoutError:
            return replace(told, problem="no answer in time")
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, str(error.errno))
            return replace(told, problem=name)
    status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    line = plain(head.split(b"\r\n", 1)[0], 120)
    if status is None:
        return replace(told, problem=f"no HTTP answer: {line}" if line else "closed")
    return replace(told, status=int(status[1]), first_line=line)


async def _exchange(
    sock: socket.socket, address: str, port: int, words: bytes
) -> bytes:
    loop = asyncio.get_running_loop()
    number = sock.connect_ex(sockaddr(address, port))
    if number == errno.EINPROGRESS:
        await writable(sock, BUDGET_S)
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, "")
    await loop.sock_sendall(sock, words)
    head = b""
    while b"\r\n" not in head and len(head) < 4096:
        part = await loop.sock_recv(sock, 4096)
        if not part:
            break
        head += part
    return head
