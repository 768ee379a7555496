"""Which namespace a place is: the inode tells two of them apart (namespaces(7))."""

from __future__ import annotations

from netwiz.probes.facts.base import Place, PlaceKind
from netwiz.probes.facts.various import NamespaceIdentity
from netwiz.probes.machine import Ground
from netwiz.probes.namespaces import NETNS_DIR
from netwiz.probes.requests import IdentifyNamespace


async def identify_namespace(
    ground: Ground, request: IdentifyNamespace
) -> NamespaceIdentity:
    """The inode of a place's namespace.

    Two containers share a namespace if and only if theirs are equal. One that rides on
    a container that was started anew has an inode which no other place has.

    Raises:
        ProbeError: the place is gone, or the kernel lets us not look (ptrace(2):
            PTRACE_MODE_READ is needed for /proc/PID/ns).
    """
    place = request.place
    return NamespaceIdentity(
        command=_command(ground, place),
        place=place,
        inode=ground.namespaces.inode(place),
    )


def _command(ground: Ground, place: Place) -> str:
    if place.kind is PlaceKind.NETNS:
        return f"stat -Lc %i {NETNS_DIR}/{place.key}"
    pid = ground.namespaces.pid(place)
    return f"readlink /proc/{pid or 'self'}/ns/net"
