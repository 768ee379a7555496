"""The questions that may be put to the machine: hashable values, one per sense.

The reasoning asks by making one of these; `Machine.perform` answers it with a finding.
A request names what is wanted, never how it is got.
"""

from __future__ import annotations

from netwiz.probes.requests.connect import Attempt, Repeat, WatchUplink
from netwiz.probes.requests.engine import (
    CountRestarts,
    FindElsewhere,
    ReadLogErrors,
    ReadPressure,
    ReadRights,
    TakeSnapshot,
)
from netwiz.probes.requests.filters import ReadCounters, ReadRules
from netwiz.probes.requests.links import (
    AskArp,
    AskRoute,
    Echo,
    FindAddress,
    MeasurePath,
    ReadLinks,
    ReadOverlay,
    ReadQueues,
    ReadTraffic,
)
from netwiz.probes.requests.names import AskServer, ReadResolver, Resolve, WatchAsking
from netwiz.probes.requests.sockets import (
    FindListeners,
    IdentifyNamespace,
    ReadConntrack,
    ReadSockets,
    WatchListener,
    WatchQueue,
)
from netwiz.probes.requests.talk import AskProxy, Converse, FetchIssuer, TalkTls

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
    | ReadTraffic
    | ReadPressure
    | WatchAsking
    | ReadRights
    | Echo
    | FindElsewhere
)

__all__ = [
    "AskArp",
    "AskProxy",
    "AskRoute",
    "AskServer",
    "Attempt",
    "Converse",
    "CountRestarts",
    "Echo",
    "FetchIssuer",
    "FindAddress",
    "FindElsewhere",
    "FindListeners",
    "IdentifyNamespace",
    "MeasurePath",
    "ReadConntrack",
    "ReadCounters",
    "ReadLinks",
    "ReadLogErrors",
    "ReadOverlay",
    "ReadPressure",
    "ReadQueues",
    "ReadResolver",
    "ReadRights",
    "ReadRules",
    "ReadSockets",
    "ReadTraffic",
    "Repeat",
    "Request",
    "Resolve",
    "TakeSnapshot",
    "TalkTls",
    "WatchAsking",
    "WatchListener",
    "WatchQueue",
    "WatchUplink",
]
