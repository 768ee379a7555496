"""What readings of sockets and counters mean, held against the ones before. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime

from netwiz.probes.facts.signs import SeenBy, Sign, SignKind
from netwiz.probes.patrol.post import HOT_S, Reading
from netwiz.probes.patrol.sockets import WAITING, Socket

SYN_AGE_S = 0.4
"""A SYN without an answer for so long is told of: no path on earth takes so long."""
WAITED_S = 1.5
"""A connection in an accept queue for so long waits for nobody in particular."""
ASKED_S = 1.2
MOST_SIGNS = 32
"""Of one kind from one look: a thousand half-open sockets are one incident."""
MOST_WATCHED = 64


class Mind:
    """Remembers one namespace's sockets from look to look."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}
        """When each socket of interest was first seen, by its cookie."""
        self._failing: dict[tuple[str, int], float] = {}
        """Targets that something failed at, and until when they are watched."""
        self._known: dict[tuple[str, int], set[int]] = {}
        """Local ports of connections to them that are no news."""

    def expect(self, target: str, port: int, now: float) -> bool:
        """Something failed there: tell when a connection to it works.

        Gives whether that was not expected already.
        """
        known = self._failing.get((target, port), 0.0)
        if known or len(self._failing) < MOST_WATCHED:
            self._failing[target, port] = now + HOT_S
        return known <= now

    def signs(self, reading: Reading, now: float, at: datetime) -> list[Sign]:
        """What a reading tells."""
        found = [
            *self._counted(reading, at),
            *self._half_open(reading, now, at),
            *self._worked(reading, now, at),
            *self._queues(reading, now, at),
            *self._names(reading, now, at),
        ]
        seen = (*reading.connects, *reading.connected, *reading.names)
        present = {one.cookie for one in seen}
        self._since = {c: t for c, t in self._since.items() if c in present}
        return found

    def _age(self, one: Socket, now: float) -> float:
        return now - self._since.setdefault(one.cookie, now)

    def _counted(self, reading: Reading, at: datetime) -> Iterable[Sign]:
        if count := reading.rise.no_routes:
            yield Sign(
                SignKind.NO_ROUTE,
                SeenBy.COUNTERS,
                at,
                reading.post.place,
                text=f"no route for {count} packet{'s' * (count > 1)} (IpOutNoRoutes)",
                count=count,
            )

    def _half_open(self, reading: Reading, now: float, at: datetime) -> Iterable[Sign]:
        told = 0
        for one in reading.connects:
            age = max(one.syn_age_s, self._age(one, now))
            if age < SYN_AGE_S or told == MOST_SIGNS:
                continue
            told += 1
            self.expect(one.remote, one.remote_port, now)
            strange = one.remote in reading.strangers
            words = f"SYN-SENT for {age:.1f} s"
            if one.retransmits:
                words += f", SYN sent {one.retransmits + 1} times"
            if strange:
                words = f"nobody answers ARP for {one.remote}; {words}"
            yield Sign(
                SignKind.UNREACHABLE if strange else SignKind.HALF_OPEN,
                SeenBy.SOCKETS,
                at,
                reading.post.place,
                one.local,
                one.local_port,
                one.remote,
                one.remote_port,
                text=words,
                age_s=age,
            )

    def _worked(self, reading: Reading, now: float, at: datetime) -> Iterable[Sign]:
        self._failing = {k: t for k, t in self._failing.items() if t > now}
        self._known = {k: v for k, v in self._known.items() if k in self._failing}
        if not reading.wide:
            return
        ports: dict[tuple[str, int], set[int]] = {key: set() for key in self._failing}
        for one in reading.connected:
            key = one.remote, one.remote_port
            if key in ports:
                ports[key].add(one.local_port)
        for (target, port), now_there in ports.items():
            known = self._known.get((target, port))
            self._known[target, port] = now_there
            if known is None or not now_there - known:
                continue
            yield Sign(
                SignKind.WORKED,
                SeenBy.SOCKETS,
                at,
                reading.post.place,
                target=target,
                port=port,
                text="a connection was established",
            )

    def _queues(self, reading: Reading, now: float, at: datetime) -> Iterable[Sign]:
        waiting = {one.local_port: one for one in reading.queues}
        told = 0
        for one in reading.connected:
            listener = waiting.get(one.local_port)
            if listener is None or one.state not in WAITING or one.inode:
                continue
            # No process holds it: the kernel shook hands, nobody has accepted.
            age = self._age(one, now)
            if age < WAITED_S or told == MOST_SIGNS:
                continue
            told += 1
            here = ipaddress.ip_address(one.remote).is_loopback
            yield Sign(
                SignKind.NOT_ACCEPTED,
                SeenBy.SOCKETS,
                at,
                reading.post.place if here else None,
                one.remote,
                one.remote_port,
                one.local,
                one.local_port,
                text=f"connected, and not accepted for {age:.0f} s: {listener.received}"
                f" of {listener.limit} places of the queue are taken",
                age_s=age,
            )
        for one in reading.queues:
            # The kernel holds one more than the limit (sk_acceptq_is_full).
            if one.received > one.limit:
                yield Sign(
                    SignKind.QUEUE_FULL,
                    SeenBy.SOCKETS,
                    at,
                    reading.post.place,
                    target=one.local,
                    port=one.local_port,
                    text=f"accept queue full: {one.received} wait, limit {one.limit}",
                )

    def _names(self, reading: Reading, now: float, at: datetime) -> Iterable[Sign]:
        for one in reading.names[:MOST_SIGNS]:
            age = self._age(one, now)
            if age < ASKED_S:
                continue
            yield Sign(
                SignKind.UNANSWERED,
                SeenBy.SOCKETS,
                at,
                reading.post.place,
                one.local,
                one.local_port,
                protocol="dns",
                server=one.remote,
                text=f"a question to {one.remote} is open for {age:.0f} s",
                age_s=age,
            )
