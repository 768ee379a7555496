"""Links, addresses, routes, neighbours and sysctls of a namespace; who has an address.

Everything is read from rtnetlink(7) and /proc/sys; nothing is sent on any wire.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from itertools import islice
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import HOST, Failure, Place
from netwiz.probes.facts.links import (
    AddressHolder,
    AddressHolders,
    Interface,
    LinkTable,
    RouteDecision,
)
from netwiz.probes.links import parse as links_parse
from netwiz.probes.links.peers import distinct, with_peers
from netwiz.probes.links.routes import way_to
from netwiz.probes.links.sysctls import read_sysctls
from netwiz.probes.netlink import rtnetlink
from netwiz.probes.requests import AskRoute, FindAddress, ReadLinks
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

_EXT_SKIP_STATS = 8
"""RTEXT_FILTER_SKIP_STATS: half of each message is counters that nobody asked for."""


async def read_links(ground: Ground, request: ReadLinks) -> LinkTable:
    """Everything rtnetlink says of one namespace, and its sysctls.

    A veth's other end is named where its namespace is one of `ground.places()`.
    Raises ProbeError when the namespace is gone or closed to us.
    """
    place = request.place
    enter = ground.namespaces.enter(place)
    # The other ends lead through other namespaces, so the work starts at home, in a
    # worker thread; it is milliseconds of parsing as well.
    with mapped(f"the links of {place.label}"):
        table = await ground.namespaces.call(HOST, _read_links, ground, place)
    shell = f"{enter}ip -d addr; {enter}ip route show table all; {enter}ip rule; "
    shell += f"{enter}ip neigh"
    return dataclasses.replace(table, command=shell)


def _read_links(ground: Ground, place: Place) -> LinkTable:
    def read() -> tuple[LinkTable, list[tuple[Interface, int | None]]]:
        from pyroute2 import IPRoute

        # Made in this thread and without netns=, which would fork a child.
        with IPRoute() as ipr:
            found = list(
                links_parse.interfaces(ipr.get_links(ext_mask=_EXT_SKIP_STATS))
            )
            names = {interface.index: interface.name for interface, _ in found}
            routes = links_parse.routes(ipr.get_routes(), names)
            neighbours = links_parse.neighbours(ipr.get_neighbours(), names)
            rules = links_parse.policy_rules(ipr.get_rules(family=0))
            table = LinkTable(
                place=place,
                addresses=tuple(links_parse.addresses(ipr.get_addr(), names)),
                routes=tuple(islice(routes, links_parse.MOST_ROUTES)),
                neighbours=tuple(islice(neighbours, links_parse.MOST_NEIGHBOURS)),
                rules=tuple(islice(rules, links_parse.MOST_RULES)),
                # Ports of a bridge take no part in routing: they come last.
                sysctls=read_sysctls(
                    i.name for i, _ in sorted(found, key=lambda one: one[0].master > 0)
                ),
            )
        return table, found

    table, found = ground.namespaces.call_here(place, read)
    return dataclasses.replace(table, interfaces=with_peers(ground, place, found))


async def ask_route(ground: Ground, request: AskRoute) -> RouteDecision:
    """What ``ip route get`` answers: the kernel's decision, policy rules included.

    Raises ProbeError for what is no address and when the namespace or the input device
    is gone.
    """
    place, address = request.place, request.address
    enter = ground.namespaces.enter(place)
    with mapped(f"the route from {place.label}"):
        way = await ground.namespaces.call(
            place, way_to, address, request.source, request.in_device, request.mark
        )
    words = [
        f"{enter}ip route get {plain(address, 80)}",
        f"from {request.source}" if request.source else "",
        f"iif {plain(request.in_device, 32)}" if request.in_device else "",
        f"mark {request.mark}" if request.mark else "",
    ]
    return RouteDecision(
        command=" ".join(filter(None, words)),
        place=place,
        address=address,
        kind=way.kind,
        device=way.device,
        gateway=way.gateway,
        source=way.source,
        destination=way.destination,
        table=way.table,
    )


def route_to(address: str) -> tuple[str, str, str, str]:
    """(kind, device, gateway, source) in the thread's namespace.

    Kind is empty where there is no route. Raises OSError for other kernel errors, and
    ProbeError for what is no address.
    """
    way = way_to(address)
    return way.kind, way.device, way.gateway, way.source


async def find_address(ground: Ground, request: FindAddress) -> AddressHolders:
    """Every namespace of this machine in which an address is configured.

    Containers that share a namespace count once. 300 namespaces take 10 to 30 ms.
    Raises ProbeError for what is no address.
    """
    try:
        wanted = ipaddress.ip_address(request.address.partition("%")[0])
    except ValueError:
        what = f"{plain(request.address, 80)!r} is not an IP address"
        raise ProbeError(Failure.BROKEN, what) from None

    def look() -> tuple[list[AddressHolder], list[str]]:
        holders: list[AddressHolder] = []
        places, unseen = distinct(ground, ground.places())
        for place in places:
            try:
                holders += ground.namespaces.call_here(
                    place, _holding, place, wanted.packed
                )
            except (ProbeError, OSError):
                unseen.append(place.label)
        return holders, unseen

    holders, unseen = await ground.namespaces.call(HOST, look)
    return AddressHolders(
        command=f"for ns in /proc/[0-9]*/ns/net; do nsenter --net=$ns ip -o addr show "
        f"to {wanted}; done | sort -u",
        address=request.address,
        holders=tuple(holders),
        unseen=tuple(unseen),
    )


def _holding(place: Place, wanted: bytes) -> list[AddressHolder]:
    indexes = [a.index for a in rtnetlink.addresses() if a.packed == wanted]
    if not indexes:
        return []
    devices = rtnetlink.devices()
    found = (devices.get(index, ("", "")) for index in indexes)
    return [AddressHolder(place, plain(name, 32), mac) for name, mac in found]
