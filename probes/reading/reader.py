"""From bytes to lines: the reader of a capture.

Speed counts here, for the reader stands in the way of 20 000 packets a second: the
usual packet (TCP over IPv4 without options, in order) takes a way of its own, in which
nothing is made but its line.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from netwiz.probes.facts.packets import Level, PacketKind, PacketRow
from netwiz.probes.reading import headers
from netwiz.probes.reading.datagrams import Datagrams
from netwiz.probes.reading.dialogues import DnsStream
from netwiz.probes.reading.dns import EMBEDDED, Dns
from netwiz.probes.reading.dns import PORT as DNS_PORT
from netwiz.probes.reading.flows import Flows, Side
from netwiz.probes.reading.headers import FAST, Ip
from netwiz.probes.reading.icmp import Icmp
from netwiz.probes.reading.neighbours import ADVERTISEMENT, SOLICITATION, Neighbours
from netwiz.probes.reading.opening import Openings, Unanswered
from netwiz.probes.reading.packet import Packet
from netwiz.probes.reading.protocols import PORTS
from netwiz.probes.reading.speech import Words
from netwiz.probes.reading.tcp import Tcp
from netwiz.probes.reading.waits import Waits
from netwiz.probes.reading.words import (
    MOST_TEXT,
    Told,
    address_text,
    end_text,
    mac_text,
)
from netwiz.probes.text import plain

OTHER, ARP = PacketKind.OTHER, PacketKind.ARP
PLAIN, NOTE, ODD = Level.PLAIN, Level.NOTE, Level.ODD
_ABSENCE = PacketKind.ABSENCE
_UNREADABLE: Told = (OTHER, PLAIN, "a packet that netwiz could not read", 0)
_CUT: Told = (OTHER, PLAIN, "a packet that is cut off or made up", 0)

_ETHERTYPES = {
    0x8035: "reverse ARP",
    0x8847: "MPLS",
    0x8863: "PPPoE discovery",
    0x8864: "PPPoE",
    0x888E: "802.1X",
    0x88CC: "LLDP",
    0x88E5: "MACsec",
}
_PROTOCOLS = {
    2: "IGMP: who listens to which group",
    4: "IPv4 in IPv4",
    41: "IPv6 in IPv4",
    47: "GRE",
    50: "IPsec (ESP)",
    51: "IPsec (AH)",
    89: "OSPF",
    103: "PIM",
    112: "VRRP",
    132: "SCTP",
}
_Ends = tuple[str, str, Told]


class Reader:
    """Reads the packets of one capture, in the order in which they come."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names`: address to the name of who has it."""
        self._number = 0
        self._packet = Packet()
        self._waits = Waits()
        self._words = Words(names, self._waits)
        self._flows = Flows()
        self._openings = Openings(self._words, self._waits)
        self._dns = Dns(self._words, self._waits)
        self._tcp = Tcp(self._openings, self._words, self._waits)
        self._icmp = Icmp(self._words, self._flows, self._openings, self._dns)
        self._neighbours = Neighbours(self._words, self._waits)
        self._datagrams = Datagrams(self._dns)
        self.both_ways = True
        """To be set to False when the filter takes one direction only (``dst port 80``,
        flags): answers are not seen then, and nobody is said to be silent."""

    @property
    def names(self) -> Mapping[str, str]:
        """Address to name; may be replaced at any time."""
        return self._words.names

    @names.setter
    def names(self, names: Mapping[str, str]) -> None:
        self._words.names = names

    def gap(self, *, plain: bool = False) -> None:
        """To be told when packets were not read.

        From then on nothing is claimed that needs them: no silence, no repeats, until
        each connection was seen anew. With `plain` only data of TCP and UDP was left
        out: no answer to a SYN is among it, so those are waited for all the same.
        (DNS may be: of Docker's own server's one end has any port.)
        """
        self._tcp.epoch += 1
        if plain:
            self._waits.only(Unanswered)
        else:
            self._waits.clear()
            self._openings.gap()
        self._dns.gap()
        self._icmp.gap()
        self._neighbours.gap()

    def read(
        self, at_ns: int, tap: int, linktype: int, size: int, data: bytes
    ) -> PacketRow:
        """The line of a packet. Never raises for what is in it."""
        self._number = number = self._number + 1
        packet = self._packet
        packet.number, packet.at_ns, packet.data = number, at_ns, data
        packet.tap, packet.size = tap, size
        try:
            if linktype == 1 and data[12:14] == b"\x08\x00":
                (
                    first,
                    total,
                    packet.ident,
                    fragment,
                    protocol,
                    key,
                    packet.seq,
                    packet.ack,
                    offset,
                    packet.flags,
                    packet.window,
                ) = FAST(data, 14)
                if first == 0x45 and protocol == 6 and not fragment & 0x3FFF:
                    sides = self._flows.young.get(tap)
                    side = sides.get(key) if sides is not None else None
                    if side is None:
                        side = self._side(tap, key)
                    packet.at = 34
                    packet.end = 14 + total if total else size
                    kind, level, text, about = self._tcp.read(side, packet, offset)
                    return PacketRow(
                        number,
                        at_ns,
                        tap,
                        kind,
                        level,
                        size,
                        side.source,
                        side.destination,
                        text if len(text) <= MOST_TEXT else plain(text, MOST_TEXT),
                        about,
                        data,
                    )
        except struct.error:
            pass  # too short for that: the other way tells what there is
        except Exception:  # noqa: BLE001 - a reader that dies loses the capture
            return _row(packet, "", "", _UNREADABLE)
        return self._slowly(packet, linktype)

    def overdue(self, now_ns: int) -> list[PacketRow]:
        """What should have come by `now_ns` and did not. To be asked now and then."""
        rows: list[PacketRow] = []
        for said in self._waits.overdue(now_ns):
            if not self.both_ways:
                continue
            self._number += 1
            rows.append(
                PacketRow(
                    self._number,
                    now_ns,
                    said.tap,
                    _ABSENCE,
                    said.level,
                    0,
                    said.source,
                    said.destination,
                    plain(said.text, MOST_TEXT),
                    said.about,
                )
            )
        return rows

    def _side(self, tap: int, key: bytes) -> Side:
        side = self._flows.find(tap, key)
        if side is None:
            side = self._flows.make(tap, key)
            one, other = headers.PORTS(key, len(key) - 4)
            expects = PORTS.get(other) or PORTS.get(one)
            if DNS_PORT in (one, other) or EMBEDDED in (
                side.address,
                side.peer.address,
            ):
                expects = self._dns_stream
            side.flow.expects = expects
        return side

    def _dns_stream(self, _words: Words, _side: Side, _packet: Packet) -> DnsStream:
        return DnsStream(self._dns)

    def _slowly(self, packet: Packet, linktype: int) -> PacketRow:
        """Any packet, by any link, however broken."""
        data = packet.data
        source = destination = ""
        told = _CUT
        try:
            if linktype == 1:
                destination, source = mac_text(data[:6]), mac_text(data[6:12])
            ethertype, at = headers.link(linktype, data)
            here, there, told = self._network(packet, ethertype, at)
            source, destination = here or source, there or destination
        except (ValueError, IndexError, struct.error):
            pass
        except Exception:  # noqa: BLE001 - a reader that dies loses the capture
            told = _UNREADABLE
        return _row(packet, source, destination, told)

    def _network(
        self, packet: Packet, ethertype: int, at: int, *, inside: bool = False
    ) -> _Ends:
        data = packet.data
        if ethertype in (headers.IPV4, headers.IPV6):
            ip = headers.internet(data, at, packet.size)
            if ip is not None:
                return self._internet(packet, ip, inside=inside)
        elif ethertype == headers.ARP:
            return self._neighbours.arp(packet, at)
        elif 0 < ethertype < 0x600:
            # A length, not a type: IEEE 802.3 with LLC; 0x42 is the bridges' own.
            stp = data[at : at + 2] == b"\x42\x42"
            text = "spanning tree" if stp else "LLC"
            return "", "", (OTHER, PLAIN, text, 0)
        else:
            text = _ETHERTYPES.get(ethertype, f"ethertype {ethertype:#06x}")
            return "", "", (OTHER, PLAIN, text, 0)
        return "", "", _CUT

    def _internet(self, packet: Packet, ip: Ip, *, inside: bool) -> _Ends:
        data, packet.ident = packet.data, ip.ident
        here, there = address_text(ip.source), address_text(ip.destination)
        protocol, at = ip.protocol, ip.at
        if ip.fragment or ip.more:
            return here, there, _fragment(ip)
        if protocol == headers.TCP:
            key = ip.source + ip.destination + data[at : at + 4]
            (packet.seq, packet.ack, offset, packet.flags, packet.window) = (
                headers.SEGMENT(data, at + 4)
            )
            packet.at, packet.end = at, ip.end
            side = self._side(packet.tap, key)
            told = self._tcp.read(side, packet, offset)
            return side.source, side.destination, told
        if protocol == headers.UDP:
            return self._udp(packet, ip, inside=inside)
        if protocol == headers.ICMP6 and data[at] in (SOLICITATION, ADVERTISEMENT):
            told = self._neighbours.ndp(packet, ip)
        elif protocol in (headers.ICMP, headers.ICMP6):
            told = self._icmp.read(packet, ip)
        else:
            text = _PROTOCOLS.get(protocol, f"IP protocol {protocol}")
            told = OTHER, PLAIN, f"{text}, {max(0, ip.end - at)} B", 0
        return here, there, told

    def _udp(self, packet: Packet, ip: Ip, *, inside: bool) -> _Ends:
        data = packet.data
        ports = headers.PORTS(data, ip.at)
        if ports[1] == headers.VXLAN_PORT and not inside:
            network, frame = headers.vxlan(data, ip.at + 8)
            if frame >= 0:
                ethertype, at = headers.tagged(data, frame + 12)
                here, there, (kind, level, text, about) = self._network(
                    packet, ethertype, at, inside=True
                )
                return here, there, (kind, level, f"{text} [VXLAN {network}]", about)
        ends = end_text(ip.source, ports[0]), end_text(ip.destination, ports[1])
        told = self._datagrams.read(packet, ip, ports)
        return *ends, told


def _row(packet: Packet, source: str, destination: str, told: Told) -> PacketRow:
    kind, level, text, about = told
    return PacketRow(
        packet.number,
        packet.at_ns,
        packet.tap,
        kind,
        level,
        packet.size,
        source,
        destination,
        plain(text, MOST_TEXT),
        about,
        packet.data,
    )


def _fragment(ip: Ip) -> Told:
    """A part of a packet: only the first bears ports, and none is whole."""
    size = max(0, ip.end - ip.at)
    name = {headers.TCP: "TCP", headers.UDP: "UDP", headers.ICMP: "ICMP"}.get(
        ip.protocol, f"protocol {ip.protocol}"
    )
    which = "last" if not ip.more else "first" if not ip.fragment else "middle"
    text = f"{which} fragment of {name}: {size} B from {ip.fragment} on"
    return OTHER, PLAIN, text, 0
