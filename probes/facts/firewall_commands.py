"""Commands that a person could run on a rule: built as text, never run by us."""

from __future__ import annotations

import re
import shlex

from netwiz.probes.facts.base import Place, PlaceKind
from netwiz.probes.facts.firewall import Backend, ChainPolicy, Rule

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_/\\.-]{0,127}")
_NFT_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")


def words(spec: str) -> list[str]:
    """The words of a rule as iptables-save quotes them (add_param_to_argv of xshared).

    That is not the shell's quoting: within double quotes a backslash takes the next
    character literally and ``$(...)`` means nothing, so such a text must never reach
    a shell as it stands.
    """
    if '"' not in spec:
        return spec.split()
    return [bare or _ESCAPED.sub(r"\1", quoted) for quoted, bare in _WORD.findall(spec)]


def nft_name(name: str) -> bool:
    """Whether a name is one word of nft's language.

    The kernel takes any bytes (a container with CAP_NET_ADMIN may choose them), and nft
    joins its arguments to one text: such a name could carry a command of its own.
    """
    return _IDENTIFIER.fullmatch(name) is not None


def entry(place: Place) -> str:
    """How a person on the host gets into a place: a shell prefix, or nothing."""
    if place.kind is PlaceKind.HOST:
        return ""
    if place.kind is PlaceKind.NETNS:
        return f"ip netns exec {shlex.quote(place.key)} "
    name = shlex.quote(place.label or place.key[:12])
    return f"nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {name}) -n "


def deletion(rule: Rule) -> str:
    """The shell command that removes this very rule; empty when there is no safe one.

    A rule whose text could not be kept as it is goes by its number, which is right as
    long as nobody else edits the chain meanwhile (iptables(8), ``-D``).
    """
    if rule.backend is Backend.NFT:
        names = (rule.table, rule.chain)
        safe = rule.nft_family in _NFT_FAMILIES and all(map(nft_name, names))
        if not (safe and rule.handle > 0):
            return ""
        where = f"{rule.nft_family} {rule.table} {rule.chain}"
        return f"{entry(rule.place)}nft delete rule {where} handle {rule.handle}"
    tool = rule.tool or _default_tool(rule)
    argv = [tool]
    if rule.table != "filter":
        argv += ["-t", rule.table]
    if rule.exact:
        # After "-A" and the chain's name, the text is the rule's own specification.
        argv += ["-D", *words(rule.text)[1:]]
    elif rule.number:
        argv += ["-D", rule.chain, str(rule.number)]
    else:
        return ""
    return entry(rule.place) + shlex.join(argv)


def acceptance(
    chain: ChainPolicy,
    *,
    in_device: str = "",
    out_device: str = "",
    protocol: str = "",
    port: int = 0,
    answers: bool = False,
) -> str:
    """The shell command that puts an exception before all else in a base chain.

    `answers` lets through what belongs to connections that were let through. Empty
    when the chain's name could not be given to its tool safely.
    """
    if chain.backend is Backend.NFT:
        names = (chain.table, chain.chain)
        if chain.nft_family not in _NFT_FAMILIES or not all(map(nft_name, names)):
            return ""
        matches = [f'iifname "{in_device}"'] if in_device else []
        matches += [f'oifname "{out_device}"'] if out_device else []
        matches += [f"{protocol} dport {port}"] if port else []
        matches += ["ct state established,related"] if answers else []
        where = f"{chain.nft_family} {chain.table} {chain.chain}"
        rule = shlex.quote(" ".join((*matches, "accept")))
        return f"{entry(chain.place)}nft insert rule {where} {rule}"
    argv = [_tool(chain.backend, chain.family)]
    argv += ["-t", chain.table] if chain.table != "filter" else []
    argv += ["-I", chain.chain]
    argv += ["-i", in_device] if in_device else []
    argv += ["-o", out_device] if out_device else []
    argv += ["-p", protocol, "--dport", str(port)] if port else []
    states = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
    argv += states if answers else []
    return entry(chain.place) + shlex.join((*argv, "-j", "ACCEPT"))


def _default_tool(rule: Rule) -> str:
    return _tool(rule.backend, rule.family)


def _tool(backend: Backend, family: int) -> str:
    base = "ip6tables" if family == 6 else "iptables"
    return f"{base}-legacy" if backend is Backend.IPTABLES_LEGACY else base
