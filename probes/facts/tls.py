"""What a TLS server shows: the talk, its certificates, and who trusts them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from netwiz.probes.facts.base import Finding, Place

DAY_S = 86400.0
ALERTS = {
    0: "close notify",
    10: "unexpected message",
    20: "bad record mac",
    22: "record overflow",
    40: "handshake failure",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "certificate revoked",
    45: "certificate expired",
    46: "certificate unknown",
    47: "illegal parameter",
    48: "unknown ca",
    49: "access denied",
    50: "decode error",
    51: "decrypt error",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    86: "inappropriate fallback",
    90: "user canceled",
    109: "missing extension",
    110: "unsupported extension",
    112: "unrecognized name",
    113: "bad certificate status response",
    115: "unknown psk identity",
    116: "certificate required",
    120: "no application protocol",
}
"""Alert descriptions (RFC 8446, 6; RFC 6066; RFC 7301)."""


class Trust(StrEnum):
    """By whose certificates a server is judged."""

    CLIENT = "client"
    """Those in the root file system of the place that asks."""
    HOST = "host"
    """Those of the machine that netwiz runs on."""
    ANYONE = "anyone"
    """Nobody's: every certificate is taken, so that the talk goes on."""


class TlsOutcome(StrEnum):
    """How far a TLS handshake came."""

    OK = "handshake done"
    UNVERIFIED = "certificate not accepted"
    ALERT = "alert"
    PLAIN = "not TLS"
    EOF = "closed"
    RESET = "reset"
    SILENT = "silence"
    BROKEN = "handshake broke off"
    """Our own library gave up: no version or cipher in common, broken records."""
    UNCONNECTED = "not connected"
    """TCP did not come about; see `errno_name`."""


def days(seconds: float) -> str:
    """``1 day``, ``12 days``; less than a day in hours."""
    seconds += 1800  # to the nearest hour
    if seconds < DAY_S:
        hours = int(seconds // 3600)
        return f"{hours} hour{'s' * (hours != 1)}"
    whole = int(seconds // DAY_S)
    return f"{whole} day{'s' * (whole != 1)}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it was sent. Texts are made harmless; times are UTC."""

    subject: str = ""
    """``CN=pay.example, O=Lab``."""
    issuer: str = ""
    name: str = ""
    """What people call it: the common name, else the first name it is for."""
    issued_by: str = ""
    """The issuer's common name, else its organisation, else all of it."""
    names: tuple[str, ...] = ()
    """Host names it is for (subjectAltName dNSName)."""
    addresses: tuple[str, ...] = ()
    """IP addresses it is for (subjectAltName iPAddress)."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    self_signed: bool = False
    """Issuer and subject are the same name."""
    authority: bool = False
    """Basic constraints say CA."""
    key: str = ""
    """``RSA 2048``, ``EC P-256``."""
    signature: str = ""
    """``sha256WithRSAEncryption``."""
    serial: str = ""
    """Hexadecimal."""
    fetch_issuer: str = ""
    """Where it says that its issuer's certificate can be had (AIA caIssuers)."""
    fingerprint: str = ""
    """SHA-256 of the whole, hexadecimal."""
    size: int = 0
    """Bytes."""
    malformed: str = ""
    """Why it could not be read; the other fields are then empty or in part."""

    @property
    def whom(self) -> str:
        """The names and addresses it is for, at most six."""
        every = (*self.names, *self.addresses)
        more = f" and {len(every) - 6} more" if len(every) > 6 else ""
        return ", ".join(every[:6]) + more

    def left_s(self, now: datetime) -> float | None:
        """Seconds until it ends; negative when it is over, None when unknown."""
        return None if self.not_after is None else _s(self.not_after - now)

    def early_s(self, now: datetime) -> float:
        """Seconds until it begins; 0 when it has begun."""
        return max(0.0, _s(self.not_before - now)) if self.not_before else 0.0

    def valid_at(self, when: datetime) -> bool:
        """Whether its dates include that moment."""
        left = self.left_s(when)
        return not self.early_s(when) and left is not None and left >= 0

    def dates(self, now: datetime) -> str:
        """``valid until 2026-11-20, expired 1 day ago``."""
        left, early = self.left_s(now), self.early_s(now)
        if left is None or self.not_after is None:
            return "without readable dates"
        until = f"valid until {self.not_after:%Y-%m-%d}"
        if early and self.not_before is not None:
            return f"valid from {self.not_before:%Y-%m-%d}, in {days(early)}"
        if left < 0:
            return f"{until}, expired {days(-left)} ago"
        return f"{until}, {days(left)} left"

    def text(self, now: datetime) -> str:
        """As a person reads it."""
        if self.malformed:
            return f"a certificate of {self.size} bytes: {self.malformed}"
        by = "self-signed" if self.self_signed else f"issued by {self.issued_by}"
        label = f"CN={self.name}" if f"CN={self.name}" in self.subject else self.name
        return f"{label or self.subject or 'a nameless one'}, {by}, {self.dates(now)}"


def _s(delta: timedelta) -> float:
    return delta.total_seconds()


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A file or folder with certificates that are trusted."""

    path: str
    """As the place sees it."""
    why: str
    """``system``, or the variable that names it."""
    count: int = 0
    """Certificates in it that could be read."""
    missing: bool = False


@dataclass(frozen=True, slots=True)
class TrustStore:
    """Whose signatures a place takes, as far as files tell."""

    files: tuple[TrustFile, ...] = ()
    """Those that are there, and those that a variable names in vain."""
    count: int = 0
    """Different certificates, all files together."""
    own_roots: str = ""
    """The program that runs there and brings its own (node, java), if one does."""

    @property
    def text(self) -> str:
        """``/etc/ssl/certs/ca-certificates.crt (144 certificates)``."""
        there = [f"{f.path} ({f.count} certificates)" for f in self.files if f.count]
        return ", ".join(there).replace("(1 certificates)", "(1 certificate)")

    @property
    def in_vain(self) -> tuple[TrustFile, ...]:
        """What a variable names, and is not there."""
        return tuple(f for f in self.files if f.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTalk(Finding):
    """One TLS handshake, and the first answer of an HTTP server behind it."""

    place: Place
    address: str
    port: int
    server_name: str
    """Sent as SNI, and looked for in the certificate; an address is not sent."""
    trust: Trust
    outcome: TlsOutcome
    errno_name: str = ""
    alert: int = -1
    """Sent by the peer; -1 without one."""
    verify_code: int = 0
    """OpenSSL's X509_V_ERR number; 0 when nothing was found wrong or looked for."""
    reason: str = ""
    """OpenSSL's words."""
    first_bytes: bytes = b""
    """Of the server's answer to our hello, at most 64."""
    received: int = 0
    """Bytes, all together."""
    version: str = ""
    cipher: str = ""
    alpn: str = ""
    certificates: tuple[Certificate, ...] = ()
    """As sent, the server's own first."""
    asks_certificate: bool = False
    """The server asked for a client certificate."""
    takes_issuers: tuple[str, ...] = ()
    """The authorities whose client certificates it says it takes."""
    handshake_done: bool = False
    cut: bool = False
    """The peer hung up after the handshake, without a word."""
    tcp_ms: float = 0.0
    hello_ms: float = 0.0
    """From our hello to the first byte of the answer."""
    handshake_ms: float = 0.0
    """From our hello to the end of the handshake, however it ended."""
    http_status: int = 0
    """Of the answer to ``HEAD /``; 0 when none came or it was no HTTP."""
    http_server: str = ""
    """``Server`` header."""
    http_date: datetime | None = None
    """The peer's clock, when its answer told it."""
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """Our clock, when the answer came."""
    kin: tuple[str, ...] = ()
    """Authorities that the place trusts, of the organisation that issued the topmost
    certificate sent; looked for only where that one's issuer is not known."""
    store: TrustStore = TrustStore()
    """What the certificate was judged by."""

    @property
    def leaf(self) -> Certificate | None:
        """The server's own certificate."""
        return next(iter(self.certificates), None)

    @property
    def alert_text(self) -> str:
        """``handshake failure (alert 40)``."""
        if self.alert < 0:
            return ""
        return f"{ALERTS.get(self.alert, 'unknown')} (alert {self.alert})"

    @property
    def peer_ahead_s(self) -> float | None:
        """By how much the peer's clock is before ours, in seconds (to one second)."""
        return None if self.http_date is None else _s(self.http_date - self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyAnswer(Finding):
    """What a proxy said to a request for a target."""

    proxy: str
    status: int = 0
    first_line: str = ""
    problem: str = ""
    """Why there is no answer; empty when there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerFetched(Finding):
    """A certificate had from where another one said its issuer's can be had."""

    url: str
    certificate: Certificate | None = None
    """None: nothing usable came."""
    completes: bool = False
    """With it the chain leads to one that the asking place trusts."""
    why_not: str = ""
