"""The namespaces of this machine, each once, and what was last seen in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Place, PlaceKind
from netwiz.probes.facts.engine import Container
from netwiz.probes.flows.diag import Sock
from netwiz.probes.machine import Ground


@dataclass(slots=True, eq=False)
class Space:
    """One namespace: who lives in it, and what a sweep remembers of it."""

    inode: int
    place: Place
    pid: int = 0
    """Of a process in it, by which /proc is read without entering; 0: enter."""
    containers: tuple[Container, ...] = ()
    """Whose namespace it is: the owner first, then those that ride on it."""
    inuse: tuple[int, ...] = ()
    """Sockets in the kernel's tables at that look: TCP, TCP6, UDP, UDP6."""
    resting: set[int] = field(default_factory=set)
    """Cookies of TCP sockets at which nothing moved lately, and nothing waits to."""
    tcp: list[Sock] = field(default_factory=list)
    udp: list[Sock] = field(default_factory=list)
    listening: frozenset[bytes] = frozenset()
    """Ends that are listened on; the wildcard's address is left out of them."""

    def listens(self, end: bytes) -> bool:
        """Whether something here takes connections to this end."""
        return end in self.listening or end[-2:] in self.listening


class Spaces:
    """All namespaces there are, by the newest snapshot."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._known: dict[int, Space] = {}
        self._seen: object = self
        self.unseen: tuple[str, ...] = ()

    def all(self) -> list[Space]:
        """Each once; what is remembered of one stays as long as it is there."""
        if self._ground.snapshot is not self._seen or not self._known:
            self._seen = self._ground.snapshot
            self._renew()
        return list(self._known.values())

    def by_inode(self) -> dict[int, Space]:
        """The same by the number that tells namespaces apart."""
        return dict(self._known)

    def forget(self, space: Space) -> None:
        """It is gone; the next snapshot will say so, too."""
        self._known.pop(space.inode, None)

    def _renew(self) -> None:
        now: dict[int, Space] = {}
        unseen: list[str] = []
        for place in self._ground.places():
            try:
                inode = self._ground.namespaces.inode(place)
                pid = self._ground.namespaces.pid(place)
            except ProbeError as error:
                unseen.append(f"{place.label}: {error.what}")
                continue
            if inode not in now:
                space = self._known.get(inode) or Space(inode, place)
                space.place, space.pid, space.containers = place, pid, ()
                now[inode] = space
            now[inode].containers += self._who(place)
        self._add_host_containers(now)
        self._known = now
        self.unseen = tuple(unseen)

    def _who(self, place: Place) -> tuple[Container, ...]:
        snapshot = self._ground.snapshot
        found = snapshot.by_id.get(place.key) if snapshot else None
        return (found,) if found is not None else ()

    def _add_host_containers(self, spaces: dict[int, Space]) -> None:
        snapshot = self._ground.snapshot
        if snapshot is None:
            return
        for space in spaces.values():
            if space.place.kind is PlaceKind.HOST:
                space.containers = tuple(
                    c for c in snapshot.containers if c.on_host_network and c.pid
                )
