"""By what a conversation is known: its first bytes, or the port it is with."""

from __future__ import annotations

from netwiz.probes.reading.dialogues import MySql, Postgres, Redis, Smtp
from netwiz.probes.reading.http import METHODS, PREFACE, begin_http
from netwiz.probes.reading.speech import Begin
from netwiz.probes.reading.tls import begin_tls

_HELLOS = [bytes((kind, 3, minor)) for kind in (21, 22) for minor in range(4)]

STARTS: dict[bytes, Begin] = {
    **{method[:3]: begin_http for method in (*METHODS, PREFACE, b"HTTP")},
    **dict.fromkeys(_HELLOS, begin_tls),
}
"""By its first three bytes, who may be able to read a conversation."""

PORTS: dict[int, Begin] = {
    25: lambda words, _side, _packet: Smtp(words),
    587: lambda words, _side, _packet: Smtp(words),
    3306: lambda words, _side, _packet: MySql(words),
    5432: lambda words, _side, _packet: Postgres(words),
    6379: lambda words, _side, _packet: Redis(words),
}
"""By the server's port, where first bytes do not tell."""
