"""Where the other ends of a namespace's veth pairs are.

The kernel names the namespace of the other end by a number that only means something
in the namespace that was asked (IFLA_LINK_NETNSID); for each place we know, the kernel
is asked for its number (RTM_GETNSID).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.links import Interface
from netwiz.probes.netlink import rtnetlink

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground


def distinct(ground: Ground, places: Iterable[Place]) -> tuple[list[Place], list[str]]:
    """Places by namespace, each once, and the labels of those that are not there.

    Containers that share a namespace count once, as the first of them.
    """
    seen: dict[int, Place] = {}
    unseen: list[str] = []
    for place in places:
        try:
            seen.setdefault(ground.namespaces.inode(place), place)
        except ProbeError:
            unseen.append(place.label)
    return list(seen.values()), unseen


def with_peers(
    ground: Ground, place: Place, found: Sequence[tuple[Interface, int | None]]
) -> tuple[Interface, ...]:
    """The interfaces of `place` with their other ends. Blocks: in a worker thread."""
    wanted = {number for _, number in found if number is not None}
    known = _numbered(ground, place, wanted) if wanted else {}
    names: dict[Place, dict[int, str]] = {}
    finished: list[Interface] = []
    for interface, number in found:
        other = interface.peer_index or interface.parent_index
        # Without a number both ends are at home.
        where = known.get(number) if number is not None else place
        if not other or where is None:
            finished.append(interface)
            continue
        if where not in names:
            names[where] = _names(ground, where)
        finished.append(
            dataclasses.replace(
                interface, peer=where, peer_name=names[where].get(other, "")
            )
        )
    return tuple(finished)


def _numbered(ground: Ground, place: Place, wanted: set[int]) -> dict[int, Place]:
    """The places behind the numbers that the kernel uses in `place`."""
    known: dict[int, Place] = {}
    with contextlib.ExitStack() as stack:
        descriptors: list[tuple[Place, int]] = []
        for other in ground.places():
            with contextlib.suppress(ProbeError, OSError):
                flags = os.O_RDONLY | os.O_CLOEXEC
                fd = os.open(ground.namespaces.path(other), flags)
                stack.callback(os.close, fd)
                descriptors.append((other, fd))

        def ask() -> None:
            for other, fd in descriptors:
                with contextlib.suppress(OSError):
                    known.setdefault(rtnetlink.namespace_id(fd), other)
                if wanted <= known.keys():
                    return

        ground.namespaces.call_here(place, ask)
    return known


def _names(ground: Ground, place: Place) -> dict[int, str]:
    try:
        devices = ground.namespaces.call_here(place, rtnetlink.devices)
    except (ProbeError, OSError):
        return {}
    return {index: name for index, (name, _) in devices.items()}
