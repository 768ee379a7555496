"""The packet filter rules that the engine writes: are they there?"""

from __future__ import annotations

from collections.abc import Iterable

from netwiz.probes.facts import Backend, Engine, Rule, Ruleset
from netwiz.wizard.trees.egress.ways import within

MASQUERADE_OPTION = "com.docker.network.bridge.enable_ip_masquerade"
GATEWAY_MODE = "com.docker.network.bridge.gateway_mode_ipv4"
_REWRITES = ("MASQUERADE", "SNAT")


def of_engine(rule: Rule) -> bool:
    """Whether a rule stands in a chain of the engine's, or leads to one.

    Its chains are called DOCKER, DOCKER-USER, DOCKER-FORWARD and so on; from 29 on it
    may have nft tables of its own instead (``docker-bridges``).
    """
    if rule.backend is Backend.NFT:
        return rule.table.startswith("docker")
    return rule.chain.startswith("DOCKER") or rule.target.startswith("DOCKER")


def standing(rules: Ruleset) -> frozenset[str]:
    """Tables (nat, filter) in which rules of the engine stand."""
    found = {r.table for r in rules.rules if of_engine(r)}
    if any(t.startswith("docker") for t in found):
        found |= {"nat", "filter"}
    return frozenset(found & {"nat", "filter"})


def flushed(rules: Ruleset, engine: Engine | None) -> tuple[str, ...]:
    """Tables out of which the engine's rules are gone, though it should write them.

    Only where the engine does write rules; nothing when they could not all be read.
    """
    if engine is None or engine.iptables is False or rules.unseen:
        return ()
    return tuple(t for t in ("nat", "filter") if t not in standing(rules))


def rewriting(rules: Ruleset, source: str, device: str) -> tuple[Rule, ...]:
    """Rules that would rewrite the source of what leaves by `device`."""
    return tuple(r for r in _rewriting(rules.rules) if _applies(r, source, device))


def _rewriting(rules: Iterable[Rule]) -> Iterable[Rule]:
    return (r for r in rules if r.verdict.upper() in _REWRITES)


def _applies(rule: Rule, source: str, device: str) -> bool:
    wanted = rule.source.lstrip("! ")
    from_there = not wanted or within(source, wanted) is not rule.source.startswith("!")
    out = rule.out_device.lstrip("! ")
    by_there = not out or (_same(out, device) is not rule.out_device.startswith("!"))
    return from_there and by_there


def _same(match: str, device: str) -> bool:
    if match.endswith("+"):
        return device.startswith(match[:-1])
    return match == device


def tool(rules: Ruleset) -> str:
    """The command by which the engine's rules are written on this host."""
    found = (r.tool for r in rules.rules if of_engine(r) and r.family == 4 and r.tool)
    return next(found, "iptables")
