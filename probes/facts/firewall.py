"""Rules of every packet filter in a namespace, with counters and meaning."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from netwiz.probes.facts.base import Finding, Place


class Backend(StrEnum):
    """Which packet filter holds a rule."""

    IPTABLES_NFT = "iptables-nft"
    IPTABLES_LEGACY = "iptables-legacy"
    NFT = "nftables"
    """A table that iptables does not know of."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, parsed as far as its matches are known to us."""

    place: Place
    backend: Backend
    family: int
    """4, 6, or 0 for ``inet``, ``bridge`` and other mixed tables."""
    table: str
    chain: str
    text: str
    """The rule as its own tool prints it, without counters."""
    verdict: str
    """ACCEPT, DROP, REJECT, RETURN, DNAT, SNAT, MASQUERADE, JUMP, or the target."""
    target: str = ""
    """Chain jumped to, address translated to, or empty."""
    reject_with: str = ""
    """``tcp-reset``, ``icmp-port-unreachable`` ...; for REJECT only."""
    source: str = ""
    """CIDR; a leading ``!`` negates, as for all matches here."""
    destination: str = ""
    in_device: str = ""
    """A trailing ``+`` matches any rest."""
    out_device: str = ""
    protocol: str = ""
    source_ports: str = ""
    destination_ports: str = ""
    """``3000``, ``1000:2000`` or a comma list."""
    states: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Matches we did not understand; such a rule may or may not apply."""
    number: int = 0
    """Position in its chain, from 1."""
    handle: int = 0
    """nft's handle; 0 when it has none."""
    hook: str = ""
    """For a built-in or base chain's rule: prerouting, input, forward, output ..."""
    packets: int = 0
    octets: int = 0
    tool: str = ""
    """The command that edits it here: ``iptables``, ``ip6tables-legacy``, ``nft``."""
    nft_family: str = ""
    """``inet``, ``bridge``, ``ip`` ...; for rules of nftables only."""
    exact: bool = True
    """False when `text` had to be made harmless and is no longer what the tool said."""

    @property
    def refuses(self) -> bool:
        """Drops or rejects."""
        return self.verdict in ("DROP", "REJECT")

    def concerns(self, source: str, destination: str, port: int, protocol: str) -> bool:
        """Whether its known matches fit the flow (either direction is not assumed)."""
        return (
            _fits_network(self.source, source)
            and _fits_network(self.destination, destination)
            and _fits_word(self.protocol, protocol)
            and _fits_port(self.destination_ports, port)
        )


@dataclass(frozen=True, slots=True)
class ChainPolicy:
    """The policy of a built-in or base chain, with its counters."""

    place: Place
    backend: Backend
    family: int
    table: str
    chain: str
    policy: str
    packets: int = 0
    """Always 0 for nftables, which does not count what its policies decide."""
    nft_family: str = ""
    hook: str = ""


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule (or a policy, when `rule` is None) whose counter rose around a probe."""

    packets: int
    rule: Rule | None = None
    policy: ChainPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset(Finding):
    """Every rule of one namespace, over all backends."""

    place: Place
    rules: tuple[Rule, ...] = ()
    policies: tuple[ChainPolicy, ...] = ()
    unseen: tuple[str, ...] = ()
    """Backends that could not be read, one line each."""


def _fits_network(match: str, address: str) -> bool:
    if not match:
        return True
    want = not match.startswith("!")
    try:
        inside = ipaddress.ip_address(address) in ipaddress.ip_network(
            match.lstrip("! "), strict=False
        )
    except ValueError:
        return True
    return inside is want


def _fits_word(match: str, word: str) -> bool:
    if not match or match == "all":
        return True
    return (match.lstrip("! ") == word) is not match.startswith("!")


def _fits_port(match: str, port: int) -> bool:
    if not match:
        return True
    inside = False
    for part in match.lstrip("! ").split(","):
        low, _, high = part.replace("-", ":").partition(":")
        try:
            inside = inside or int(low or 0) <= port <= int(high or low or 65535)
        except ValueError:
            return True
    return inside is not match.startswith("!")
