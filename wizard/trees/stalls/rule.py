"""Which rule of this machine took a segment of a conversation, if one did.

A rule that looks into packets has a match that netwiz does not know, and on a busy
host its counter may rise by itself. So it is named only if it counts in every
conversation that fails and in none of those that differ in the words alone.
"""

from __future__ import annotations

from netwiz.probes.facts import Conversation, Rule, RuleHit
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.wizard.scene import Scene


def common_rule(
    scene: Scene, failing: tuple[Conversation, ...], passing: tuple[Conversation, ...]
) -> Rule | None:
    """The one rule that refused in every failing conversation and in no passing one."""
    taken = [_refusing(scene, one) for one in failing]
    spared = {_key(rule) for one in passing for rule in _refusing(scene, one)}
    if not taken:
        return None
    shared = {_key(rule) for rule in taken[0]}
    for rules in taken[1:]:
        shared &= {_key(rule) for rule in rules}
    left = [rule for rule in taken[0] if _key(rule) in shared - spared]
    return left[0] if len(left) == 1 else None


def _refusing(scene: Scene, found: Conversation) -> list[Rule]:
    return [
        hit.rule
        for hit in found.hits
        if hit.rule is not None and hit.rule.refuses and _fits(scene, found, hit)
    ]


def _fits(scene: Scene, found: Conversation, hit: RuleHit) -> bool:
    """Either direction of the conversation, before or after translation."""
    rule, focus = hit.rule, scene.focus
    if rule is None or (rule.states and "ESTABLISHED" not in rule.states):
        return False
    inner = focus.inner_address or focus.address
    port = focus.inner_port or focus.port
    return any(
        rule.concerns(*flow, "tcp")
        for flow in (
            (found.source, focus.address, focus.port),
            (found.source, inner, port),
            (focus.address, found.source, found.source_port),
            (inner, found.source, found.source_port),
        )
    )


def _key(rule: Rule) -> tuple[object, ...]:
    place = (rule.place, rule.backend, rule.family)
    return (*place, rule.table, rule.chain, rule.text, rule.handle)


def rule_values(rule: Rule | None) -> dict[str, str]:
    """What the texts of causes need of it; empty where no rule is known."""
    if rule is None:
        return {"rule": "", "rule_where": "", "remove_rule": "", "elsewhere": "yes"}
    place = "" if rule.place.label == "host" else f" inside {rule.place.label}"
    return {
        "rule": rule.text,
        "rule_where": f"{rule.backend}, table {rule.table}, chain {rule.chain}{place}",
        "remove_rule": deletion(rule),
        "elsewhere": "",
    }
