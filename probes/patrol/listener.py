"""The standing tap on the host: refusals and errors between containers, as they happen.

What it costs a busy host is the filter, run in the kernel for every packet that comes
in by any device; next to nothing of a healthy connection passes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import HOST
from netwiz.probes.facts.conntrack import FlowEnds
from netwiz.probes.facts.signs import Sign, SignKind
from netwiz.probes.patrol.behind import Behind
from netwiz.probes.patrol.ears import DNS_PORT, Ears
from netwiz.probes.patrol.program import of_the_host
from netwiz.probes.patrol.tap import Tap

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

MOST_PACKETS = 1000
"""Packets that are read between two rounds; of a flood the rest is only counted."""
CLOSING_S = 2.0
WATCHED_S = 60.0
"""For so long after a failure a success at the same server is told of."""
_FAILURES = {SignKind.REFUSED, SignKind.UNREACHABLE}


class Listener:
    """Opened once; `tell` is called on the loop with what packets say."""

    def __init__(self, ground: Ground, tell: Callable[[list[Sign]], None]) -> None:
        self._ground = ground
        self._tell = tell
        self._ears = Ears(None)
        self._tap: Tap | None = None
        self._behind: Behind | None = None
        self._watched: dict[tuple[str, int], float] = {}
        self._allowed = MOST_PACKETS
        self.lost = 0

    async def open(self) -> str:
        """Begin to listen; gives why that is impossible, or nothing."""
        program = of_the_host()
        try:
            self._tap = await self._ground.namespaces.call(
                HOST, lambda: Tap(program, outgoing=False)
            )
            self._behind = await self._ground.namespaces.call(HOST, Behind)
        except (ProbeError, OSError) as error:
            what = error.what if isinstance(error, ProbeError) else error.strerror
            return f"packets of the host cannot be seen: {what}"
        self._hear_again()
        return ""

    async def close(self) -> None:
        """Stop listening."""
        if self._tap is not None:
            self._deafen()
            tap, self._tap = self._tap, None
            # In a daemon thread: whatever the kernel waits for, netwiz does not.
            with contextlib.suppress(ProbeError, TimeoutError):
                async with asyncio.timeout(CLOSING_S):
                    await self._ground.namespaces.call(HOST, tap.close)
        if self._behind is not None:
            self._behind.close()
            self._behind = None

    def rest(self, at: datetime) -> None:
        """Between two rounds: a new allowance, and what should have been answered."""
        if self._tap is None:
            return
        self._allowed = MOST_PACKETS
        self._hear_again()
        self.lost = self._tap.count_lost()
        self._tell(self._ears.silence(at))
        now = time.monotonic()
        kept = {key: until for key, until in self._watched.items() if until > now}
        if len(kept) < len(self._watched):
            self._watched = kept
            self._refilter()

    def watch(self, server: str, port: int) -> None:
        """Something failed there: tell as well when a handshake is answered."""
        key = (server, port)
        new = key not in self._watched
        self._watched[key] = time.monotonic() + WATCHED_S
        if new:
            self._refilter()

    # Inside

    def _refilter(self) -> None:
        if self._tap is not None:
            with contextlib.suppress(OSError, ValueError):
                self._tap.refilter(of_the_host(self._watched))

    def _hear_again(self) -> None:
        if self._tap is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._tap.fileno(), self._read)

    def _deafen(self) -> None:
        if self._tap is not None:
            asyncio.get_running_loop().remove_reader(self._tap.fileno())

    def _read(self) -> None:
        if self._tap is None:
            return
        at = datetime.now(UTC)
        signs: list[Sign] = []
        for packet in self._tap.packets():
            self._allowed -= 1
            for sign in self._ears.hear(packet, at):
                if sign.kind in _FAILURES and sign.port:
                    self.watch(sign.target, sign.port)
                signs.append(self._before_nat(sign))
        if self._allowed <= 0:
            # A flood: until the next round it stays in the kernel, which counts it.
            self._deafen()
        self._tell(signs)

    def _before_nat(self, sign: Sign) -> Sign:
        """The same, as the client saw it: by whom and whereto it was dialled."""
        if sign.place is not None or not sign.client_port or self._behind is None:
            return sign
        server = sign.server or sign.target
        port = DNS_PORT if sign.server else sign.port
        ends = FlowEnds(server, sign.client, port, sign.client_port)
        first = self._behind.dialled(sign.protocol, ends)
        if first is None:
            return sign
        whose = replace(sign, client=first.source, client_port=first.source_port)
        if sign.server:
            return whose
        return replace(whose, target=first.destination, port=first.destination_port)
