"""What the kernel says of the host: addresses, our rights, named namespaces.

Blocking, for a worker thread; "the host" is the namespace that netwiz runs in.
"""

from __future__ import annotations

import re
import socket
import struct
from itertools import islice
from pathlib import Path

from netwiz.probes.facts.engine import HostFacts
from netwiz.probes.namespaces import NETNS_DIR
from netwiz.probes.netlink.dump import Dumper, attributes
from netwiz.probes.sockets.processes import read_small
from netwiz.probes.text import plain

NETLINK_ROUTE = 0
RTM_NEWADDR = 20
RTM_GETADDR = 22
IFA_ADDRESS = 1
IFA_LOCAL = 2
"""On a point-to-point link IFA_ADDRESS is the peer's (linux/if_addr.h)."""

CAP_NET_RAW = 13
CAP_SYS_ADMIN = 21
MAX_ADDRESSES = 4096
MAX_NAMESPACES = 200

_IFADDRMSG = struct.Struct("=BBBBI")
_CAPABILITIES = re.compile(rb"^CapEff:\s*([0-9a-f]+)", re.MULTILINE)
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,200}")
"""Names that may be put into a command as they are."""


def read_host() -> HostFacts:
    """All of it; what cannot be read is left empty."""
    return HostFacts(
        hostname=plain(socket.gethostname(), 253),
        addresses=_addresses(),
        root=_may_enter(),
        namespaces=_named_namespaces(),
    )


def _addresses() -> tuple[tuple[str, str], ...]:
    """(device, address) of every address in the calling thread's namespace."""
    found: list[tuple[str, str]] = []
    try:
        with Dumper(NETLINK_ROUTE, budget_s=1, limit=MAX_ADDRESSES) as dumper:
            for kind, body in dumper.dump(RTM_GETADDR, bytes(_IFADDRMSG.size)):
                pair = parse_address(body) if kind == RTM_NEWADDR else None
                if pair is not None:
                    found.append((_device(pair[0]), pair[1]))
    except OSError:
        pass
    return tuple(found)


def parse_address(body: bytes) -> tuple[int, str] | None:
    """Device index and address of an RTM_NEWADDR; None when it is not a whole one."""
    if len(body) < _IFADDRMSG.size:
        return None
    family, _, _, _, index = _IFADDRMSG.unpack_from(body)
    length = {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family)
    known = dict(attributes(body[_IFADDRMSG.size :]))
    packed = known.get(IFA_LOCAL) or known.get(IFA_ADDRESS) or b""
    if length is None or len(packed) != length:
        return None
    return index, socket.inet_ntop(family, packed)


def _device(index: int) -> str:
    try:
        return plain(socket.if_indextoname(index), 16)
    except OSError:
        return f"device {index}"


def _may_enter() -> bool:
    """Whether this process may enter namespaces and open raw sockets."""
    found = _CAPABILITIES.search(read_small("/proc/self/status"))
    effective = int(found[1], 16) if found else 0
    wanted = 1 << CAP_SYS_ADMIN | 1 << CAP_NET_RAW
    return effective & wanted == wanted


def _named_namespaces() -> tuple[str, ...]:
    """Names below /run/netns that are namespaces, but for the one we are in.

    A name stays behind as an empty file when its mount is gone or out of sight (that of
    another mount namespace); only files of nsfs are namespaces.
    """
    try:
        home = Path("/proc/thread-self/ns/net").stat()
        entries = sorted(islice(NETNS_DIR.iterdir(), 10 * MAX_NAMESPACES))
    except OSError:
        return ()
    found: list[str] = []
    for entry in entries:
        try:
            there = entry.stat()
        except OSError:
            continue
        real = there.st_dev == home.st_dev and there.st_ino != home.st_ino
        if real and _NAMESPACE.fullmatch(entry.name):
            found.append(entry.name)
    return tuple(found[:MAX_NAMESPACES])
