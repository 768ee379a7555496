"""The first words, and the errors, of what services say in plain text.

Only what stands at the beginning of a segment is looked at: a reply that begins
elsewhere is data like any other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netwiz.probes.reading.dns import DNS, Dns
from netwiz.probes.reading.tls import begin_tls
from netwiz.probes.reading.words import (
    NOTE,
    ODD,
    PLAIN,
    PROBLEM,
    TCP,
    Told,
)
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.reading.flows import Side
    from netwiz.probes.reading.packet import Packet
    from netwiz.probes.reading.speech import Words

_TEXT = 120


class _Dialogue:
    """A service that speaks at ports of its own, or is known by its first words."""

    __slots__ = ("_words",)

    def __init__(self, words: Words) -> None:
        self._words = words

    def lost(self, side: Side) -> None:
        """Each segment is read on its own: nothing is lost with another."""

    def heard(self, side: Side, packet: Packet) -> Told:
        """Data in order."""
        head = packet.data[packet.start : packet.start + 512]
        if head[:2] == b"\x16\x03":
            speech = begin_tls(self._words, side, packet)
            if speech is not None:
                side.flow.speech = speech
                return speech.heard(side, packet)
        told = self.says(side, head) if head else None
        return told or (TCP, PLAIN, f"{packet.length} B", 0)

    def says(self, side: Side, head: bytes) -> Told | None:
        """What the beginning of a segment says; None: nothing worth a word."""
        raise NotImplementedError


class Redis(_Dialogue):
    """RESP: only errors are told of (redis.io, protocol specification)."""

    __slots__ = ()
    _MOVES = ("MOVED", "ASK")
    _GRAVE = (
        "NOAUTH",
        "WRONGPASS",
        "NOPERM",
        "LOADING",
        "READONLY",
        "MISCONF",
        "OOM",
        "CLUSTERDOWN",
        "MASTERDOWN",
        "DENIED",
    )

    def says(self, side: Side, head: bytes) -> Told | None:
        """An error is a line that begins with a minus sign."""
        del side
        found = re.match(rb"-([A-Z]{3,16})(?: [^\r\n]*)?\r?\n", head)
        if found is None:
            return None
        code = found[1].decode()
        text = f"Redis: {plain(found[0][1:].strip(), _TEXT)}"
        if code in self._MOVES:
            return TCP, NOTE, text, 0
        return TCP, PROBLEM if code in self._GRAVE else ODD, text, 0


class Postgres(_Dialogue):
    """PostgreSQL's messages (its manual, 55.7)."""

    __slots__ = ()
    _SSL, _GSS, _START, _CANCEL = 80877103, 80877104, 196608, 80877102

    def says(self, side: Side, head: bytes) -> Told | None:
        """How it begins, and errors."""
        del side
        code = int.from_bytes(head[4:8]) if len(head) >= 8 else 0
        if code == self._SSL and len(head) == 8:
            return TCP, NOTE, "Postgres: asks for TLS", 0
        if code == self._GSS and len(head) == 8:
            return TCP, NOTE, "Postgres: asks for encryption by GSSAPI", 0
        if code == self._CANCEL and len(head) == 16:
            return TCP, ODD, "Postgres: cancels a query", 0
        if code == self._START:
            return TCP, NOTE, _postgres_start(head), 0
        if len(head) == 1 and head in b"SN":
            takes = "takes TLS" if head == b"S" else "takes no TLS"
            return TCP, NOTE, f"Postgres: {takes}", 0
        if head[:1] == b"E" and head[5:6] in b"SV" and len(head) > 8:
            return _postgres_error(head)
        return None


def _postgres_start(head: bytes) -> str:
    parts = head[8:].split(b"\0")
    known = dict(zip(parts[::2], parts[1::2], strict=False))
    text = f"Postgres: logs in as {plain(known.get(b'user', b'?'), 60)}"
    base = known.get(b"database")
    return f"{text}, database {plain(base, 60)}" if base else text


def _postgres_error(head: bytes) -> Told | None:
    fields = {part[:1]: part[1:] for part in head[5:].split(b"\0") if part}
    severity = plain(fields.get(b"V", fields.get(b"S", b"")), 12)
    message, code = fields.get(b"M"), plain(fields.get(b"C", b""), 8)
    if not message or not severity.isupper():
        return None
    level = PROBLEM if severity in ("FATAL", "PANIC") else ODD
    return TCP, level, f"Postgres {severity}: {plain(message, _TEXT)} ({code})", 0


class MySql(_Dialogue):
    """MySQL's greeting and its error packets (its internals manual)."""

    __slots__ = ()
    _REFUSED = (1040, 1044, 1045, 1129, 1130, 1203, 1226)
    """Too many connections, access denied, host blocked or not allowed, limits."""

    def says(self, side: Side, head: bytes) -> Told | None:
        """Three bytes of length, a number, then what it is."""
        if len(head) < 8 or int.from_bytes(head[:3], "little") + 4 != len(head):
            return None
        if side.sent == len(head) and head[3:5] == b"\0\x0a":
            version = head[5:].split(b"\0", 1)[0]
            return TCP, NOTE, f"MySQL {plain(version, 40)} greets", 0
        if head[4] == 0xFF and side.peer.port != 3306:
            code = int.from_bytes(head[5:7], "little")
            said = head[7:]
            said = said[6:] if said[:1] == b"#" else said
            level = PROBLEM if code in self._REFUSED else ODD
            return TCP, level, f"MySQL error {code}: {plain(said, _TEXT)}", 0
        return None


class Smtp(_Dialogue):
    """Mail: greetings and refusals (RFC 5321)."""

    __slots__ = ()

    def says(self, side: Side, head: bytes) -> Told | None:
        """A reply is three digits and words."""
        found = re.match(rb"([245]\d\d)[ -]([^\r\n]{0,200})\r\n", head)
        if found is None or side.peer.port in (25, 465, 587):
            return None
        text = f"SMTP {found[1].decode()} {plain(found[2], _TEXT)}"
        if found[1][:1] == b"2":
            return TCP, NOTE if found[1] == b"220" else PLAIN, text, 0
        return TCP, PROBLEM if found[1][:1] == b"5" else ODD, text, 0


class DnsStream:
    """DNS over TCP: each message after its length (RFC 7766)."""

    __slots__ = ("_dns",)

    def __init__(self, dns: Dns) -> None:
        self._dns = dns

    def lost(self, side: Side) -> None:
        """Where messages begin is not known any more."""

    def heard(self, side: Side, packet: Packet) -> Told:
        """Data in order; messages that are split over segments are put together."""
        nothing: Told = (DNS, PLAIN, f"{packet.length} B", 0)
        data = packet.data[packet.start : packet.start + packet.length]
        if side.left < 0 or len(data) < packet.length:
            return nothing
        data = side.stash + data
        side.stash = b""
        told: Told | None = None
        while data:
            size = int.from_bytes(data[:2])
            if len(data) < 2 + size or len(data) < 2:
                side.stash = data
                break
            # The same readers as for a datagram, but from a buffer of its own.
            kept, packet.data = packet.data, data[2 : 2 + size]
            found = self._dns.read(packet, side.key, at=0)
            packet.data = kept
            told = told or found
            data = data[2 + size :]
        return told or nothing
