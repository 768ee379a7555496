"""pyroute2's messages of a namespace, made into facts. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netwiz.probes.facts.links import (
    Address,
    Interface,
    Neighbour,
    PolicyRule,
    Route,
)
from netwiz.probes.text import plain

Message = Any
"""A pyroute2 nlmsg: a mapping with `get_attr`; the library ships no types."""

IFF_UP = 0x1
IFF_LOWER_UP = 0x10000

TABLE_MAIN = 254
TABLE_LOCAL = 255

MOST_ROUTES = 2000
MOST_NEIGHBOURS = 4096
MOST_RULES = 500

ROUTE_KINDS = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
    9: "throw",
}
"""rtm_type of linux/rtnetlink.h, as ``ip route`` names it."""

_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host"}

_NEIGHBOUR_STATES = {
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
    0x80: "PERMANENT",
}
"""NUD_* of linux/neighbour.h. NOARP (0x40) is left out, as ``ip neigh`` does."""

_PAIRED = ("veth", "netkit")
_STACKED = ("macvlan", "macvtap", "ipvlan", "ipvtap", "vlan", "vxlan")

Names = Mapping[int, str]


def interfaces(messages: Iterable[Message]) -> Iterator[tuple[Interface, int | None]]:
    """Each device, and the number of the namespace in which its other half lives.

    The number is IFLA_LINK_NETNSID; None where the other half is at home or there is
    none.
    """
    for message in messages:
        info = message.get_attr("IFLA_LINKINFO")
        kind = plain(info.get_attr("IFLA_INFO_KIND"), 32) if info else ""
        other = int(message.get_attr("IFLA_LINK") or 0)
        flags = int(message["flags"])
        interface = Interface(
            index=int(message["index"]),
            name=plain(message.get_attr("IFLA_IFNAME"), 32),
            kind=kind,
            mac=plain(message.get_attr("IFLA_ADDRESS"), 64),
            mtu=int(message.get_attr("IFLA_MTU") or 0),
            up=bool(flags & IFF_UP),
            carrier=bool(flags & IFF_LOWER_UP),
            master=int(message.get_attr("IFLA_MASTER") or 0),
            peer_index=other if kind in _PAIRED else 0,
            parent_index=other if kind in _STACKED else 0,
            hairpin=_hairpin(info),
        )
        yield interface, message.get_attr("IFLA_LINK_NETNSID")


def _hairpin(info: Message | None) -> bool | None:
    """IFLA_BRPORT_MODE; None for what is no port of a bridge."""
    if info is None or info.get_attr("IFLA_INFO_SLAVE_KIND") != "bridge":
        return None
    port = info.get_attr("IFLA_INFO_SLAVE_DATA")
    mode = port.get_attr("IFLA_BRPORT_MODE") if hasattr(port, "get_attr") else None
    return None if mode is None else bool(mode)


def addresses(messages: Iterable[Message], names: Names) -> Iterator[Address]:
    """Each address of a device."""
    for message in messages:
        # Of a point-to-point link IFA_ADDRESS is the other end (linux/if_addr.h).
        text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
        if text:
            scope = int(message["scope"])
            yield Address(
                address=plain(text, 64),
                prefix=int(message["prefixlen"]),
                device=names.get(int(message["index"]), ""),
                scope=_SCOPES.get(scope, str(scope)),
            )


def routes(messages: Iterable[Message], names: Names) -> Iterator[Route]:
    """The main table, and what the local table calls local; a hop each."""
    for message in messages:
        table = message.get_attr("RTA_TABLE") or message["table"]
        kind = ROUTE_KINDS.get(int(message["type"]), str(message["type"]))
        if table != TABLE_MAIN and (table, kind) != (TABLE_LOCAL, "local"):
            continue
        target = message.get_attr("RTA_DST")
        length = int(message["dst_len"])
        for device, gateway in _hops(message, names):
            yield Route(
                destination=f"{plain(target, 64)}/{length}" if target else "default",
                device=device,
                gateway=gateway,
                source=plain(message.get_attr("RTA_PREFSRC"), 64),
                metric=int(message.get_attr("RTA_PRIORITY") or 0),
                kind=kind,
                family=6 if int(message["family"]) == 10 else 4,
            )


def _hops(message: Message, names: Names) -> Iterator[tuple[str, str]]:
    """(device, gateway) of the only hop, or of each of several (RTA_MULTIPATH)."""
    several = message.get_attr("RTA_MULTIPATH")
    if not several:
        yield names.get(message.get_attr("RTA_OIF") or 0, ""), _gateway(message)
        return
    for hop in several[:16]:
        yield names.get(int(hop["oif"]), ""), _gateway(hop)


def _gateway(message: Message) -> str:
    via = message.get_attr("RTA_VIA")
    if isinstance(via, Mapping):
        # An IPv4 route through an IPv6 neighbour.
        return plain(str(via.get("addr", "")), 64)
    return plain(message.get_attr("RTA_GATEWAY"), 64)


def neighbours(messages: Iterable[Message], names: Names) -> Iterator[Neighbour]:
    """Each entry of the neighbour tables that ``ip neigh`` would show."""
    for message in messages:
        address = message.get_attr("NDA_DST")
        state = _NEIGHBOUR_STATES.get(int(message["state"]))
        if address and state:
            yield Neighbour(
                address=plain(address, 64),
                device=names.get(int(message["ifindex"]), ""),
                mac=plain(message.get_attr("NDA_LLADDR"), 64),
                state=state,
            )


_ACTIONS = {
    1: "lookup",
    2: "goto",
    3: "nop",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
}
"""FR_ACT_* of linux/fib_rules.h."""
_INVERTED = 0x2
_UNREAD = ("FRA_UID_RANGE", "FRA_IP_PROTO", "FRA_SPORT_RANGE", "FRA_DPORT_RANGE")
_TABLES = {253: "default", 254: "main", 255: "local"}


def policy_rules(messages: Iterable[Message]) -> Iterator[PolicyRule]:
    """Each rule of ``ip rule``, both families."""
    for message in messages:
        if int(message["family"]) not in (2, 10):
            continue  # those of multicast routing (RTNL_FAMILY_IPMR)
        table = int(message.get_attr("FRA_TABLE") or message["table"])
        mask = message.get_attr("FRA_FWMASK")
        rule = PolicyRule(
            priority=int(message.get_attr("FRA_PRIORITY") or 0),
            table=table,
            family=6 if int(message["family"]) == 10 else 4,
            action=_ACTIONS.get(int(message["action"]), str(message["action"])),
            source=_network(message.get_attr("FRA_SRC"), message["src_len"]),
            destination=_network(message.get_attr("FRA_DST"), message["dst_len"]),
            in_device=plain(message.get_attr("FRA_IIFNAME"), 32),
            out_device=plain(message.get_attr("FRA_OIFNAME"), 32),
            mark=int(message.get_attr("FRA_FWMARK") or 0),
            mask=0 if mask in (None, 0xFFFFFFFF) else int(mask),
            inverted=bool(int(message["flags"]) & _INVERTED),
            more=bool(message["tos"]) or any(map(message.get_attr, _UNREAD)),
        )
        yield dataclasses.replace(rule, text=_rule_text(rule))


def _network(address: str | None, length: int) -> str:
    return f"{plain(address, 64)}/{int(length)}" if address else ""


def _rule_text(rule: PolicyRule) -> str:
    mark = f"{rule.mark:#x}" + (f"/{rule.mask:#x}" if rule.mask else "")
    table = _TABLES.get(rule.table, str(rule.table))
    words = [
        "not" if rule.inverted else "",
        f"from {rule.source or 'all'}",
        f"to {rule.destination}" if rule.destination else "",
        f"fwmark {mark}" if rule.mark or rule.mask else "",
        f"iif {rule.in_device}" if rule.in_device else "",
        f"oif {rule.out_device}" if rule.out_device else "",
        f"lookup {table}" if rule.action == "lookup" else rule.action,
    ]
    return " ".join(filter(None, words))
