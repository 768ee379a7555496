"""TLS in words: hellos, alerts, and what is not TLS though it should be.

RFC 8446 and 5246. What is encrypted stays unknown, with one exception: in TLS 1.3 the
first encrypted record after the hello is a handshake message, of 23 bytes at least with
its type and its tag. One of 19 (two of alert, one of type, sixteen of tag) can only be
an alert: this side turns the handshake down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwiz.probes.facts.packets import Level, PacketKind
from netwiz.probes.facts.tls import ALERTS
from netwiz.probes.reading.flows import OPEN
from netwiz.probes.reading.tls_hello import (
    ClientHello,
    ServerHello,
    client_hello,
    server_hello,
)
from netwiz.probes.reading.waits import Absence
from netwiz.probes.reading.words import (
    NOTE,
    ODD,
    PLAIN,
    PROBLEM,
    Told,
    lapse,
)

if TYPE_CHECKING:
    from netwiz.probes.reading.flows import Side
    from netwiz.probes.reading.packet import Packet
    from netwiz.probes.reading.speech import Words

TLS = PacketKind.TLS
CHANGE, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
CONTENTS = {
    CHANGE: "change of cipher",
    ALERT: "alert",
    HANDSHAKE: "handshake",
    DATA: "application data",
}
_MOST_RECORD = 16_384 + 2048
_MOST_STASH = 20_000
"""Bytes of an unfinished hello that are kept: a record and a little."""
_ENCRYPTED_ALERT = 19
_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE_REQUEST = 1, 2, 13
_CLOSE, _CANCELLED = 0, 90
_SOON_NS = 2_000_000_000
_SILENT_NS = 3_000_000_000
_ABOUT_CERTIFICATE = {
    42: "bad certificate",
    43: "unsupported kind",
    44: "revoked",
    45: "it has expired",
    46: "not acceptable",
    48: "unknown CA, not trusted",
}
_WORDS = {
    70: "takes no TLS version that was offered",
    112: "serves nothing under that name",
    116: "wants a client certificate, got none",
    120: "no application protocol in common (ALPN)",
}


def begin_tls(words: Words, side: Side, packet: Packet) -> Tls | None:
    """A reader, if a record begins here that makes sense."""
    data, start = packet.data, packet.start
    if len(data) < start + 6 or not is_record(data, start):
        return None
    if data[start] == HANDSHAKE and data[start + 5] not in (
        _CLIENT_HELLO,
        _SERVER_HELLO,
    ):
        return None
    if data[start] == ALERT and data[start + 3 : start + 5] != b"\x00\x02":
        return None
    side.left = 0
    return Tls(words)


def is_record(data: bytes, at: int) -> bool:
    """Whether what begins here may be a record; there must be five bytes."""
    return (
        CHANGE <= data[at] <= DATA
        and data[at + 1] == 3
        and data[at + 2] <= 4
        and int.from_bytes(data[at + 3 : at + 5]) <= _MOST_RECORD
    )


class Silent:
    """A hello to which the server has said nothing so far."""

    __slots__ = ("_at_ns", "_number", "_side")

    def __init__(self, side: Side, number: int, at_ns: int) -> None:
        self._side = side
        self._number = number
        self._at_ns = at_ns

    def due(self, now_ns: int) -> tuple[Absence | None, int]:
        """See `netwiz.probes.reading.waits.Waited`."""
        side, peer = self._side, self._side.peer
        if peer.sent or peer.fin or side.flow.state != OPEN or peer.next < 0:
            return None, 0
        text = f"no answer to the TLS hello for {lapse(now_ns - self._at_ns)}"
        ends = side.source, side.destination
        said = Absence(side.flow.tap, *ends, text, self._number, "TLS hellos", ODD)
        return said, 0


class Tls:
    """Reads one connection."""

    __slots__ = (
        "_asked",
        "_client",
        "_done_ns",
        "_early",
        "_encrypts",
        "_first",
        "_newest",
        "_settled",
        "_spoke",
        "_words",
    )

    def __init__(self, words: Words) -> None:
        self._words = words
        self._client: Side | None = None
        self._asked: tuple[int, int] = (0, 0)
        """Number and time of the client's hello; (0, 0): answered, or not seen."""
        self._newest = False
        """The server chose TLS 1.3."""
        self._early = False
        """The client sends data before the server has answered (0-RTT)."""
        self._spoke = False
        """Some data of the application was sent."""
        self._encrypts: set[int] = set()
        """Bases of the sides that have changed to encryption (TLS 1.2)."""
        self._done_ns = 0
        """When the client was done with its handshake (TLS 1.3); 0: not, or unknown."""
        self._settled = False
        """The server has said something after that, or need not any more."""
        self._first: set[int] = set()
        """Bases of the sides whose first encrypted record has been seen (TLS 1.3)."""

    def lost(self, side: Side) -> None:
        """Where records begin is unknown now; so is what was said."""
        self._first.add(side.base)
        self._encrypts.add(side.base)
        self._settled = True

    def heard(self, side: Side, packet: Packet) -> Told:
        """Data in order."""
        left, length = side.left, packet.length
        if left >= length:
            side.left = left - length
            return TLS, PLAIN, f"{length} B", 0
        if left < 0 and not self._begins_again(side, packet):
            return TLS, PLAIN, f"{length} B", 0
        data = packet.data
        stash, side.stash = side.stash, b""
        start = packet.start
        if stash:
            data = stash + data[start:]
            total, at = len(stash) + length, 0
        else:
            total, at = start + length, start + side.left
        return self._records(side, packet, data, at, total)

    @staticmethod
    def _begins_again(side: Side, packet: Packet) -> bool:
        """Whether a record seems to begin with this segment, after something lost."""
        data, start = packet.data, packet.start
        if len(data) < start + 5 or not is_record(data, start):
            return False
        side.left = 0
        return True

    def _records(
        self, side: Side, packet: Packet, data: bytes, at: int, total: int
    ) -> Told:
        """Walk over the records from `at` on; all of them would end at `total`."""
        best: Told = (TLS, PLAIN, f"{packet.length} B", 0)
        side.left = 0
        while at < total:
            whole = len(data) >= total
            if at + 5 > len(data):
                side.left = 0 if whole else -1
                side.stash = data[at:] if whole else b""
                break
            if not is_record(data, at):
                side.left = -1
                return self._astray(packet, data, at, best)
            kind, size = data[at], int.from_bytes(data[at + 3 : at + 5])
            end = at + 5 + size
            parted = end > total and kind == HANDSHAKE and self._awaits_hello(side)
            if parted and whole and total - at < _MOST_STASH:
                side.stash = data[at:total]
                if best[1] == PLAIN:
                    best = (TLS, PLAIN, f"{packet.length} B of a hello", 0)
                break
            told = self._record(side, packet, kind, data[at + 5 : end], size)
            if told[1] > best[1] or (told[2] and best[1] == PLAIN == told[1]):
                best = told
            at = end
        else:
            side.left = at - total
        return best

    def _awaits_hello(self, side: Side) -> bool:
        if self._client is None:
            return True
        return bool(self._asked[0]) and side is not self._client

    def _record(
        self, side: Side, packet: Packet, kind: int, body: bytes, size: int
    ) -> Told:
        if kind == HANDSHAKE and side.base not in self._encrypts:
            return self._handshake(side, packet, body)
        if kind == ALERT:
            return self._alert(side, body, size)
        if kind == CHANGE and not self._newest:
            self._encrypts.add(side.base)
        if kind == DATA:
            self._spoke = True
        if kind == DATA and self._newest:
            return self._sealed(side, packet, size)
        return TLS, PLAIN, "", 0

    def _sealed(self, side: Side, packet: Packet, size: int) -> Told:
        """An encrypted record of TLS 1.3: what its size and its place tell."""
        nothing: Told = (TLS, PLAIN, "", 0)
        first = side.base not in self._first
        self._first.add(side.base)
        if first and size == _ENCRYPTED_ALERT and not self._early:
            side.flow.over = True
            text = f"{self._who(side)} turns the handshake down (an encrypted alert)"
            return TLS, PROBLEM, text, 0
        if side is self._client:
            self._done_ns = packet.at_ns if first else self._done_ns
            self._settled = self._settled or size == _ENCRYPTED_ALERT
        elif self._done_ns and not self._settled:
            # The first that the server says after a handshake of TLS 1.3 is where it
            # turns down a client's certificate (RFC 8446, 4.4.2.4).
            self._settled = True
            soon = packet.at_ns - self._done_ns < _SOON_NS
            if size == _ENCRYPTED_ALERT and soon:
                side.flow.over = True
                return TLS, ODD, "an alert, by its size: turns the client down?", 0
        return nothing

    def _who(self, side: Side) -> str:
        client = self._client or side.flow.client
        if client is None:
            return "this side"
        return "the client" if side is client else "the server"

    def _handshake(self, side: Side, packet: Packet, body: bytes) -> Told:
        if not body:
            return TLS, PLAIN, "", 0
        if body[0] == _CLIENT_HELLO:
            hello = client_hello(body)
            self._client = side
            self._asked = packet.number, packet.at_ns
            self._early = hello.early
            silent = Silent(side, packet.number, packet.at_ns)
            self._words.waits.add(packet.at_ns + _SILENT_NS, silent)
            return TLS, NOTE, _asks(hello), 0
        if body[0] == _SERVER_HELLO:
            return self._answered(side, packet, server_hello(body))
        if body[0] == _CERTIFICATE_REQUEST:
            return TLS, NOTE, "asks for a client certificate", 0
        return TLS, PLAIN, "", 0

    def _answered(self, side: Side, packet: Packet, hello: ServerHello) -> Told:
        number, at_ns = self._asked
        if self._client is None:
            self._client = side.peer
        passed = f" ({lapse(packet.at_ns - at_ns)})" if number else ""
        if hello.retry:
            return TLS, NOTE, f"asks for another hello: other keys{passed}", number
        self._asked = 0, 0
        self._newest = hello.version == "TLS 1.3"
        chosen = ", ".join(filter(None, (hello.version, hello.cipher, hello.alpn)))
        return TLS, NOTE, f"takes {chosen}{passed}", number

    def _alert(self, side: Side, body: bytes, size: int) -> Told:
        if size != 2 or len(body) != 2 or side.base in self._encrypts:
            # Closing is one, too; before any data it rarely means that.
            return TLS, PLAIN if self._spoke else NOTE, "an encrypted alert", 0
        severity, code = body
        who = self._who(side)
        if code == _CLOSE:
            return TLS, PLAIN, "closes TLS", 0
        side.flow.over = True
        level: Level = PROBLEM
        if code == _CANCELLED or (severity == 1 and not self._newest):
            level = ODD
        if reason := _ABOUT_CERTIFICATE.get(code):
            return TLS, level, f"alert: {who} refuses the certificate: {reason}", 0
        words = _WORDS.get(code) or ALERTS.get(code, f"number {code}")
        return TLS, level, f"alert from {who}: {words}", 0

    def _astray(self, packet: Packet, data: bytes, at: int, best: Told) -> Told:
        """No record where one should begin."""
        number, _ = self._asked
        if not number or best[1] != PLAIN or at != packet.start:
            return best
        self._asked = 0, 0
        what = "with something else"
        if data[at : at + 5] == b"HTTP/":
            status = data[at + 9 : at + 12]
            said = f" ({status.decode()})" if status.isdigit() else ""
            what = f"in plain HTTP{said}"
        return TLS, PROBLEM, f"answers the TLS hello {what}: no TLS here", number


def _asks(hello: ClientHello) -> str:
    """``TLS hello for shop.lan (TLS 1.2-1.3; h2, http/1.1)``."""
    whom = f"for {hello.name}" if hello.name else "without a name"
    offers = "; ".join(filter(None, (hello.versions, ", ".join(hello.alpn))))
    return f"TLS hello {whom} ({offers})" if offers else f"TLS hello {whom}"
