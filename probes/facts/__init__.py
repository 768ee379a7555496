"""What the senses report: frozen values, no I/O, nothing heavy to import.

Every other room may import these types. Addresses are normalised text (``172.18.0.2``,
``fd00::2``), times are milliseconds unless a name says otherwise, and every text that
came from outside has passed :func:`netwiz.probes.text.plain` on its way in.
"""

from netwiz.probes.facts.base import (
    HOST,
    Failed,
    Failure,
    Finding,
    Place,
    PlaceKind,
)
from netwiz.probes.facts.connection import (
    After,
    Connection,
    IcmpError,
    Outcome,
    Protocol,
)
from netwiz.probes.facts.engine import (
    Attachment,
    Container,
    Engine,
    HostFacts,
    Network,
    PortMapping,
    Snapshot,
    SnapshotTaken,
    State,
    Subnet,
)
from netwiz.probes.facts.firewall import Backend, ChainPolicy, Rule, RuleHit, Ruleset
from netwiz.probes.facts.links import (
    Address,
    AddressHolder,
    AddressHolders,
    ArpAnswers,
    Interface,
    LinkTable,
    Neighbour,
    Route,
    RouteDecision,
)
from netwiz.probes.facts.names import Answer, NameOutcome, Resolution, ResolverFiles
from netwiz.probes.facts.owners import (
    Owner,
    OwnerKind,
    owner_of_address,
    owners_of_name,
)
from netwiz.probes.facts.sockets import (
    Listener,
    ListenersByPlace,
    ListenerWatch,
    Process,
    SocketTable,
    Stream,
)
from netwiz.probes.facts.various import LogErrors, LogLine, NamespaceIdentity, Restarts
from netwiz.probes.facts.witness import Attempted, Hop, Packet, Sighting

__all__ = [
    "HOST",
    "Address",
    "AddressHolder",
    "AddressHolders",
    "After",
    "Answer",
    "ArpAnswers",
    "Attachment",
    "Attempted",
    "Backend",
    "ChainPolicy",
    "Connection",
    "Container",
    "Engine",
    "Failed",
    "Failure",
    "Finding",
    "Hop",
    "HostFacts",
    "IcmpError",
    "Interface",
    "LinkTable",
    "Listener",
    "ListenerWatch",
    "ListenersByPlace",
    "LogErrors",
    "LogLine",
    "NameOutcome",
    "NamespaceIdentity",
    "Neighbour",
    "Network",
    "Outcome",
    "Owner",
    "OwnerKind",
    "Packet",
    "Place",
    "PlaceKind",
    "PortMapping",
    "Process",
    "Protocol",
    "Resolution",
    "ResolverFiles",
    "Restarts",
    "Route",
    "RouteDecision",
    "Rule",
    "RuleHit",
    "Ruleset",
    "Sighting",
    "Snapshot",
    "SnapshotTaken",
    "SocketTable",
    "State",
    "Stream",
    "Subnet",
    "owner_of_address",
    "owners_of_name",
]
