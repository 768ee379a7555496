"""Which of the packets seen belong to our probe. Pure.

A TCP probe is known by the sequence number S of its SYN, which no NAT touches: the SYN
carries S, what answers it acknowledges S + 1, an ICMP error quotes S. A UDP probe is
known by its ends as they were seen at each hop, its length and its IP identification.
A proxy ends the first connection and opens a second: that one is told by time and ends.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.facts.witness import Packet, Sighting
from netwiz.probes.witness_decode import (
    ARP,
    ICMP,
    RST,
    SYN,
    SYN_ACK,
    UDP,
    Frame,
    address_text,
)
from netwiz.probes.witness_tap import Event

SECOND_LEG_NS = 500_000_000
"""How long after it accepted a proxy may take to dial its backend."""

ASKING_NS = 2_000_000
"""A neighbour is asked for in the same breath in which the packet is to leave."""

_WRAP = 1 << 32


@dataclass(slots=True)
class Probe:
    """What is known of our own attempt."""

    place: Place
    address: str
    port: int
    protocol: Protocol
    source_port: int = 0
    """0 until the socket is bound; without it nothing can be told apart."""
    server: Place | None = None
    server_ports: Collection[int] = ()
    """Ports behind a published one."""
    server_addresses: frozenset[bytes] = frozenset()
    asked: set[bytes] = field(default_factory=set)
    """Addresses that must answer who-has for the probe to get on."""
    shared: bool = False
    """Client and server are two names of one namespace."""


class Matcher:
    """Picks ours out of a stream of events.

    `add` takes them as they come and says what is progress; `sightings` looks at all
    of them again, for taps are read one after the other and not in the packets' order.
    """

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.target = ipaddress.ip_address(probe.address.partition("%")[0]).packed
        self.first: Event | None = None
        """The probe's first packet, where it was first seen."""
        self._ends: set[tuple[bytes, int, bytes, int]] = set()
        self._ours: list[tuple[Event, bool]] = []
        self._who_has: dict[bytes, Event] = {}
        self._told: set[bytes] = set()

    def add(self, event: Event) -> bool:
        """Take note of an event; True when it is ours and thus progress."""
        frame = event.frame
        if frame.kind == ARP:
            self._neighbour(event)
            return False
        if self.first is None and self._begins(event):
            self.first = event
            self._ends.add(frame.ends)
        reply = self._belongs(event)
        if reply is None:
            return False
        self._ours.append((event, reply))
        return True

    def _neighbour(self, event: Event) -> None:
        frame = event.frame
        if not any(frame.source) or len(frame.source) != len(self.target):
            return  # somebody makes sure that an address is free (RFC 5227, RFC 4862)
        if not frame.answer:
            self._who_has.setdefault(frame.destination, event)
        elif len(frame.source) == 4:
            self._told.add(frame.source)
        else:
            # An advertisement names whom it is about, whoever sends it (RFC 4861).
            self._told.add(frame.destination)

    def _belongs(self, event: Event) -> bool | None:
        """False: the probe itself; True: something that came back; None: not ours."""
        if self.first is None:
            return None
        if self.probe.protocol is Protocol.TCP:
            return tcp_part(event.frame, self.first.frame.sequence)
        return self._udp_part(event.frame)

    def _begins(self, event: Event) -> bool:
        frame, probe = event.frame, self.probe
        kind = SYN if probe.protocol is Protocol.TCP else UDP
        if frame.kind != kind or frame.source_port != probe.source_port:
            return False
        if event.place == probe.place:
            # NAT of the output hook comes before the tap: the target may have changed.
            return not event.inbound
        return frame.destination == self.target and (
            frame.destination_port == probe.port
        )

    def _udp_part(self, frame: Frame) -> bool | None:
        if frame.kind == ICMP and frame.quoted is not None:
            return True if frame.quoted.ends in self._ends else None
        if frame.kind != UDP or self.first is None:
            return None
        if frame.back in self._ends:
            return True
        if frame.ends in self._ends or self._same_datagram(frame):
            self._ends.add(frame.ends)
            return False
        return None

    def _same_datagram(self, frame: Frame) -> bool:
        if self.first is None:
            return False
        sent = self.first.frame
        if (frame.size, frame.ident) != (sent.size, sent.ident):
            return False
        if len(frame.source) != len(sent.source):
            return False
        ports = {self.probe.port, *self.probe.server_ports, sent.destination_port}
        return (
            frame.source_port == self.probe.source_port
            or frame.destination_port in ports
        )

    @property
    def arrived(self) -> bool:
        """Whether the probe has come into the server's namespace, as far as added."""
        server = self.probe.server
        return any(
            e.place == server and e.inbound for e, reply in self._ours if not reply
        )

    def unanswered(self) -> list[Event]:
        """Neighbour questions on the probe's way to which nobody answered."""
        waiting = [e for a, e in self._who_has.items() if a not in self._told]
        last = {e.place: e for e, reply in self._ours if not reply}
        return [
            e
            for e in waiting
            if e.frame.destination in self.probe.asked or _asks_for(e, last)
        ]

    def sightings(self, events: Iterable[Event]) -> tuple[Sighting, ...]:
        """Everything among `events` that is ours, in time order, each hop once."""
        ordered = sorted(events, key=lambda e: e.at_ns)
        afresh = Matcher(self.probe)
        afresh.first = next((e for e in ordered if afresh._begins(e)), None)
        if afresh.first is not None:
            afresh._ends.add(afresh.first.frame.ends)
        for event in ordered:
            afresh.add(event)
        return afresh._sightings(ordered)

    def _sightings(self, ordered: Sequence[Event]) -> tuple[Sighting, ...]:
        ours = [(e, reply, 1) for e, reply in self._ours]
        ours += [(e, False, 1) for e in self.unanswered()]
        ours += self._second_leg(ordered)
        ours.sort(key=lambda one: one[0].at_ns)
        start = min((e.at_ns for e, _, _ in ours), default=0)
        if self.first is not None:
            start = self.first.at_ns
        seen: dict[tuple[object, ...], Sighting] = {}
        for event, reply, leg in ours:
            place = event.place
            if event.device == "lo":
                # The loopback shows each packet twice, leaving and arriving.
                if self.probe.shared and event.inbound is not reply:
                    place = self.probe.server or place
                elif event.inbound:
                    continue
            sighting = _sighting(event, place, start, reply=reply, leg=leg)
            ends = sighting.packet.text, sighting.packet.icmp
            # A retransmission tells nothing new about where packets come by.
            key = (place, event.device, event.inbound, reply, leg, ends)
            seen.setdefault(key, sighting)
        return tuple(seen.values())

    def _second_leg(self, ordered: Sequence[Event]) -> list[tuple[Event, bool, int]]:
        """The connection that a proxy opened because of ours."""
        accepted = self._accepted_by_proxy()
        if accepted is None or self.first is None:
            return []
        since, until = accepted.at_ns, accepted.at_ns + SECOND_LEG_NS
        mine = self.first.frame
        kind = mine.kind
        for event in ordered:
            frame = event.frame
            if not since <= event.at_ns <= until or frame.kind != kind:
                continue
            if event.inbound or event.place != accepted.place:
                continue
            own = frame.ends in self._ends
            if own or (kind == SYN and frame.sequence == mine.sequence):
                continue
            if self._towards_server(frame):
                return self._of_leg(frame, [e for e in ordered if e.at_ns >= since])
        return []

    def _accepted_by_proxy(self) -> Event | None:
        """Where somebody before the server took the connection, if so."""
        server = self.probe.server
        if server is None:
            return None
        if self.probe.protocol is Protocol.UDP:
            # Nothing says that a datagram was taken; where it ended is all there is.
            forward = [e for e, reply in self._ours if not reply]
            if any(e.place == server for e in forward):
                return None
            return next((e for e in reversed(forward) if e.place != server), None)
        for event, reply in sorted(self._ours, key=lambda one: one[0].at_ns):
            if reply:
                born_there = event.frame.kind == SYN_ACK and event.place != server
                return event if born_there and not event.inbound else None
        return None

    def _towards_server(self, frame: Frame) -> bool:
        if frame.destination not in self.probe.server_addresses:
            return False
        ports = self.probe.server_ports
        return not ports or frame.destination_port in ports

    def _of_leg(
        self, begin: Frame, events: Sequence[Event]
    ) -> list[tuple[Event, bool, int]]:
        found: list[tuple[Event, bool, int]] = []
        for event in events:
            frame = event.frame
            if begin.kind == SYN:
                part = tcp_part(frame, begin.sequence)
            elif frame.kind == ICMP and frame.quoted is not None:
                part = True if frame.quoted.ends == begin.ends else None
            elif frame.ends == begin.ends:
                part = False
            else:
                part = True if frame.ends == begin.back else None
            if part is not None:
                found.append((event, part, 2))
        return found


def tcp_part(frame: Frame, sequence: int) -> bool | None:
    """Whether a packet is the SYN with this sequence (False), its answer (True)."""
    if frame.kind == SYN:
        return False if frame.sequence == sequence else None
    if frame.kind in (SYN_ACK, RST):
        return True if frame.acknowledged == (sequence + 1) % _WRAP else None
    if frame.kind == ICMP and frame.quoted is not None:
        return True if frame.quoted.sequence == sequence else None
    return None


def _asks_for(asked: Event, last: dict[Place, Event]) -> bool:
    """Whether a namespace asked right after our packet had come into it."""
    ours = last.get(asked.place)
    if ours is None or not ours.inbound or asked.inbound:
        return False
    return 0 <= asked.at_ns - ours.at_ns <= ASKING_NS


def _sighting(
    event: Event, place: Place, start: int, *, reply: bool, leg: int
) -> Sighting:
    frame = event.frame
    return Sighting(
        place=place,
        device=event.device,
        inbound=event.inbound,
        packet=Packet(
            kind=frame.kind,
            source=address_text(frame.source),
            destination=address_text(frame.destination),
            source_port=frame.source_port,
            destination_port=frame.destination_port,
            ttl=frame.ttl,
            icmp=frame.icmp,
        ),
        at_us=(event.at_ns - start) / 1000,
        reply=reply,
        leg=leg,
    )
