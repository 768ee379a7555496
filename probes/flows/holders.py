"""Which process holds a socket, searched for seldom: all of /proc is read for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from netwiz.probes.facts.sockets import Process
from netwiz.probes.sockets.processes import owners

BUDGET_S = 0.25
EVERY_S = 5.0
SHARE = 0.002
"""Of a core, for the searches alone."""


class Holders:
    """Remembers who holds what.

    A socket that nobody was found for is not sought again before others are.
    """

    def __init__(self) -> None:
        self.known: dict[int, Process] = {}
        self.found = 0
        """How many ever were: so it shows that names may be told anew."""
        self._sought: set[int] = set()
        self._next = 0.0

    def find(self, open_now: Callable[[], Mapping[int, set[int]]]) -> None:
        """Search for new ones, if it is time again.

        `open_now` gives the sockets that there are, by namespace.
        """
        now = time.monotonic()
        if now < self._next:
            return
        wanted = open_now()
        everything = set().union(*wanted.values()) if wanted else set()
        new = everything - self._sought
        self._sought &= everything
        for inode in self.known.keys() - everything:
            del self.known[inode]
        if not new:
            self._next = now + EVERY_S / 2
            return
        begun = time.thread_time()
        missing = everything - self.known.keys()
        spaces = [space for space, inodes in wanted.items() if inodes & missing]
        found = owners(missing, spaces, budget_s=BUDGET_S)
        self.known.update(found)
        self.found += len(found)
        self._sought |= everything
        cost = time.thread_time() - begun
        self._next = now + max(EVERY_S, cost / SHARE)
