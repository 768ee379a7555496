"""Small worlds and the causes they lead to: unreachable, and the wire."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    Address,
    AddressHolder,
    After,
    Outcome,
    ProcessRights,
)
from tests.wizard import lost_world
from tests.wizard.judge_table import STOPPED, Told
from tests.wizard.wire_world import (
    HAS,
    INSIDE,
    LAN_CARD,
    OFF,
    OUTSIDE,
    PORTS,
    PRINTER,
    SENT,
    SPAN,
    WRONG,
    alone,
    crowded,
    links,
    no_source,
    ping,
    routed,
    stacked,
    wire,
)
from tests.wizard.world import (
    GATEWAY,
    ORDER,
    PG,
    World,
    case,
    container,
)

TABLE: dict[str, Told] = {
    "the server's veth is off the bridge": Told(
        "veth-detached-from-bridge",
        wire(see=links(ports={**PORTS, "pg": replace(PORTS["pg"], master=0)})),
    ),
    "the client's veth is on another bridge": Told(
        "veth-detached-from-bridge",
        wire(see=links(ports={**PORTS, "order": replace(PORTS["order"], master=3)})),
    ),
    "a veth is off": Told(
        "link-down",
        wire(see=links(ports={**PORTS, "pg": replace(PORTS["pg"], up=False)})),
    ),
    "the bridge is off": Told(
        "link-down", wire(see=links(bridge=replace(SPAN, up=False)))
    ),
    "the server's device is off": Told(
        "link-down",
        wire(see=links(inside={**INSIDE, "pg": replace(INSIDE["pg"], up=False)})),
    ),
    "the client's device is off": Told(
        "link-down",
        alone(attached=True, own=replace(INSIDE["order"], up=False)),
        case("172.18.0.2"),
    ),
    "the gateway is gone": Told(
        "bridge-ip-missing",
        wire(GATEWAY, links(host=()), holders=()),
        case(OUTSIDE, 80),
    ),
    "made without a network": Told("network-none", alone("none"), case("172.18.0.2")),
    "taken off its network": Told(
        "container-disconnected", alone("app"), case("172.18.0.2")
    ),
    "nobody has it, and its owner is down": Told(
        "container-not-running",
        wire(
            holders=(),
            sockets={},
            containers=(
                ORDER,
                replace(
                    PG,
                    **STOPPED,  # type: ignore[arg-type]
                    exposed=((3000, "tcp"),),
                    attachments=(replace(PG.attachments[0], ipv4=""),),
                ),
            ),
        ),
        case("172.18.0.2"),
    ),
    "nobody has it, and its owner has moved": Told(
        "container-ip-hardcoded",
        wire(
            holders=(),
            containers=(
                ORDER,
                replace(
                    PG, attachments=(replace(PG.attachments[0], ipv4="172.18.0.9"),)
                ),
            ),
        ),
        case("172.18.0.2"),
    ),
    "a wrong MAC": Told("stale-arp", wire(see=links(neighbours=(WRONG,)), seen=SENT)),
    "the MAC of a second owner": Told(
        "duplicate-ip",
        wire(
            see=links(neighbours=(WRONG,)),
            seen=SENT,
            containers=(ORDER, PG, container("stray", 9)),
            holders=(
                HAS,
                AddressHolder(container("stray", 9).place, "eth0", WRONG.mac),
            ),
        ),
    ),
    "a macvlan and its host": Told(
        "macvlan-host-isolation", stacked(), case("10.99.0.50")
    ),
    "a macvlan whose MAC nobody answers": Told(
        "macvlan-parent-filtered",
        stacked(by_host=False),
        case("10.99.0.2", client=PRINTER),
    ),
    "a macvlan on a card that is off": Told(
        "macvlan-parent-missing-or-down",
        replace(
            stacked(by_host=False),
            answers={
                **stacked(by_host=False).answers,
                ask.ReadLinks: links(inside={"printer": LAN_CARD}, uplink=OFF),
            },
        ),
        case("10.99.0.2", client=PRINTER),
    ),
    "no local port is free": Told(
        "ephemeral-ports-exhausted",
        no_source(4, (("net.ipv4.ip_local_port_range", "40000 40003"),)),
    ),
    "no local port is free for IPv6, which is off elsewhere": Told(
        "ephemeral-ports-exhausted",
        replace(
            no_source(
                4,
                (
                    ("net.ipv4.ip_local_port_range", "40000 40003"),
                    ("net.ipv6.conf.all.disable_ipv6", "1"),
                ),
                "fd00:28::20",
                (Address("fd00:28::3", 64, "eth0"), Address("::1", 128, "lo")),
            ),
            names={"pg": ("fd00:28::20",)},
        ),
    ),
    "no IPv6": Told(
        "ipv6-disabled-eaddrnotavail",
        replace(
            no_source(0, (("net.ipv6.conf.all.disable_ipv6", "1"),)),
            names={"pg": ("2001:db8::2",)},
        ),
    ),
    "ping is denied": Told(
        "cap-net-raw-dropped",
        ping(ProcessRights(container_id=ORDER.id, bounding=0xA80405FB)),
        replace(case(), error="ping: permission denied (are you root?)"),
    ),
    "ping is not answered": Told(
        "icmp-filtered",
        ping(ProcessRights(container_id=ORDER.id)),
        replace(case(), error="3 packets transmitted, 0 received, 100% packet loss"),
    ),
    "IPv6 comes first and is lost": Told(
        "aaaa-preferred-unreachable",
        World(
            names={"pg": ("2001:db8::10", OUTSIDE)},
            outcomes={"2001:db8::10": Outcome.TIMEOUT, OUTSIDE: Outcome.CONNECTED},
            connection=lambda c: (
                replace(c, after=After.OPEN)
                if c.outcome is Outcome.CONNECTED
                else replace(c, source="fd00::3")
            ),
        ),
    ),
    "an entry for one that is gone": Told(
        "container-not-running",
        wire(
            see=links(neighbours=(replace(WRONG, state="REACHABLE"),)),
            seen=SENT,
            holders=(),
            sockets={},
            containers=(
                ORDER,
                replace(
                    PG,
                    **STOPPED,  # type: ignore[arg-type]
                    exposed=((3000, "tcp"),),
                    attachments=(replace(PG.attachments[0], ipv4=""),),
                ),
            ),
        ),
        case("172.18.0.2"),
    ),
    "the table of neighbours is full": Told(
        "neighbour-table-overflow",
        replace(
            lost_world.world(),
            answers={ask.AskRoute: routed(), ask.Attempt: crowded},
        ),
    ),
}
