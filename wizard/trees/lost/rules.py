"""The rule or policy that took a packet: whose it is, and what that fault is called."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Backend, Container, OwnerKind, Rule, Ruleset
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.requests import ReadRules
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Also, Branch, Node, Ruling, fault
from netwiz.wizard.trees.egress.source import restarting
from netwiz.wizard.trees.lost.drops import Search, Taker, search
from netwiz.wizard.trees.lost.fixes import (
    client_network,
    for_others,
    join,
    recreation,
    server_network,
    through_policy,
    unban,
)
from netwiz.wizard.trees.lost.where import Stage
from netwiz.wizard.trees.published.engine_rules import flushed
from netwiz.wizard.trees.published.restarts import engine_restart
from netwiz.wizard.trees.second import what_waits
from netwiz.wizard.trees.words import either, server_name
from netwiz.wizard.verdict import Mark

ICC = "com.docker.network.bridge.enable_icc"
_BANS = ("f2b-", "fail2ban", "crowdsec", "sshguard", "blacklist", "blocklist", "banned")


def which_drop(scene: Scene) -> Ruling:
    """The rule or policy that took the probe, by its counter and by what fits."""
    found = search(scene)
    taker = found.taker
    unsupported = tuple(
        f"cannot tell if `{text}` took the probe" for text in found.unsure
    ) + tuple(f"the counters of {label} could not be read" for label in found.blind)
    if taker is None:
        return _none(scene, found, unsupported)
    kind = kind_of(scene, found.way.stage, taker)
    said, proof = _proof(taker)
    seen = f"the probe: {found.way.text}"
    values, also = _values(scene, found, taker, kind)
    evidence = (proof, *_circumstances(scene, kind, taker), seen)
    return Ruling(
        kind, said, Mark.BAD, evidence, values, unsupported=unsupported, also=also
    )


def _circumstances(scene: Scene, kind: str, taker: Taker) -> tuple[str, ...]:
    """What of the networks makes it this fault and no other."""
    ours, theirs = client_network(scene), server_network(scene)
    if kind == "icc":
        return (f"the network {theirs.name} has the option {ICC}=false",)
    if kind == "internal":
        shut = dict.fromkeys(n.name for n in (ours, theirs) if n.internal)
        return tuple(f"the network {name} is internal" for name in shut)
    if kind == "isolation":
        name = scene.case.client.name
        server = server_name(scene)
        return (f"{name} is on {ours.name}, {server} on {theirs.name}",)
    if kind == "flushed":
        tables = " and ".join(_emptied(scene))
        return (f"no rule of the engine is left in the {tables} table",)
    if kind == "others":
        entry = taker.passage.entry
        return (f"it came in by {entry}, which is no bridge of the engine",)
    if kind == "legacy":
        return ("the engine's own chains are those of iptables-nft",)
    return ()


def _none(scene: Scene, found: Search, unsupported: tuple[str, ...]) -> Ruling:
    if found.passed:
        return Ruling("unsteady", "a further probe got through", Mark.ODD)
    said = "none that is known to fit" if found.unsure else "none counted the probe"
    if found.blind:
        said = f"unknown: the rules of {either(found.blind)} could not be read"
    mark = Mark.UNKNOWN if found.blind or found.unsure else Mark.ODD
    link = scene.attempted.connection
    values = {
        "rules": "; ".join(unsupported) or "no rule is known to have taken it",
        "met": link.icmp.text if link.icmp else link.outcome.value,
        "last_seen": found.way.text,
    }
    return Ruling("none", said, mark, values=values, unsupported=unsupported)


def _proof(taker: Taker) -> tuple[str, str]:
    """The answer, and the evidence for it."""
    what = taker.text if taker.rule is None else f"`{taker.text}`"
    full = f"the {what}" if taker.rule is None else f"the rule {what}"
    if not taker.packets:
        return (
            f"{what}, the only one that can have",
            f"{full} ({taker.where}) has no counter; of all that stand "
            "where the packet was lost it alone takes such a one",
        )
    rose = f"counted +{taker.packets}"
    more = f"{full} ({taker.where}) {rose} around the probe"
    if taker.confirmed:
        again = f"each of {taker.confirmed} more probes that failed"
        return f"{what} {rose}, and {again}", f"{more}, and again with {again}"
    return f"{what} {rose}", more


_OF_PODS = ("cali-", "KUBE-NWPLCY", "KUBE-POD-FW", "KUBE-ROUTER", "WEAVE-NPC")
"""Chains of those who enforce Kubernetes' network policies."""


def kind_of(scene: Scene, stage: Stage, taker: Taker) -> str:
    """What a fault by this rule or policy is called; a branch of `which_drop`."""
    rejects = taker.passage.icmp is not None
    place = taker.passage.place
    if place != HOST:
        return "inside"
    if stage is Stage.REPLY:
        return "reply"
    if taker.rule is not None and not rejects and taker.limits:
        return "rate"
    if taker.rule is not None and not rejects and _bans(taker.rule):
        return "banned"
    if stage is Stage.INPUT and "forward" not in taker.passage.hooks:
        return "input_reject" if rejects else "input"
    if _reloaded(scene):
        return "reloaded"
    if rejects:
        return "reject"
    if taker.rule is None:
        return _by_policy(scene, taker)
    return _by_rule(scene, taker.rule)


def _by_policy(scene: Scene, taker: Taker) -> str:
    backend = taker.policy.backend if taker.policy else Backend.NFT
    if backend is Backend.NFT:
        return "foreign"
    if backend is Backend.IPTABLES_LEGACY and _dockers(scene, Backend.IPTABLES_NFT):
        return "legacy"
    met = taker.passage.came_by | taker.passage.leaves_by
    bridges = {n.device for n in scene.snapshot.networks if n.device}
    if met and not met & bridges:
        return "others"
    return "flushed" if _emptied(scene) else "policy"


def _emptied(scene: Scene) -> tuple[str, ...]:
    """The tables out of which every rule of the engine is gone."""
    rules = scene.look(ReadRules(HOST), Ruleset)
    return flushed(rules, scene.snapshot.engine)


def _by_rule(scene: Scene, rule: Rule) -> str:
    if rule.chain.startswith(_OF_PODS):
        return "pods"
    networks = (client_network(scene), server_network(scene))
    options = dict(networks[1].options)
    same = bool(rule.in_device) and rule.in_device == rule.out_device
    if same and options.get(ICC, "").lower() == "false":
        return "icc"
    if rule.chain.startswith("DOCKER") and rule.chain != "DOCKER-USER":
        return "internal" if any(n.internal for n in networks) else "isolation"
    if rule.backend is Backend.NFT:
        return "foreign"
    if rule.backend is Backend.IPTABLES_LEGACY and _dockers(
        scene, Backend.IPTABLES_NFT
    ):
        return "legacy"
    return "user"


def _bans(rule: Rule) -> bool:
    """Whether a rule takes those whose address stands in a list."""
    listed = any("match-set" in m and "src" in m for m in rule.unknown)
    listed |= any("saddr @" in m for m in rule.unknown)
    return listed or rule.chain.lower().startswith(_BANS)


def _dockers(scene: Scene, backend: Backend) -> bool:
    """Whether the engine's own chains are there, in this packet filter."""
    return any(
        rule.backend is backend and rule.chain.startswith("DOCKER")
        for rule in scene.look(ReadRules(HOST), Ruleset).rules
    )


def _reloaded(scene: Scene) -> bool:
    """Whether firewalld's table is there and the engine's rules are all gone."""
    try:
        rules = scene.look(ReadRules(HOST), Ruleset).rules
    except Unseen:
        return False
    return (
        any(r.table == "firewalld" for r in rules)
        and len(_emptied(scene)) > 1
        and not any(r.chain.startswith(("NETAVARK", "CNI-")) for r in rules)
    )


def _values(
    scene: Scene, found: Search, taker: Taker, kind: str
) -> tuple[dict[str, str], tuple[Also, ...]]:
    """For the texts of causes; and what is wrong behind the rule as well."""
    stage, rule = found.way.stage, taker.rule
    behind = ""
    also: tuple[Also, ...] = ()
    if stage in (Stage.WITHIN, Stage.FORWARD, Stage.INPUT):
        behind, also = what_waits(scene)
    remove = deletion(rule) if rule is not None else ""
    led_on = stage is Stage.INPUT and "forward" in taker.passage.hooks
    let = through_policy(scene, taker, Stage.FORWARD if led_on else stage)
    ours, theirs = client_network(scene), server_network(scene)
    inside = scene.snapshot.by_id.get(taker.passage.place.key)
    beyond = scene.owner(scene.focus.address).kind is OwnerKind.ELSEWHERE
    values = {
        "rule": taker.text,
        "rule_where": taker.where + (f" inside {inside.name}" if inside else ""),
        "rule_container": _holder(taker, inside),
        "way_out": "yes" if beyond else "",
        "shut_in": f"`{taker.text}` ({taker.where}) took the packet",
        "remove_rule": remove,
        "let_through": let,
        "by_hand": "" if remove or let else "yes",
        "server": server_name(scene),
        "behind": behind or "The server itself is not to blame.",
        "effect": "rejects" if taker.passage.icmp is not None else "drops",
        "client_network": ours.name or "no network of the engine",
        "server_network": theirs.name or "no network of the engine",
        "last_seen": found.way.text,
        "input_device": taker.passage.entry or "DEVICE",
    }
    values |= join(scene) | engine_restart(scene) | restarting(scene)
    if kind == "flushed":
        values["tables"] = " and ".join(_emptied(scene))
    if kind == "others":
        values["let_through"] = for_others(taker) or let
    if kind == "banned" and rule is not None:
        values["unban"] = unban(rule, scene.attempted.connection.source)
    if kind == "icc":
        values["recreate"] = recreation(scene, theirs, ICC)
        values["icc_by_hand"] = "" if values["recreate"] else "yes"
    return values, also


def _holder(taker: Taker, inside: Container | None) -> str:
    if inside is not None:
        return inside.name
    return "this host" if taker.passage.place == HOST else taker.passage.place.label


NODES = (
    Node(
        "which_drop",
        "which rule took the probe?",
        which_drop,
        {
            "pods": Branch(
                "a network policy of Kubernetes", fault("k8s-networkpolicy-drop")
            ),
            "user": Branch("a rule of this host's own", fault("docker-user-drop")),
            "legacy": Branch(
                "one of iptables-legacy, beside the engine's",
                fault("iptables-legacy-nft-mix"),
            ),
            "foreign": Branch(
                "one of nftables that iptables does not show", fault("foreign-nft-drop")
            ),
            "icc": Branch("the network's own: icc is off", fault("icc-false")),
            "isolation": Branch(
                "the engine's own, between networks", fault("cross-bridge-isolation")
            ),
            "internal": Branch(
                "the engine's own, around an internal network",
                fault("internal-network-no-egress"),
            ),
            "policy": Branch(
                "none accepted it, and the policy drops",
                fault("forward-policy-drop-no-accept"),
            ),
            "others": Branch(
                "the policy that the engine set, for others' packets",
                fault("docker-forward-drop-breaks-others"),
            ),
            "flushed": Branch(
                "none accepted it: the engine's rules are gone",
                fault("docker-rules-flushed"),
            ),
            "reloaded": Branch(
                "firewalld's, and the engine's are gone",
                fault("firewalld-reload-lost-rules"),
            ),
            "rate": Branch("one that takes what is too much", fault("rate-limited")),
            "banned": Branch(
                "one that takes listed addresses", fault("source-ip-banned")
            ),
            "reject": Branch(
                "a REJECT on this host's way through",
                fault("forward-reject-icmp-prohibited"),
            ),
            "input": Branch(
                "one on the host's input", fault("host-input-firewall-drop")
            ),
            "input_reject": Branch(
                "a REJECT on the host's input", fault("host-input-firewall-reject")
            ),
            "inside": Branch("one inside a container", fault("container-own-iptables")),
            "reply": Branch(
                "one that takes the answer", fault("reply-direction-dropped")
            ),
            "unsteady": Branch("none: another probe got through", "unsteady"),
            "none": Branch("none", "kernel_drop"),
        },
    ),
)
