"""The questions that may be put to the machine: hashable values, one per sense.

The reasoning asks by making one of these; `Machine.perform` answers it with a finding.
A request names what is wanted, never how it is got.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.facts.tls import Trust


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Networks, containers and host now. Answer: SnapshotTaken."""

    fresh: bool = False
    """Ask the engine again, though an answer of a moment ago is at hand."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """What a name means to an application in a place. Answer: Resolution."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class ReadResolver:
    """A place's resolv.conf, hosts and nsswitch.conf. Answer: ResolverRead."""

    place: Place


@dataclass(frozen=True, slots=True)
class AskServer:
    """One question to one name server, over one transport. Answer: ServerAnswer.

    `name` is taken as complete: no search list. Nothing else is tried when the answer
    is cut off or fails, for how each way fares is what is asked for.
    """

    place: Place
    server: str
    name: str
    record: str = "A"
    over_tcp: bool = False
    budget_ms: int = 900
    times: int = 1
    """Asked that often, each question by itself: for what fails only now and then."""
    watch: bool = False
    """Look meanwhile to whom the place passes the question on."""


@dataclass(frozen=True, slots=True)
class ReadSockets:
    """Listeners and connections of a place. Answer: SocketTable."""

    place: Place
    detail: bool = False
    """Also what the kernel measures of each connection (Stream.info)."""
    nth: int = 1
    """Tells repeated looks apart."""


@dataclass(frozen=True, slots=True)
class FindListeners:
    """Who listens on a port anywhere on this machine. Answer: ListenersByPlace."""

    port: int
    protocol: Protocol = Protocol.TCP


@dataclass(frozen=True, slots=True)
class WatchListener:
    """Wait a moment for a listener to appear. Answer: ListenerWatch."""

    place: Place
    port: int
    budget_ms: int = 2000


@dataclass(frozen=True, slots=True)
class ReadLinks:
    """Links, addresses, routes, neighbours, sysctls of a place. Answer: LinkTable."""

    place: Place


@dataclass(frozen=True, slots=True)
class AskRoute:
    """The kernel's route decision in a place. Answer: RouteDecision.

    With `in_device` it is that for a packet which came in there and is to be forwarded;
    `source` is then its source address.
    """

    place: Place
    address: str
    source: str = ""
    in_device: str = ""
    mark: int = 0
    """The firewall mark (fwmark) of the packet."""


@dataclass(frozen=True, slots=True)
class FindAddress:
    """Every namespace in which an address is configured. Answer: AddressHolders."""

    address: str


@dataclass(frozen=True, slots=True)
class AskArp:
    """Ask the wire who has an address, collect all answers. Answer: ArpAnswers."""

    place: Place
    address: str
    budget_ms: int = 300


@dataclass(frozen=True, slots=True)
class ReadRules:
    """Every packet filter rule of a place. Answer: Ruleset."""

    place: Place


@dataclass(frozen=True, slots=True)
class ReadCounters:
    """What the kernel's stack has counted in a place. Answer: KernelCounters."""

    place: Place


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection attempt, watched. Answer: Attempted.

    `taps` are the namespaces in which its packets are looked for, `counters` those
    whose rule counters are compared around it. Empty both: a plain connect.
    """

    place: Place
    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    taps: tuple[Place, ...] = ()
    counters: tuple[Place, ...] = ()
    server: Place | None = None
    """Where the packet should end, when known: the last hops are worked out by it."""
    budget_ms: int = 1200
    nth: int = field(default=1)
    """Tells repeated attempts apart."""
    device: str = ""
    """Leave by this device and by no other, whatever the routes say
    (SO_BINDTODEVICE, socket(7))."""


@dataclass(frozen=True, slots=True)
class WatchUplink:
    """Wait for a real client's first packet, and follow it. Answer: UplinkWatch.

    `budget_ms` 0 waits until the person has had enough (`Machine.enough`).
    """

    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    taps: tuple[Place, ...] = ()
    """The host, and the namespaces that the packet may come into."""
    server: Place | None = None
    client: str = ""
    """Only packets of this address; empty: of anybody beyond this machine."""
    budget_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class IdentifyNamespace:
    """The inode of a place's namespace. Answer: NamespaceIdentity."""

    place: Place


@dataclass(frozen=True, slots=True)
class CountRestarts:
    """How a container's recent runs ended. Answer: Restarts."""

    container_id: str


@dataclass(frozen=True, slots=True)
class ReadLogErrors:
    """Recent network errors in a container's log. Answer: LogErrors."""

    container_id: str
    lines: int = 500


@dataclass(frozen=True, slots=True)
class Converse:
    """Connect, say something, and listen to the answer. Answer: Conversation.

    What is said is what any client of the scheme would say first: ``http`` a GET of /,
    ``tls`` a ClientHello, ``silence`` nothing at all. `size` pads the words (http only)
    to at least so many bytes; `mss` bounds the segments of both sides.
    """

    place: Place
    address: str
    port: int
    words: str = "http"
    host: str = ""
    """What the words call the server; the address when empty."""
    size: int = 0
    mss: int = 0
    other: bool = False
    """Other words of the same length (a filler of letters instead)."""
    taps: tuple[Place, ...] = ()
    counters: tuple[Place, ...] = ()
    server: Place | None = None
    """Where the server's socket should be, when known."""
    server_port: int = 0
    """Its port there, behind any mapping; 0: as dialled."""
    budget_ms: int = 2500
    nth: int = 1


@dataclass(frozen=True, slots=True)
class TalkTls:
    """A TLS handshake from a place, and the first answer. Answer: TlsTalk.

    `lenient` offers every version and cipher there is, to learn what the server would
    rather have; `http` says what any HTTP client says first, once the handshake is
    done.
    """

    place: Place
    address: str
    port: int
    server_name: str = ""
    """Sent as SNI and looked for in the certificate; empty: the address."""
    trust: Trust = Trust.CLIENT
    http: bool = True
    sni: bool = True
    lenient: bool = False
    budget_ms: int = 2000


@dataclass(frozen=True, slots=True)
class FetchIssuer:
    """Whether the certificate that a server left out completes its chain.

    Had from where the last certificate sent says that it can be had (RFC 5280,
    4.2.2.1), as browsers do. Answer: IssuerFetched.
    """

    place: Place
    url: str
    talk: TalkTls


@dataclass(frozen=True, slots=True)
class AskProxy:
    """What a proxy says to a request for a target. Answer: ProxyAnswer."""

    place: Place
    proxy: str
    port: int
    target: str
    """``pg:3000``."""
    scheme: str = "http"


@dataclass(frozen=True, slots=True)
class WatchQueue:
    """Whether a TCP listener's accept queue moves. Answer: QueueWatch."""

    place: Place
    port: int
    address: str = ""
    """The listener that takes this address; empty: any on the port."""
    budget_ms: int = 3000


@dataclass(frozen=True, slots=True)
class MeasurePath:
    """Which packet sizes come through, by echoes with DF set. Answer: PathMtu."""

    place: Place
    address: str
    budget_ms: int = 400
    """For each of two rounds."""


@dataclass(frozen=True, slots=True)
class ReadConntrack:
    """The tracked flows that fit, and how the table does. Answer: ConntrackView.

    `address` and `port` are those that the client dialled (the original destination);
    `source` is the client's. Whatever is left empty fits anything.
    """

    place: Place
    protocol: Protocol = Protocol.TCP
    address: str = ""
    port: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class ReadOverlay:
    """An overlay network, its tunnel and the swarm; without an id the swarm alone.

    Answer: OverlayFacts.
    """

    network_id: str = ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same attempt many times over. Answer: Repeated."""

    place: Place
    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    count: int = 20
    counters: tuple[Place, ...] = ()
    """Namespaces whose kernel counters are compared around them."""
    budget_ms: int = 3500
    """Of each: long enough for a SYN that is sent again twice."""
    nth: int = 1


@dataclass(frozen=True, slots=True)
class ReadQueues:
    """Queues and losses of every device of a place. Answer: Queues."""

    place: Place
    nth: int = 1


@dataclass(frozen=True, slots=True)
class ReadPressure:
    """How the scheduler holds a container back. Answer: Pressure."""

    container_id: str
    nth: int = 1


@dataclass(frozen=True, slots=True)
class WatchAsking:
    """Who waits for a name server in a place. Answer: NameQuestions."""

    place: Place
    budget_ms: int = 3000
    nth: int = 1


@dataclass(frozen=True, slots=True)
class ReadRights:
    """What a container's first process may do. Answer: ProcessRights."""

    container_id: str


@dataclass(frozen=True, slots=True)
class Echo:
    """ICMP echo requests from a place. Answer: Echoed."""

    place: Place
    address: str
    count: int = 3
    budget_ms: int = 900


@dataclass(frozen=True, slots=True)
class FindElsewhere:
    """Who has a name or address in another engine here. Answer: Elsewhere."""

    wanted: str


Request = (
    TakeSnapshot
    | Resolve
    | ReadResolver
    | AskServer
    | ReadSockets
    | FindListeners
    | WatchListener
    | ReadLinks
    | AskRoute
    | FindAddress
    | AskArp
    | ReadRules
    | ReadCounters
    | Attempt
    | WatchUplink
    | IdentifyNamespace
    | CountRestarts
    | ReadLogErrors
    | Converse
    | TalkTls
    | AskProxy
    | FetchIssuer
    | WatchQueue
    | MeasurePath
    | ReadConntrack
    | ReadOverlay
    | Repeat
    | ReadQueues
    | ReadPressure
    | WatchAsking
    | ReadRights
    | Echo
    | FindElsewhere
)
