"""ARP and neighbour discovery in words (RFC 826, 4861): who has which address.

Questions go to everybody, answers only to who asked: at the tap of a third party the
answer is never seen. So silence is told of only when the same was asked again, which
nobody does who was answered.
"""

from __future__ import annotations

from struct import Struct

from netwiz.probes.facts.packets import Level, PacketKind
from netwiz.probes.reading.flows import Table
from netwiz.probes.reading.headers import Ip
from netwiz.probes.reading.packet import Packet
from netwiz.probes.reading.speech import Words
from netwiz.probes.reading.waits import Absence, Waits
from netwiz.probes.reading.words import (
    NOTE,
    ODD,
    PLAIN,
    Told,
    address_text,
    called,
    lapse,
    mac_text,
    ordinal,
)

ARP = PacketKind.ARP
SOLICITATION, ADVERTISEMENT = 135, 136
_HEAD = Struct("!HHBBH").unpack_from
_MOST_QUESTIONS = 4096
_SAME_NS = 300_000_000
"""The kernel asks again after a second (arp(7)); what comes sooner is a copy."""
_MISSED_NS = 1_900_000_000
_FORGET_NS = 10_000_000_000
_SPARING_NS = 30_000_000_000
_MOMENT_NS = 5_000_000_000
"""Two who answer for one address within this time are no move from one to another."""


class _Question:
    """Who has this address?"""

    __slots__ = ("answered", "dead", "first_ns", "heard", "last_ns", "said_ns", "times")

    def __init__(self, heard: tuple[int, int, str, str, str], at_ns: int) -> None:
        self.heard = heard
        """Tap, number, who asks, for which address, both in words."""
        self.first_ns = self.last_ns = at_ns
        self.times = 1
        self.said_ns = 0
        self.answered = False
        self.dead = False

    def due(self, now_ns: int) -> tuple[Absence | None, int]:
        """See `netwiz.probes.reading.waits.Waited`."""
        if self.answered or self.dead:
            return None, 0
        if self.times < 2:
            # Asked again within the time in which one still asks for it.
            alive = now_ns - self.first_ns < 2 * _MISSED_NS
            return None, now_ns + _MISSED_NS // 2 if alive else 0
        if self.said_ns and now_ns - self.said_ns < _SPARING_NS:
            return None, 0
        self.said_ns = now_ns
        tap, number, source, destination, who = self.heard
        passed = lapse(now_ns - self.first_ns)
        text = f"nobody has {who}: asked {self.times} times in {passed}"
        said = Absence(tap, source, destination, text, number, "neighbour questions")
        return said, 0


class Neighbours:
    """Reads the neighbour protocols of all taps."""

    def __init__(self, words: Words, waits: Waits) -> None:
        self._words = words
        self._waits = waits
        self._asked: Table[tuple[int, bytes, bytes], _Question] = Table(_MOST_QUESTIONS)
        self._owners: Table[tuple[int, bytes], tuple[bytes, int]] = Table(
            _MOST_QUESTIONS
        )

    def gap(self) -> None:
        """Packets were missed: answers may be among them."""
        for table in self._asked.tables():
            for question in table.values():
                question.dead = True
        self._asked.clear()

    def arp(self, packet: Packet, at: int) -> tuple[str, str, Told]:
        """Source, destination and words; raises struct.error for what is too short."""
        data = packet.data
        hardware, protocol, hlen, plen, operation = _HEAD(data, at)
        if (hardware, protocol, hlen, plen) != (1, 0x0800, 6, 4) or operation > 2:
            return "", "", (ARP, PLAIN, f"ARP operation {operation}", 0)
        mac, source = data[at + 8 : at + 14], data[at + 14 : at + 18]
        target = data[at + 24 : at + 28]
        if len(target) < 4:
            return "", "", (ARP, PLAIN, "ARP, cut off", 0)
        told: Told
        if operation == 2:
            told = self._answer(packet, source, target, mac)
        elif source == target:
            told = self._announce(packet, source, mac)
        else:
            told = self._question(packet, source, target)
        here = address_text(source) if any(source) else mac_text(mac)
        return here, address_text(target), told

    def ndp(self, packet: Packet, ip: Ip) -> Told:
        """A solicitation or advertisement."""
        at, data = ip.at, packet.data
        target = data[at + 8 : at + 24]
        if len(target) < 16:
            return ARP, PLAIN, "neighbour discovery, cut off", 0
        mac = b""
        if len(data) >= at + 32 and data[at + 24] in (1, 2) and data[at + 25] == 1:
            mac = data[at + 26 : at + 32]
        if data[at] == ADVERTISEMENT:
            return self._answer(packet, target, ip.destination, mac)
        return self._question(packet, ip.source, target)

    def _who(self, address: bytes) -> str:
        text = address_text(address)
        name = called(self._words.names, text)
        return text if name == text else f"{text} ({name})"

    def _question(self, packet: Packet, source: bytes, target: bytes) -> Told:
        tap, number, at_ns = packet.tap, packet.number, packet.at_ns
        who = self._who(target)
        if not any(source):
            # Duplicate address detection (RFC 5227, RFC 4862): silence is good news.
            return ARP, PLAIN, f"wants {who} for itself: does anybody have it?", 0
        key = tap, source, target
        known = self._asked.get(key)
        asks = f"who has {who}?"
        if known and not known.answered and at_ns - known.last_ns < _FORGET_NS:
            if at_ns - known.last_ns < _SAME_NS:
                return ARP, PLAIN, asks, known.heard[1]
            known.times += 1
            known.last_ns = at_ns
            self._waits.add(max(known.first_ns + _MISSED_NS, at_ns + 1), known)
            return ARP, NOTE, f"{asks} ({ordinal(known.times)} time)", known.heard[1]
        if known and known.answered and at_ns - known.last_ns < _SAME_NS:
            return ARP, PLAIN, asks, known.heard[1]
        heard = tap, number, address_text(source), address_text(target), who
        said_ns = known.said_ns if known else 0
        question = _Question(heard, at_ns)
        question.said_ns = said_ns
        self._asked.put(key, question)
        return ARP, PLAIN, asks, 0

    def _announce(self, packet: Packet, source: bytes, mac: bytes) -> Told:
        level, other = self._owner(packet, source, mac)
        text = f"{self._who(source)} is here, at {mac_text(mac)}{other}"
        return ARP, level, text, 0

    def _answer(self, packet: Packet, source: bytes, asker: bytes, mac: bytes) -> Told:
        level, other = self._owner(packet, source, mac)
        at = f" at {mac_text(mac)}" if mac else " there"
        about, passed = 0, ""
        question = self._asked.get((packet.tap, asker, source))
        if question is not None:
            about = question.heard[1]
            if not question.answered:
                question.answered = True
                passed = f" ({lapse(packet.at_ns - question.last_ns)})"
                question.last_ns = packet.at_ns
        return ARP, level, f"{self._who(source)} is{at}{passed}{other}", about

    def _owner(self, packet: Packet, address: bytes, mac: bytes) -> tuple[Level, str]:
        """Whether somebody else had the address a moment ago."""
        if not mac:
            return PLAIN, ""
        tap, at_ns = packet.tap, packet.at_ns
        known = self._owners.get((tap, address))
        self._owners.put((tap, address), (mac, at_ns))
        if known and known[0] != mac and at_ns - known[1] < _MOMENT_NS:
            return ODD, f"; a moment ago it was at {mac_text(known[0])}"
        return PLAIN, ""
