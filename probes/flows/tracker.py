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
from netwiz.probes.flows.entry import SAMPLES, Entry, Side, SocketId, id_of
from netwiz.probes.flows.join import Pair, in_order
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
        self._known: dict[SocketId, tuple[Entry, Side]] = {}
        self._entries: dict[str, Entry] = {}
        self._closed: deque[tuple[Entry, Flow]] = deque(maxlen=MOST_CLOSED)
        self._looks: deque[float] = deque(maxlen=SAMPLES)
        self._count = itertools.count(1)
        self._last: dict[str, Flow] = {}
        self.captured = CapturedPairs()
        self._resting: set[str] = set()
        """Keys of flows that nobody looked at this time: they are as they were."""
        self._names: object = None
        self.number = 0

    def note_rows(self, batch: Batch) -> None:
        """Packets that a capture read; they are counted at the next look."""
        self.captured.note(batch)

    def look(
        self,
        pairs: Iterable[Pair],
        world: World,
        holder_of: HolderOf,
        *,
        names: object = None,
        now: float,
        clock: float,
    ) -> FlowTable:
        """The flows as they are. `now` is CLOCK_MONOTONIC, `clock` since the epoch.

        `names` is another value whenever somebody may be called otherwise.
        """
        self.number += 1
        self._looks.append(now)
        self._resting.clear()
        open_now = [self._follow(one, now, clock) for one in pairs]
        self._bury({entry.key for entry in open_now}, now)
        self.captured.count(now)
        recent = sum(now - at <= RECENT_S for at in self._looks)
        teller = telling.Teller(world, holder_of, self.captured, recent, now, clock)
        if names != self._names or self.captured.pairs:
            # Containers were renamed, processes found, packets counted: tell all anew.
            self._resting.clear()
        self._names = names
        flows = [self._tell(teller, entry) for entry in _chosen(open_now)]
        self._last = {flow.key: flow for flow in flows}
        closed = [teller.closed(flow, e.closed) for e, flow in self._closed]
        captured: list[Flow] = []
        if self.captured.pairs:
            told = (*flows, *closed)
            known = {pair for flow in told for pair in telling.pairs_of(flow)}
            captured = teller.only_captured(known)
        return FlowTable(
            at=clock,
            number=self.number,
            flows=tuple(flows + closed + captured),
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

    def _tell(self, teller: telling.Teller, entry: Entry) -> Flow:
        before = self._last.get(entry.key) if entry.key in self._resting else None
        return before or teller.tell(entry)

    def _follow(self, pair: Pair, now: float, clock: float) -> Entry:
        one, other = pair
        first = self._known.get(id_of(one))
        second = self._known.get(id_of(other)) if other else None
        if first is None or (other is not None and not _same(first, second)):
            entry = self._place(pair, first or second, second, now, clock)
            entry.count(self.number)
            return entry
        entry = first[0]
        first[1].now, first[1].look = one, self.number
        if second is not None:
            second[1].now, second[1].look = other, self.number
        for side in entry.sides:
            if side.look != self.number:
                side.now = None
        if not entry.count(self.number):
            self._resting.add(entry.key)
        return entry

    def _place(
        self,
        pair: Pair,
        known: tuple[Entry, Side] | None,
        other: tuple[Entry, Side] | None,
        now: float,
        clock: float,
    ) -> Entry:
        """One that has a socket which was not known yet as a part of it."""
        joined = in_order(pair)
        if known is None:
            entry = self._begin(pair, now, clock)
        else:
            entry = known[0]
            if other is not None and other[0] is not entry:
                # Both ends were seen, but only now they are known to be one flow.
                self._forget(other[0])
        before = [side.id for side in entry.sides]
        for side in entry.place(joined):
            if side.id is not None:
                self._known[side.id] = entry, side
        for old in before:
            if old is not None and old not in [side.id for side in entry.sides]:
                self._known.pop(old, None)
        for side in entry.sides:
            side.look = self.number if side.now else 0
        return entry

    def _begin(self, pair: Pair, now: float, clock: float) -> Entry:
        entry = Entry(f"{next(self._count)}", pair[0][1].protocol, now, clock)
        if len(self._looks) > 1:
            entry.began, entry.at = True, self._looks[-2]
            entry.number = self.number - 1
        self._entries[entry.key] = entry
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
            if side.id is not None:
                known = self._known.get(side.id)
                if known is not None and known[0] is entry:
                    del self._known[side.id]


def _same(one: tuple[Entry, Side] | None, other: tuple[Entry, Side] | None) -> bool:
    return one is not None and other is not None and one[0] is other[0]


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
