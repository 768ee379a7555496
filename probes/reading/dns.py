"""DNS in words: questions, answers, and answers that do not come (RFC 1035)."""

from __future__ import annotations

import struct

from netwiz.probes.facts.packets import Level, PacketKind
from netwiz.probes.reading.dns_message import Message, answers, type_name
from netwiz.probes.reading.flows import Table
from netwiz.probes.reading.packet import Packet
from netwiz.probes.reading.speech import Words
from netwiz.probes.reading.waits import Absence, Waits
from netwiz.probes.reading.words import (
    NOTE,
    ODD,
    PLAIN,
    PROBLEM,
    Told,
    called,
    ends_of,
    lapse,
    ordinal,
)

DNS = PacketKind.DNS
PORT, MULTICAST_PORT, LLMNR_PORT = 53, 5353, 5355
EMBEDDED = b"\x7f\x00\x00\x0b"
"""Docker's own server, 127.0.0.11: asked at a port that is not 53, by NAT."""
_COPY_NS = 100_000_000
_MISSED_NS = 2_000_000_000
_MOST_QUESTIONS = 8192
_MOST_SHOWN = 3

_RCODES = {
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    9: "NOTAUTH",
}


class Question:
    """A question that waits for its answer."""

    __slots__ = (
        "answered",
        "asked",
        "at_ns",
        "dead",
        "destination",
        "last_ns",
        "names",
        "number",
        "said",
        "source",
        "tap",
        "times",
    )

    def __init__(self, packet: Packet, key: bytes, asked: str) -> None:
        self.number = packet.number
        self.at_ns = self.last_ns = packet.at_ns
        self.tap = packet.tap
        self.source, self.destination = ends_of(key)
        self.asked = asked
        self.times = 1
        self.answered = 0
        """When it was answered."""
        self.dead = False
        """Not to be missed any more: a gap, or an ICMP message that answered it."""
        self.said = False

    def due(self, now_ns: int) -> tuple[Absence | None, int]:
        """See `netwiz.probes.reading.waits.Waited`."""
        if self.answered or self.dead or self.said:
            return None, 0
        self.said = True
        text = f"no answer after {lapse(now_ns - self.at_ns)} to: {self.asked}"
        if self.times > 1:
            text = f"{text} (asked {self.times} times)"
        said = Absence(
            self.tap, self.source, self.destination, text, self.number, "DNS questions"
        )
        return said, 0


_Asked = tuple[int, bytes, int, int, str]
"""Tap; addresses and port of who asks; id; type; name. Not the server's port: what is
asked of Docker's embedded server leaves for one port and is answered from another."""


class Dns:
    """Reads DNS of all taps, and knows what was asked."""

    def __init__(self, words: Words, waits: Waits) -> None:
        self._words = words
        self._waits = waits
        self._asked: Table[_Asked, Question] = Table(_MOST_QUESTIONS)
        self._last: Table[tuple[int, bytes], Question] = Table(_MOST_QUESTIONS)
        """The last question of each end that asks."""
        self._began_ns = 0
        """When the capture began, or went on after a gap."""

    def gap(self) -> None:
        """Packets were missed: answers may be among them."""
        for table in self._asked.tables():
            for question in table.values():
                question.dead = True
        self._began_ns = 0

    def read(
        self, packet: Packet, key: bytes, *, at: int, waits: bool = True
    ) -> Told | None:
        """A message that begins at `at`; None when it is none.

        `key` has both addresses and both ports as they are in the packet. `waits` is
        whether an answer must come: not to what is asked of everybody (mDNS).
        """
        data = packet.data
        try:
            message = Message(data, at)
        except (ValueError, IndexError, struct.error):
            return None
        opcode = message.flags >> 11 & 0x0F
        if message.questions > 16 or opcode > 6:
            return None
        if opcode:
            return DNS, NOTE, f"DNS operation {opcode}: {message.asked}", 0
        self._began_ns = self._began_ns or packet.at_ns
        if message.is_answer:
            return self._answer(packet, key, message, at=at, waits=waits)
        if not message.questions:
            return DNS, ODD, "asks for nothing", 0
        return self._question(packet, key, message, waits=waits)

    def _question(
        self, packet: Packet, key: bytes, message: Message, *, waits: bool
    ) -> Told:
        tap, at_ns = packet.tap, packet.at_ns
        text = f"asks for {message.asked}"
        if not waits:
            return DNS, PLAIN, f"{text} (of all around)", 0
        half = 4 if len(key) == 12 else 16
        known_as = (tap, key[: 2 * half + 2], message.ident, message.kind, message.name)
        known = self._asked.get(known_as)
        if known is not None and not known.answered:
            if at_ns - known.last_ns < _COPY_NS:
                return DNS, PLAIN, f"{text} (the same packet again)", known.number
            known.times += 1
            known.last_ns = at_ns
            passed = lapse(at_ns - known.at_ns)
            again = f"{ordinal(known.times)} time, {passed} without an answer"
            return DNS, ODD, f"{text} again ({again})", known.number
        if known is not None and at_ns - known.answered < _COPY_NS:
            return DNS, PLAIN, f"{text} (the same packet again)", known.number
        question = Question(packet, key, message.asked)
        self._asked.put(known_as, question)
        self._last.put(known_as[:2], question)
        self._waits.add(at_ns + _MISSED_NS, question)
        return DNS, NOTE, text, 0

    def _answer(
        self, packet: Packet, key: bytes, message: Message, *, at: int, waits: bool
    ) -> Told:
        tap, at_ns = packet.tap, packet.at_ns
        level, text = self._said(packet.data, message, at)
        if not waits:
            return DNS, PLAIN, text, 0
        half = 4 if len(key) == 12 else 16
        client = key[half : 2 * half] + key[:half] + key[-2:]
        known_as = (tap, client, message.ident, message.kind, message.name)
        known = self._asked.get(known_as)
        if known is None:
            if self._began_ns + 5_000_000_000 < at_ns and message.questions:
                return DNS, max(level, ODD), f"{text}; nobody was seen to ask", 0
            return DNS, level, text, 0
        passed = lapse(at_ns - known.at_ns)
        if known.answered:
            if at_ns - known.answered < _COPY_NS:
                return DNS, PLAIN, f"{text} (again)", known.number
            return DNS, PLAIN, f"{text} (again, after {passed})", known.number
        known.answered = at_ns
        if known.said or at_ns - known.at_ns > _MISSED_NS:
            return DNS, max(level, ODD), f"{text} (late: after {passed})", known.number
        return DNS, level, f"{text} ({passed})", known.number

    def _said(self, data: bytes, message: Message, at: int) -> tuple[Level, str]:
        """What an answer says."""
        rcode = message.flags & 0x0F
        asked = message.asked
        if rcode == 3:
            return (
                ODD,
                f"{message.name} does not exist: NXDOMAIN to {type_name(message.kind)}",
            )
        if rcode:
            name = _RCODES.get(rcode, f"RCODE {rcode}")
            level = ODD if rcode in (1, 4) else PROBLEM
            return level, f"{name}: no answer to {asked} from this server"
        if message.truncated:
            return NOTE, f"answer to {asked} does not fit: to be asked by TCP"
        if not message.questions:
            return PLAIN, f"{message.count} records"
        found, alias = answers(data, message, at)
        if not found:
            if alias:
                return (
                    NOTE,
                    f"{message.name} is {alias}, which has no {asked.split()[0]}",
                )
            return NOTE, f"{message.name} has no {type_name(message.kind)}"
        shown = [self._named(value, message.kind) for value in found[:_MOST_SHOWN]]
        more = f" and {len(found) - _MOST_SHOWN} more" if found[_MOST_SHOWN:] else ""
        by = f" by {alias}" if alias else ""
        return NOTE, f"{message.name} is {', '.join(shown)}{more}{by}"

    def _named(self, value: str, kind: int) -> str:
        if kind not in (1, 28):
            return value
        name = called(self._words.names, value)
        return value if name == value else f"{value} ({name})"

    def refused(self, tap: int, key: bytes) -> int:
        """The packet with that key met an ICMP error: its number, 0 if unknown."""
        half = 4 if len(key) == 12 else 16
        question = self._last.get((tap, key[: 2 * half + 2]))
        if question is None or question.answered:
            return 0
        question.dead = True
        return question.number
