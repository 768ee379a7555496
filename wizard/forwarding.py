"""What the host's rules would do with a packet that nobody here can send.

A client beyond this machine cannot be stood in for: what the host itself sends goes by
the output hook, what comes from outside by prerouting and forward. So its packet is led
through the rules on paper, in the order of iptables(8): first match wins, a jump
returns at the chain's end, the policy decides what no rule did. A rule whose matches
are not all understood may or may not apply; it is named, never counted as applied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netwiz.probes.facts import Backend, ChainPolicy, Rule, Ruleset

MAX_DEPTH = 16
"""Nested jumps; the kernel refuses loops, a parser of hostile text must not hang."""
FINAL = ("ACCEPT", "DROP", "REJECT", "QUEUE")


@dataclass(frozen=True, slots=True)
class PaperPacket:
    """The first packet of a connection, as it would cross a hook."""

    destination: str
    port: int
    protocol: str
    in_device: str
    out_device: str
    source: str = ""
    """Empty: any client; a rule that asks for the source is then not decided."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the packet in one filter."""

    verdict: str
    """ACCEPT, DROP, REJECT ...; empty when no chain had an opinion."""
    rule: Rule | None = None
    policy: ChainPolicy | None = None
    undecided: tuple[Rule, ...] = ()
    """Rules on the way that would refuse if they applied, which cannot be told."""


def fate_at(hook: str, rules: Ruleset, packet: PaperPacket) -> Fate:
    """The fate at a hook (forward, input), over all backends: any refusal refuses."""
    family = 6 if ":" in packet.destination else 4
    fates = [
        _through(chain_rules, base, packet)
        for base, chain_rules in _filters(hook, rules, family)
    ]
    undecided = tuple(r for f in fates for r in f.undecided)
    for fate in fates:
        if fate.verdict in ("DROP", "REJECT"):
            return Fate(fate.verdict, fate.rule, fate.policy, undecided)
    accepted = next((f for f in fates if f.verdict), Fate(""))
    return Fate(accepted.verdict, accepted.rule, accepted.policy, undecided)


Chains = dict[str, list[Rule]]


def _filters(
    hook: str, rules: Ruleset, family: int
) -> Iterable[tuple[ChainPolicy, Chains]]:
    """Every base chain on a hook, with the chains of its table."""
    for policy in rules.policies:
        if policy.family not in (family, 0) or not _is_on(hook, policy):
            continue
        if policy.backend is not Backend.NFT and policy.table != "filter":
            continue
        chains: Chains = {}
        for rule in rules.rules:
            same = (rule.backend, rule.family, rule.table)
            if same == (policy.backend, policy.family, policy.table):
                chains.setdefault(rule.chain, []).append(rule)
        yield policy, chains


def _is_on(hook: str, policy: ChainPolicy) -> bool:
    iptables = policy.backend is not Backend.NFT
    return policy.hook == hook or (iptables and policy.chain == hook.upper())


def _through(chains: Chains, base: ChainPolicy, packet: PaperPacket) -> Fate:
    undecided: list[Rule] = []
    decided = _chain(chains, base.chain, packet, undecided, 0)
    if decided is not None:
        return Fate(decided.verdict, decided, None, tuple(undecided))
    return Fate(base.policy, None, base, tuple(undecided))


def _chain(
    chains: Chains,
    name: str,
    packet: PaperPacket,
    undecided: list[Rule],
    depth: int,
) -> Rule | None:
    """The rule that decides within a chain; None when it returns."""
    if depth > MAX_DEPTH:
        return None
    for rule in chains.get(name, ()):
        applies = _applies(rule, packet)
        if applies is None and rule.refuses:
            undecided.append(rule)
        if not applies:
            continue
        if rule.verdict in FINAL:
            return rule
        if rule.verdict == "RETURN":
            return None
        if rule.target in chains:
            decided = _chain(chains, rule.target, packet, undecided, depth + 1)
            if decided is not None:
                return decided
    return None


def _applies(rule: Rule, packet: PaperPacket) -> bool | None:
    """Whether a rule applies to the packet; None when that cannot be told."""
    if not (
        _device(rule.in_device, packet.in_device)
        and _device(rule.out_device, packet.out_device)
    ):
        return False
    if rule.states and "NEW" not in rule.states:
        return False
    unsure = bool(rule.unknown or rule.source_ports)
    if rule.source and not packet.source:
        rule = replace(rule, source="")
        unsure = True
    if not rule.concerns(
        packet.source or packet.destination,
        packet.destination,
        packet.port,
        packet.protocol,
    ):
        return False
    return None if unsure else True


def _device(match: str, device: str) -> bool:
    if not match:
        return True
    want = not match.startswith("!")
    name = match.lstrip("! ")
    same = device.startswith(name[:-1]) if name.endswith("+") else device == name
    return same is want
