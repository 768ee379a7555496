"""The second connection, which a proxy opens because of ours. Pure.

docker-proxy ends the first connection on the host and dials the container itself: no
sequence number joins the two. What joins them is that somebody before the server
accepted, and that a connection from there to the server began right after.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from netwiz.probes.facts.connection import Protocol
from netwiz.probes.witness.decode import ICMP, SYN, SYN_ACK, Frame
from netwiz.probes.witness.probe import Ends, Probe, tcp_part
from netwiz.probes.witness.tap import Event

SECOND_LEG_NS = 500_000_000
"""How long after it accepted a proxy may take to dial its backend."""

Part = tuple[Event, bool]
"""A packet of ours, and whether it is part of the way back."""


def second_leg(
    probe: Probe,
    first: Frame,
    ends: Collection[Ends],
    ours: Sequence[Part],
    events: Sequence[Event],
) -> list[Part]:
    """The packets of the second leg among `events`, which are in time order.

    `first` is the probe's first packet, `ends` all the ends that its packets had.
    """
    accepted = _accepted_by_proxy(probe, ours)
    if accepted is None:
        return []
    since, until = accepted.at_ns, accepted.at_ns + SECOND_LEG_NS
    for event in events:
        frame = event.frame
        if not since <= event.at_ns <= until or frame.kind != first.kind:
            continue
        if event.inbound or event.place != accepted.place or frame.ends in ends:
            continue
        if frame.kind == SYN and frame.sequence == first.sequence:
            continue
        if _towards_server(probe, frame):
            later = [e for e in events if e.at_ns >= since]
            return _of_leg(frame, later)
    return []


def _accepted_by_proxy(probe: Probe, ours: Sequence[Part]) -> Event | None:
    """Where somebody before the server took the connection, if so."""
    server = probe.server
    if server is None:
        return None
    if probe.protocol is Protocol.UDP:
        # Nothing says that a datagram was taken; where it ended is all there is.
        forward = [e for e, reply in ours if not reply]
        if any(e.place == server for e in forward):
            return None
        return forward[-1] if forward else None
    for event, reply in ours:
        if reply:
            born_there = event.frame.kind == SYN_ACK and event.place != server
            return event if born_there and not event.inbound else None
    return None


def _towards_server(probe: Probe, frame: Frame) -> bool:
    if frame.destination not in probe.server_addresses:
        return False
    return not probe.server_ports or frame.destination_port in probe.server_ports


def _of_leg(begin: Frame, events: Sequence[Event]) -> list[Part]:
    found: list[Part] = []
    for event in events:
        frame = event.frame
        part: bool | None
        if begin.kind == SYN:
            part = tcp_part(frame, begin.sequence)
        elif frame.kind == ICMP and frame.quoted is not None:
            part = True if frame.quoted.ends == begin.ends else None
        elif frame.ends == begin.ends:
            part = False
        else:
            part = True if frame.ends == begin.back else None
        if part is not None:
            found.append((event, part))
    return found
