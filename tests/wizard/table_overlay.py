"""Small worlds and the causes they lead to: overlay."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import (
    Forwarding,
    KernelSupport,
    Outcome,
    RuleHit,
)
from tests.wizard.judge_table import Told
from tests.wizard.overlay_world import (
    BACK,
    DROP,
    ELSEWHERE,
    ENTERED,
    FACTS,
    LEFT,
    MAC,
    TASK,
    THERE,
    TUNNEL,
    world,
)
from tests.wizard.world import case

NO_IPVS = replace(FACTS, kernel=KernelSupport(ipvs=False, release="6.1.0"))
ENCRYPTED = replace(FACTS, encrypted=True, policies=(THERE,), unsent=3)

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
    "virtual address without IPVS": Told(
        "swarm-vip-no-ipvs",
        world(NO_IPVS, outcomes={TASK: Outcome.REFUSED}),
        case("web"),
    ),
    "virtual address without tasks": Told(
        "service-without-endpoints",
        world(replace(FACTS, tasks=())),
        case("web"),
    ),
}
