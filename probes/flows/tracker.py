"""Follows flows from look to look: rates, history, what went, what a capture saw.

A socket is known by its cookie, so ports that are used again begin a new flow, and a
counter never goes backwards. All of it runs in the thread that sweeps.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterable

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.flows import Flow, FlowTable
from netwiz.probes.facts.sockets import Process
from netwiz.probes.flows import telling
from netwiz.probes.flows.captured import CapturedPairs
from netwiz.probes.flows.entry import SAMPLES, Entry, SocketId, id_of
from netwiz.probes.flows.join import Joined
from netwiz.probes.flows.world import World
from netwiz.probes.sockets.sockraw import STATES

MOST_FLOWS = 5000
"""That are told of in one table, the ones in trouble and the busy first."""
SHOWN_CLOSED_S = 8.0
MOST_CLOSED = 300
RECENT_S = 30.0
CLOSED = "closed"

HolderOf = Callable[[int], Process | None]
"""Socket inode to the process that holds it."""


class Tracker:
    """Everything that is remembered between two looks."""

    def __init__(self) -> None:
        self._known: dict[SocketId, Entry] = {}
        self._entries: dict[str, Entry] = {}
        self._closed: deque[tuple[Entry, Flow]] = deque(maxlen=MOST_CLOSED)
        self._looks: deque[float] = deque(maxlen=SAMPLES)
        self._count = itertools.count(1)
        self._last: dict[str, Flow] = {}
        self.captured = CapturedPairs()
        self.number = 0

    def note_rows(self, batch: Batch) -> None:
        """Packets that a capture read; they are counted at the next look."""
        self.captured.note(batch)

    def look(
        self,
        joined: Iterable[Joined],
        world: World,
        holder_of: HolderOf,
        *,
        now: float,
        clock: float,
    ) -> FlowTable:
        """The flows as they are. `now` is CLOCK_MONOTONIC, `clock` since the epoch."""
        self.number += 1
        self._looks.append(now)
        open_now = [self._follow(one, now, clock) for one in joined]
        self._bury({entry.key for entry in open_now}, now)
        self.captured.count(now)
        recent = sum(now - at <= RECENT_S for at in self._looks)
        teller = telling.Teller(world, holder_of, self.captured, recent, now, clock)
        flows = [teller.tell(entry) for entry in _chosen(open_now)]
        self._last = {flow.key: flow for flow in flows}
        closed = [teller.closed(flow, e.closed) for e, flow in self._closed]
        known = {pair for flow in (*flows, *closed) for pair in telling.pairs_of(flow)}
        return FlowTable(
            at=clock,
            number=self.number,
            flows=tuple(flows + closed + teller.only_captured(known)),
            total=len(open_now),
            states=tuple(Counter(map(_state, open_now)).most_common()),
        )

    def missing_holders(self) -> dict[int, set[int]]:
        """Namespace to the inodes of its sockets, of all that are open now."""
        wanted: dict[int, set[int]] = {}
        for entry in self._entries.values():
            for side in entry.sides:
                if side.now and side.now[1].inode:
                    wanted.setdefault(side.now[0].inode, set()).add(side.now[1].inode)
        return wanted

    def _follow(self, joined: Joined, now: float, clock: float) -> Entry:
        ids = [id_of(seen) for seen in joined if seen]
        found = [self._known[i] for i in ids if i in self._known]
        if found:
            entry = found[0]
            for other in found[1:]:
                if other is not entry:
                    # Both ends were seen, but only now they are known to be one flow.
                    self._forget(other)
        else:
            seen = joined.client or joined.server
            assert seen is not None  # noqa: S101 - a Joined has at least one
            key = f"{next(self._count)}"
            entry = Entry(key, seen[1].protocol, now, clock)
            if len(self._looks) > 1:
                entry.began, entry.at = True, self._looks[-2]
            self._entries[key] = entry
        before = {side.id for side in entry.sides}
        new = entry.place(joined)
        if new:
            self._known.update(dict.fromkeys(new, entry))
            for old in before - {side.id for side in entry.sides}:
                if old is not None:
                    self._known.pop(old, None)
        entry.count()
        return entry

    def _bury(self, alive: set[str], now: float) -> None:
        for key in [k for k in self._entries if k not in alive]:
            entry = self._entries[key]
            self._forget(entry)
            last = self._last.get(key)
            if last is not None:
                entry.closed = now
                self._closed.append((entry, last))
        while self._closed and now - self._closed[0][0].closed > SHOWN_CLOSED_S:
            self._closed.popleft()

    def _forget(self, entry: Entry) -> None:
        self._entries.pop(entry.key, None)
        for side in entry.sides:
            if side.id is not None and self._known.get(side.id) is entry:
                del self._known[side.id]


def _chosen(entries: list[Entry]) -> list[Entry]:
    """The ones that are told of."""
    if len(entries) <= MOST_FLOWS:
        return entries
    return heapq.nlargest(MOST_FLOWS, entries, key=_weight)


def _weight(entry: Entry) -> tuple[bool, float]:
    odd = any(s.now and (s.now[1].tries or s.now[1].state != 1) for s in entry.sides)
    return odd, entry.sent_rate + entry.received_rate


def _state(entry: Entry) -> str:
    sock = entry.client.sock or entry.server.sock
    return STATES.get(sock.state, "") if sock else CLOSED
