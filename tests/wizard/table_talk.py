"""Small worlds and the causes they lead to: talk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from netwiz.probes.facts import (
    HOST,
    After,
    Attempted,
    Backend,
    Connection,
    ConntrackView,
    Conversation,
    Ending,
    FarEnd,
    Finding,
    Flow,
    FlowEnds,
    Holder,
    Interface,
    LinkTable,
    Outcome,
    PathMtu,
    PortMapping,
    Process,
    QueueWatch,
    RouteDecision,
    Rule,
    RuleHit,
    Segment,
    SocketTable,
    State,
    Stream,
    TcpInfo,
)
from netwiz.probes.requests import (
    AskRoute,
    Attempt,
    Converse,
    MeasurePath,
    ReadConntrack,
    ReadLinks,
    ReadSockets,
    Request,
    WatchQueue,
)
from netwiz.wizard.case import Case, Symptom
from tests.wizard.judge_table import Told
from tests.wizard.world import BRIDGE, ORDER, PG, UPLINK, World, case, listener

FAR = "203.0.113.10"
HTTP = case(scheme="http")
BEYOND = case(FAR, scheme="http")
WAITING = {"pg": (replace(listener("0.0.0.0:3000"), queued=2, backlog=64),)}
EMPTY = {"pg": (listener("0.0.0.0:3000"),)}
TAPPED = (ORDER.place, HOST, PG.place)
LOST = TcpInfo(unacked=1, retransmitting=4, total_retransmits=4, mss=1460)
FILTER = Rule(
    place=HOST,
    backend=Backend.IPTABLES_NFT,
    family=4,
    table="filter",
    chain="DOCKER-USER",
    text='-A DOCKER-USER -p tcp -m string --string "GET " --algo bm -j DROP',
    verdict="DROP",
    protocol="tcp",
    unknown=("-m string",),
    tool="iptables",
)


def takes(link: Connection) -> Connection:
    """The handshake is done, and nobody says anything."""
    return replace(link, outcome=Outcome.CONNECTED, errno_name="", after=After.OPEN)


def works(*_: object) -> dict[str, Outcome]:
    return {"172.18.0.2": Outcome.CONNECTED, FAR: Outcome.CONNECTED}


def world(**more: object) -> World:
    """A world in which the handshake with pg, or with who is far, comes about."""
    made = World(sockets=EMPTY, outcomes=works(), connection=takes)
    return replace(made, **more)  # type: ignore[arg-type]


def queue(*holders: Holder, queued: tuple[int, ...] = (1, 2, 2)) -> Finding:
    return QueueWatch(
        place=PG.place,
        port=3000,
        listener="0.0.0.0:3000",
        backlog=64,
        queued=queued,
        watched_ms=3000,
        holders=holders,
    )


def watched(found: Finding) -> dict[type, Callable[[Request], Finding]]:
    return {WatchQueue: lambda _: found, Converse: silent}


def said(request: Request, **more: object) -> Conversation:
    """A conversation as it was asked for, ended as `more` says."""
    assert isinstance(request, Converse)
    made = Conversation(
        place=request.place,
        address=request.address,
        port=request.port,
        words=request.words,
        outcome=Outcome.CONNECTED,
        ending=Ending.SILENCE,
        sent=max(80, request.size),
        took_ms=2500,
        source="172.18.0.3",
        source_port=40000,
        tapped=tuple(p for p in TAPPED if p in request.taps),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def silent(request: Request) -> Finding:
    """Nothing comes back, whatever is said."""
    return said(request)


def unread(request: Request) -> Finding:
    return said(request, far=FarEnd("ESTAB", unread=80, accepted=True, process="node"))


def by_words(request: Request) -> Finding:
    """Lost for what they say; other words of the same length come through."""
    assert isinstance(request, Converse)
    if request.other:
        return said(request, ending=Ending.COMPLETE, received=200)
    hits = (RuleHit(2, FILTER),) if request.counters else ()
    return said(request, info=LOST, hits=hits)


def by_size(request: Request) -> Finding:
    """The answer comes in small segments, and only then."""
    assert isinstance(request, Converse)
    if request.mss:
        return said(request, ending=Ending.COMPLETE, received=40000)
    return said(request)


def reset_between(request: Request) -> Finding:
    """A reset that is born on the host, on the way back to the client."""
    assert isinstance(request, Converse)
    if request.other:
        return said(request, ending=Ending.COMPLETE, received=200)
    came = Segment(PG.place, "eth0", True, "SYN", True, 0, 64, 1.0)
    born = Segment(HOST, BRIDGE, False, "RST", False, 0, 64, 9.0)
    return said(
        request,
        ending=Ending.RESET,
        errno_name="ECONNRESET",
        segments=(came, born) if request.taps else (),
        hits=(RuleHit(1, replace(FILTER, verdict="REJECT")),),
    )


def disowned(request: Request) -> Finding:
    """A reset to the server that the client never sent."""
    assert isinstance(request, Converse)
    born = Segment(HOST, "eth0", False, "RST", True, 0, 64, 9.0)
    return said(
        request,
        ending=Ending.RESET,
        errno_name="ECONNRESET",
        segments=(born,) if request.taps else (),
    )


def invalid(_: Request) -> Finding:
    return ConntrackView(place=HOST, stats={"invalid": 12})


def sizes(request: Request) -> Finding:
    assert isinstance(request, MeasurePath)
    return PathMtu(
        place=request.place,
        address=request.address,
        device="eth0",
        device_mtu=1500,
        known=1500,
        passes=1400,
        lost=1401,
    )


def uplink(mtu: int) -> dict[type, Callable[[Request], Finding]]:
    """A way out by eth0, which takes that much."""
    device = Interface(2, "eth0", mtu=mtu, up=True)
    return {
        AskRoute: lambda r: RouteDecision(
            place=HOST,
            address=getattr(r, "address", FAR),
            kind="unicast",
            device="eth0",
        ),
        ReadLinks: lambda _: LinkTable(place=HOST, interfaces=(device,)),
    }


def held(
    stream: Stream, there: tuple[Stream, ...] = ()
) -> Callable[[Request], Finding]:
    """The client's sockets, and the server's."""

    def read(request: Request) -> Finding:
        assert isinstance(request, ReadSockets)
        if request.place == ORDER.place:
            return SocketTable(place=request.place, streams=(stream,))
        own = (listener("0.0.0.0:3000"),) if request.place == PG.place else ()
        return SocketTable(place=request.place, listeners=own, streams=there)

    return read


def stream(remote: str = "172.18.0.2", state: str = "ESTAB") -> Stream:
    holder = Process(99, "node", ORDER.id)
    in_vain = TcpInfo(
        unacked=1, retransmitting=3, total_retransmits=3, heard_ago_ms=9000
    )
    return Stream(
        "172.18.0.3", 41000, remote, 3000, state, process=holder, info=in_vain
    )


def tracked(request: Request) -> Finding:
    """A fresh flow is tracked; the old one is not."""
    assert isinstance(request, ReadConntrack)
    there = FlowEnds("172.18.0.3", FAR, 40000, 3000)
    back = FlowEnds(FAR, UPLINK, 3000, 40000)
    flow = Flow("tcp", there, back, "TIME_WAIT", 119, assured=True)
    return ConntrackView(place=HOST, flows=(flow,), established_s=2)


def misled(request: Request) -> Finding:
    assert isinstance(request, ReadConntrack)
    there = FlowEnds(UPLINK, UPLINK, 40514, 3000)
    back = FlowEnds("172.18.0.77", UPLINK, 3000, 40514)
    return ConntrackView(place=HOST, flows=(Flow("udp", there, back, "", 29),))


def complaint(symptom: Symptom, to: str = "pg") -> Case:
    return case(to, symptom=symptom)


NODE = Holder(77, "node", "S", PG.id, open_files=9, max_files=1024)
PAUSED = (ORDER, replace(PG, state=State.PAUSED))
UDP = PortMapping(3000, "udp", "0.0.0.0", 3000)

TABLE: dict[str, Told] = {
    "paused": Told("container-paused", world(containers=PAUSED)),
    "stopped by a signal": Told(
        "container-paused",
        world(sockets=WAITING, answers=watched(queue(replace(NODE, state="T")))),
    ),
    "hung": Told(
        "app-hung-not-accepting", world(sockets=WAITING, answers=watched(queue(NODE)))
    ),
    "hung, over http": Told(
        "app-hung-not-accepting",
        world(sockets=WAITING, answers=watched(queue(NODE))),
        HTTP,
    ),
    "takes and does not read": Told(
        "app-hung-not-accepting", world(answers={Converse: unread}), HTTP
    ),
    "no descriptors": Told(
        "fd-exhausted",
        world(
            sockets=WAITING,
            answers=watched(queue(replace(NODE, open_files=24, max_files=24))),
        ),
    ),
    "a queue that overflows": Told(
        "accept-backlog-full",
        world(sockets=WAITING, answers=watched(queue(NODE, queued=(65, 65, 65)))),
    ),
    "words that vanish": Told(
        "dpi-silent-drop", world(answers={Converse: by_words}), HTTP
    ),
    "words that are reset": Told(
        "dpi-midstream-rst", world(answers={Converse: reset_between}), HTTP
    ),
    "disowned by the host": Told(
        "conntrack-invalid-rst",
        world(sightings=(), answers={Converse: disowned, ReadConntrack: invalid}),
        BEYOND,
    ),
    "packets that are too large": Told(
        "mtu-blackhole-path",
        world(
            sightings=(),
            answers={Converse: by_size, MeasurePath: sizes, **uplink(1500)},
        ),
        BEYOND,
    ),
    "an uplink that is too narrow": Told(
        "bridge-mtu-larger-than-uplink",
        world(
            sightings=(),
            answers={Converse: by_size, MeasurePath: sizes, **uplink(1400)},
        ),
        BEYOND,
    ),
    "closed by the other side": Told(
        "stale-pooled-connection",
        world(answers={ReadSockets: held(stream(state="CLOSE-WAIT"))}),
        complaint(Symptom.RESET),
    ),
    "unknown to the other side": Told(
        "stale-pooled-connection",
        world(answers={ReadSockets: held(stream())}),
        complaint(Symptom.TIMEOUT),
    ),
    "forgotten while it idled": Told(
        "nat-idle-timeout",
        world(
            sightings=(),
            answers={ReadSockets: held(stream(FAR)), ReadConntrack: tracked},
        ),
        complaint(Symptom.TIMEOUT, FAR),
    ),
    "datagrams led astray": Told(
        "udp-stale-conntrack",
        World(
            containers=(replace(PG, published=(UDP,)),),
            answers={
                Attempt: lambda _: Attempted(
                    connection=Connection(
                        place=HOST,
                        address=UPLINK,
                        port=3000,
                        outcome=Outcome.CONNECTED,
                        after=After.DATA,
                    )
                ),
                ReadConntrack: misled,
            },
        ),
        case(UPLINK, client=None, scheme="udp"),
    ),
}
