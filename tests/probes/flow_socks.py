"""Sockets that the kernel might tell of, by their ends."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from netwiz.probes.facts import (
    Place,
)
from netwiz.probes.flows.diag import Info, Sock
from netwiz.probes.flows.spaces import Space

NOTHING = Info._make([0] * 15)

cookies = iter(range(1, 1_000_000))

A, B = "10.0.0.1:40000", "10.0.0.2:80"


def end(text: str) -> bytes:
    address, _, port = text.rpartition(":")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address) + int(port).to_bytes(2, "big")


def sock(near: str, far: str, *, cookie: int = 0, at: float = 1.0, **more: int) -> Sock:
    """An established one."""
    one, other = end(near), end(far)
    fields = {"state": 1, "timer": 0, "tries": 0, "unread": 0, "unsent": 0, "inode": 7}
    state = fields | {k: v for k, v in more.items() if k in fields}
    known = NOTHING._asdict() | {k: v for k, v in more.items() if k not in fields}
    info = Info._make(known[name] for name in Info._fields)
    return Sock(
        cookie=cookie or next(cookies),
        protocol=6,
        near=one,
        far=other,
        family=2,
        identity=b"",
        info=info,
        at=at,
        ends=one + other,
        mirror=other + one,
        turn=0,
        **state,
    )


def space(inode: int, *socks: Sock, listening: Iterable[str] = ()) -> Space:
    made = Space(inode, Place.netns(f"n{inode}"), tcp=list(socks))
    made.listening = frozenset(end(text) for text in listening)
    return made
