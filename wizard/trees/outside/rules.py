"""The rule, policy or switch that takes a packet from outside, found on paper."""

from __future__ import annotations

from netwiz.probes.facts.firewall_commands import acceptance, deletion
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.outside.kinds import kind_of
from netwiz.wizard.trees.outside.paper import Paper
from netwiz.wizard.trees.words import dial, first_packet, server_name, sysctl_key
from netwiz.wizard.verdict import Mark


def refusal(scene: Scene, paper: Paper) -> Ruling | None:
    """The rule, policy or switch that keeps it from its end; None when none does."""
    answers = (
        f"from the host itself {dial(scene.focus.address, scene.focus.port)} answers, "
        f"so {server_name(scene)} serves it"
    )
    packet, first = paper.packet, first_packet(scene)
    what = (
        f"a {first} from outside to {dial(packet.destination, packet.port)}, "
        f"coming in by {packet.in_device or 'an uplink'}"
    )
    if paper.switched_off:
        name = paper.switched_off.partition("=")[0]
        evidence = (answers, f"{paper.switched_off}: this host does not forward {what}")
        set_ = sysctl_key(name)
        values = {"switch": set_, "switch_file": f"{set_} = 1"}
        values["device"] = packet.in_device
        key = "ip_forward" if name.count(".") == 2 else "device_forward"
        said = f"no: {paper.switched_off}"
        return Ruling(key, said, Mark.BAD, evidence, values)
    if not paper.fate.refused:
        return None
    rule, policy = paper.fate.rule, paper.fate.policy
    it = rule or policy
    text = rule.text if rule else f"policy DROP of {policy.chain if policy else ''}"
    where = f"{it.backend}, table {it.table}, chain {it.chain}" if it else ""
    effect = "rejects" if paper.fate.verdict == "REJECT" else "drops"
    remove = deletion(rule) if rule else ""
    let = ""
    if policy is not None:
        let = acceptance(
            policy,
            in_device=packet.in_device,
            out_device=packet.out_device,
            protocol=packet.protocol,
            port=packet.port,
        )
    return Ruling(
        kind_of(scene, paper),
        f"no: `{text}` {effect} it",
        Mark.BAD,
        (answers, f"`{text}` ({where}) {effect} {what}"),
        {
            "rule": text,
            "rule_where": where,
            "rule_container": "this host",
            "remove_rule": remove,
            "let_through": let,
            "by_hand": "" if remove or let else "yes",
            "behind": (
                f"What this host itself sends to port {scene.focus.port} is answered."
            ),
            "effect": effect,
            "client_network": "no network of the engine",
            "server_network": paper.packet.out_device or "this host",
            "last_seen": "nothing was sent: the rules were read",
            "input_device": packet.in_device,
            "inner_port": str(packet.port),
            "inner_address": packet.destination,
            "join_command": "",
            "join_network": "",
        },
    )
