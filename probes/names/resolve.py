"""What a name means to an application in a place, and who said so.

It follows glibc (getaddrinfo(3) with AF_UNSPEC) through the container's own files:
literal, then the services of nsswitch.conf, of which ``files`` and ``dns`` are known
(``resolve`` counts as both; mdns, myhostname and others are passed over), then
resolv.conf's search list and ndots, servers in order. musl differs: it asks all servers
at once and lets one NXDOMAIN decide; `Resolution.answers` shows what it would see. The
order of the addresses follows the library that the container has (`rfc6724`).

AAAA is asked even where there is no IPv6; then results of a family without any address
beyond loopback are dropped (AI_ADDRCONFIG), but for loopback addresses, so that
``localhost`` from the hosts file keeps its ``::1``.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import shlex
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netwiz.probes.errors import mapped
from netwiz.probes.facts.base import HOST, Place, PlaceKind
from netwiz.probes.facts.names import (
    Answer,
    NameOutcome,
    Resolution,
    ResolverFiles,
    ResolverRead,
)
from netwiz.probes.facts.upstreams import EMBEDDED, upstreams_of
from netwiz.probes.names import dns_ask, dnswire
from netwiz.probes.names.dns_search import Search
from netwiz.probes.names.resolver_files import read_resolver_files
from netwiz.probes.names.rfc6724 import Terrain, in_order, look_around
from netwiz.probes.names.rootfs import RootFiles
from netwiz.probes.names.together import together
from netwiz.probes.requests import ReadResolver, Resolve
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

BUDGET_S = 6.0
"""Of a whole lookup; glibc alone would wait 5 s for each server, twice."""

SECOND_OPINION_S = 0.2
"""How long DNS is asked for comparison after the hosts file has answered."""

_NETNS_FILES = Path("/etc/netns")


async def resolve(ground: Ground, request: Resolve) -> Resolution:
    """What the application's resolver in that place would answer now.

    Sends the queries that the application would send; after a hit in the hosts file
    one more pair, for comparison. Raises ProbeError for names that are none and for
    places that are gone.
    """
    place, name = request.place, request.name
    if literal := _literal(name):
        return Resolution(
            place=place,
            name=plain(name, 255),
            outcome=NameOutcome.LITERAL,
            addresses=(literal,),
        )
    dnswire.check_name(name)
    files = await read_files(ground, place)
    lookup = _Lookup(ground, place, name, files)
    found = await lookup.run()
    if not found.addresses:
        return found
    terrain = await _terrain(ground, place, found.addresses)
    kept = (c for c in terrain.candidates if _kept(c.address, terrain))
    addresses = tuple(in_order(kept, files.libc))
    outcome = found.outcome
    if outcome.ok and not addresses:
        outcome = NameOutcome.NODATA
    return dataclasses.replace(found, outcome=outcome, addresses=addresses)


async def read_resolver(ground: Ground, request: ReadResolver) -> ResolverRead:
    """What a place's resolver is told by its files; asks nobody."""
    files = await read_files(ground, request.place)
    root = ground.namespaces.root(request.place)
    return ResolverRead(
        place=request.place, files=files, command=f"cat {root / 'etc/resolv.conf'}"
    )


async def _behind(
    ground: Ground, place: Place, files: ResolverFiles
) -> tuple[tuple[Place, str], ...]:
    """Where to find the servers that the engine's name server asks, if it is asked."""
    if EMBEDDED not in files.servers or ground.snapshot is None:
        return ()
    client = ground.snapshot.by_id.get(place.key)
    host = await read_files(ground, HOST)
    found = upstreams_of(files, client, ground.snapshot.engine, host)
    return tuple((HOST if found.from_host(s) else place, s) for s in found.servers)


async def read_files(ground: Ground, place: Place) -> ResolverFiles:
    """resolv.conf, hosts and nsswitch.conf as the place's processes see them."""
    root = ground.namespaces.root(place)

    def read() -> ResolverFiles:
        named = place.kind is PlaceKind.NETNS and "/" not in place.key
        overlay = _NETNS_FILES / place.key if named else None
        return read_resolver_files(
            RootFiles(root),
            RootFiles(overlay) if overlay and overlay.is_dir() else None,
        )

    with mapped(f"the resolver's files in {place.label}"):
        # A file system that hangs must hold up nobody's end: daemon threads.
        files = await ground.namespaces.call(HOST, read)
    if not files.search and (domain := _own_domain(ground, place)):
        files = dataclasses.replace(files, search=(domain,))
    return files


async def raw_answers(
    ground: Ground,
    place: Place,
    name: str,
    servers: Sequence[str],
    *,
    records: Sequence[str] = ("A", "AAAA"),
    patience_s: float = 2.0,
) -> tuple[Answer, ...]:
    """Each server's own answer to each question, all asked at once, no search list."""
    return tuple(
        await together(
            *(
                dns_ask.ask(ground, place, server, name, record, patience_s=patience_s)
                for server in servers
                for record in records
            )
        )
    )


async def _terrain(ground: Ground, place: Place, addresses: Sequence[str]) -> Terrain:
    with mapped(f"the source addresses in {place.label}"):
        return await ground.namespaces.call(place, look_around, addresses)


def _kept(address: str, terrain: Terrain) -> bool:
    ip = ipaddress.ip_address(address)
    if ip.is_loopback:
        return True
    return terrain.has_ipv4 if ip.version == 4 else terrain.has_ipv6


def _literal(name: str) -> str:
    """The address that a name already is; empty when it is a name."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    # getaddrinfo takes inet_aton's older spellings too: 127.1, 0x7f000001.
    if re.fullmatch(
        r"(0[xX][0-9a-fA-F]+|[0-9]+)(\.(0[xX][0-9a-fA-F]+|[0-9]+)){0,3}", name
    ):
        try:
            return socket.inet_ntoa(socket.inet_aton(name))
        except OSError:
            pass
    return ""


def _own_domain(ground: Ground, place: Place) -> str:
    """The search list of a resolv.conf without one: what follows the host's name."""
    hostname = ""
    if place.kind is PlaceKind.HOST:
        hostname = socket.gethostname()
    elif place.kind is PlaceKind.CONTAINER and ground.snapshot:
        known = ground.snapshot.by_id.get(place.key)
        hostname = known.hostname if known else ""
    return plain(hostname.partition(".")[2], 253)


class _Lookup:
    """One name on its way through the services of nsswitch.conf."""

    def __init__(
        self, ground: Ground, place: Place, name: str, files: ResolverFiles
    ) -> None:
        self._ground = ground
        self._place = place
        self._name = name
        self._files = files
        self._found = Resolution(
            place=place,
            name=plain(name, 255),
            outcome=NameOutcome.NXDOMAIN,
            files=files,
            command=self._hosts_command(),
        )

    async def run(self) -> Resolution:
        deadline = time.perf_counter() + BUDGET_S
        for service in self._files.hosts_order:
            if service in ("files", "resolve") and (addresses := self._in_hosts()):
                return await self._with_second_opinion(addresses)
            if service in ("dns", "resolve"):
                search = Search(
                    self._ground,
                    self._place,
                    self._files,
                    deadline,
                    await _behind(self._ground, self._place, self._files),
                )
                begun = time.perf_counter()
                outcome, addresses = await search.run(self._name)
                took_ms = (time.perf_counter() - begun) * 1000
                self._found = dataclasses.replace(
                    self._found,
                    outcome=outcome,
                    addresses=addresses,
                    answers=tuple(search.answers),
                    took_ms=took_ms,
                    command=self._dns_command(),
                )
                if outcome.ok:
                    break
        return self._found

    def _in_hosts(self) -> tuple[str, ...]:
        wanted = self._name.lower()
        return tuple(
            dict.fromkeys(
                address
                for address, names in self._files.hosts
                if any(wanted == name.lower() for name in names)
            )
        )

    async def _with_second_opinion(self, addresses: tuple[str, ...]) -> Resolution:
        """What the hosts file says, and beside it what DNS would have said.

        The difference is how a stale entry shows; names of loopback need no comparison.
        """
        answers: tuple[Answer, ...] = ()
        if not all(ipaddress.ip_address(a).is_loopback for a in addresses):
            answers = await raw_answers(
                self._ground,
                self._place,
                self._name,
                self._files.servers[:1],
                patience_s=SECOND_OPINION_S,
            )
        return dataclasses.replace(
            self._found,
            outcome=NameOutcome.HOSTS,
            addresses=addresses,
            answers=answers,
        )

    def _hosts_command(self) -> str:
        hosts = self._ground.namespaces.root(self._place) / "etc/hosts"
        return f"grep -w {shlex.quote(self._name)} {hosts}"

    def _dns_command(self) -> str:
        enter = self._ground.namespaces.enter(self._place)
        server = next(iter(self._files.servers), "127.0.0.1")
        return f"{enter}nslookup {shlex.quote(self._name)} {server}"
