"""A name's way through the search list and the servers, as glibc walks it.

resolv.conf(5): a name with at least `ndots` dots is tried as it is first, else last;
NXDOMAIN, no record and SERVFAIL lead to the next domain of the list, silence and
refusal end it (``__res_context_search``). Of the servers the first that answers
decides; silence, refusal, SERVFAIL, NOTIMP and REFUSED lead to the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.names import Answer, NameOutcome, ResolverFiles
from netwiz.probes.facts.upstreams import EMBEDDED
from netwiz.probes.names import dns_ask, dnswire
from netwiz.probes.names.together import together

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

PATIENCE_S = 2.0
"""For a server that has another one behind it."""

LAST_PATIENCE_S = 5.5
"""For Docker's own resolver: it spends 4.0 s on each dead upstream before it answers
from the next; whoever gives up earlier takes slow for dead."""

HESITATION_S = 0.3
"""How long it may take before the servers behind it are asked as well."""

DEAD_S = 0.7
"""Without a word in this time, asked twice, a server behind it is dead."""

RECORDS = ("A", "AAAA")

_CLOSEST = (
    NameOutcome.NODATA,
    NameOutcome.NXDOMAIN,
    NameOutcome.SERVFAIL,
    NameOutcome.REJECTED,
    NameOutcome.TIMEOUT,
    NameOutcome.REFUSED,
    NameOutcome.UNREACHABLE,
)
"""Failures, the one that came closest to an answer first."""

_GO_ON = (NameOutcome.NXDOMAIN, NameOutcome.NODATA, NameOutcome.SERVFAIL)

Result = tuple[NameOutcome, tuple[str, ...]]


def candidates(name: str, files: ResolverFiles) -> list[str]:
    """The complete names that are tried, in order, without their final dot."""
    bare = name.removesuffix(".")
    if name.endswith("."):
        return [bare]
    dots = bare.count(".")
    domains = (d.removeprefix(".").removesuffix(".") for d in files.search)
    searched = [f"{bare}.{domain}" if domain else bare for domain in domains]
    if dots >= files.ndots:
        tried = [bare, *searched]
    elif "no-tld-query" in files.options and not dots and searched:
        tried = searched
    else:
        tried = [*searched, bare]
    return list(dict.fromkeys(tried))


def _askable(candidate: str) -> bool:
    """False where the name grew too long by its domain, or the domain is none."""
    try:
        dnswire.check_name(candidate)
    except ProbeError:
        return False
    return True


class Search:
    """One lookup; `answers` collects what each server said on the way."""

    def __init__(
        self,
        ground: Ground,
        place: Place,
        files: ResolverFiles,
        deadline: float,
        behind: tuple[tuple[Place, str], ...] = (),
    ) -> None:
        self._ground = ground
        self._place = place
        self._files = files
        self._deadline = deadline
        self._behind = behind
        """The engine's upstream servers, with the place to ask them from."""
        self._silent: set[str] = set()
        self.answers: list[Answer] = []

    async def run(self, name: str) -> Result:
        """The outcome of the whole list, with the addresses of the first success."""
        results: dict[str, NameOutcome] = {}
        for candidate in candidates(name, self._files):
            if time.perf_counter() >= self._deadline:
                break
            if not _askable(candidate):
                continue
            outcome, addresses = await self._ask_servers(candidate)
            if outcome.ok:
                return outcome, addresses
            results[candidate] = outcome
            if outcome not in _GO_ON and candidate != name:
                break
        return self._verdict(name, results), ()

    def _verdict(self, name: str, results: dict[str, NameOutcome]) -> NameOutcome:
        if not self._files.servers and not self._heard():
            return NameOutcome.NO_SERVER
        if as_it_is := results.get(name.removesuffix(".")):
            # glibc reports what the name itself brought, when it was tried.
            return as_it_is
        return _closest(list(results.values()))

    def _heard(self) -> bool:
        unheard = (NameOutcome.REFUSED, NameOutcome.TIMEOUT, NameOutcome.UNREACHABLE)
        return any(answer.outcome not in unheard for answer in self.answers)

    async def _ask_servers(self, candidate: str) -> Result:
        # Without a nameserver line glibc asks this machine (resolv.conf(5)). Whoever
        # kept silent once is asked last from then on, to save the budget.
        named = dict.fromkeys(self._files.servers or ("127.0.0.1",))
        servers = sorted(named, key=lambda server: server in self._silent)
        outcomes: list[NameOutcome] = []
        for server in servers:
            left = self._deadline - time.perf_counter()
            if left <= 0:
                break
            last = server == servers[-1]
            patience = LAST_PATIENCE_S if last and server == EMBEDDED else PATIENCE_S
            both = await self._ask_hopefully(server, candidate, min(left, patience))
            self.answers += both
            addresses = tuple(dict.fromkeys(a for one in both for a in one.addresses))
            if addresses:
                return NameOutcome.ANSWERED, addresses
            outcome = _of_both(both)
            outcomes.append(outcome)
            if outcome in (NameOutcome.NXDOMAIN, NameOutcome.NODATA):
                break
            if outcome is NameOutcome.TIMEOUT:
                self._silent.add(server)
        return _closest(outcomes), ()

    async def _ask_hopefully(
        self, server: str, candidate: str, patience: float
    ) -> list[Answer]:
        """As `_ask_both`, but the engine's server is given up with those behind it.

        It cannot know more than its upstream servers do: when all of them are silent
        or refuse, whoever waits on for it learns nothing.
        """
        begun = time.perf_counter()
        asking = asyncio.ensure_future(self._ask_both(server, candidate, patience))
        waiting: set[asyncio.Future[Any]] = {asking}
        try:
            done, _ = await asyncio.wait(waiting, timeout=HESITATION_S)
            if done or server != EMBEDDED or not self._behind:
                return await asking
            vain = asyncio.ensure_future(self._all_dead(candidate))
            waiting.add(vain)
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if asking.done() or not await vain:
                return await asking
            ms = (time.perf_counter() - begun) * 1000
            return [
                Answer(server, f"{candidate}.", record, NameOutcome.TIMEOUT, ms=ms)
                for record in RECORDS
            ]
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _all_dead(self, candidate: str) -> bool:
        found = await together(
            *(
                dns_ask.ask(
                    self._ground, place, server, candidate, "A", patience_s=DEAD_S
                )
                for place, server in self._behind
            )
        )
        return not any(answer.rcode for answer in found)

    async def _ask_both(
        self, server: str, candidate: str, patience: float
    ) -> list[Answer]:
        stream = "use-vc" in self._files.options
        return await together(
            *(
                dns_ask.ask(
                    self._ground,
                    self._place,
                    server,
                    candidate,
                    record,
                    patience_s=patience,
                    stream=stream,
                )
                for record in RECORDS
            )
        )


def _of_both(both: list[Answer]) -> NameOutcome:
    """One outcome of two answers without any address."""
    outcomes = [answer.outcome for answer in both]
    if all(one in (NameOutcome.NXDOMAIN, NameOutcome.NODATA) for one in outcomes):
        # One record type exists under the name, so the name exists.
        return _closest(outcomes)
    failures = [
        one for one in outcomes if one not in (NameOutcome.NXDOMAIN, NameOutcome.NODATA)
    ]
    return _closest(failures)


def _closest(outcomes: Sequence[NameOutcome]) -> NameOutcome:
    return min(outcomes, key=_CLOSEST.index, default=NameOutcome.TIMEOUT)
