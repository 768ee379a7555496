"""A small machine in memory: order and pg on one network, and whatever is changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    AddressHolder,
    AddressHolders,
    Answer,
    ArpAnswers,
    Attachment,
    Attempted,
    Connection,
    Container,
    Engine,
    Failed,
    Failure,
    Finding,
    HostFacts,
    LinkTable,
    Listener,
    ListenersByPlace,
    ListenerWatch,
    LogErrors,
    NameOutcome,
    NamespaceIdentity,
    Network,
    Outcome,
    Packet,
    Place,
    Process,
    Resolution,
    ResolverRead,
    Restarts,
    RuleHit,
    Ruleset,
    ServerAnswer,
    Sighting,
    Snapshot,
    SnapshotTaken,
    SocketTable,
    State,
    Subnet,
)
from netwiz.wizard.case import Case, Client, ClientKind, Symptom, Target
from netwiz.wizard.verdict import Diagnosis
from netwiz.wizard.walk import diagnose

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
BRIDGE = "br-app"
NETWORK = Network("n" * 64, "app", subnets=(Subnet("172.18.0.0/16", "172.18.0.1"),))
NETWORK = replace(NETWORK, device=BRIDGE)
GATEWAY, UPLINK = "172.18.0.1", "10.99.0.1"


def container(name: str, last: int, **more: object) -> Container:
    """A running container on the one network."""
    made = Container(
        id=f"{last:02x}" * 32,
        name=name,
        state=State.RUNNING,
        pid=1000 + last,
        started_at=NOW - timedelta(hours=1),
        attachments=(Attachment(NETWORK.id, "app", f"172.18.0.{last}", 16),),
    )
    return replace(made, **more)  # type: ignore[arg-type]


ORDER = container("order", 3)
PG = container("pg", 2)


def listener(text: str, name: str = "node", owner: Container = PG) -> Listener:
    """``127.0.0.1:3000`` or ``[::]:3000`` as a socket."""
    host, _, port = text.rpartition(":")
    bare = host.strip("[]")
    held = Process(77, name, owner.id)
    return Listener(bare, int(port), family=6 if ":" in bare else 4, process=held)


def syn(place: Place, device: str, *, inbound: bool = True) -> Sighting:
    """The probe, seen on its way."""
    packet = Packet("SYN", "172.18.0.3", "172.18.0.2", 40000, 3000, 64)
    return Sighting(place, device, inbound, packet, 1.0)


def rst(place: Place, device: str, *, inbound: bool = False) -> Sighting:
    """The refusal, seen on its way back."""
    packet = Packet("RST", "172.18.0.2", "172.18.0.3", 3000, 40000, 64)
    return Sighting(place, device, inbound, packet, 2.0, reply=True)


def _method(request: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", request).lower()


@dataclass
class World:
    """What the machine answers; every part may be changed by a test."""

    containers: tuple[Container, ...] = (ORDER, PG)
    networks: tuple[Network, ...] = (NETWORK,)
    names: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"pg": ("172.18.0.2",)}
    )
    lookup: NameOutcome = NameOutcome.ANSWERED
    sockets: Mapping[str, tuple[Listener, ...]] = field(default_factory=dict)
    """By container name; ``host`` for the host."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By address dialled; refused where nothing is said."""
    connection: Callable[[Connection], Connection] = lambda c: c
    sightings: tuple[Sighting, ...] | None = None
    tapped: bool = True
    hits: tuple[RuleHit, ...] = ()
    rules: Ruleset | None = None
    uncounted: tuple[Place, ...] = ()
    inodes: dict[str, int] = field(default_factory=dict)
    holders: tuple[AddressHolder, ...] = ()
    restarts: Restarts | None = None
    log: LogErrors | None = None
    appears: tuple[Listener, ...] = ()
    fails: Callable[[ask.Request], Failed | None] = lambda _: None
    answers: Mapping[type, Callable[[ask.Request], Finding]] = field(
        default_factory=dict
    )
    """By type of request: goes above what this world would answer."""
    asked: list[ask.Request] = field(default_factory=list)

    @property
    def snapshot(self) -> Snapshot:
        host = HostFacts(addresses=(("lo", "127.0.0.1"), ("eth0", UPLINK)), root=True)
        host = replace(host, addresses=(*host.addresses, (BRIDGE, GATEWAY)))
        return Snapshot(
            NOW, host, Engine("unix:///x"), "", self.containers, self.networks
        )

    async def perform(self, request: ask.Request) -> Finding:
        self.asked.append(request)
        failed = self.fails(request)
        if failed is not None:
            return failed
        kind = type(request)
        answer = self.answers.get(kind) or getattr(self, _method(kind.__name__), None)
        if answer is None:
            return Failed(kind=Failure.BROKEN, what=f"no {type(request).__name__} here")
        found = answer(request)
        assert isinstance(found, Finding)
        return found

    def _take_snapshot(self, _: ask.TakeSnapshot) -> Finding:
        return SnapshotTaken(snapshot=self.snapshot)

    def _resolve(self, request: ask.Resolve) -> Finding:
        found = self.names.get(request.name)
        if found is None and request.name[0].isdigit():
            return Resolution(
                place=request.place,
                name=request.name,
                outcome=NameOutcome.LITERAL,
                addresses=(request.name,),
            )
        outcome = self.lookup if found else NameOutcome.NXDOMAIN
        answer = Answer("127.0.0.11", f"{request.name}.", "A", outcome, found or ())
        return Resolution(
            place=request.place,
            name=request.name,
            outcome=outcome,
            addresses=found or (),
            answers=(answer,),
        )

    def _read_resolver(self, request: ask.ReadResolver) -> Finding:
        return ResolverRead(place=request.place)

    def _ask_server(self, request: ask.AskServer) -> Finding:
        known = self.names.get(request.name)
        return ServerAnswer(
            place=request.place,
            server=request.server,
            name=request.name,
            record=request.record,
            over_tcp=request.over_tcp,
            outcome=self.lookup if known else NameOutcome.NXDOMAIN,
            rcode="NOERROR" if known else "NXDOMAIN",
            addresses=known or (),
        )

    def _read_sockets(self, request: ask.ReadSockets) -> Finding:
        held = self.sockets.get(request.place.label, ())
        return SocketTable(place=request.place, listeners=held)

    def _find_listeners(self, request: ask.FindListeners) -> Finding:
        found = []
        for name, sockets in self.sockets.items():
            on = tuple(s for s in sockets if s.port == request.port)
            owner = next((c for c in self.containers if c.name == name), None)
            place = owner.place if owner else HOST
            if on:
                found.append((place, on))
        return ListenersByPlace(port=request.port, found=tuple(found))

    def _attempt(self, request: ask.Attempt) -> Finding:
        outcome = self.outcomes.get(request.address, Outcome.REFUSED)
        link = Connection(
            place=request.place,
            address=request.address,
            port=request.port,
            protocol=request.protocol,
            outcome=outcome,
            errno_name="ECONNREFUSED" if outcome is Outcome.REFUSED else "",
            source="172.18.0.3",
            source_port=40000,
        )
        seen = self.sightings
        if seen is None:
            seen = (syn(ORDER.place, "eth0", inbound=False), syn(PG.place, "eth0"))
            seen += (rst(PG.place, "eth0"), rst(ORDER.place, "eth0", inbound=True))
        return Attempted(
            connection=self.connection(link),
            sightings=seen if request.taps else (),
            tapped=request.taps if self.tapped else (),
            hits=self.hits if request.counters else (),
            counted=tuple(p for p in request.counters if p not in self.uncounted),
        )

    def _read_rules(self, request: ask.ReadRules) -> Finding:
        return self.rules or Ruleset(place=request.place)

    def _identify_namespace(self, request: ask.IdentifyNamespace) -> Finding:
        inode = self.inodes.get(request.place.label, 1)
        return NamespaceIdentity(place=request.place, inode=inode)

    def _find_address(self, request: ask.FindAddress) -> Finding:
        return AddressHolders(address=request.address, holders=self.holders)

    def _read_links(self, request: ask.ReadLinks) -> Finding:
        return LinkTable(place=request.place)

    def _ask_arp(self, request: ask.AskArp) -> Finding:
        return ArpAnswers(place=request.place, address=request.address)

    def _count_restarts(self, request: ask.CountRestarts) -> Finding:
        return self.restarts or Restarts(container_id=request.container_id, count=0)

    def _watch_listener(self, request: ask.WatchListener) -> Finding:
        return ListenerWatch(
            place=request.place, port=request.port, appeared=self.appears
        )

    def _read_log_errors(self, request: ask.ReadLogErrors) -> Finding:
        return self.log or LogErrors(container_id=request.container_id)


def case(
    to: str = "pg",
    port: int | None = 3000,
    client: Container | None = ORDER,
    symptom: Symptom | None = None,
    scheme: str = "tcp",
) -> Case:
    """The case of most tests; without a client the host asks."""
    who = Client(ClientKind.HOST, "host")
    if client is not None:
        who = Client(ClientKind.CONTAINER, client.name, client.id)
    return Case(who, Target(to, port, scheme), symptom)


async def walk(world: World, about: Case | None = None) -> Diagnosis:
    """The diagnosis of a case in this world."""
    return await diagnose(about or case(), world.perform)
