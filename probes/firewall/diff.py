"""Which rules saw packets between two readings of the same packet filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

from netwiz.probes.facts.firewall import ChainPolicy, Rule, RuleHit, Ruleset

Key = tuple[object, ...]
T = TypeVar("T", Rule, ChainPolicy)


def diff(before: Ruleset, after: Ruleset) -> tuple[RuleHit, ...]:
    """Rules, then policies, whose counters rose; in the order of the second reading.

    On a busy host other traffic raises counters too: what a hit has to do with a probe
    is for the reader to say, by `Rule.concerns` and by the verdict. A counter that
    fell (somebody reloaded the rules meanwhile) proves nothing and is left out, as is
    a rule that was not there before.
    """
    old_rules = {key: rule.packets for key, rule in _keyed(before.rules)}
    hits = [
        RuleHit(rose, rule=rule)
        for key, rule in _keyed(after.rules)
        if (rose := rule.packets - old_rules.get(key, rule.packets)) > 0
    ]
    old_policies = {key: p.packets for key, p in _keyed(before.policies)}
    hits += [
        RuleHit(rose, policy=policy)
        for key, policy in _keyed(after.policies)
        if (rose := policy.packets - old_policies.get(key, policy.packets)) > 0
    ]
    return tuple(hits)


def _keyed(items: tuple[T, ...]) -> Iterator[tuple[Key, T]]:
    """Each with a key that finds it in another reading: equal ones are counted off.

    A position would not do: a rule inserted in between moves all that follow.
    """
    seen: Counter[Key] = Counter()
    for item in items:
        key: Key = (item.backend, item.family, item.table, item.chain)
        if isinstance(item, Rule):
            key += (item.nft_family, item.text, item.handle)
        else:
            key += (item.nft_family,)
        seen[key] += 1
        yield (*key, seen[key]), item
