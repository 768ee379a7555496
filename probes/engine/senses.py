"""The engine's view of the machine, as snapshots that cost little when little changed.

A snapshot is a list of containers and networks plus one inspect per container. The
inspects are most of the cost (a millisecond each), so what was inspected before is kept
for as long as the list tells the same and the first process is the same one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from netwiz.probes.engine import fields as js
from netwiz.probes.engine.collect import Collected, Collector
from netwiz.probes.engine.gate import open_engine
from netwiz.probes.engine.host_facts import read_host
from netwiz.probes.engine.parse import with_gateways
from netwiz.probes.engine.read import get, get_json
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import HOST
from netwiz.probes.facts.engine import Snapshot, SnapshotTaken
from netwiz.probes.facts.various import Restarts
from netwiz.probes.logs.follow import last_lines
from netwiz.probes.machine import Ground
from netwiz.probes.requests import CountRestarts, TakeSnapshot

__all__ = ["count_restarts", "open_engine", "refresh", "take_snapshot"]

MOMENT_S = 1.0
"""For so long a snapshot answers a request that does not ask for a fresh one."""
WINDOW_S = 600
"""How far back deaths of a container are counted."""
COMMAND = "docker ps -a; docker network ls; ip -br address"


async def take_snapshot(ground: Ground, request: TakeSnapshot) -> SnapshotTaken:
    """Networks, containers and host now; becomes `ground.snapshot`.

    Without an engine the snapshot says what is missing and what to do, and has the host
    and the named namespaces all the same: that is no failure.
    """
    known = ground.snapshot
    if known is None or request.fresh or _age_s(known) > MOMENT_S:
        known = await _look(ground, frozenset(), whole=True)
    return SnapshotTaken(command=COMMAND, snapshot=known)


async def refresh(ground: Ground, ids: Iterable[str] = ()) -> Snapshot:
    """A new snapshot after events: what changed is inspected, and `ids` in any case.

    Facts of the engine itself are taken over; ask `take_snapshot` for them after it was
    gone. Never raises ProbeError.
    """
    return await _look(ground, frozenset(ids), whole=False)


async def count_restarts(ground: Ground, request: CountRestarts) -> Restarts:
    """How often the engine restarted a container, and how its last runs ended.

    Raises:
        ProbeError: the engine or the container is gone.
    """
    key = js.identity(request.container_id)
    now = time.time()
    # With the fraction: a death of this very second counts.
    since, until = f"{now - WINDOW_S:.6f}", f"{now:.6f}"

    def ask(client: Any) -> Restarts:
        inspected = js.mapping(get_json(client, f"/containers/{key}/json"))
        state = js.mapping(inspected, "State")
        filters = {"type": ["container"], "container": [key], "event": ["die"]}
        body = get(client, "/events", since=since, until=until, filters=filters)
        exits = [_exit_code(line) for line in body.splitlines()[-10_000:]]
        return Restarts(
            command=(
                f"docker inspect -f '{{{{.RestartCount}}}}' {key[:12]}; "
                f"docker logs --tail 10 {key[:12]}"
            ),
            container_id=key,
            count=js.number(inspected.get("RestartCount")),
            deaths=len(exits),
            window_s=float(WINDOW_S),
            # While it runs, its state says 0, whatever the last run ended with.
            last_exit=exits[-1] if exits else js.number(state.get("ExitCode")),
            last_lines=last_lines(client, key, 10),
        )

    runs: Restarts = await ground.engine.call(f"the runs of {key[:12]}", ask)
    return runs


async def _look(ground: Ground, ids: frozenset[str], *, whole: bool) -> Snapshot:
    started = datetime.now(UTC)
    host = await ground.namespaces.call(HOST, read_host)
    known = ground.snapshot
    engine = known.engine if known and not whole else None
    collector = Collector.of(ground.engine)
    try:
        found: Collected = await ground.engine.call(
            "the engine's containers",
            lambda client: collector.collect(client, ids, engine),
        )
    except ProbeError as error:
        missing = f"{error.what}: {error.remedy}" if error.remedy else error.what
        taken = Snapshot(taken_at=started, host=host, missing=missing)
    else:
        taken = Snapshot(
            taken_at=started,
            host=host,
            engine=found.engine,
            containers=found.containers,
            networks=with_gateways(found.networks, host, found.containers),
        )
    newest = ground.snapshot
    if newest is None or newest.taken_at <= started:
        ground.snapshot = taken
    return taken


def _exit_code(line: bytes) -> int:
    """``exitCode`` of a ``die`` event; 0 when it cannot be read."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return 0
    return js.number(js.mapping(event, "Actor", "Attributes").get("exitCode"))


def _age_s(snapshot: Snapshot) -> float:
    return abs((datetime.now(UTC) - snapshot.taken_at).total_seconds())
