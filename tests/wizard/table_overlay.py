"""Small worlds and the causes they lead to: overlay."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import (
    Forwarding,
    KernelSupport,
    Outcome,
    RuleHit,
    State,
    SwarmPort,
    TcpInfo,
)
from netwiz.probes.requests import Converse, MeasurePath, ReadSockets
from netwiz.wizard.case import Symptom
from tests.wizard.judge_table import Told
from tests.wizard.lost_world import DROP as DROP_HERE
from tests.wizard.lost_world import USER_JUMP
from tests.wizard.lost_world import world as dropped
from tests.wizard.overlay_world import (
    BACK,
    DROP,
    ELSEWHERE,
    ENTERED,
    FACTS,
    HERE,
    LEFT,
    MAC,
    ON_SHOP,
    PG,
    TASK,
    THERE,
    TUNNEL,
    VIRTUAL,
    world,
)
from tests.wizard.table_talk import by_size, held, sizes, stream, takes
from tests.wizard.world import ORDER, World, case
from tests.wizard.world import PG as PG_HERE

NO_IPVS = replace(FACTS, kernel=KernelSupport(ipvs=False, release="6.1.0"))
ENCRYPTED = replace(FACTS, encrypted=True, policies=(THERE,), unsent=3)

REFUSED = replace(
    PG_HERE,
    state=State.CREATED,
    pid=0,
    attachments=(),
    network_mode="shop",
    error="Could not attach to network shop: network shop not manually attachable",
)


def idled() -> World:
    """order holds a connection to the virtual address that has long been silent."""
    made = world(outcomes={VIRTUAL: Outcome.CONNECTED}, seen=())
    made.connection = takes
    info = TcpInfo(
        unacked=1, retransmitting=3, total_retransmits=3, heard_ago_ms=905_000
    )
    kept = replace(stream(VIRTUAL), info=info)
    made.answers = {**made.answers, ReadSockets: held(kept)}
    return made


def narrow() -> World:
    """pg on the other node answers, and its large packets do not come."""
    made = world(outcomes={PG: Outcome.CONNECTED}, seen=())
    made.connection = takes
    made.answers = {**made.answers, Converse: by_size, MeasurePath: sizes}
    return made


OWN_DROP = replace(
    DROP,
    place=ORDER.place,
    text="-A OUTPUT -p tcp --dport 3000 -j DROP",
    protocol="tcp",
    destination_ports="3000",
)


TABLE: dict[str, Told] = {
    "VXLAN blocked beyond": Told("overlay-4789-blocked", world()),
    "VXLAN and gossip blocked beyond": Told(
        "overlay-4789-blocked",
        world(outcomes={THERE: Outcome.TIMEOUT}),
        also=("overlay-7946-blocked",),
    ),
    "VXLAN dropped on its way out": Told(
        "overlay-4789-blocked", world(seen=ENTERED, hits=(RuleHit(1, DROP),))
    ),
    "VXLAN dropped on its way in": Told(
        "overlay-4789-blocked",
        world(
            seen=(*LEFT, BACK),
            hits=(RuleHit(2, replace(DROP, chain="INPUT", hook="input")),),
        ),
    ),
    "dropped before it enters the network": Told(
        "container-own-iptables",
        world(seen=(), hits=(RuleHit(1, OWN_DROP),)),
    ),
    "tunnel leads elsewhere": Told(
        "overlay-stale-fdb-arp",
        world(
            replace(
                FACTS,
                tunnel=replace(TUNNEL, forwarding=(Forwarding(MAC, ELSEWHERE),)),
            )
        ),
    ),
    "encrypted, and no key": Told(
        "overlay-esp-blocked",
        world(
            replace(FACTS, encrypted=True, policies=(THERE,), unsent=3), seen=ENTERED
        ),
    ),
    "gossip blocked": Told(
        "overlay-7946-blocked",
        world(outcomes={THERE: Outcome.TIMEOUT}),
        case("10.0.1.99"),
    ),
    "gossip blocked, seen by a worker": Told(
        "overlay-7946-blocked",
        world(
            replace(FACTS, nodes=(), is_manager=False, managers=(f"{THERE}:2377",)),
            outcomes={f"{THERE}:7946": Outcome.TIMEOUT},
        ),
        case("10.0.1.99"),
    ),
    "gossip blocked, and a name": Told(
        "overlay-7946-blocked",
        world(outcomes={THERE: Outcome.TIMEOUT}),
        case("db"),
    ),
    "manager's port blocked": Told(
        "swarm-2377-blocked",
        world(outcomes={f"{THERE}:2377": Outcome.TIMEOUT}),
        case(THERE, 2377, client=None),
    ),
    "gossip's port blocked": Told(
        "overlay-7946-blocked",
        world(outcomes={f"{THERE}:7946": Outcome.TIMEOUT}),
        case(THERE, 7946, client=None),
    ),
    "known by an address it has not": Told(
        "overlay-advertise-addr-wrong", world(replace(FACTS, local=ELSEWHERE))
    ),
    "on a network for services alone": Told(
        "overlay-not-attachable",
        replace(world(), containers=(ON_SHOP, REFUSED), names={}),
    ),
    "mesh not set up": Told(
        "ingress-mesh-broken",
        world(
            replace(NO_IPVS, ports=(SwarmPort("web", 8080, 80),)),
            outcomes={HERE: Outcome.REFUSED},
        ),
        case(HERE, 8080, client=None),
    ),
    "large packets lost": Told("overlay-mtu", narrow(), case("pg", scheme="http")),
    "idled at a virtual address": Told(
        "swarm-vip-idle-timeout", idled(), case("web", symptom=Symptom.TIMEOUT)
    ),
    "store does not answer": Told(
        "overlay-kv-store-down",
        world(replace(FACTS, swarm_state="inactive", store=f"{ELSEWHERE}:8500")),
    ),
    "dropped by a network policy": Told(
        "k8s-networkpolicy-drop",
        dropped(
            replace(
                DROP_HERE,
                chain="cali-tw-cali1",
                text="-A cali-tw-cali1 -p tcp --dport 3000 -j DROP",
            ),
            more=(
                replace(
                    USER_JUMP,
                    target="cali-tw-cali1",
                    text="-A FORWARD -j cali-tw-cali1",
                ),
            ),
        ),
    ),
    "kernel upgraded under a virtual address": Told(
        "kernel-module-missing",
        world(
            replace(
                FACTS,
                kernel=KernelSupport(
                    ipvs=False, release="6.1.0-13", modules=("6.1.0-17",)
                ),
            ),
            outcomes={TASK: Outcome.REFUSED},
        ),
        case("web"),
    ),
    "virtual address without IPVS": Told(
        "swarm-vip-no-ipvs",
        world(NO_IPVS, outcomes={TASK: Outcome.REFUSED}),
        case("web"),
    ),
    "virtual address that refuses": Told(
        "service-without-endpoints",
        world(replace(FACTS, tasks=()), outcomes={VIRTUAL: Outcome.REFUSED}),
        case("web"),
    ),
    "virtual address without tasks": Told(
        "service-without-endpoints",
        world(replace(FACTS, tasks=())),
        case("web"),
    ),
}
