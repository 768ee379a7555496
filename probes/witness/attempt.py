"""One connection attempt, with everything worth watching around it.

The order is fixed by what each step disturbs: counters are read, then taps opened, then
the probe goes out, then the taps close and the counters are read again. A packet that
dies on this machine is known to be dead long before its sender gives up, so the attempt
ends when nothing moves any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netwiz.probes import ahead
from netwiz.probes.connect.dial import Prepare, connect
from netwiz.probes.connect.endpoint import own_end
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.connection import Connection, Outcome, Protocol
from netwiz.probes.facts.engine import Snapshot
from netwiz.probes.facts.firewall import RuleHit, Ruleset
from netwiz.probes.facts.kernel import KernelCounters, Rise
from netwiz.probes.facts.owners import OwnerKind, owner_of_address
from netwiz.probes.facts.witness import Attempted
from netwiz.probes.firewall.diff import diff
from netwiz.probes.firewall.kernel import read_counters, rises
from netwiz.probes.firewall.senses import read_rules
from netwiz.probes.requests import Attempt, ReadCounters, ReadRules
from netwiz.probes.witness.watch import Watch

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

PATIENCE_S = 0.4
"""Every hop of one machine is passed within 0.1 ms; a busy one gets this long."""

SILENCE_S = 0.2
"""A silence this long will have to be explained, be it broken or not: what that takes
is loaded meanwhile."""

ARP_S = 1.1
"""A neighbour question is repeated after 1 s (neigh/default/retrans_time_ms); two that
nobody answered are no accident."""


async def attempt(ground: Ground, request: Attempt) -> Attempted:
    """Make the attempt that was asked for.

    `hits` are all rules that counted packets meanwhile, other people's among them: on a
    busy host `Rule.concerns` and the verdict say which can be the probe's. Places that
    could not be watched are named in `blind`; raises ProbeError only when the client's
    own namespace is gone or closed to us.

    With taps, a probe to this machine ends as TIMEOUT (UDP: SILENT) 0.4 s after its
    last packet moved, or 1.1 s after its start while a neighbour question is open; so
    does one to beyond it that was kept from leaving, or whose answer is here already.
    """
    if not request.taps and not request.counters:
        link = await _connect(ground, request)
        return Attempted(command=link.command, connection=link)
    counters = Counters(ground, request.counters)
    watch = Watch(ground, request)
    try:
        link = await _Watched(ground, request, watch, counters).connect()
    finally:
        watch.close()
    (sightings, expected), hits = await asyncio.gather(watch.told(), counters.hits())
    return Attempted(
        command=_command(ground, request),
        connection=link,
        expected=expected,
        sightings=sightings,
        tapped=watch.tapped,
        hits=hits,
        kernel=counters.kernel,
        counted=counters.counted,
        blind=(*watch.blind, *counters.blind),
    )


async def _connect(
    ground: Ground, request: Attempt, prepare: Prepare | None = None
) -> Connection:
    return await connect(
        ground,
        request.place,
        request.address,
        request.port,
        request.protocol,
        budget_ms=request.budget_ms,
        prepare=prepare,
        device=request.device,
    )


class _Watched:
    """A connection attempt that ends when nothing moves on this machine any more."""

    def __init__(
        self, ground: Ground, request: Attempt, watch: Watch, counters: Counters
    ) -> None:
        self._ground = ground
        self._request = request
        self._watch = watch
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._limit = asyncio.timeout(None)
        self._look: asyncio.TimerHandle | None = None
        self._began = self._moved = self._loop.time()
        self._socket: socket.socket | None = None
        self._source = ("", 0)
        self._local = _is_local(ground.snapshot, request)

    async def connect(self) -> Connection:
        try:
            async with self._limit:
                return await _connect(self._ground, self._request, self._prepare)
        except TimeoutError:
            if not self._limit.expired():
                raise
        finally:
            if self._look is not None:
                self._look.cancel()
        request = self._request
        udp = request.protocol is Protocol.UDP
        return Connection(
            place=request.place,
            address=request.address,
            port=request.port,
            protocol=request.protocol,
            outcome=Outcome.SILENT if udp else Outcome.TIMEOUT,
            connect_ms=(self._loop.time() - self._began) * 1000,
            source=self._source[0],
            source_port=self._source[1],
        )

    async def _prepare(self, sock: socket.socket) -> None:
        """Set everything up around a socket that is bound but has sent nothing."""
        self._socket = sock
        await self._watch.ready()
        await self._counters.before()
        await self._watch.open(own_end(sock)[1], self._note)
        self._began = self._moved = self._loop.time()
        if self._watch.tapped:
            self._look = self._loop.call_later(SILENCE_S, self._prepare_to_explain)

    def _note(self) -> None:
        self._moved = self._loop.time()

    def _prepare_to_explain(self) -> None:
        """Load what the next questions will need, and judge when it is time."""
        if self._local and not self._watch.asks_in_vain:
            ahead.load_links()
        else:
            ahead.load_wire()
        self._look = self._loop.call_at(self._began + PATIENCE_S, self._judge)

    def _judge(self) -> None:
        """Give up, or look again when there is a reason to wait on."""
        now = self._loop.time()
        until = self._moved + PATIENCE_S
        if self._watch.asks_in_vain:
            until = max(until, self._began + ARP_S)
        if self._request.protocol is Protocol.UDP and self._watch.arrived:
            # The answer is the application's, which may take its time.
            return
        if now < until:
            self._look = self._loop.call_at(until, self._judge)
            return
        if not self._local and not self._watch.is_here:
            # It is under way beyond this machine, where answers take their time.
            return
        if self._socket is not None:
            self._source = own_end(self._socket)
        self._limit.reschedule(now)


class Counters:
    """Rule counters of several places, before and after."""

    def __init__(self, ground: Ground, places: Sequence[Place]) -> None:
        self._ground = ground
        self._places = places
        self._before: dict[Place, Ruleset] = {}
        self.blind: list[str] = []
        self.counted: tuple[Place, ...] = ()
        self._kernel: dict[Place, KernelCounters] = {}
        self.kernel: tuple[Rise, ...] = ()
        """What the kernel itself counted meanwhile; known after `hits`."""

    async def before(self) -> None:
        """The first reading; what cannot be read becomes a line in `blind`."""
        found = await self._read(self._distinct())
        self._before = {r.place: r for r in found}
        for rules in found:
            self.blind += (f"{rules.place.label}: {line}" for line in rules.unseen)
        self._kernel = await self._read_kernel()

    async def hits(self) -> tuple[RuleHit, ...]:
        """What counted since `before`."""
        stack = await self._read_kernel()
        self.kernel = tuple(
            rise
            for place, counters in stack.items()
            if place in self._kernel
            for rise in rises(self._kernel[place], counters)
        )
        after = await self._read(tuple(self._before))
        self.counted = tuple(r.place for r in after if _readable(r))
        return tuple(hit for r in after for hit in diff(self._before[r.place], r))

    def _distinct(self) -> tuple[Place, ...]:
        by_inode: dict[int, Place] = {}
        for place in self._places:
            try:
                by_inode.setdefault(self._ground.namespaces.inode(place), place)
            except ProbeError as error:
                self.blind.append(f"{place.label}: {error.what}")
        return tuple(by_inode.values())

    async def _read_kernel(self) -> dict[Place, KernelCounters]:
        """The kernel's counters of every place; one that cannot be read has none."""
        found: dict[Place, KernelCounters] = {}
        for place in self._before:
            with contextlib.suppress(ProbeError):
                found[place] = await read_counters(self._ground, ReadCounters(place))
        return found

    async def _read(self, places: Sequence[Place]) -> list[Ruleset]:
        async def one(place: Place) -> Ruleset | None:
            try:
                with mapped(f"the rules of {place.label}"):
                    return await read_rules(self._ground, ReadRules(place))
            except ProbeError as error:
                self.blind.append(error.what)
                return None

        found = await asyncio.gather(*map(one, places))
        return [rules for rules in found if rules is not None]


def _readable(rules: Ruleset) -> bool:
    return not rules.unseen or bool(rules.rules or rules.policies)


def _is_local(snapshot: Snapshot | None, request: Attempt) -> bool:
    """Whether every hop is on this machine, so that silence is known at once."""
    if request.server is not None:
        return True
    if snapshot is None:
        return False
    return owner_of_address(snapshot, request.address).kind is not OwnerKind.ELSEWHERE


def _command(ground: Ground, request: Attempt) -> str:
    """What a person would run, in two windows, to see the same."""
    enter = ground.namespaces.enter(request.place)
    flags = "-zv" if request.protocol is Protocol.TCP else "-zvu"
    shown = f"{enter}nc {flags} {request.address} {request.port}"
    dumps = [
        f"{ground.namespaces.enter(place)}tcpdump -ni any "
        f"'{request.protocol} port {request.port} or icmp or icmp6 or arp'"
        for place in request.taps
    ]
    counts = [
        f"{ground.namespaces.enter(place)}iptables-save -c"
        for place in request.counters
    ]
    return "; ".join([*dumps, *counts, shown])
