"""The cheap look for network errors: which lines are worth the dear one. Pure.

Every phrase of `neterrors` holds one of these words, and few other lines do. A whole
piece of a log is searched at once: a container that writes fifty thousand harmless
lines in a second costs 3 us for each of them, and the dear look takes 20 to 70.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORDS = (
    # Names.
    *("enotfound", "eai_", "no such host", "misbehaving", "resolve", "nxdomain"),
    *("translate host name", "name or service", "nodename nor", "name resolution"),
    *("nameresolution", "unknownhost", "getaddrinfo fail", "no address associated"),
    *("unknown host", "unknown mysql", "bad address", "host not found"),
    "lookup address info",
    # TLS.
    *("certificate", "x509", "ssl_", "sslhandshake", "pkix", "tls: ", "err_tls"),
    *("handshake", "wrong version", "v1 alert", "v3 alert", "self_signed"),
    *("unable_to_", "cert_has", "ssl connection", "to https client", "ssl routines"),
    *("verify error", "alert unknown"),
    # Refused.
    *("refused", "errno", "error 1", "connect error", "t connect to", "connect call"),
    *("no connection could", "mysql server on"),
    # Reset.
    *("reset", "epipe", "broken pipe", "hang up", "empty reply", "recv failure"),
    *("closed the connection", "forcibly closed", "remotedisconnected"),
    *("remote end closed", "prematurely closed", "closed by server"),
    "terminated the",
    # Unreachable.
    *("unreach", "eaddrnotavail", "assign requested", "no route to", "noroutetohost"),
    # Timeout.
    *("timedout", "timed out", "timeout", "deadline exceeded", "did not properly"),
)
_OCTETS = tuple(word.encode() for word in _WORDS)
_ANY = re.compile("|".join(map(re.escape, _WORDS)))


def may_tell(text: str) -> bool:
    """Whether a line may hold a network error; False is certain."""
    return _ANY.search(text.lower()) is not None


def may_tell_of(lines: Sequence[bytes]) -> list[int]:
    """Which of many lines may hold one, by their place."""
    whole = b"\n".join(lines).lower()
    found = [word for word in _OCTETS if word in whole]
    if not found:
        return []
    cut = whole.split(b"\n")
    if len(cut) != len(lines):
        cut = [line.lower() for line in lines]
    return [at for at, line in enumerate(cut) if any(word in line for word in found)]
