"""What packets say, as signs: refusals, errors, questions without an answer. Pure.

The same packet is seen on several devices (and twice on a loopback): once is enough.
"""

from __future__ import annotations

import socket
import struct
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from netwiz.probes.facts.base import HOST, Place
from netwiz.probes.facts.signs import SeenBy, Sign, SignKind
from netwiz.probes.patrol.questions import Message, read_message
from netwiz.probes.patrol.tap import Packet
from netwiz.probes.witness.decode import (
    ARP,
    ICMP,
    RST,
    SYN,
    SYN_ACK,
    UDP,
    Frame,
    address_text,
    decode,
)
from netwiz.probes.witness.filter import ETH_IP

MOST_REMEMBERED = 2048
ASKED_AGE_S = 1.2
"""A question without an answer for so long is told of; most take milliseconds."""
ARP_AGE_S = 0.9
"""The kernel repeats an ARP question each second; a neighbour answers at once."""
DNS_PORT = 53
EMBEDDED = "127.0.0.11"

_WORDS4 = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    9: "network prohibited",
    10: "host prohibited",
    13: "administratively prohibited",
}
_WORDS6 = {
    0: "no route",
    1: "administratively prohibited",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address failed the policy",
    6: "route rejected",
}


@dataclass(slots=True)
class _Asked:
    """A question that waits: of a name server, or for a neighbour."""

    since: datetime
    client: str
    client_port: int
    server: str
    name: str
    times: int = 1
    told: bool = False


class Ears:
    """Listens for one tap: the host's, or one inside a namespace."""

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self._seen: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._asked: OrderedDict[tuple[object, ...], _Asked] = OrderedDict()

    def hear(self, packet: Packet, now: datetime) -> list[Sign]:
        """What a packet says, if it is said for the first time."""
        message = _dns(packet)
        frame = decode(packet.ethertype, packet.data)
        if frame is None:
            return []
        if message is not None:
            return self._of_message(packet, frame, message, now)
        if frame.kind == ARP:
            self._of_neighbour(frame, now)
            return []
        if frame.kind == ICMP:
            return self._of_error(packet, frame, now)
        if not self._first(frame.kind, frame.ends, frame.sequence, frame.acknowledged):
            return []
        if frame.kind == RST and frame.sequence == 0 and frame.acknowledged >= 0:
            client = address_text(frame.destination)
            text = f"{address_text(frame.source)} answered the handshake with RST"
            kind = SignKind.REFUSED
        elif frame.kind == SYN_ACK:
            kind, text = SignKind.WORKED, "the handshake was answered"
            client = address_text(frame.destination)
        else:
            return []
        return [
            Sign(
                kind,
                SeenBy.PACKETS,
                now,
                self._owner(packet),
                client,
                frame.destination_port,
                address_text(frame.source),
                frame.source_port,
                text=text,
            )
        ]

    def silence(self, now: datetime) -> list[Sign]:
        """What should have been answered by now and was not, each told once."""
        found: list[Sign] = []
        for key, asked in list(self._asked.items()):
            age = (now - asked.since).total_seconds()
            neighbour = key[0] == ARP
            if age > 10:
                del self._asked[key]
                continue
            late = age >= (ARP_AGE_S if neighbour else ASKED_AGE_S)
            if late and not asked.told and (asked.times > 1 or not neighbour):
                asked.told = True
                found.append(self._unanswered(asked, age, now, neighbour=neighbour))
        return found

    # Inside

    def _owner(self, packet: Packet) -> Place | None:
        """Whose connection it is that got this answer; None: by its address."""
        if self._place is None:
            return HOST if packet.device == "lo" else None
        return None if packet.outgoing and packet.device != "lo" else self._place

    def _first(self, *key: object) -> bool:
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _of_error(self, packet: Packet, frame: Frame, now: datetime) -> list[Sign]:
        about = frame.quoted
        if about is None or frame.icmp is None or about.kind not in (UDP, "TCP", SYN):
            return []
        if not self._first(ICMP, about.ends, about.sequence, about.ident, now.second):
            return []
        four = packet.ethertype == ETH_IP
        kind, code = frame.icmp
        expired = kind == (11 if four else 3)
        words = (_WORDS4 if four else _WORDS6).get(code, f"code {code}")
        words = "time exceeded" if expired else words
        refused = not expired and code == (3 if four else 4)
        sender = address_text(frame.source)
        asked = self._question_of(about)
        if asked is not None:
            return [
                Sign(
                    SignKind.NAME_FAILED,
                    SeenBy.PACKETS,
                    now,
                    self._owner(packet),
                    asked.client,
                    asked.client_port,
                    asked.name,
                    protocol="dns",
                    server=asked.server,
                    text=f"{sender} answered with ICMP {words}",
                )
            ]
        return [
            Sign(
                SignKind.REFUSED if refused else SignKind.UNREACHABLE,
                SeenBy.PACKETS,
                now,
                self._owner(packet),
                address_text(about.source),
                about.source_port,
                address_text(about.destination),
                about.destination_port,
                protocol="udp" if about.kind == UDP else "tcp",
                text=f"{sender} answered with ICMP {words}",
            )
        ]

    def _question_of(self, about: Frame) -> _Asked | None:
        """The question that an error is about, which now waits no longer."""
        ends = (UDP, address_text(about.source), about.source_port)
        if about.kind != UDP or about.destination_port != DNS_PORT:
            return None
        key = next((key for key in self._asked if key[:3] == ends), None)
        return self._asked.pop(key) if key is not None else None

    def _of_message(
        self, packet: Packet, frame: Frame, message: Message, now: datetime
    ) -> list[Sign]:
        source, target = address_text(frame.source), address_text(frame.destination)
        if not message.answer:
            key = (UDP, source, frame.source_port, message.number, message.name)
            known = self._asked.get(key)
            if known is None:
                self._ask(
                    key, _Asked(now, source, frame.source_port, target, message.name)
                )
            return []
        key = (UDP, target, frame.destination_port, message.number, message.name)
        if not self._first(*key, "answer", now.minute):
            return []
        self._asked.pop(key, None)
        failed = message.rcode not in (0, 3) or (
            message.rcode == 3 and "." not in message.name
        )
        if message.rcode == 3 and not failed:
            return []
        return [
            Sign(
                SignKind.NAME_FAILED if failed else SignKind.WORKED,
                SeenBy.PACKETS,
                now,
                self._owner(packet),
                target,
                frame.destination_port,
                message.name,
                protocol="dns",
                server=source,
                text=f"{source} answered {message.rcode_text}",
            )
        ]

    def _of_neighbour(self, frame: Frame, now: datetime) -> None:
        if frame.answer:
            self._asked.pop((ARP, frame.source), None)
            return
        key = (ARP, frame.destination)
        known = self._asked.get(key)
        if known is not None:
            # Seen on the way out and, on other devices, again.
            if (now - known.since).total_seconds() > 0.3 * known.times:
                known.times += 1
            return
        source, wanted = address_text(frame.source), address_text(frame.destination)
        self._ask(key, _Asked(now, source, 0, wanted, ""))

    def _ask(self, key: tuple[object, ...], asked: _Asked) -> None:
        self._asked[key] = asked
        if len(self._asked) > MOST_REMEMBERED:
            self._asked.popitem(last=False)

    def _unanswered(
        self, asked: _Asked, age: float, now: datetime, *, neighbour: bool
    ) -> Sign:
        if neighbour:
            return Sign(
                SignKind.UNREACHABLE,
                SeenBy.PACKETS,
                now,
                self._place,
                asked.client,
                0,
                asked.server,
                protocol="arp",
                text=f"nobody answers ARP for {asked.server}",
                age_s=age,
            )
        return Sign(
            SignKind.UNANSWERED,
            SeenBy.PACKETS,
            now,
            self._place,
            asked.client,
            asked.client_port,
            asked.name,
            protocol="dns",
            server=asked.server,
            text=f"{asked.server} does not answer",
            age_s=age,
        )


def _dns(packet: Packet) -> Message | None:
    """The message in an IPv4 or IPv6 datagram of a name server's port."""
    data = packet.data
    if packet.ethertype == ETH_IP:
        if len(data) < 28 or data[9] != socket.IPPROTO_UDP:
            return None
        at = (data[0] & 0x0F) * 4
        embedded = socket.inet_aton(EMBEDDED) in (data[12:16], data[16:20])
    elif len(data) >= 48 and data[6] == socket.IPPROTO_UDP:
        at, embedded = 40, False
    else:
        return None
    if len(data) < at + 8:
        return None
    ports = struct.unpack_from("!HH", data, at)
    if not embedded and DNS_PORT not in ports:
        return None
    return read_message(data[at + 8 :])
