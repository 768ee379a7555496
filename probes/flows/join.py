"""Which two sockets are the ends of one connection, and who opened it. Pure.

Without address translation the ends are each other's mirror. Where a published port was
dialled, the server sees the client as it is, but the client sees another server: it
dialled the host's address. Where the source was translated as well, only the kernel's
table of tracked connections tells (`netwiz.probes.flows.nat`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from netwiz.probes.flows.diag import SYN_RECV, SYN_SENT, Sock
from netwiz.probes.flows.spaces import Space

EPHEMERAL = 32768
"""First port that the kernel gives to clients (ip_local_port_range)."""
_LOOPBACK6 = bytes(15) + b"\1"

Seen = tuple[Space, Sock]
Turned = Mapping[tuple[bytes, bytes], tuple[bytes, bytes]]
"""What NAT does: (client's near, far) to (server's near, far)."""


Pair = tuple[Seen, Seen | None]
"""A connection: one or both of its ends, in no order."""


class Joined(NamedTuple):
    """A connection: the ends whose sockets were seen, at least one."""

    client: Seen | None
    server: Seen | None


def port_of(end: bytes) -> int:
    """The port of an end."""
    return int.from_bytes(end[-2:], "big")


def is_loopback(end: bytes) -> bool:
    """Whether an end is the namespace's own loopback (RFC 1122, RFC 4291)."""
    return end[0] == 127 if len(end) == 6 else end[:-2] == _LOOPBACK6


def join(spaces: Iterable[Space], turned: Turned | None = None) -> list[Pair]:
    """All connections of these namespaces."""
    waiting: dict[tuple[int, int, bytes], list[Seen]] = {}
    pairs: list[Pair] = []
    for space in spaces:
        for sock in (*space.tcp, *space.udp):
            # Loopback addresses are everybody's: they meet in their namespace only.
            where = space.inode if is_loopback(sock.near) else 0
            seen = (space, sock)
            mates = waiting.get((sock.protocol, where, sock.mirror))
            if mates:
                pairs.append((seen, _taken(mates, space)))
            else:
                key = (sock.protocol, where, sock.ends)
                waiting.setdefault(key, []).append(seen)
    alone = [seen for several in waiting.values() for seen in several]
    return pairs + (_through_nat(alone, turned or {}) if alone else [])


def _taken(mates: list[Seen], space: Space) -> Seen:
    """The other end: in the same namespace if one is there, else anywhere."""
    here = next((mate for mate in mates if mate[0] is space), mates[0])
    mates.remove(here)
    return here


def in_order(pair: Pair) -> Joined:
    """Who of them opened the connection."""
    one, other = pair
    if other is None:
        return Joined(one, None) if opened(*one) else Joined(None, one)
    first, second = _asker(*one), _asker(*other)
    if first == second:
        # Neither listens (any more), or both do: the lower port is the server's.
        first, second = (port_of(seen[1].near) for seen in (one, other))
    return Joined(one, other) if first > second else Joined(other, one)


def opened(space: Space, sock: Sock) -> bool:
    """Whether this end opened the connection, by all that it tells itself."""
    return _asker(space, sock) > 0


def _asker(space: Space, sock: Sock) -> int:
    """How much speaks for the client: 2 or -2 is sure, 1 or -1 the ports' word."""
    if sock.state == SYN_SENT:
        return 2
    if sock.state == SYN_RECV or space.listens(sock.near):
        return -2
    near, far = port_of(sock.near), port_of(sock.far)
    return 1 if near > far or near >= EPHEMERAL else -1


def _through_nat(alone: list[Seen], turned: Turned) -> list[Pair]:
    """Join what address translation keeps apart; the others stay single."""
    clients = [seen for seen in alone if opened(*seen)]
    servers = [seen for seen in alone if not opened(*seen)]
    by_peer: dict[tuple[int, bytes], list[Seen]] = defaultdict(list)
    by_ends: dict[tuple[bytes, bytes], Seen] = {}
    for seen in servers:
        by_peer[seen[1].protocol, seen[1].far].append(seen)
        by_ends[seen[1].near, seen[1].far] = seen
    taken: set[int] = set()
    pairs: list[Pair] = []
    for seen in clients:
        sock = seen[1]
        known = turned.get((sock.near, sock.far))
        mate = by_ends.get(known) if known else None
        if mate is None and not is_loopback(sock.near):
            # The client's own end, as the server sees it, is one of a kind.
            mates = by_peer.get((sock.protocol, sock.near), [])
            mate = mates[0] if len(mates) == 1 else None
        if mate is not None and id(mate[1]) not in taken:
            taken.add(id(mate[1]))
            pairs.append((seen, mate))
        else:
            pairs.append((seen, None))
    left = (seen for seen in servers if id(seen[1]) not in taken)
    return pairs + [(seen, None) for seen in left]
