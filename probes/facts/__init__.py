"""What the senses report: frozen values, no I/O, nothing heavy to import.

Every other room may import these types. Addresses are normalised text (``172.18.0.2``,
``fd00::2``), times are milliseconds unless a name says otherwise, and every text that
came from outside has passed :func:`netwiz.probes.text.plain` on its way in.

A hundred of them take longer to make than the first paint may wait for (0.4 ms each, by
`dataclasses`): a module is loaded when one of its names is first asked for (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    from netwiz.probes.facts.conntrack import ConntrackView, Flow, FlowEnds
    from netwiz.probes.facts.elsewhere import Elsewhere, Stranger
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
    from netwiz.probes.facts.firewall import (
        Backend,
        ChainPolicy,
        Rule,
        RuleHit,
        Ruleset,
    )
    from netwiz.probes.facts.kernel import KernelCounters, Rise
    from netwiz.probes.facts.links import (
        Address,
        AddressHolder,
        AddressHolders,
        ArpAnswers,
        Interface,
        LinkTable,
        Neighbour,
        PolicyRule,
        Route,
        RouteDecision,
    )
    from netwiz.probes.facts.load import (
        Asked,
        Drops,
        NameQuestions,
        Pressure,
        Queue,
        Queues,
        Repeated,
        resent,
    )
    from netwiz.probes.facts.logs import (
        ErrorSeen,
        LogBroke,
        LogGap,
        LogLevel,
        LogLine,
        LogSaid,
    )
    from netwiz.probes.facts.names import (
        Answer,
        NameOutcome,
        Resolution,
        ResolverFiles,
        ResolverRead,
        ServerAnswer,
    )
    from netwiz.probes.facts.overlay import (
        Forwarding,
        KernelSupport,
        OverlayFacts,
        OverlayTask,
        SwarmNode,
        SwarmPort,
        Tunnel,
        TunnelNeighbour,
        VirtualAddress,
    )
    from netwiz.probes.facts.owners import (
        Owner,
        OwnerKind,
        owner_of_address,
        owners_of_name,
    )
    from netwiz.probes.facts.ping import Echoed, ProcessRights
    from netwiz.probes.facts.sockets import (
        Listener,
        ListenersByPlace,
        ListenerWatch,
        Process,
        SocketTable,
        Stream,
    )
    from netwiz.probes.facts.talk import (
        Conversation,
        Ending,
        FarEnd,
        Holder,
        PathMtu,
        QueueWatch,
        Segment,
        TcpInfo,
    )
    from netwiz.probes.facts.tls import (
        Certificate,
        IssuerFetched,
        ProxyAnswer,
        TlsOutcome,
        TlsTalk,
        Trust,
        TrustFile,
        TrustStore,
    )
    from netwiz.probes.facts.uplink import UplinkWatch
    from netwiz.probes.facts.upstreams import Origin, Upstreams, upstreams_of
    from netwiz.probes.facts.various import LogErrors, NamespaceIdentity, Restarts
    from netwiz.probes.facts.witness import Attempted, Hop, Packet, Sighting

__all__ = [
    "HOST",
    "Address",
    "AddressHolder",
    "AddressHolders",
    "After",
    "Answer",
    "ArpAnswers",
    "Asked",
    "Attachment",
    "Attempted",
    "Backend",
    "Certificate",
    "ChainPolicy",
    "Connection",
    "ConntrackView",
    "Container",
    "Conversation",
    "Drops",
    "Echoed",
    "Elsewhere",
    "Ending",
    "Engine",
    "ErrorSeen",
    "Failed",
    "Failure",
    "FarEnd",
    "Finding",
    "Flow",
    "FlowEnds",
    "Forwarding",
    "Holder",
    "Hop",
    "HostFacts",
    "IcmpError",
    "Interface",
    "IssuerFetched",
    "KernelCounters",
    "KernelSupport",
    "LinkTable",
    "Listener",
    "ListenerWatch",
    "ListenersByPlace",
    "LogBroke",
    "LogErrors",
    "LogGap",
    "LogLevel",
    "LogLine",
    "LogSaid",
    "NameOutcome",
    "NameQuestions",
    "NamespaceIdentity",
    "Neighbour",
    "Network",
    "Origin",
    "Outcome",
    "OverlayFacts",
    "OverlayTask",
    "Owner",
    "OwnerKind",
    "Packet",
    "PathMtu",
    "Place",
    "PlaceKind",
    "PolicyRule",
    "PortMapping",
    "Pressure",
    "Process",
    "ProcessRights",
    "Protocol",
    "ProxyAnswer",
    "Queue",
    "QueueWatch",
    "Queues",
    "Repeated",
    "Resolution",
    "ResolverFiles",
    "ResolverRead",
    "Restarts",
    "Rise",
    "Route",
    "RouteDecision",
    "Rule",
    "RuleHit",
    "Ruleset",
    "Segment",
    "ServerAnswer",
    "Sighting",
    "Snapshot",
    "SnapshotTaken",
    "SocketTable",
    "State",
    "Stranger",
    "Stream",
    "Subnet",
    "SwarmNode",
    "SwarmPort",
    "TcpInfo",
    "TlsOutcome",
    "TlsTalk",
    "Trust",
    "TrustFile",
    "TrustStore",
    "Tunnel",
    "TunnelNeighbour",
    "UplinkWatch",
    "Upstreams",
    "VirtualAddress",
    "owner_of_address",
    "owners_of_name",
    "resent",
    "upstreams_of",
]

_NAMES = {
    "base": "HOST Failed Failure Finding Place PlaceKind",
    "connection": "After Connection IcmpError Outcome Protocol",
    "conntrack": "ConntrackView Flow FlowEnds",
    "elsewhere": "Elsewhere Stranger",
    "engine": (
        "Attachment Container Engine HostFacts Network PortMapping Snapshot "
        "SnapshotTaken State Subnet"
    ),
    "firewall": "Backend ChainPolicy Rule RuleHit Ruleset",
    "kernel": "KernelCounters Rise",
    "links": (
        "Address AddressHolder AddressHolders ArpAnswers Interface LinkTable "
        "Neighbour PolicyRule Route RouteDecision"
    ),
    "load": "Asked Drops NameQuestions Pressure Queue Queues Repeated resent",
    "logs": "ErrorSeen LogBroke LogGap LogLevel LogLine LogSaid",
    "names": "Answer NameOutcome Resolution ResolverFiles ResolverRead ServerAnswer",
    "overlay": (
        "Forwarding KernelSupport OverlayFacts OverlayTask SwarmNode SwarmPort "
        "Tunnel TunnelNeighbour VirtualAddress"
    ),
    "owners": "Owner OwnerKind owner_of_address owners_of_name",
    "ping": "Echoed ProcessRights",
    "sockets": "Listener ListenersByPlace ListenerWatch Process SocketTable Stream",
    "talk": "Conversation Ending FarEnd Holder PathMtu QueueWatch Segment TcpInfo",
    "tls": (
        "Certificate IssuerFetched ProxyAnswer TlsOutcome TlsTalk Trust TrustFile "
        "TrustStore"
    ),
    "uplink": "UplinkWatch",
    "upstreams": "Origin Upstreams upstreams_of",
    "various": "LogErrors NamespaceIdentity Restarts",
    "witness": "Attempted Hop Packet Sighting",
}
"""Of each module what is named here; as above, which a test compares."""
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

# Hidden from the type checker: it would believe in every misspelt name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """A name that was not asked for before."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"{__name__}.{_HOME[name]}")
        found = globals()[name] = getattr(module, name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
