"""Somebody pinged, and it failed: is that the network, or only ping?"""

from __future__ import annotations

import re

from netwiz.probes.facts import Echoed, ProcessRights, Resolution
from netwiz.probes.requests import Echo, ReadRights, Resolve
from netwiz.wizard.case import Case
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.verdict import Mark

_PING = re.compile(
    r"\bping6?:|\bicmp_seq\b|packets transmitted|packet loss|socktype: SOCK_RAW"
)
_DENIED = re.compile(
    r"permission denied|operation not permitted|are you root|SOCK_RAW", re.IGNORECASE
)


def by_ping(case: Case) -> bool:
    """Whether the line that was given is ping's."""
    return bool(_PING.search(case.error))


def pinged(scene: Scene) -> Ruling:
    """Why ping failed, though the address is there."""
    client, error = scene.client, scene.case.error
    values = {"ping_line": error.strip()[:160]}
    if _DENIED.search(error):
        if client is None:
            return Ruling("no", "ping was denied; TCP needs no such right", Mark.ODD)
        rights = scene.look(ReadRights(client.id), ProcessRights)
        return _rights(client.name, rights, values, scene.case.target.name_only)
    address = scene.focus.address or _first(scene)
    if scene.case.target.name_only:
        values |= {"address": address}
        return Ruling("no_port", "no port was given, so only ping speaks", Mark.ODD)
    found = scene.look(Echo(scene.place, address), Echoed)
    if found.answered:
        said = f"{found.answered} of {found.sent} echo requests are answered now"
        return Ruling("no", said)
    got = f"ended with {found.error}" if found.error else "got no answer"
    seen = f"{max(found.sent, 1)} echo requests to {address} {got}"
    worked = scene.values.get("worked", "TCP works")
    return Ruling(
        "filtered",
        f"only ping: {seen}, but it {worked}",
        Mark.BAD,
        (seen, f"from the same namespace: {worked}"),
        {**values, "address": address, "echo": seen},
    )


def _first(scene: Scene) -> str:
    found = scene.look(Resolve(scene.place, scene.case.target.host), Resolution)
    return next(iter(found.addresses), scene.case.target.host)


def _rights(
    name: str, rights: ProcessRights, values: dict[str, str], name_only: bool
) -> Ruling:
    low, high = rights.ping_groups
    seen = (
        f"the first process of {name} has CapEff {rights.effective:016x} and CapBnd "
        f"{rights.bounding:016x}: bit 13, CAP_NET_RAW, is "
        f"{'set' if rights.raw else 'not set'}",
        f"net.ipv4.ping_group_range is {low} {high}, its group is {rights.group}",
    )
    if rights.raw:
        said = f"{name} may open raw sockets; another right was denied"
        return Ruling("port" if name_only else "no", said, Mark.ODD, seen, values)
    works = "that was not tried" if name_only else "it connects"
    values |= {
        "cap_state": "dropped from the container"
        if not rights.may_have_raw
        else f"not given to its user (uid {rights.user})",
        "tcp_state": works,
    }
    said = f"only ping: {name} has no CAP_NET_RAW"
    return Ruling("capability", said, Mark.BAD, seen, values)


NODES = (
    Node(
        "pinged",
        "is it the network, or only ping?",
        pinged,
        {
            "capability": Branch(
                "only ping, for want of a right", fault("cap-net-raw-dropped")
            ),
            "filtered": Branch("only ping is filtered", fault("icmp-filtered")),
            "no_port": Branch(
                "it cannot be told without a port",
                undetermined(
                    "ping from {client} to {host} failed, which says nothing about "
                    "TCP: many hosts and firewalls answer no ping",
                    "give the port of the service: {host}:<port>",
                ),
            ),
            "port": Branch("its rights are as they should be", HEALTHY),
            "no": Branch("neither: it works", "served"),
        },
    ),
)
