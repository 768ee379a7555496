"""ICMP and ICMPv6 in words: who could not deliver which packet, and why.

RFC 792, 1191, 1812, 4443, 4861; types and codes by IANA's icmp-parameters.
"""

from __future__ import annotations

import struct
from struct import Struct

from netwiz.probes.facts.packets import Level, PacketKind
from netwiz.probes.reading import headers
from netwiz.probes.reading.dns import PORT, Dns
from netwiz.probes.reading.flows import ASKED, Flows, Table
from netwiz.probes.reading.headers import Ip
from netwiz.probes.reading.opening import Openings
from netwiz.probes.reading.packet import Packet
from netwiz.probes.reading.speech import Words
from netwiz.probes.reading.words import (
    NOTE,
    ODD,
    PLAIN,
    PROBLEM,
    Told,
    address_text,
    called,
    called_end,
    lapse,
)

ICMP = PacketKind.ICMP
_MOST_PINGS = 4096
_MOST_ERRORS = 256
_COPY_NS = 100_000_000
_ECHO = Struct("!BBHHH").unpack_from

_UNREACHABLE = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    4: "too large",
    5: "source route failed",
    6: "network unknown",
    7: "host unknown",
    9: "network prohibited",
    10: "host prohibited",
    11: "network unreachable for this service",
    12: "host unreachable for this service",
    13: "administratively prohibited",
}
_UNREACHABLE6 = {
    0: "no route",
    1: "administratively prohibited",
    2: "beyond the source's scope",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address not allowed",
    6: "reject route",
}
_REFUSALS = {"port unreachable", "host prohibited", "network prohibited"}
_OTHERS = {5: "redirect", 9: "router here", 10: "looks for routers", 13: "timestamp"}
_OTHERS6 = {
    130: "who listens to groups?",
    131: "listens to a group",
    132: "leaves a group",
    133: "looks for routers",
    134: "router here",
    137: "redirect",
    143: "listens to groups",
}


class Icmp:
    """Reads ICMP of all taps."""

    def __init__(
        self, words: Words, flows: Flows, openings: Openings, dns: Dns
    ) -> None:
        self._words = words
        self._flows = flows
        self._openings = openings
        self._dns = dns
        self._pings: Table[tuple[int, bytes, int, int], tuple[int, int]] = Table(
            _MOST_PINGS
        )
        self._errors: Table[tuple[int, int, bytes], tuple[int, int]] = Table(
            _MOST_ERRORS
        )

    def gap(self) -> None:
        """Packets were missed."""
        self._pings.clear()

    def read(self, packet: Packet, ip: Ip) -> Told:
        """A message; raises struct.error or IndexError for what is too short."""
        kind, code = packet.data[ip.at], packet.data[ip.at + 1]
        if ip.version == 4:
            if kind in (0, 8):
                return self._echo(packet, ip, asks=kind == 8)
            if kind in (3, 11, 12):
                return self._once(packet, ip, self._error4(packet, ip, kind, code))
            text = _OTHERS.get(kind, f"type {kind}, code {code}")
            return ICMP, NOTE, f"ICMP {text}", 0
        if kind in (128, 129):
            return self._echo(packet, ip, asks=kind == 128)
        if kind < 128:
            return self._once(packet, ip, self._error6(packet, ip, kind, code))
        text = _OTHERS6.get(kind, f"type {kind}, code {code}")
        return ICMP, PLAIN, f"ICMPv6 {text}", 0

    def _echo(self, packet: Packet, ip: Ip, *, asks: bool) -> Told:
        _, _, _, ident, sequence = _ECHO(packet.data, ip.at)
        tap, at_ns = packet.tap, packet.at_ns
        if asks:
            key = tap, ip.source + ip.destination, ident, sequence
            known = self._pings.get(key)
            if known and at_ns - known[1] < _COPY_NS:
                return ICMP, PLAIN, f"ping {sequence} (the same packet)", known[0]
            self._pings.put(key, (packet.number, at_ns))
            return ICMP, PLAIN, f"ping {sequence}", 0
        key = tap, ip.destination + ip.source, ident, sequence
        known = self._pings.get(key)
        if known:
            passed = lapse(at_ns - known[1])
            return ICMP, PLAIN, f"answers ping {sequence} after {passed}", known[0]
        return ICMP, PLAIN, f"answers ping {sequence}", 0

    def _once(self, packet: Packet, ip: Ip, told: Told) -> Told:
        """An error is one also where it passes several devices."""
        at_ns = packet.at_ns
        key = packet.tap, ip.ident, packet.data[ip.at : ip.at + 64]
        known = self._errors.get(key)
        if known and at_ns - known[1] < _COPY_NS:
            return ICMP, PLAIN, f"{told[2]} (the same packet)", known[0]
        self._errors.put(key, (packet.number, at_ns))
        return told

    def _error4(self, packet: Packet, ip: Ip, kind: int, code: int) -> Told:
        if kind == 3 and code == 4:
            (most,) = headers.HALF(packet.data, ip.at + 6)
            return self._too_large(packet, ip, most)
        if kind == 3:
            why = _UNREACHABLE.get(code, f"unreachable, code {code}")
            return self._undelivered(packet, ip, why)
        if kind == 11:
            return self._expired(packet, ip, code)
        return self._undelivered(packet, ip, "header refused")

    def _error6(self, packet: Packet, ip: Ip, kind: int, code: int) -> Told:
        if kind == 2:
            most = int.from_bytes(packet.data[ip.at + 4 : ip.at + 8])
            return self._too_large(packet, ip, most)
        if kind == 1:
            why = _UNREACHABLE6.get(code, f"unreachable, code {code}")
            return self._undelivered(packet, ip, why)
        if kind == 3:
            return self._expired(packet, ip, code)
        return self._undelivered(packet, ip, "header refused")

    def _undelivered(self, packet: Packet, ip: Ip, why: str) -> Told:
        who = called(self._words.names, address_text(ip.source))
        about, what, late = self._quoted(packet, ip)
        level: Level = ODD if late else PROBLEM
        if late:
            what = f"{what} (an answer that came too late for it)"
        verb = "refused" if why in _REFUSALS else "not delivered"
        return ICMP, level, f"{verb} by {who} (ICMP {why}): {what}", about

    def _too_large(self, packet: Packet, ip: Ip, most: int) -> Told:
        who = called(self._words.names, address_text(ip.source))
        about, what, _ = self._quoted(packet, ip, answers=False)
        room = f"at most {most} B" if most else "at most an amount it does not tell"
        return ICMP, ODD, f"too large for {who}, {room}: {what}", about

    def _expired(self, packet: Packet, ip: Ip, code: int) -> Told:
        who = called(self._words.names, address_text(ip.source))
        about, what, _ = self._quoted(packet, ip, answers=False)
        if code == 1:
            return ICMP, ODD, f"fragments missing, says {who}: {what}", about
        return ICMP, ODD, f"hops used up at {who}: {what}", about

    def _quoted(
        self, packet: Packet, ip: Ip, *, answers: bool = True
    ) -> tuple[int, str, bool]:
        """Number and ends of the packet that is quoted, and whether it was an answer.

        With `answers` the message is the answer to that packet: nobody waits for
        another one.
        """
        try:
            quoted = headers.internet(packet.data, ip.at + 8, packet.size)
        except (ValueError, IndexError, struct.error):
            quoted = None
        if quoted is None or quoted.version != ip.version:
            return 0, "a packet it does not quote", False
        names = self._words.names
        plain_ends = (
            f"{called(names, address_text(quoted.source))} -> "
            f"{called(names, address_text(quoted.destination))}"
        )
        if quoted.protocol not in (headers.TCP, headers.UDP) or quoted.fragment:
            return 0, plain_ends, False
        if len(packet.data) < quoted.at + 8:
            return 0, plain_ends, False
        source, destination = headers.PORTS(packet.data, quoted.at)
        what = (
            f"{called_end(names, quoted.source, source)} -> "
            f"{called_end(names, quoted.destination, destination)}"
        )
        key = (
            quoted.source + quoted.destination + packet.data[quoted.at : quoted.at + 4]
        )
        if quoted.protocol == headers.UDP:
            about = self._dns.refused(packet.tap, key) if answers else 0
            return about, what, source == PORT and not about
        side = self._flows.find(packet.tap, key)
        if side is None:
            return 0, what, False
        flow = side.flow
        if flow.state != ASKED or flow.client is not side:
            return 0, what, False
        if answers:
            self._openings.refused(flow)
        return flow.syn_number, what, False
