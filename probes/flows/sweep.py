"""One look at the sockets of all namespaces, in one thread, as cheap as it can be.

Measured on a kernel with 262 144 buckets of connections: to walk them takes 0.5 ms,
for each namespace anew and even where it has no connection; to read how many sockets it
has (/proc/PID/net/sockstat) 9 us without entering it; to ask for one known socket 6 us.
So a namespace is walked when the number of its sockets changed, when a known one is
gone, or when it has very many; it is passed over when it had no connection and has as
many sockets as before; else the known ones are asked for, and those at which nothing
moved, only every third time (pools are mostly at rest). Every `WALK_ANYWAY`th sweep
it is walked in any case: half-open connections (SYN-RECV) are not counted by the
kernel, and one that came while a listener went would not be noticed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import PlaceKind
from netwiz.probes.flows import diag
from netwiz.probes.flows.spaces import Space, Spaces
from netwiz.probes.machine import Ground
from netwiz.probes.sockets.processes import read_small

ESTABLISHED = 1
ASK_AT_MOST = 64
"""Known sockets of a namespace above which a walk is cheaper than asking for each."""
WALK_ANYWAY = 30
ASK_STILL = 3
"""A socket at rest is asked for by one sweep in so many: what stirs is late by 4 s."""
BUDGET_S = 3.0
"""By the clock. What was not reached keeps its last look; the next begins there."""
MOST_SOCKETS = 200_000
"""Of all namespaces together; the rest is told of as not looked at."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What there is: the namespaces with what was seen in them, and what was not."""

    spaces: tuple[Space, ...]
    unseen: tuple[str, ...]
    walked: int
    """Namespaces whose tables were walked."""
    asked: int
    """Sockets that were asked for one by one."""


class Sweeper:
    """Looks again and again, and remembers what saves work the next time."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.spaces = Spaces(ground)
        self._buffer = bytearray(diag.RECEIVE)
        self._number = 0
        self._begin = 0
        self._walked = 0
        self._asked = 0

    def sweep(self) -> Swept:
        """Look everywhere. Blocks: call it in a worker thread that stands at home."""
        spaces = self.spaces.all()
        self._number += 1
        self._walked = self._asked = 0
        unseen = list(self.spaces.unseen)
        end = time.monotonic() + BUDGET_S
        seen = 0
        start = self._begin % max(len(spaces), 1)
        self._begin = 0
        for index, space in self._in_turn(spaces, start):
            if time.monotonic() > end or seen > MOST_SOCKETS:
                self._begin = index
                unseen.append("not all namespaces were looked at: too many sockets")
                break
            try:
                self._look(space, index)
            except ProbeError as error:
                unseen.append(error.what)
                self.spaces.forget(space)
                continue
            seen += len(space.tcp) + len(space.udp)
        left = tuple(self.spaces.by_inode().values())
        return Swept(left, tuple(unseen), self._walked, self._asked)

    @staticmethod
    def _in_turn(spaces: list[Space], start: int) -> Iterator[tuple[int, Space]]:
        for index in range(start, start + len(spaces)):
            yield index % len(spaces), spaces[index % len(spaces)]

    def _look(self, space: Space, index: int) -> None:
        """Bring a namespace up to date. Raises ProbeError when it is gone."""
        host = space.place.kind is PlaceKind.HOST
        inuse: tuple[int, ...] = ()
        if space.pid or host:
            inuse = _inuse(str(space.pid) if space.pid else "thread-self")
            if not inuse:
                raise self._gone(space)
        due = (self._number + index) % WALK_ANYWAY == 0
        if inuse and not due and inuse == space.inuse and self._rests(space):
            return
        name = space.place.label
        with mapped(f"the sockets of {name}"):
            self._ground.namespaces.call_here(
                space.place, self._look_there, space, inuse, due=due
            )

    def _gone(self, space: Space) -> ProbeError:
        from netwiz.probes.facts.base import Failure

        return ProbeError(Failure.GONE, f"{space.place.label}: its namespace is gone")

    def _rests(self, space: Space) -> bool:
        """Whether a namespace with as many sockets as before can be passed over."""
        return not any(self._in_turn_now(s, space) for s in (*space.tcp, *space.udp))

    def _in_turn_now(self, sock: diag.Sock, space: Space) -> bool:
        """Whether this sweep asks for a socket; one at rest has its turns."""
        if sock.cookie not in space.resting:
            return True
        return (sock.turn + self._number) % ASK_STILL == 0

    def _look_there(self, space: Space, inuse: tuple[int, ...], *, due: bool) -> None:
        if not inuse:
            inuse = _inuse("thread-self")
            if inuse == space.inuse and not due and self._rests(space):
                return
        same = inuse == space.inuse and bool(inuse) and not due
        with diag.Diag(self._buffer) as kernel:
            if not (same and self._ask(space, kernel)):
                self._walk(space, kernel)
            if not same or space.udp:
                space.udp = kernel.udp()
        space.inuse = inuse

    def _ask(self, space: Space, kernel: diag.Diag) -> bool:
        """Ask for the known ones; False when one is gone, or there are too many."""
        asked = [s for s in space.tcp if self._in_turn_now(s, space)]
        if len(asked) > ASK_AT_MOST:
            return False
        self._asked += len(asked)
        found, gone = kernel.again(asked)
        if gone or any(not 1 << s.state & diag.CONNECTIONS for s in found):
            return False
        now = {s.cookie: s for s in found}
        for before in asked:
            cookie = before.cookie
            if cookie in now and _at_rest(before, now[cookie]):
                space.resting.add(cookie)
            else:
                space.resting.discard(cookie)
        space.tcp = [now.get(s.cookie, s) for s in space.tcp]
        return True

    def _walk(self, space: Space, kernel: diag.Diag) -> None:
        self._walked += 1
        space.resting.clear()
        sockets = kernel.tcp()
        space.tcp = [s for s in sockets if s.state != diag.LISTEN]
        space.listening = frozenset(
            s.near if any(s.near[:-2]) else s.near[-2:]
            for s in sockets
            if s.state == diag.LISTEN
        )


def _at_rest(before: diag.Sock, now: diag.Sock) -> bool:
    """Whether nothing came or went, and nothing waits: neither data nor an accept."""
    one, other = before.info, now.info
    return bool(
        one
        and other
        and now.state == ESTABLISHED
        and now.inode
        and not (now.unread or now.unsent or now.tries)
        and one.acked == other.acked
        and one.received == other.received
    )


def _inuse(pid: str) -> tuple[int, ...]:
    """TCP, TCP6, UDP and UDP6 sockets in use; empty when it cannot be read."""
    four = _counts(f"/proc/{pid}/net/sockstat", b"TCP:", b"UDP:")
    # Without IPv6 in the kernel there is no such file.
    return four + _counts(f"/proc/{pid}/net/sockstat6", b"TCP6:", b"UDP6:")


def _counts(path: str, *names: bytes) -> tuple[int, ...]:
    data = read_small(path, 1024)
    found: list[int] = []
    for name in names:
        _, there, rest = data.partition(name + b" inuse ")
        if there:
            number = rest.split(None, 1)[0]
            found.append(int(number) if number.isdigit() else 0)
    return tuple(found)
