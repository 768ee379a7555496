"""Which rule or policy took the packet: counters, held against where it was lost.

The sibling of `refusals.search`. On a busy host many rules count packets meanwhile. One
is named only if it stands behind the last sighting of the packet, fits it in all that
is understood, counted as many packets as the probe sent, and is either the rule that
decides on paper as well, or counts each of a few more probes just so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from netwiz.probes.facts import (
    Attempted,
    Backend,
    ChainPolicy,
    Place,
    Protocol,
    Rule,
    RuleHit,
    Ruleset,
)
from netwiz.probes.requests import Attempt
from netwiz.wizard.forwarding import Fate, PaperPacket, fates_at
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.trees.attempts import counted
from netwiz.wizard.trees.lost.passage import (
    Passage,
    chains_of,
    passages,
    rules_of,
    same_hit,
)
from netwiz.wizard.trees.lost.where import Stage, Trail, got_through, trail

CONFIRMATIONS = 2
"""Further probes that a candidate has to count, where paper does not speak for it."""
CONFIRM_MS = 250
"""Of each of these: its rule counts at once, and two before it were waited for."""
RESENT_MS = 1000.0
"""A SYN is repeated after one second (tcp(7)); a longer probe sends two."""
_LIMITS = ("limit", "hashlimit", "connlimit", "recent", "ct count", "quota")


@dataclass(frozen=True, slots=True)
class Taker:
    """What took the packet: a rule, or the policy of a chain."""

    passage: Passage
    packets: int
    """By how much its counter rose; 0 for what has none."""
    rule: Rule | None = None
    policy: ChainPolicy | None = None
    confirmed: int = 0
    """How many further probes it counted."""

    @property
    def where(self) -> str:
        """Backend, table and chain."""
        it = self.rule or self.policy
        return f"{it.backend}, table {it.table}, chain {it.chain}" if it else ""

    @property
    def text(self) -> str:
        """The rule as its own tool prints it, or the policy in words."""
        if self.rule is not None:
            return self.rule.text
        return f"policy DROP of {self.policy.chain}" if self.policy else ""

    @property
    def limits(self) -> bool:
        """Whether it takes packets only beyond some rate or number."""
        return self.rule is not None and limits(self.rule)


@dataclass(frozen=True, slots=True)
class Search:
    """What the search brought."""

    way: Trail
    taker: Taker | None = None
    unsure: tuple[str, ...] = ()
    """Rules that may have taken it, which cannot be told."""
    blind: tuple[str, ...] = ()
    """Namespaces whose counters could not be read."""
    passed: bool = False
    """A further probe got through: it comes and goes."""


def limits(rule: Rule) -> bool:
    """Whether a rule asks for a rate or a number."""
    words = " ".join(rule.unknown)
    return any(f" {word}" in f" {words}" for word in _LIMITS)


def search(scene: Scene) -> Search:
    """The rule or policy that took the probe, if the findings name one."""
    request = counted(scene, scene.focus)
    found = scene.look(request, Attempted)
    way = trail(scene, found)
    blind = tuple(
        p.label
        for p in dict.fromkeys(request.counters)
        if p not in found.counted and _matters(scene, found, way, p.label)
    )
    candidates = _candidates(scene, found, way)
    spoken = [c for c in candidates if _on_paper(scene, c)]
    for one in sorted(spoken, key=lambda c: not _exact(found, c.packets, way)):
        if not one.limits:
            return Search(way, one, blind=blind)
    passed = False
    for one in candidates:
        if not _exact(found, one.packets, way) or _needs_paper(one):
            continue
        proven, got_through = _confirmed(scene, request, one)
        passed = passed or got_through
        if proven is not None:
            return Search(way, proven, blind=blind)
    silent = _without_counter(scene, found, way)
    if len(silent) == 1 and not candidates and not blind and not passed:
        return Search(way, silent[0])
    unsure = tuple(dict.fromkeys(t.text for t in (*candidates, *silent)))
    return Search(way, unsure=unsure, blind=blind, passed=passed)


def filtered_at(scene: Scene, place: Place) -> bool:
    """Whether a rule of that place took the probe after it had arrived there.

    Asked only where there are rules that may: it costs another attempt.
    """
    try:
        rules = rules_of(scene, place)
        refuses = any(r.refuses for r in rules.rules)
        refuses |= any(p.policy == "DROP" for p in rules.policies)
        return refuses and search(scene).taker is not None
    except Unseen:
        return False


def _matters(scene: Scene, found: Attempted, way: Trail, label: str) -> bool:
    ends = passages(scene, found, way)
    return any(p.place.label == label for p in ends)


def _candidates(scene: Scene, found: Attempted, way: Trail) -> list[Taker]:
    """Everything that counted, stands there and fits; the exact ones first."""
    made = []
    for passage in passages(scene, found, way):
        try:
            chains = chains_of(rules_of(scene, passage.place))
        except Unseen:
            continue
        for hit in found.hits:
            if hit.rule is not None and passage.fits(hit.rule, chains):
                made.append(Taker(passage, hit.packets, rule=hit.rule))
            elif hit.policy is not None and passage.policy_fits(hit.policy):
                made.append(Taker(passage, hit.packets, policy=hit.policy))
    return sorted(made, key=lambda t: not _exact(found, t.packets, way))


def _exact(found: Attempted, packets: int, way: Trail) -> bool:
    """Whether a counter rose by just what the probe sent.

    An answer is repeated by whoever sent it, for earlier probes as well.
    """
    if way.stage is Stage.REPLY:
        return packets >= 1
    most = 1
    if found.connection.protocol is Protocol.TCP:
        most += int(found.connection.connect_ms // RESENT_MS)
    return 1 <= packets <= most


def _needs_paper(taker: Taker) -> bool:
    """Whether a count alone proves nothing: a policy that counts others' packets too.

    Answers are repeated for earlier probes, so their number cannot be told exactly.
    """
    if taker.passage.state == "NEW":
        return False
    rule = taker.rule
    return rule is None or not (rule.unknown or rule.source_ports)


def _on_paper(scene: Scene, taker: Taker) -> bool:
    """Whether the rules, read in order, come to the same end."""
    for base, fate in _fates(scene, taker.passage):
        if taker.rule is not None and fate.rule is not None:
            one, other = RuleHit(1, taker.rule), RuleHit(1, fate.rule)
            if same_hit(one, other):
                return True
        if taker.policy is not None and fate.policy is not None and base == fate.policy:
            one, other = RuleHit(1, policy=taker.policy), RuleHit(1, policy=base)
            if same_hit(one, other):
                return True
    return False


def _fates(scene: Scene, passage: Passage) -> list[tuple[ChainPolicy, Fate]]:
    """What each base chain would do with the packet, in the state that it has."""
    try:
        rules = _restated(rules_of(scene, passage.place), passage.state)
    except Unseen:
        return []
    hooks = [h for h in ("forward", "input", "output") if h in passage.hooks]
    return [
        one
        for hook in hooks
        for packet in _packets(passage)
        for one in fates_at(hook, rules, packet)
    ]


def _restated(rules: Ruleset, state: str) -> Ruleset:
    """The rules as an answer meets them: on paper every packet is a new one."""
    if state == "NEW":
        return rules

    def seen(rule: Rule) -> Rule:
        if not rule.states or rule.states[0].startswith("!"):
            return rule
        return replace(rule, states=() if state in rule.states else ("NONE",))

    return replace(rules, rules=tuple(map(seen, rules.rules)))


def _packets(passage: Passage) -> list[PaperPacket]:
    """The probe as it would cross a hook, with each of its ends before or after NAT."""
    return [
        PaperPacket(
            destination=target,
            port=port,
            protocol=passage.protocol,
            in_device=came,
            out_device=leaves,
            source=source,
        )
        for source, _, target, port in sorted(passage.flows)
        if source
        for came in sorted(passage.came_by) or [""]
        for leaves in sorted(passage.leaves_by) or [""]
    ]


def _confirmed(
    scene: Scene, request: Attempt, taker: Taker
) -> tuple[Taker | None, bool]:
    """The candidate, once each of a few more probes has been counted; who passed.

    A limit lets some pass: it is proven if it counted just those that failed.
    """
    mine = RuleHit(1, rule=taker.rule, policy=taker.policy)
    counts, works = [], []
    for nth in range(10, 10 + CONFIRMATIONS):
        # One after the other: side by side each would count the others' packets.
        once_more = replace(request, nth=nth, budget_ms=CONFIRM_MS)
        again = scene.look(once_more, Attempted)
        way = trail(scene, again)
        counts.append(
            any(same_hit(h, mine) and _exact(again, h.packets, way) for h in again.hits)
        )
        works.append(got_through(again))
    if all(c is not w for c, w in zip(counts, works, strict=True)) and (
        taker.limits or not any(works)
    ):
        return replace(taker, confirmed=counts.count(True)), any(works)
    return None, any(works)


def _without_counter(scene: Scene, found: Attempted, way: Trail) -> list[Taker]:
    """Rules and policies of nftables that count nothing and would take the packet."""
    takers: dict[tuple[str, str], Taker] = {}
    for passage in passages(scene, found, way):
        for base, fate in _fates(scene, passage):
            if base.backend is not Backend.NFT or not _certain(scene, passage, base):
                continue
            rule = fate.rule
            if rule is None and fate.verdict == "DROP" and passage.policy_fits(base):
                taker = Taker(passage, 0, policy=base)
            elif rule is not None and _silent(scene, rule, passage):
                taker = Taker(passage, 0, rule=rule)
            else:
                continue
            takers.setdefault((taker.where, taker.text), taker)
    return list(takers.values())


def _certain(scene: Scene, passage: Passage, base: ChainPolicy) -> bool:
    """Whether no rule of the table that may let it pass is beyond us.

    An ICMP error that came back proves that none did.
    """
    if passage.icmp is not None:
        return True
    return not any(
        rule.unknown
        and not rule.refuses
        and rule.verdict not in ("", "LOG")
        and (rule.table, rule.nft_family) == (base.table, base.nft_family)
        and not all(match.startswith("icmp") for match in rule.unknown)
        for rule in rules_of(scene, passage.place).rules
        if rule.backend is Backend.NFT
    )


def _silent(scene: Scene, rule: Rule, passage: Passage) -> bool:
    chains = chains_of(rules_of(scene, passage.place))
    return "counter" not in rule.text.split() and passage.fits(rule, chains)
