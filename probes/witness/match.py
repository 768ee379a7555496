"""Which of the packets seen belong to our probe. Pure.

A TCP probe is known by the sequence number S of its SYN, which no NAT touches: the SYN
carries S, what answers it acknowledges S + 1, an ICMP error quotes S. A UDP probe is
known by its ends as they were seen at each hop, its length and its IP identification.
A proxy ends the first connection and opens a second: that one is told by time and ends.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.facts.witness import Packet, Sighting
from netwiz.probes.witness.decode import ARP, ICMP, SYN, UDP, Frame, address_text
from netwiz.probes.witness.probe import Ends, Probe, tcp_part
from netwiz.probes.witness.proxy import second_leg
from netwiz.probes.witness.tap import Event

ASKING_NS = 2_000_000
"""A neighbour is asked for in the same breath in which the packet is to leave."""


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
        self._ends: set[Ends] = set()
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
        if probe.client_tapped:
            if event.place != probe.place:
                return False
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
        return True if self._astray(frame) else None

    def _astray(self, frame: Frame) -> bool:
        """Whether it answers the probe from another address than was asked."""
        return any(
            (frame.destination, frame.destination_port) == (source, port)
            and frame.source_port == asked
            for source, port, _, asked in self._ends
        )

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
    def answered(self) -> bool:
        """Whether something that came back is among what was added."""
        return any(reply for _, reply in self._ours)

    @property
    def arrived(self) -> bool:
        """Whether the probe has come into the server's namespace, as far as added."""
        server = self.probe.server
        return any(
            e.place == server and e.inbound for e, reply in self._ours if not reply
        )

    @property
    def came_back(self) -> bool:
        """Whether an answer came. An ICMP error may be advice, and one yet to come."""
        return any(reply and e.frame.kind != ICMP for e, reply in self._ours)

    def held_back(self, host: Place) -> bool:
        """Whether the probe was kept from leaving this machine, as far as added.

        It has if it left no namespace, or came into the host's and did not leave that.
        A device that leads into a container counts as a way out: who is behind it may
        send the packet on. One that left the client's namespace and was not seen at
        the host may have gone by a device that the client owns.
        """
        way = [e for e, reply in self._ours if not reply and e.device != "lo"]
        if any(e.place == host and not e.inbound for e in way):
            return False
        gone = any(e.place != host and not e.inbound for e in way)
        return not gone or any(e.place == host and e.inbound for e in way)

    @property
    def told(self) -> frozenset[bytes]:
        """Addresses whose owners have said where they are."""
        return frozenset(self._told)

    def unanswered(self) -> list[Event]:
        """Neighbour questions on the probe's way to which nobody answered."""
        waiting = [e for a, e in self._who_has.items() if a not in self._told]
        came = [e for e, reply in self._ours if not reply and e.inbound]
        return [
            asked
            for asked in waiting
            if asked.frame.destination in self.probe.asked
            or any(_asks_for(asked, ours) for ours in came)
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
        if self.first is not None:
            second = second_leg(
                self.probe, self.first.frame, self._ends, self._ours, ordered
            )
            ours += ((e, reply, 2) for e, reply in second)
        ours.sort(key=lambda one: one[0].at_ns)
        start = min((e.at_ns for e, _, _ in ours), default=0)
        if self.first is not None:
            start = self.first.at_ns
        seen: dict[tuple[object, ...], Sighting] = {}
        for event, reply, leg in ours:
            place = event.place
            if event.device == "lo":
                # The loopback shows each packet twice, leaving and arriving.
                if event.inbound and not self.probe.shared:
                    continue
                if self.probe.shared and event.inbound is not reply:
                    place = self.probe.server or place
            sighting = _sighting(event, place, start, reply=reply, leg=leg)
            ends = sighting.packet.text, sighting.packet.icmp
            # A retransmission tells nothing new about where packets come by.
            key = (place, event.device, event.inbound, reply, leg, ends)
            seen.setdefault(key, sighting)
        return tuple(seen.values())


def _asks_for(asked: Event, ours: Event) -> bool:
    """Whether a namespace asked right after our packet had come into it."""
    if asked.inbound or asked.place != ours.place:
        return False
    return 0 <= asked.at_ns - ours.at_ns <= ASKING_NS


def _nodes(frame: Frame) -> tuple[str, str, int] | None:
    if frame.tunnel is None:
        return None
    one, other, number = frame.tunnel
    return address_text(one), address_text(other), number


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
            tunnel=_nodes(frame),
        ),
        at_us=(event.at_ns - start) / 1000,
        reply=reply,
        leg=leg,
    )
