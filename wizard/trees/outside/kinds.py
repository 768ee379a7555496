"""What a fault is called whose rule or switch was found on paper, not by a counter."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Backend, IcmpError, OwnerKind
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, fault
from netwiz.wizard.trees.lost.drops import Taker
from netwiz.wizard.trees.lost.passage import Passage, code_of
from netwiz.wizard.trees.lost.rules import kind_of as kind_of_drop
from netwiz.wizard.trees.lost.where import Stage
from netwiz.wizard.trees.outside.paper import Paper

KINDS = {
    "ip_forward": Branch("no, it forwards nothing", fault("ip-forward-off")),
    "device_forward": Branch(
        "no, it forwards nothing from there", fault("per-interface-forwarding-off")
    ),
    "direct": Branch(
        "no, not straight to a container's address", fault("direct-routing-dropped")
    ),
    "reset": Branch("no, a rule resets it", fault("forward-reject-tcp-reset")),
    "icmp": Branch("no, a rule rejects it", fault("forward-reject-port-unreachable")),
    "reject": Branch(
        "no, a rule says that it is prohibited", fault("forward-reject-icmp-prohibited")
    ),
    "input_reject": Branch(
        "no, a rule of the input rejects it", fault("host-input-firewall-reject")
    ),
    "input": Branch(
        "no, a rule of the input drops it", fault("host-input-firewall-drop")
    ),
    "user": Branch("no, a rule of this host's own", fault("docker-user-drop")),
    "legacy": Branch(
        "no, one of iptables-legacy, beside the engine's",
        fault("iptables-legacy-nft-mix"),
    ),
    "foreign": Branch(
        "no, one of nftables that iptables does not show", fault("foreign-nft-drop")
    ),
    "policy": Branch(
        "no, none accepts it, and the policy drops",
        fault("forward-policy-drop-no-accept"),
    ),
    "reloaded": Branch(
        "no, firewalld's, and the engine's are gone",
        fault("firewalld-reload-lost-rules"),
    ),
    "rate": Branch("no, one that takes what is too much", fault("rate-limited")),
    "banned": Branch("no, one that takes listed addresses", fault("source-ip-banned")),
}
_OTHERS = {"flushed": "policy", "others": "policy", "isolation": "user"}
"""Kinds of a drop between containers, as they are called for a packet from outside."""
_RESET = ("tcp-reset", "tcp reset")


def kind_of(scene: Scene, paper: Paper) -> str:
    """The branch for a paper packet that is refused."""
    rule, policy = paper.fate.rule, paper.fate.policy
    icmp = None
    if rule is not None and rule.verdict == "REJECT":
        if paper.hook == "input":
            return "input_reject"
        if rule.reject_with in _RESET:
            return "reset"
        code = code_of(rule, 6 if ":" in paper.packet.destination else 4)
        if code in ((3, 3), (1, 4)):
            return "icmp"
        icmp = IcmpError(*code, source="") if code else IcmpError(3, 13, source="")
    elif paper.hook != "input" and _direct(scene, paper):
        return "direct"
    packet = paper.packet
    passage = Passage(
        place=HOST,
        hooks=(paper.hook,),
        flows=frozenset(),
        protocol=packet.protocol,
        state="NEW",
        came_by=frozenset(filter(None, (packet.in_device,))),
        leaves_by=frozenset(filter(None, (packet.out_device,))),
        icmp=icmp,
    )
    stage = Stage.INPUT if paper.hook == "input" else Stage.FORWARD
    kind = kind_of_drop(scene, stage, Taker(passage, 0, rule=rule, policy=policy))
    kind = _OTHERS.get(kind, kind)
    return kind if kind in KINDS else "user"


def _direct(scene: Scene, paper: Paper) -> bool:
    """Whether a container's own address is dialled, and the engine keeps it shut."""
    dialled = scene.owner(scene.focus.address).kind is OwnerKind.CONTAINER
    if not dialled or paper.nat.rule is not None:
        return False
    rule = paper.fate.rule
    if rule is None:
        policy = paper.fate.policy
        return policy is not None and policy.backend is not Backend.NFT
    dockers = rule.chain.startswith("DOCKER") and rule.chain != "DOCKER-USER"
    return dockers or (rule.table == "raw" and bool(rule.destination))
