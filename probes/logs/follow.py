"""A container's log so far: its network errors, its last lines."""

from __future__ import annotations

from typing import Any

from netwiz.probes.engine import fields as js
from netwiz.probes.engine.read import get
from netwiz.probes.facts.logs import LogLine
from netwiz.probes.facts.various import LogErrors
from netwiz.probes.logs.frames import Demultiplexer, RawLine, log_line
from netwiz.probes.logs.neterrors import looks_like_network_error
from netwiz.probes.machine import Ground
from netwiz.probes.requests import ReadLogErrors

MAX_TAIL = 10_000
MAX_BODY = 64 << 20
"""Octets of a tail: lines have 16 KiB at most in the engine's files."""
MAX_KEPT = 200
"""Lines with an error that a finding carries, the newest ones."""


async def read_log_errors(ground: Ground, request: ReadLogErrors) -> LogErrors:
    """Lines with a network error among the last ones of a container's log.

    Raises:
        ProbeError: container or engine are gone, or the logging driver keeps no log
            that the engine could read.
    """
    key = js.identity(request.container_id)
    count = min(max(request.lines, 1), MAX_TAIL)

    def read(client: Any) -> tuple[LogLine, ...]:
        found = [log_line(key, raw) for raw in read_tail(client, key, count)]
        return tuple(x for x in found if looks_like_network_error(x.text))[-MAX_KEPT:]

    return LogErrors(
        command=f"docker logs --timestamps --tail {count} {key[:12]}",
        container_id=key,
        lines=await ground.engine.call(f"the log of container {key[:12]}", read),
    )


def read_tail(client: Any, key: str, count: int) -> list[RawLine]:
    """The last lines of both streams; for use inside a call of the gate."""
    body = get(
        client,
        f"/containers/{key}/logs",
        limit=MAX_BODY,
        stdout=1,
        stderr=1,
        timestamps=1,
        tail=count,
    )
    cut = Demultiplexer()
    return (cut.feed(body) + cut.rest())[-count:]


def last_lines(client: Any, key: str, count: int) -> tuple[str, ...]:
    """The last lines as text; empty when the engine has no log to read."""
    try:
        raw = read_tail(client, key, count)
    except Exception:  # noqa: BLE001 - a log that cannot be read is no reason to fail
        return ()
    return tuple(log_line(key, line).text for line in raw)
