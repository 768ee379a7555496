"""One small world for each cause: the findings that must lead to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from netwiz.probes.facts import (
    HOST,
    AddressHolder,
    After,
    Backend,
    Connection,
    IcmpError,
    Outcome,
    PortMapping,
    Restarts,
    Rule,
    RuleHit,
    State,
)
from netwiz.wizard.case import Case
from tests.wizard.world import (
    BRIDGE,
    GATEWAY,
    NETWORK,
    NOW,
    ORDER,
    PG,
    UPLINK,
    World,
    case,
    container,
    listener,
    rst,
    syn,
)

OPEN = {"pg": (listener("0.0.0.0:3000"),)}
SHUT = {"pg": (listener("127.0.0.1:3000"),)}
BETWEEN = (
    syn(ORDER.place, "eth0", inbound=False),
    syn(HOST, BRIDGE),
    rst(HOST, BRIDGE),
)
ON_HOST = (syn(ORDER.place, "eth0", inbound=False), syn(HOST, BRIDGE))
RULE = Rule(
    place=HOST,
    backend=Backend.IPTABLES_NFT,
    family=4,
    table="filter",
    chain="DOCKER-USER",
    text="-A DOCKER-USER -p tcp --dport 3000 -j REJECT --reject-with tcp-reset",
    verdict="REJECT",
    reject_with="tcp-reset",
    protocol="tcp",
    destination_ports="3000",
    packets=9,
    tool="iptables",
)
PORT_UNREACHABLE = "icmp-port-unreachable"
STRAY = container("stray", 9)
API = (container("api1", 5), container("api2", 6))
MAPPED = replace(PG, published=(PortMapping(3000, "tcp", "0.0.0.0", 3000),))
STOPPED = {"state": State.EXITED, "pid": 0, "exit_code": 1, "finished_at": NOW}


def hit(rule: Rule = RULE, packets: int = 1) -> tuple[RuleHit, ...]:
    return (RuleHit(packets, rule),)


def icmp(link: Connection) -> Connection:
    return replace(link, icmp=IcmpError(3, 3, GATEWAY))


def hangs_up(link: Connection) -> Connection:
    return replace(link, outcome=Outcome.CONNECTED, after=After.EOF)


def down(**more: object) -> World:
    """Pg does not run, and its name is unknown."""
    return World(containers=(ORDER, replace(PG, **{**STOPPED, **more})), names={})  # type: ignore[arg-type]


@dataclass
class Told:
    """A world, a case, and what is to be said of it."""

    cause: str
    world: World
    about: Case = field(default_factory=case)
    also: tuple[str, ...] = ()


HOST_CASE = case(UPLINK, client=None)
TABLE = {
    "nothing listens": Told("service-not-listening", World()),
    "loopback": Told("service-bound-loopback", World(sockets=SHUT)),
    "family": Told(
        "listens-on-other-family", World(sockets={"pg": (listener("[fd00::2]:3000"),)})
    ),
    "host's port": Told(
        "host-port-used-inside-network",
        World(
            containers=(
                ORDER,
                replace(PG, published=(PortMapping(80, "tcp", "", 3000),)),
            ),
            sockets={"pg": (listener("0.0.0.0:80"),)},
        ),
    ),
    "wrong name": Told(
        "wrong-target-address",
        World(
            containers=(ORDER, PG, STRAY),
            sockets={
                "pg": (listener("0.0.0.0:80"),),
                "stray": (listener("0.0.0.0:3000", owner=STRAY),),
            },
        ),
    ),
    "old number": Told(
        "container-ip-hardcoded",
        World(
            containers=(ORDER, PG, STRAY),
            sockets={"stray": (listener("0.0.0.0:3000", owner=STRAY),)},
        ),
        case("172.18.0.2"),
    ),
    "itself": Told("localhost-in-container", World(sockets=OPEN), case("127.0.0.1")),
    "itself, and shut": Told(
        "localhost-in-container",
        World(sockets=SHUT),
        case("127.0.0.1"),
        ("service-bound-loopback",),
    ),
    "itself, the host": Told(
        "localhost-in-container",
        World(sockets={"host": (listener("127.0.0.1:3000"),)}),
        case("127.0.0.1"),
        ("host-service-bound-loopback",),
    ),
    "two families of loopback": Told(
        "localhost-resolves-ipv6-first",
        World(
            names={"localhost": ("::1", "127.0.0.1")},
            outcomes={"127.0.0.1": Outcome.CONNECTED},
            connection=lambda c: (
                replace(c, after=After.OPEN) if c.outcome is Outcome.CONNECTED else c
            ),
        ),
        case("localhost"),
    ),
    "a dead replica": Told(
        "one-dead-replica",
        World(
            containers=(ORDER, *API),
            names={"pg": ("172.18.0.5", "172.18.0.6")},
            outcomes={"172.18.0.5": Outcome.CONNECTED},
            connection=lambda c: (
                replace(c, after=After.OPEN) if c.outcome is Outcome.CONNECTED else c
            ),
        ),
    ),
    "still starting": Told(
        "startup-race", World(containers=(ORDER, replace(PG, health="starting")))
    ),
    "opens while watched": Told(
        "startup-race",
        World(
            containers=(ORDER, replace(PG, started_at=NOW - timedelta(seconds=3))),
            appears=(listener("0.0.0.0:3000"),),
        ),
    ),
    "stopped": Told("container-not-running", down()),
    "out of memory": Told("container-oom-killed", down(oom_killed=True, memory=2**23)),
    "out of memory without a limit": Told(
        "container-oom-killed", down(oom_killed=True)
    ),
    "restarting": Told(
        "container-restart-loop", down(state=State.RESTARTING, restart_count=4)
    ),
    "port taken": Told(
        "host-port-already-allocated",
        down(error="Bind for 0.0.0.0:3000 failed: port is already allocated"),
    ),
    "restarts under way": Told(
        "container-restart-loop",
        World(
            containers=(ORDER, replace(PG, restart_count=5)),
            restarts=Restarts(container_id=PG.id, count=5, deaths=4, window_s=600),
        ),
    ),
    "left behind": Told(
        "shared-netns-owner-restarted",
        World(
            containers=(
                ORDER,
                PG,
                container("web", 7, network_mode=f"container:{PG.id}", attachments=()),
            ),
            inodes={"web": 2},
            sockets={"web": (listener("0.0.0.0:3000"),)},
        ),
    ),
    "rule, reset": Told(
        "forward-reject-tcp-reset",
        World(sockets=OPEN, sightings=BETWEEN, hits=hit()),
    ),
    "rule, reset, and shut": Told(
        "forward-reject-tcp-reset",
        World(sockets=SHUT, sightings=BETWEEN, hits=hit()),
        also=("service-bound-loopback",),
    ),
    "rule, reset, and nothing there": Told(
        "forward-reject-tcp-reset",
        World(sightings=BETWEEN, hits=hit()),
        also=("service-not-listening",),
    ),
    "rule, icmp": Told(
        "forward-reject-port-unreachable",
        World(
            sockets=OPEN,
            sightings=BETWEEN,
            connection=icmp,
            hits=hit(replace(RULE, reject_with=PORT_UNREACHABLE)),
        ),
    ),
    "rule inside": Told(
        "container-own-iptables",
        World(sockets=OPEN, hits=hit(replace(RULE, place=PG.place, chain="INPUT"))),
    ),
    "rule before it leaves": Told(
        "container-own-iptables",
        World(
            sockets=OPEN,
            sightings=(),
            hits=hit(replace(RULE, place=ORDER.place, chain="OUTPUT")),
        ),
    ),
    "rule of the input": Told(
        "host-input-firewall-reject",
        World(
            sockets={"host": (listener("0.0.0.0:3000"),)},
            sightings=ON_HOST,
            hits=hit(replace(RULE, chain="INPUT")),
        ),
        case(GATEWAY),
    ),
    "host on loopback": Told(
        "host-service-bound-loopback",
        World(sockets={"host": (listener("127.0.0.1:3000"),)}, sightings=ON_HOST),
        case(GATEWAY),
    ),
    "host on loopback, and a rule": Told(
        "host-service-bound-loopback",
        World(
            sockets={"host": (listener("127.0.0.1:3000"),)},
            sightings=ON_HOST,
            hits=hit(replace(RULE, chain="INPUT")),
        ),
        case(GATEWAY),
        ("host-input-firewall-reject",),
    ),
    "two owners": Told(
        "duplicate-ip",
        World(
            containers=(ORDER, PG, STRAY),
            sockets=OPEN,
            sightings=BETWEEN,
            holders=(
                AddressHolder(PG.place, "eth0", "02:42:00:00:00:02"),
                AddressHolder(STRAY.place, "eth0", "02:42:00:00:00:09"),
            ),
        ),
    ),
    "unpublished": Told("port-not-published", World(sockets=OPEN), HOST_CASE),
    "unpublished, and shut": Told(
        "port-not-published",
        World(sockets=SHUT),
        HOST_CASE,
        ("service-bound-loopback",),
    ),
    "published on loopback": Told(
        "published-on-loopback-only",
        World(
            containers=(
                replace(PG, published=(PortMapping(3000, "tcp", "127.0.0.1", 3000),)),
            )
        ),
        HOST_CASE,
    ),
    "published elsewhere inside": Told(
        "published-wrong-container-port",
        World(containers=(MAPPED,), sockets={"pg": (listener("0.0.0.0:80"),)}),
        HOST_CASE,
    ),
    "container side dialled": Told(
        "published-port-mismatch-advertised",
        World(
            containers=(replace(PG, published=(PortMapping(3000, "tcp", "", 8080),)),)
        ),
        HOST_CASE,
    ),
    "without effect": Told(
        "publish-ignored",
        World(
            containers=(replace(PG, requested=MAPPED.published),),
            networks=(replace(NETWORK, internal=True),),
        ),
        HOST_CASE,
    ),
    "IPv4 only": Told(
        "ipv6-host-not-published",
        World(
            containers=(MAPPED,),
            networks=(replace(NETWORK, subnets=()),),
        ),
        case("::1", client=None),
    ),
    "host mode": Told(
        "host-mode-port-conflict",
        World(
            containers=(
                replace(
                    PG,
                    **{**STOPPED, "network_mode": "host"},  # type: ignore[arg-type]
                    command="web --port 3000",
                    attachments=(),
                ),
            ),
            restarts=Restarts(
                container_id=PG.id,
                count=0,
                last_lines=("bind: address already in use",),
            ),
        ),
        HOST_CASE,
    ),
}
