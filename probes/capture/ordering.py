"""From what is wanted to what the child is told: filters and namespaces made ready."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from netwiz.probes.capture import filters, words
from netwiz.probes.capture.order import FileOrder, Order, TapOrder
from netwiz.probes.capture.refusals import KERNEL
from netwiz.probes.capture.ssh import own_sessions
from netwiz.probes.capture.wanted import SNAPLEN, CaptureWanted, TapWanted
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import HOST, Failure, Place, PlaceKind

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

# All rings together: they count as memory of the child. Measured on two cores, 16 MiB
# lose nothing of 500 000 packets/s of 64 bytes, or of 200 000 of 1400, with a file, but
# 1 to 3 % of the latter where a screen is drawn beside it: 280 MB/s fill them in 55 ms.
_RING_BYTES = 8 * 1024 * 1024
_RING_BYTES_FILE = 48 * 1024 * 1024
_LEAST_RING, _LEAST_RING_FILE = 128 * 1024, 512 * 1024
"""Of each tap when there are many; a file's packets are not to be cut."""


@dataclass
class Ordered:
    """An order and what belongs to it on this side."""

    order: Order
    taps: list[tuple[Place, str]] = field(default_factory=list)
    place: Place = HOST
    """Of what a file's packets are told to come from."""
    left_out: tuple[str, ...] = ()
    command: str = ""
    """How a person would see the same with tcpdump, for the first tap."""

    @property
    def fds(self) -> tuple[int, ...]:
        """The files that the child inherits."""
        return tuple(
            fd for tap in self.order.taps for fd in (tap.fd, tap.pidfd) if fd >= 0
        )

    def close(self) -> None:
        """Close our copies: what holds a namespace's file keeps it from ending."""
        for fd in self.fds:
            with contextlib.suppress(OSError):
                os.close(fd)
        for tap in self.order.taps:
            tap.fd = tap.pidfd = -1


async def ordered(ground: Ground | None, wanted: CaptureWanted) -> Ordered:
    """Compile and open everything. Raises BadFilterError, ProbeError."""
    chosen = words.parse(wanted.filter, wanted.names)
    order = Order(
        parent=os.getpid(),
        filter=chosen.source,
        inner=chosen.inner,
        both_ways=chosen.both_ways,
        refusals=wanted.refusals and chosen.refusals,
        source=_absolute(wanted.source),
        snaplen=wanted.snaplen,
        names=dict(wanted.names),
    )
    made = Ordered(order)
    if wanted.file is not None:
        order.file = FileOrder(
            path=_absolute(wanted.file.path),
            rotate_bytes=wanted.file.rotate_bytes,
            keep=wanted.file.keep,
            spare_bytes=wanted.file.spare_bytes,
            owner=person(),
        )
    if order.source:
        return made
    if ground is None or not wanted.taps:
        raise ProbeError(Failure.BROKEN, "nothing to listen to was named")
    await asyncio.to_thread(_open_all, made, ground, wanted)
    return made


def _open_all(made: Ordered, ground: Ground, wanted: CaptureWanted) -> None:
    try:
        for tap in _each_once(ground, wanted.taps):
            _open(made, ground, tap)
        _choose(made, wanted)
    except BaseException:
        made.close()
        raise
    total, least = _RING_BYTES, _LEAST_RING
    if made.order.file:
        total, least = _RING_BYTES_FILE, _LEAST_RING_FILE
    made.order.ring_bytes = max(total // len(made.order.taps), least)


def _open(made: Ordered, ground: Ground, tap: TapWanted) -> None:
    place = tap.place
    with mapped(f"the namespace of {place.label}"):
        path = ground.namespaces.path(place)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    opened = TapOrder(fd=fd, name=tap.name, device=tap.device)
    made.order.taps.append(opened)
    made.taps.append((place, tap.name))
    opened.inode = os.fstat(fd).st_ino
    if place.kind is PlaceKind.CONTAINER:
        with mapped(f"the namespace of {place.label}"):
            opened.pidfd = os.pidfd_open(ground.namespaces.pid(place))
    elif place.kind is not PlaceKind.HOST:
        opened.path = str(path)
    opened.comment = _comment(ground, place)
    if not made.command:
        text = f" {shlex.quote(made.order.filter)}" if made.order.filter else ""
        where = shlex.quote(tap.device or "any")
        made.command = f"{ground.namespaces.enter(place)}tcpdump -ni {where}{text}"


def _each_once(ground: Ground, taps: tuple[TapWanted, ...]) -> list[TapWanted]:
    """Containers that share a namespace share a tap, and its name: `app+sidecar`."""
    import dataclasses

    found: dict[tuple[int, str], TapWanted] = {}
    for tap in taps:
        key = (ground.namespaces.inode(tap.place), tap.device)
        known = found.get(key)
        if known is None:
            found[key] = tap
        elif tap.name not in known.name.split("+"):
            found[key] = dataclasses.replace(known, name=f"{known.name}+{tap.name}")
    return list(found.values())


def _choose(made: Ordered, wanted: CaptureWanted) -> None:
    """Give each tap its filter: the host's leaves out our own session."""
    order = made.order
    snaplen = SNAPLEN if order.file else wanted.snaplen
    source = "" if order.inner else order.filter
    if order.inner:
        snaplen = SNAPLEN
    elif order.refusals:
        source = f"{KERNEL} or ({source})"
    own = Path("/proc/thread-self/ns/net").stat().st_ino
    sessions = () if wanted.own_ssh else own_sessions()
    without = " and ".join(session.without for session in sessions)
    if without and any(tap.inode == own for tap in order.taps):
        made.left_out = tuple(session.words for session in sessions)
    try:
        for tap in order.taps:
            # At a device of the host such a frame may be a macvlan container's.
            tap.own = not tap.device and tap.inode != own
            parts = [without if tap.inode == own else "", source]
            # Ours first: what follows `vlan` in a filter looks behind the tag.
            text = " and ".join(f"({part})" for part in parts if part)
            tap.ethernet = _hex(filters.compiled(text, filters.ETHERNET, snaplen))
            tap.raw = _hex(filters.raw_or_nothing(text, snaplen))
    except ValueError as error:
        raise ProbeError(Failure.BROKEN, f"the filter: {error}") from error


def _hex(program: filters.Program) -> str:
    return filters.packed(program).hex()


def _absolute(path: str) -> str:
    """For a process that stands elsewhere; links are left as they are."""
    return str(Path.cwd() / path) if path else ""


def _comment(ground: Ground, place: Place) -> str:
    """What a file says of a tap, for whoever opens it elsewhere."""
    snapshot = ground.snapshot
    if place.kind is not PlaceKind.CONTAINER or snapshot is None:
        return place.label
    found = snapshot.by_id.get(place.key)
    if found is None:
        return place.label
    networks = ", ".join(
        f"{at.network} ({' '.join(at.addresses)})" for at in found.attachments
    )
    return f"container {found.name}, id {found.short_id}, image {found.image}" + (
        f", networks {networks}" if networks else ""
    )


def person() -> tuple[int, int]:
    """Who called sudo: the file is theirs, and can be read later without it."""
    if os.geteuid() != 0:
        return (-1, -1)
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if user.isdecimal() and group.isdecimal():
        return (int(user), int(group))
    return (-1, -1)
