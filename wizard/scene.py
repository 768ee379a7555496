"""What a node's judge can see: the case, the findings so far, the walk's focus.

A judge reads findings with `look`. One that is not there yet raises `Needed`, which the
walk answers by fetching it and asking the node again; one that failed raises `Unseen`,
which leads to the node's own way out. So a judge is straight reasoning, without I/O and
without bookkeeping, and asking it twice with the same findings gives the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from netwiz.probes.facts import (
    HOST,
    Attempted,
    Container,
    Failed,
    Failure,
    Finding,
    NamespaceIdentity,
    Owner,
    Place,
    PortMapping,
    Snapshot,
    SnapshotTaken,
    SocketTable,
    owner_of_address,
)
from netwiz.probes.requests import (
    Attempt,
    IdentifyNamespace,
    ReadSockets,
    Request,
    TakeSnapshot,
)
from netwiz.wizard.case import Case, ClientKind

F = TypeVar("F", bound=Finding)


class Needed(Exception):  # noqa: N818 - a request for more, not an error
    """Findings that must be fetched before the question can be answered."""

    def __init__(self, *requests: Request) -> None:
        super().__init__(*requests)
        self.requests = requests


class Unseen(Exception):  # noqa: N818 - a way out, not an error
    """A probe that the question rests on could not look."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.what)
        self.failed = failed


@dataclass(frozen=True, slots=True)
class Focus:
    """What the walk is about at the moment: an address, and who should serve it."""

    address: str = ""
    """As dialled."""
    port: int = 0
    """As dialled."""
    server: Container | None = None
    """The container that should serve it, once known."""
    place: Place | None = None
    """The namespace in which the listener should be."""
    inner_address: str = ""
    """The address at which the listener is reached, after DNAT or proxy."""
    inner_port: int = 0
    """The port on which the server should listen, after any mapping."""
    mapping: PortMapping | None = None
    """The published port on the way."""
    attempt: Attempt | None = None
    """The watched attempt, once made."""


@dataclass(frozen=True)
class Scene:
    """Everything that a judge may use."""

    case: Case
    findings: Mapping[Request, Finding]
    values: Mapping[str, str] = field(default_factory=dict)
    focus: Focus = Focus()
    used: list[Request] = field(default_factory=list)
    """Requests that the present node looked at, for the record."""

    def look(self, request: Request, kind: type[F]) -> F:
        """The finding of a request; raises Needed or Unseen when it is not there."""
        (found,) = self.look_all((request,), kind)
        return found

    def look_all(self, requests: tuple[Request, ...], kind: type[F]) -> tuple[F, ...]:
        """Several findings at once, so that they can be fetched side by side."""
        missing = tuple(r for r in requests if r not in self.findings)
        if missing:
            raise Needed(*missing)
        return tuple(self._checked(r, kind) for r in requests)

    def together(self, *requests: Request) -> None:
        """Have these fetched side by side; each is looked at afterwards.

        Only what does not disturb the others: no attempt between counters, no second
        one to the same target while counters are compared.
        """
        missing = tuple(r for r in requests if r not in self.findings)
        if missing:
            raise Needed(*missing)

    def try_look(self, request: Request, kind: type[F]) -> F | None:
        """A finding that would help but is not needed; None when it failed."""
        try:
            return self.look(request, kind)
        except Unseen:
            return None

    def _checked(self, request: Request, kind: type[F]) -> F:
        if request not in self.used:
            self.used.append(request)
        found = self.findings[request]
        if isinstance(found, Failed):
            raise Unseen(found)
        if not isinstance(found, kind):
            raise Unseen(
                Failed(
                    kind=Failure.BROKEN,
                    what=f"a {type(found).__name__} came for {type(request).__name__}",
                )
            )
        return found

    def at(self, focus: Focus) -> Scene:
        """The same scene about something else."""
        return replace(self, focus=focus)

    @property
    def snapshot(self) -> Snapshot:
        """The machine as it was when the walk began."""
        return self.look(TakeSnapshot(), SnapshotTaken).snapshot

    @property
    def now(self) -> datetime:
        """The snapshot's time."""
        return self.snapshot.taken_at

    @property
    def place(self) -> Place:
        """Where to stand for the client."""
        return self.case.client.place(self.snapshot)

    @property
    def client(self) -> Container | None:
        """The client's container, when it is one."""
        return self.case.client.container(self.snapshot)

    @property
    def from_outside(self) -> bool:
        """Whether the host only stands in for the client."""
        return self.case.client.kind is ClientKind.OUTSIDE

    def at_host(self) -> Scene:
        """The same scene about the host's own sockets, at the address dialled."""
        focus = replace(
            self.focus, server=None, place=HOST, inner_address="", mapping=None
        )
        return self.at(replace(focus, inner_port=0))

    def owner(self, address: str) -> Owner:
        """Who has an address."""
        return owner_of_address(self.snapshot, address)

    def sockets(self, place: Place | None) -> SocketTable:
        """The sockets of a place."""
        return self.look(ReadSockets(place or HOST), SocketTable)

    @property
    def attempted(self) -> Attempted:
        """The watched attempt that the focus is about."""
        if self.focus.attempt is None:
            raise Unseen(Failed(kind=Failure.BROKEN, what="no attempt was made"))
        return self.look(self.focus.attempt, Attempted)

    def resident(self, place: Place) -> Container | None:
        """The container whose namespace a place is: the owner's, if it is shared."""
        found = None if place == HOST else self.snapshot.by_id.get(place.key)
        owner = self.snapshot.find(found.rides_on)[:1] if found else ()
        if not owner or not owner[0].pid:
            return found
        asked = (IdentifyNamespace(place), IdentifyNamespace(owner[0].place))
        try:
            mine, theirs = self.look_all(asked, NamespaceIdentity)
        except Unseen:
            return found
        return owner[0] if mine.inode == theirs.inode else found

    def kin(self, container: Container) -> tuple[Container, ...]:
        """Others meant to share its namespace, the stopped ones too."""

        def home(c: Container) -> str:
            owner = self.snapshot.find(c.rides_on)
            return owner[0].id if owner else c.id

        mine = home(container)
        return tuple(
            c
            for c in self.snapshot.containers
            if c.id != container.id and home(c) == mine
        )

    def shares_network(self, one: Container, other: Container) -> str:
        """Name of a network that two containers are both on; empty when none is."""
        mine = {n.network_id: n.network for n in one.attachments}
        return next(
            (mine[n.network_id] for n in other.attachments if n.network_id in mine), ""
        )
