"""Which ends belong together where the source was translated as well: conntrack's word.

A container that dials its own published port by the host's address is led back to
itself with the bridge's address as its source, so that answers come by the host:
neither end's socket knows the other's. The host's table of tracked connections does,
and is read only while there is a connection that nothing else explains.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterable

from netwiz.probes.conntrack import wire
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import HOST
from netwiz.probes.facts.conntrack import FlowEnds
from netwiz.probes.flows.entry import SocketId, id_of
from netwiz.probes.flows.join import Pair, Seen, is_loopback
from netwiz.probes.flows.world import World
from netwiz.probes.machine import Ground
from netwiz.probes.netlink.dump import Dumper
from netwiz.probes.netlink.rtnetlink import attribute

BUDGET_S = 0.3
MOST_MESSAGES = 50_000
SHARE = 0.002
"""Of a core: a large table is read again the later the longer it took."""
_CTA_STATUS_MASK = 26
_IPS_DST_NAT = 1 << 5


class Translations:
    """What the host's connection tracking knows of translated connections."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._asked: set[SocketId] = set()
        self._next = 0.0
        self.turned: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}

    def learn(self, pairs: Iterable[Pair], world: World) -> bool:
        """Read the table if something new calls for it; whether it was read."""
        doubtful = {id_of(seen) for pair in pairs for seen in _doubtful(pair, world)}
        new = doubtful - self._asked
        self._asked &= doubtful
        now = time.monotonic()
        if not new or now < self._next:
            return False
        self._asked |= doubtful
        begun = time.thread_time()
        with contextlib.suppress(OSError, ProbeError):
            self.turned = self._ground.namespaces.call_here(HOST, _read)
        self._next = now + (time.thread_time() - begun) / SHARE
        return True


def _doubtful(pair: Pair, world: World) -> Iterable[Seen]:
    """The end that was seen, if the other one should have been seen as well."""
    seen, other = pair
    if other is not None or is_loopback(seen[1].far):
        return ()
    return (seen,) if world.is_host(seen[1].far) else ()


def _read() -> dict[tuple[bytes, bytes], tuple[bytes, bytes]]:
    turned: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}
    kernel = Dumper(wire.NETLINK_NETFILTER, budget_s=BUDGET_S, limit=MOST_MESSAGES)
    with contextlib.suppress(TimeoutError), kernel as dumper:
        for kind, body in dumper.dump(wire.IPCTNL_MSG_CT_GET, _payload()):
            flow = wire.parse(body) if kind == wire.IPCTNL_MSG_CT_NEW else None
            # An older kernel ignores the wish and gives all, translated or not.
            if flow is not None and _translated(flow.original, flow.reply):
                near, far = _ends(flow.original)
                there, back = _ends(flow.reply)
                turned[near, far] = (there, back)
    return turned


def _payload() -> bytes:
    """Only what was led elsewhere (ctnetlink_filter_match in the kernel's source)."""
    wanted = struct.pack("!I", _IPS_DST_NAT)
    status = attribute(wire.CTA_STATUS, wanted)
    return wire.plain_payload() + status + attribute(_CTA_STATUS_MASK, wanted)


def _translated(original: FlowEnds, reply: FlowEnds) -> bool:
    return (original.destination, original.destination_port) != (
        reply.source,
        reply.source_port,
    )


def _ends(ends: FlowEnds) -> tuple[bytes, bytes]:
    return (
        _packed(ends.source, ends.source_port),
        _packed(ends.destination, ends.destination_port),
    )


def _packed(address: str, port: int) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address) + port.to_bytes(2, "big")
