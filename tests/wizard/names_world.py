"""What small worlds of names are made of: lookups, and servers that answer them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    After,
    Answer,
    Attachment,
    Connection,
    ConntrackView,
    Container,
    Finding,
    NameOutcome,
    Network,
    Outcome,
    Resolution,
    ResolverFiles,
    ResolverRead,
    ServerAnswer,
    Subnet,
)
from netwiz.wizard.case import Case, Symptom
from tests.wizard.world import (
    NETWORK,
    ORDER,
    PG,
    World,
    case,
)

N = NameOutcome
EMBEDDED = "127.0.0.11"
FILES = ResolverFiles(servers=(EMBEDDED,), libc="glibc")
HOST_FILES = ResolverFiles(servers=("203.0.113.10",))
AWAY, NEAR, DEAD, WEB = "10.99.0.2", "203.0.113.10", "198.51.100.53", "203.0.113.80"
BRIDGE = Network("b" * 64, "bridge", subnets=(Subnet("172.17.0.0/16", "172.17.0.1"),))
BRIDGE = replace(BRIDGE, device="docker0")
OTHER = Network("o" * 64, "data", subnets=(Subnet("172.19.0.0/16", "172.19.0.1"),))
NETWORKS = (NETWORK, OTHER, BRIDGE)

Says = Mapping[tuple[str, str], ServerAnswer | NameOutcome]
"""By (label of the place, server); what is not there is silent."""


def on(network: Network, who: Container, last: int, *aliases: str) -> Container:
    """The container, on that network alone."""
    address = str(network.subnets[0].subnet).replace("0.0/16", f"0.{last}")
    place = Attachment(
        network.id, network.name, address, 16, gateway4=network.subnets[0].gateway
    )
    return replace(who, attachments=(replace(place, aliases=aliases),))


def lookup(
    outcome: NameOutcome = N.NXDOMAIN,
    addresses: tuple[str, ...] = (),
    files: ResolverFiles = FILES,
    answers: tuple[Answer, ...] | None = None,
    *,
    took_ms: float = 3.0,
    on_host: NameOutcome = N.NXDOMAIN,
) -> Callable[[ask.Resolve], Finding]:
    """One name's meaning in the client; the host knows nothing of it."""

    def resolve(request: ask.Resolve) -> Finding:
        said = (Answer(files.servers[0], f"{request.name}.", "A", outcome, addresses),)
        host = request.place == HOST
        literal = request.name[0].isdigit()
        return Resolution(
            place=request.place,
            name=request.name,
            outcome=N.LITERAL if literal else on_host if host else outcome,
            addresses=(request.name,) if literal else () if host else addresses,
            answers=() if host else said if answers is None else answers,
            files=HOST_FILES if host else files,
            took_ms=took_ms,
        )

    return resolve


def told(outcome: NameOutcome, *addresses: str, **more: object) -> ServerAnswer:
    """What a server says; who and where is filled in later."""
    rcodes = {N.ANSWERED: "NOERROR", N.NXDOMAIN: "NXDOMAIN", N.REJECTED: "REFUSED"}
    found = ServerAnswer(
        place=HOST,
        server="",
        name="",
        record="A",
        over_tcp=False,
        outcome=outcome,
        rcode=rcodes.get(outcome, ""),
        addresses=addresses,
        answer_ms=900.0 if outcome is N.TIMEOUT else 2.0,
    )
    return replace(found, **more)  # type: ignore[arg-type]


def servers(
    says: Says, tcp: NameOutcome = N.TIMEOUT
) -> Callable[[ask.AskServer], Finding]:
    """Name servers that answer from a table; over TCP all of them the same."""

    def answer(request: ask.AskServer) -> Finding:
        found = says.get((request.place.label, request.server), N.TIMEOUT)
        if request.over_tcp:
            found = tcp
        if isinstance(found, NameOutcome):
            found = told(found, *((WEB,) if found is N.ANSWERED else ()))
        if "netwiz" in request.name and found.outcome is N.ANSWERED:
            found = told(N.ANSWERED, WEB)
        return replace(
            found,
            place=request.place,
            server=request.server,
            name=request.name,
            over_tcp=request.over_tcp,
        )

    return answer


def world(
    resolve: Callable[[ask.Resolve], Finding],
    says: Says | None = None,
    *,
    client: Container = ORDER,
    others: tuple[Container, ...] = (PG,),
    host: ResolverFiles = HOST_FILES,
    tcp: NameOutcome = N.TIMEOUT,
    tracked: Mapping[str, int] | None = None,
    **more: object,
) -> World:
    """The small machine with names that are asked of several servers."""
    answers: dict[type, object] = {
        ask.Resolve: resolve,
        ask.AskServer: servers(says or {}, tcp),
        ask.ReadResolver: lambda r: ResolverRead(place=r.place, files=host),
        ask.ReadConntrack: lambda r: ConntrackView(place=r.place, stats=tracked or {}),
    }
    made = World(containers=(client, *others), networks=NETWORKS)
    return replace(made, answers=answers, **more)  # type: ignore[arg-type]


def dns(name: str = "example.test", symptom: Symptom | None = None) -> Case:
    return case(name, port=None, scheme="dns", symptom=symptom)


def works(link: Connection) -> Connection:
    good = link.outcome is Outcome.CONNECTED
    return replace(link, after=After.OPEN) if good else link


def asking(*dns_servers: str) -> Container:
    return replace(ORDER, dns=dns_servers)


def questions(server: str, failing: int, how: NameOutcome) -> ServerAnswer:
    """Twelve questions, of which some fail."""
    made = [
        Answer(server, "example.test.", "A", how if n < failing else N.ANSWERED, ms=2.0)
        for n in range(12)
    ]
    return told(N.ANSWERED, WEB, tries=tuple(made))
