"""The order in which an application tries addresses (RFC 6724, and what became of it).

getaddrinfo(3) sorts its answers: what has no source address comes last, then scope,
label and precedence decide, then the longest common prefix, then the order of the
answer. Rules 4 and 7 (mobile, tunnels) are left out, as is /etc/gai.conf. The libraries
differ where it is felt: glibc (2.36, measured) keeps the older table of RFC 3484, by
which unique local IPv6 goes before IPv4, where RFC 6724, musl and Go put it behind.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netwiz.probes.connect.endpoint import family_of, own_end, sockaddr
from netwiz.probes.netlink import rtnetlink

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

Policy = tuple[tuple[str, int, int], ...]
"""Prefix, precedence, label."""

_RFC6724: Policy = (
    ("::1/128", 50, 0),
    ("::ffff:0:0/96", 35, 4),
    ("2002::/16", 30, 2),
    ("2001::/32", 5, 5),
    ("fc00::/7", 3, 13),
    ("::/96", 1, 3),
    ("fec0::/10", 1, 11),
    ("3ffe::/16", 1, 12),
    ("::/0", 40, 1),
)
"""Section 2.1."""

_GLIBC: Policy = (
    ("::1/128", 50, 0),
    ("::ffff:0:0/96", 10, 4),
    ("2002::/16", 30, 2),
    ("2001::/32", 40, 7),
    ("fc00::/7", 40, 6),
    ("::/96", 20, 3),
    ("fec0::/10", 40, 5),
    ("::/0", 40, 1),
)
"""The defaults that gai.conf(5) documents."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A destination, and the source address the kernel would use for it."""

    address: str
    source: str = ""
    """Empty: there is no route, or no address to start from."""
    prefix: int = 0
    """Length of the source's prefix, for IPv4's longest match."""
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Terrain:
    """What a namespace has: sources for the destinations asked about, and families."""

    candidates: tuple[Candidate, ...]
    has_ipv4: bool
    """An address beyond 127.0.0.0/8 (AI_ADDRCONFIG of getaddrinfo(3))."""
    has_ipv6: bool
    """An address other than ::1."""


def look_around(destinations: Sequence[str]) -> Terrain:
    """Source addresses for all destinations, in the thread's namespace.

    connect(2) on a datagram socket makes the kernel choose a source and sends nothing.
    Raises OSError when rtnetlink does not answer.
    """
    own = rtnetlink.addresses()
    by_packed = {address.packed: address for address in own}
    far = {len(address.packed) for address in own if not address.loopback}
    candidates = []
    for destination in destinations:
        source = _source_for(destination)
        known = by_packed.get(ipaddress.ip_address(source).packed) if source else None
        candidates.append(
            Candidate(
                destination,
                source,
                known.prefix if known else 0,
                bool(known and known.flags & rtnetlink.IFA_F_DEPRECATED),
            )
        )
    return Terrain(tuple(candidates), 4 in far, 16 in far)


def _source_for(destination: str) -> str:
    with contextlib.suppress(OSError):
        family = family_of(destination)
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(sockaddr(destination, 9))
            return own_end(sock)[0].partition("%")[0]
    return ""


def in_order(candidates: Iterable[Candidate], libc: str = "") -> list[str]:
    """The destinations as the resolver library hands them out.

    `libc` is ``glibc``, ``musl`` or empty for neither, which is Go most of the time.
    """
    order = _Order(libc)
    return [
        c.address for c in sorted(candidates, key=functools.cmp_to_key(order.compare))
    ]


class _Order:
    """The rules in one library's reading."""

    def __init__(self, libc: str) -> None:
        self._libc = libc
        self._table = _networks(_GLIBC if libc == "glibc" else _RFC6724)

    def compare(self, a: Candidate, b: Candidate) -> int:
        """Negative when `a` goes first; 0 keeps the order of the answer (rule 10)."""
        # Rule 1: what cannot be reached comes last.
        if bool(a.source) != bool(b.source):
            return -1 if a.source else 1
        # Rules 2, 3 and 5 compare with the source, so they need one.
        if a.source and b.source:
            ours, theirs = self._fitness(a), self._fitness(b)
            if ours != theirs:
                return -1 if ours > theirs else 1
        to_a, to_b = ipaddress.ip_address(a.address), ipaddress.ip_address(b.address)
        # Rule 6: higher precedence. Rule 8: smaller scope.
        rank_a = (-self._policy(to_a)[0], _scope(to_a))
        rank_b = (-self._policy(to_b)[0], _scope(to_b))
        if rank_a != rank_b:
            return -1 if rank_a < rank_b else 1
        # Rule 9: longest matching prefix, within one family.
        if a.source and b.source and to_a.version == to_b.version:
            return self._common_bits(b) - self._common_bits(a)
        return 0

    def _fitness(self, c: Candidate) -> tuple[bool, bool, bool]:
        """Matching scope (rule 2), source not deprecated (3), matching label (5)."""
        to, source = ipaddress.ip_address(c.address), ipaddress.ip_address(c.source)
        return (
            _scope(to) == _scope(source),
            not c.deprecated,
            self._policy(to)[1] == self._policy(source)[1],
        )

    def _policy(self, ip: IP) -> tuple[int, int]:
        """Precedence and label of the longest prefix that holds the address."""
        wide = _as_v6(ip)
        holding = (
            (n.prefixlen, rank, lab) for n, rank, lab in self._table if wide in n
        )
        _, precedence, label = max(holding)
        return precedence, label

    def _common_bits(self, c: Candidate) -> int:
        """Leading bits that destination and source share, where the library counts.

        For IPv4 musl always does, glibc within the source's own network, Go never: it
        undoes round robin.
        """
        to, source = ipaddress.ip_address(c.address), ipaddress.ip_address(c.source)
        same = to.max_prefixlen - (int(to) ^ int(source)).bit_length()
        if to.version == 6 or self._libc == "musl":
            return same
        return same if self._libc == "glibc" and same >= c.prefix else 0


def _as_v6(ip: IP) -> ipaddress.IPv6Address:
    if isinstance(ip, ipaddress.IPv6Address):
        return ipaddress.IPv6Address(int(ip))
    return ipaddress.IPv6Address(0xFFFF_0000_0000 | int(ip))


@functools.cache
def _networks(policy: Policy) -> list[tuple[ipaddress.IPv6Network, int, int]]:
    return [(ipaddress.IPv6Network(net), rank, label) for net, rank, label in policy]


def _scope(ip: IP) -> int:
    """Scope as in RFC 6724, 3.1 and 3.2: 2 link, 5 site, 14 global."""
    if isinstance(ip, ipaddress.IPv4Address):
        return 2 if ip.is_loopback or ip.is_link_local else 14
    if ip.is_multicast:
        return ip.packed[1] & 0x0F
    if ip.is_loopback or ip.is_link_local:
        return 2
    return 5 if ip.is_site_local else 14
