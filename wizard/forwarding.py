"""What the host's rules would do with a packet that nobody here can send.

A client beyond this machine cannot be stood in for: what the host itself sends goes by
the output hook, what comes from outside by prerouting and forward. So its packet is led
through the rules on paper, in the order of iptables(8): first match wins, a jump
returns at the chain's end, the policy decides what no rule did. A rule whose matches
are not all understood may or may not apply; it is named, never counted as applied.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from netwiz.probes.facts import Backend, ChainPolicy, Rule, Ruleset

MAX_DEPTH = 16
"""Nested jumps; the kernel refuses loops, a parser of hostile text must not hang."""
TRANSLATES = ("DNAT", "REDIRECT")
FINAL = ("ACCEPT", "DROP", "REJECT", "QUEUE", "NFQUEUE", *TRANSLATES)
REFUSES = ("DROP", "REJECT")
_TABLES = {
    "prerouting": ("raw", "mangle"),
    "forward": ("mangle", "filter"),
    "input": ("mangle", "filter"),
}
"""Tables of iptables in which a packet is refused, by hook; nat only translates."""
_LOCAL = re.compile(
    r"(?P<no>! )?addrtype --dst-type LOCAL|fib daddr type (?P<nft>!= )?local"
)


NO_DEVICE = "-"
"""Where a packet has no such device: what this host sends came in by none."""


@dataclass(frozen=True, slots=True)
class PaperPacket:
    """The first packet of a connection, as it would cross a hook."""

    destination: str
    port: int
    protocol: str
    in_device: str
    """Empty: by some uplink; a rule that asks for the device is then not decided."""
    out_device: str
    source: str = ""
    """Empty: any client; a rule that asks for the source is then not decided."""
    local: bool | None = None
    """Whether its destination is an address of this host; None when not known."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the packet in one filter."""

    verdict: str
    """ACCEPT, DROP, REJECT ...; empty when no chain had an opinion."""
    rule: Rule | None = None
    policy: ChainPolicy | None = None
    undecided: tuple[Rule, ...] = ()
    """Rules on the way that would decide otherwise if they applied, which cannot be
    told: refusing ones before an accept, accepting ones before a refusal."""

    @property
    def refused(self) -> bool:
        """Whether it is dropped or rejected."""
        return self.verdict in REFUSES


@dataclass(frozen=True, slots=True)
class Translation:
    """What destination NAT makes of the packet."""

    rule: Rule | None = None
    """The first rule that takes it; None when none does."""
    address: str = ""
    port: int = 0
    undecided: tuple[Rule, ...] = ()
    """Translating rules before that one, of which it cannot be told."""


def fate_at(hook: str, rules: Ruleset, packet: PaperPacket) -> Fate:
    """The fate at a hook (prerouting, forward, input), over all backends.

    Any refusal refuses; what accepts in one table is still asked in the next.
    """
    fates = [fate for _, fate in fates_at(hook, rules, packet)]
    undecided = tuple(r for f in fates for r in f.undecided)
    for fate in fates:
        if fate.refused and not fate.undecided:
            return fate
    for fate in fates:
        if fate.refused:
            return Fate(fate.verdict, fate.rule, fate.policy, undecided)
    accepted = next((f for f in fates if f.verdict), Fate(""))
    return Fate(accepted.verdict, accepted.rule, accepted.policy, undecided)


def fates_at(
    hook: str, rules: Ruleset, packet: PaperPacket
) -> list[tuple[ChainPolicy, Fate]]:
    """What each base chain on a hook would do with it."""
    tables = _TABLES.get(hook, ("mangle", "filter"))
    return [
        (base, _through(chains, base, packet))
        for base, chains in _bases(hook, rules, _family(packet), tables)
    ]


def translated(hook: str, rules: Ruleset, packet: PaperPacket) -> Translation:
    """Which rule rewrites the destination at a hook (prerouting, output), and to what.

    A target without a port keeps the packet's; REDIRECT keeps it on this host.
    """
    undecided: list[Rule] = []
    for base, chains in _bases(hook, rules, _family(packet), ("nat",)):
        passed: list[Rule] = []
        rule = _chain(chains, base.chain, packet, passed, 0)
        undecided += (r for r in passed if r.verdict in TRANSLATES)
        if rule is not None and rule.verdict in TRANSLATES:
            address, port = aim(rule.target)
            return Translation(
                rule,
                address or packet.destination,
                port or packet.port,
                tuple(undecided),
            )
    return Translation(undecided=tuple(undecided))


def aim(target: str) -> tuple[str, int]:
    """Address and port of ``--to-destination``; of a range the first, 0 for no port.

    ``172.18.0.2:80``, ``[fd00::2]:80``, ``fd00::2``, ``10.0.0.1-10.0.0.9:80-90``.
    """
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", target)
    if bracketed:
        host, port = bracketed[1], bracketed[2] or ""
    elif target.count(":") > 1:
        host, port = target, ""
    else:
        host, _, port = target.partition(":")
    if host.isdigit():  # REDIRECT --to-ports 80
        host, port = "", host
    first = port.partition("-")[0]
    try:
        address = str(ipaddress.ip_address(host.partition("-")[0]))
    except ValueError:
        address = ""
    return address, int(first) if first.isascii() and first.isdigit() else 0


Chains = dict[str, list[Rule]]


def _family(packet: PaperPacket) -> int:
    return 6 if ":" in packet.destination else 4


def _bases(
    hook: str, rules: Ruleset, family: int, tables: tuple[str, ...]
) -> Iterable[tuple[ChainPolicy, Chains]]:
    """Every base chain on a hook, with the chains of its table."""
    for policy in rules.policies:
        if policy.family not in (family, 0) or not _is_on(hook, policy):
            continue
        if policy.backend is not Backend.NFT and policy.table not in tables:
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
    passed: list[Rule] = []
    decided = _chain(chains, base.chain, packet, passed, 0)
    verdict = decided.verdict if decided else base.policy
    refused = verdict in REFUSES
    undecided = tuple(r for r in passed if r.refuses is not refused)
    return Fate(verdict, decided, None if decided else base, undecided)


def _chain(
    chains: Chains,
    name: str,
    packet: PaperPacket,
    undecided: list[Rule],
    depth: int,
) -> Rule | None:
    """The rule that decides within a chain; None when it returns.

    Rules that would decide, if they applied, are gathered in `undecided`.
    """
    if depth > MAX_DEPTH:
        return None
    for rule in chains.get(name, ()):
        applies = _applies(rule, packet)
        if applies is False:
            continue
        if rule.verdict in FINAL:
            if applies:
                return rule
            undecided.append(rule)
        elif rule.verdict == "RETURN":
            if applies:
                return None
            undecided.append(rule)
        elif rule.target in chains:
            decided = _chain(chains, rule.target, packet, undecided, depth + 1)
            if decided is not None:
                if applies:
                    return decided
                undecided.append(replace(rule, verdict=decided.verdict))
            elif applies and rule.verdict == "GOTO":
                return None
    return None


def _applies(rule: Rule, packet: PaperPacket) -> bool | None:
    """Whether a rule applies to the packet; None when that cannot be told."""
    devices = (
        _device(rule.in_device, packet.in_device),
        _device(rule.out_device, packet.out_device),
    )
    if False in devices or (rule.states and not _new(rule.states)):
        return False
    unsure = None in devices or bool(rule.source_ports)
    for text in rule.unknown:
        asked = _LOCAL.fullmatch(text)
        if asked is None or packet.local is None:
            unsure = True
        elif packet.local is bool(asked["no"] or asked["nft"]):
            return False
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


def _new(states: tuple[str, ...]) -> bool:
    """Whether the match takes a connection's first packet."""
    negated = [s for s in states if s.startswith("!")]
    if negated:
        return "!NEW" not in negated
    return "NEW" in states


def _device(match: str, device: str) -> bool | None:
    if not match:
        return True
    if not device:
        return None
    want = not match.startswith("!")
    name = match.lstrip("! ")
    same = device.startswith(name[:-1]) if name.endswith("+") else device == name
    return same is want
