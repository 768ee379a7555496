"""What happens at the engine, as it happens (Engine API, ``GET /events``)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from urllib.parse import quote

from netwiz.probes.engine import fields as js
from netwiz.probes.engine.stream import streaming
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure
from netwiz.probes.machine import Ground

QUEUE = 2000
"""Events that wait for a reader; with more, re-listing is cheaper than following."""
LINE_LIMIT = 1 << 20
"""Octets of one event; a longer one is passed over."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
MAX_ATTRIBUTES = 100

# Without exec_create, exec_start, exec_die and top: health checks of three hundred
# containers make thirty of those a second, and none of them changes a connection.
_WANTED = {
    "type": ["container", "network", "daemon"],
    "event": [
        *("create", "start", "kill", "die", "destroy", "oom", "pause", "unpause"),
        *("rename", "update", "health_status", "connect", "disconnect", "remove"),
        "reload",
    ],
}


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something happened to a container, a network or the daemon."""

    at: datetime
    kind: str
    """container, network, daemon."""
    action: str
    """start, die, connect ...; ``health_status: healthy`` with its detail."""
    id: str
    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def container_id(self) -> str:
        """The container it concerns, also of a network's connect; else empty."""
        if self.kind == "container":
            return self.id
        return js.identity(self.attributes.get("container"))


@dataclass(frozen=True, slots=True)
class Resync:
    """Events begin, or begin again: what came before is unknown, so take a snapshot."""

    at: datetime
    because: str


@dataclass(frozen=True, slots=True)
class EngineLost:
    """The engine broke off or cannot be reached; a `Resync` follows once it is back."""

    at: datetime
    because: str
    remedy: str = ""


Happening = EngineEvent | Resync | EngineLost


class EngineWatcher:
    """Follows the engine's events for as long as its block is entered.

    ``async with EngineWatcher(ground) as watcher:`` and then either ``async for
    happening in watcher`` or, to handle a burst as one, ``await watcher.batch()``.

    The first happening is a `Resync` (or an `EngineLost`), so that nothing between a
    snapshot and the first event goes unseen. When the daemon stops, one `EngineLost` is
    given and it is tried again after 0.2 s, then ever less often, every 5 s in the end.
    Everything runs on the event loop, without a thread; leaving the block ends it.
    """

    def __init__(
        self,
        ground: Ground,
        *,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._gate = streaming(ground.engine)
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._waiting: deque[Happening] = deque()
        self._ready = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start watching."""
        await self._group.__aenter__()
        self._task = self._group.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop at once."""
        if self._task is not None:
            self._task.cancel()
        # What the block raised leaves it as it is, not as a group.
        await self._group.__aexit__(None, None, None)

    async def batch(self) -> list[Happening]:
        """What happened since the last call; waits until there is something."""
        await self._ready.wait()
        self._ready.clear()
        found = list(self._waiting)
        self._waiting.clear()
        return found

    async def __aiter__(self) -> AsyncIterator[Happening]:
        """One by one, without end."""
        while True:
            for happening in await self.batch():
                yield happening

    async def _watch(self) -> None:
        pause, lost = self._first_pause_s, False
        while True:
            try:
                async with await self._gate.stream("the engine's events", _PATH) as s:
                    self._put(Resync(datetime.now(UTC), "the engine is there"))
                    pause, lost = self._first_pause_s, False
                    async with contextlib.aclosing(s.pieces()) as pieces:
                        await self._read(pieces)
                    error = ProbeError(Failure.ENGINE, "the engine ended its events")
            except ProbeError as problem:
                error = problem
            if not lost:
                self._put(EngineLost(datetime.now(UTC), error.what, error.remedy))
                lost = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._longest_pause_s)

    async def _read(self, pieces: AsyncIterator[bytes]) -> None:
        rest, skipping = b"", False
        async for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            if skipping and lines:
                del lines[0]
                skipping = False
            for line in lines:
                event = parse_event(line)
                if event is not None:
                    self._put(event)
            if len(rest) > LINE_LIMIT:
                rest, skipping = b"", True

    def _put(self, happening: Happening) -> None:
        if len(self._waiting) >= QUEUE:
            self._waiting.clear()
            happening = Resync(datetime.now(UTC), "more events than could be followed")
        self._waiting.append(happening)
        self._ready.set()


def parse_event(line: bytes) -> EngineEvent | None:
    """One line of the stream; None when it is no event with an id."""
    try:
        raw = js.mapping(json.loads(line))
    except (ValueError, RecursionError):
        return None
    actor = js.mapping(raw, "Actor")
    key = js.identity(actor.get("ID")) or js.identity(raw.get("id"))
    kind = js.text(raw.get("Type"), 40)
    action = js.text(raw.get("Action"), 80) or js.text(raw.get("status"), 80)
    if not (key and kind and action):
        return None
    attributes = {
        name: js.text(value)
        for name, value in js.pairs(actor.get("Attributes"), MAX_ATTRIBUTES)
    }
    return EngineEvent(
        at=_moment(raw.get("timeNano"), raw.get("time")),
        kind=kind,
        action=action,
        id=key,
        name=attributes.get("name", ""),
        attributes=attributes,
    )


def _moment(nanoseconds: object, seconds: object) -> datetime:
    whole = js.number(nanoseconds, 0, 2**62) / 1e9 or js.number(seconds, 0, 2**33)
    return datetime.fromtimestamp(whole, UTC) if whole else datetime.now(UTC)


_PATH = f"/events?filters={quote(json.dumps(_WANTED))}"
