"""Small worlds and the causes they lead to: lost."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import HOST, Backend, Ruleset
from tests.wizard.judge_table import SHUT, Told
from tests.wizard.lost_world import (
    ANSWERED,
    ARRIVED,
    AWAY,
    BAD_SUM,
    DROP,
    FIREWALLD,
    FULL,
    GUARD,
    HOST_CASE,
    INPUT,
    OTHER_DOOR,
    PROHIBITED,
    REVERSE,
    ROUTED,
    SERVES,
    STRANGER,
    TABLE_FULL,
    TO_GATEWAY,
    apart,
    counting,
    forward,
    hooked,
    icmp,
    nft,
    ruled,
    world,
)
from tests.wizard.world import BRIDGE, NETWORK, ORDER, PG, case

TABLE: dict[str, Told] = {
    "dropped by a rule": Told("docker-user-drop", world(DROP)),
    "dropped, and shut": Told(
        "docker-user-drop",
        world(DROP, sockets=SHUT),
        also=("service-bound-loopback",),
    ),
    "dropped on a busy host": Told("docker-user-drop", world(DROP, packets=40)),
    "dropped before it leaves": Told(
        "container-own-iptables",
        world(replace(DROP, place=ORDER.place, chain="OUTPUT", hook="output"), seen=()),
    ),
    "dropped where it arrives": Told(
        "container-own-iptables",
        world(replace(DROP, place=PG.place, chain="INPUT", hook="input"), seen=ARRIVED),
    ),
    "the answer dropped": Told(
        "reply-direction-dropped",
        world(
            replace(
                DROP,
                destination_ports="",
                source_ports="3000",
                text="-A DOCKER-USER -p tcp --sport 3000 -j DROP",
            ),
            seen=ANSWERED,
        ),
    ),
    "policy": Told("forward-policy-drop-no-accept", world(policy=forward("DROP"))),
    "policy, and all rules gone": Told(
        "docker-rules-flushed",
        replace(
            world(policy=forward("DROP")),
            rules=Ruleset(place=HOST, policies=(forward("DROP"),)),
        ),
    ),
    "legacy": Told(
        "iptables-legacy-nft-mix",
        world(
            replace(
                DROP,
                backend=Backend.IPTABLES_LEGACY,
                chain="FORWARD",
                hook="forward",
                tool="iptables-legacy",
                text="-A FORWARD -p tcp --dport 3000 -j DROP",
            ),
            more=(DROP,),
        ),
    ),
    "nft": Told("foreign-nft-drop", world(nft("tcp dport 3000 counter drop"))),
    "nft, uncounted": Told(
        "foreign-nft-drop",
        replace(
            world(),
            rules=ruled(nft("tcp dport 3000 drop"), policies=(GUARD,)),
        ),
    ),
    "nft, by policy": Told(
        "foreign-nft-drop",
        replace(
            world(),
            rules=ruled(policies=(replace(GUARD, policy="DROP"),)),
        ),
    ),
    "icc": Told(
        "icc-false",
        world(
            replace(
                DROP,
                chain="FORWARD",
                hook="forward",
                in_device=BRIDGE,
                out_device=BRIDGE,
                text=f"-A FORWARD -i {BRIDGE} -o {BRIDGE} -j DROP",
            ),
            networks=(
                replace(
                    NETWORK,
                    options=(("com.docker.network.bridge.enable_icc", "false"),),
                ),
            ),
        ),
    ),
    "isolated": Told("cross-bridge-isolation", apart(), case("172.19.0.2")),
    "shut in": Told(
        "internal-network-no-egress", apart(internal=True), case("172.19.0.2")
    ),
    "input": Told(
        "host-input-firewall-drop",
        world(INPUT, seen=TO_GATEWAY, sockets=SERVES),
        HOST_CASE,
    ),
    "input, by policy": Told(
        "host-input-firewall-drop",
        world(
            policy=replace(hooked(HOST, "INPUT"), policy="DROP"),
            seen=TO_GATEWAY,
            sockets=SERVES,
        ),
        HOST_CASE,
    ),
    "input, prohibited": Told(
        "host-input-firewall-reject",
        world(
            replace(INPUT, verdict="REJECT", reject_with="icmp-host-prohibited"),
            seen=TO_GATEWAY,
            sockets=SERVES,
            outcomes=PROHIBITED,
            connection=icmp(3, 10),
            answers=ROUTED,
        ),
        HOST_CASE,
    ),
    "prohibited": Told(
        "forward-reject-icmp-prohibited",
        world(
            replace(DROP, verdict="REJECT", reject_with="icmp-admin-prohibited"),
            outcomes=PROHIBITED,
            connection=icmp(3, 13),
            answers=ROUTED,
        ),
    ),
    "beyond a limit": Told(
        "rate-limited",
        world(replace(DROP, unknown=("hashlimit --hashlimit-above 1/hour",))),
    ),
    "on a list": Told(
        "source-ip-banned",
        world(replace(DROP, unknown=("set --match-set bad src",))),
    ),
    "reloaded": Told(
        "firewalld-reload-lost-rules",
        replace(
            world(FIREWALLD),
            rules=Ruleset(place=HOST, rules=(FIREWALLD,), policies=(GUARD,)),
        ),
    ),
    "others": Told(
        "docker-forward-drop-breaks-others",
        world(
            policy=forward("DROP"),
            seen=AWAY,
            containers=(STRANGER, PG),
            networks=(replace(NETWORK, driver="macvlan", device=""),),
        ),
        case("172.18.0.2", client=STRANGER),
    ),
    "reverse path": Told(
        "rp-filter-asymmetric", replace(world(), answers=counting(REVERSE))
    ),
    "connections untracked": Told(
        "conntrack-table-full",
        replace(world(), answers=counting(TABLE_FULL, tracked=999)),
    ),
    "queue full": Told(
        "accept-backlog-full",
        world(seen=ARRIVED, sockets={"pg": (FULL,)}),
    ),
    "a wrong checksum": Told(
        "tx-checksum-offload-bug", replace(world(), answers=counting(BAD_SUM))
    ),
    "another door": Told("container-wrong-gateway", world(seen=OTHER_DOOR)),
}
