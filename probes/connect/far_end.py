"""The server's own socket of a connection of ours, in its namespace.

Whether bytes arrived and nobody read them, or whether the answer was sent and never
confirmed, is known to the kernel at the other end, and to nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.talk import FarEnd
from netwiz.probes.netlink import sockdiag
from netwiz.probes.netlink.dump import Dumper
from netwiz.probes.sockets import processes, sockraw

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground


async def far_end(
    ground: Ground, place: Place, server_port: int, source: str, source_port: int
) -> FarEnd | None:
    """The socket there that talks to ours; None when it is not there or not seen.

    Translation may have changed our address, and seldom our port: an end with our port
    and another address is taken if it is the only one.
    """
    try:
        return await ground.namespaces.call(
            place, _find, server_port, source, source_port
        )
    except ProbeError:
        return None


def _find(server_port: int, source: str, source_port: int) -> FarEnd | None:
    with mapped("the server's sockets"), Dumper(sockdiag.NETLINK_SOCK_DIAG) as dumper:
        found = [
            raw
            for raw in sockdiag.read_raw(dumper, "tcp", sockraw.TCP_ALL, detail=True)
            if raw.local_port == server_port and raw.remote_port == source_port
        ]
    mine = [raw for raw in found if sockraw.unmapped(raw.remote) == source] or found
    if len(mine) != 1:
        return None
    raw = mine[0]
    owner = None
    if raw.inode:
        own = {processes.namespace_inode("thread-self")}
        owner = processes.owners([raw.inode], own).get(raw.inode)
    return FarEnd(
        state=sockraw.STATES.get(raw.state, str(raw.state)),
        unread=raw.received,
        unacked=raw.sent,
        retransmits=raw.info.total_retransmits if raw.info else 0,
        # A connection in the accept queue belongs to no file yet, so it has no inode.
        accepted=bool(raw.inode),
        process=owner.name if owner else "",
    )
