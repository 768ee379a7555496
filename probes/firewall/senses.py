"""Every packet filter of a namespace, read without creating as much as a chain.

Three layers can filter a packet, and one tool shows no more than its own: rules that
iptables wrote by nf_tables, rules that iptables-legacy wrote, and tables of nftables
that iptables does not know of. All three are read.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.firewall import Backend, ChainPolicy, Rule, Ruleset
from netwiz.probes.facts.firewall_commands import nft_name
from netwiz.probes.firewall import tools
from netwiz.probes.firewall.nft import FAMILIES, parse_listing, parse_tables
from netwiz.probes.firewall.parse import Saved, parse_save
from netwiz.probes.requests import ReadRules
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

MAX_FOREIGN = 32
"""Foreign tables that are read; firewalld has one, kube-proxy two."""

_NET = Path("/proc/thread-self/net")
_BASES = {4: "iptables", 6: "ip6tables"}
_TABLE_FAMILIES = {4: "ip", 6: "ip6"}


async def read_rules(ground: Ground, request: ReadRules) -> Ruleset:
    """Rules, policies and counters of a place; `unseen` names what stayed hidden.

    Raises ProbeError when the namespace is gone or closed to us. A tool that is
    missing, fails, or takes more than 5 s is a line in `unseen`.
    """
    place = request.place
    enter = ground.namespaces.enter(place)
    read = await ground.namespaces.call(place, read_here, place)
    return Ruleset(
        command=f"{enter}iptables-save -c; {enter}nft -a list ruleset",
        place=place,
        rules=tuple(read.rules),
        policies=tuple(read.policies),
        unseen=tuple(read.unseen),
    )


@dataclass(slots=True)
class _Read:
    rules: list[Rule] = field(default_factory=list)
    policies: list[ChainPolicy] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    owned: set[tuple[str, str, str]] = field(default_factory=set)
    """(nft family, table, chain) that iptables has shown."""
    odd: set[tuple[str, str]] = field(default_factory=set)

    def add(self, saved: Saved) -> None:
        self.rules += saved.rules
        self.policies += saved.policies


def read_here(place: Place) -> _Read:
    """Read the calling thread's namespace; `place` is what the rules are labelled."""
    read = _Read()
    tables = _nft_tables(read)
    wanted: list[tuple[int, list[str]]] = []
    for family, base in _BASES.items():
        # Most containers have no tables at all: each tool not started saves 3 ms.
        if not _has_rules(family, tables):
            continue
        if path := _nft_save(base):
            wanted.append((family, [path, "-c"]))
        else:
            read.unseen.append(f"{base}-save is not installed")
    said = tools.run(*(argv for _, argv in wanted))
    for (family, argv), answer in zip(wanted, said, strict=True):
        if answer.problem:
            read.unseen.append(answer.problem)
        _take_save(read, place, family, argv[0], answer.out)
    _read_legacy(read, place)
    _read_foreign(read, place, tables or [])
    return read


def _nft_tables(read: _Read) -> list[tuple[str, str]] | None:
    """(family, name) of every table of nf_tables; None when nft cannot tell."""
    nft = tools.find("nft")
    if not nft:
        read.unseen.append("nft is not installed: nftables could not be read")
        return None
    (answer,) = tools.run([nft, "list", "tables"])
    if answer.problem:
        read.unseen.append(answer.problem)
        return None
    return parse_tables(answer.out)


def _has_rules(family: int, tables: list[tuple[str, str]] | None) -> bool:
    """Whether the save tool of a family can have something to tell."""
    if tables is None or any(kind == _TABLE_FAMILIES[family] for kind, _ in tables):
        return True
    # Where the plain tool is the legacy one, it is what reads legacy tables.
    alone = not tools.find(f"{_BASES[family]}-legacy-save")
    return alone and bool(_legacy_tables(family))


def _take_save(read: _Read, place: Place, family: int, path: str, text: str) -> None:
    """Keep one save; a plain ``iptables-save`` may turn out to be the legacy one."""
    base = _BASES[family]
    # Both variants sign their output: "... v1.8.9 (nf_tables) on ..." or without.
    legacy = bool(text) and "(nf_tables)" not in text.partition("\n*")[0]
    if legacy:
        saved = parse_save(text, place, Backend.IPTABLES_LEGACY, family, base)
        read.add(saved)
        return
    tool = base if _means_nft(base, path) else f"{base}-nft"
    saved = parse_save(text, place, Backend.IPTABLES_NFT, family, tool)
    read.add(saved)
    kind = _TABLE_FAMILIES[family]
    read.owned |= {(kind, table, chain) for table, chain in saved.chains}
    read.odd |= {(kind, table) for table in saved.odd}


def _read_legacy(read: _Read, place: Place) -> None:
    """Read legacy tables, but only where there are some.

    The kernel lists them in ``ip_tables_names``; asking iptables-legacy for a table
    that is not there would create it.
    """
    if any(rule.backend is Backend.IPTABLES_LEGACY for rule in read.rules):
        return
    wanted: list[tuple[int, list[str]]] = []
    for family, base in _BASES.items():
        names = _legacy_tables(family)
        if not names:
            continue
        if path := tools.find(f"{base}-legacy-save"):
            wanted.append((family, [path, "-c"]))
        else:
            shown = plain(" ".join(names), 80)
            read.unseen.append(f"legacy tables ({shown}): no {base}-legacy-save")
    answers = tools.run(*(argv for _, argv in wanted))
    for (family, _), answer in zip(wanted, answers, strict=True):
        if answer.problem:
            read.unseen.append(answer.problem)
        tool = f"{_BASES[family]}-legacy"
        read.add(parse_save(answer.out, place, Backend.IPTABLES_LEGACY, family, tool))


def _legacy_tables(family: int) -> list[str]:
    name = "ip_tables_names" if family == 4 else "ip6_tables_names"
    # Absent where the kernel or the namespace has no legacy iptables: none, then.
    with contextlib.suppress(OSError):
        return (_NET / name).read_text("utf-8", "replace").split()
    return []


def _read_foreign(read: _Read, place: Place, tables: list[tuple[str, str]]) -> None:
    """Read the tables, or the chains of mixed tables, that iptables did not show."""
    shown = {(family, table) for family, table, _ in read.owned} - read.odd
    foreign = [t for t in tables if t not in shown]
    if len(foreign) > MAX_FOREIGN:
        left = len(foreign) - MAX_FOREIGN
        read.unseen.append(f"nft: {left} more tables were not read")
    for family, table in foreign[:MAX_FOREIGN]:
        if not nft_name(table) or family not in (*FAMILIES, *_MIXED):
            name = plain(f"{family} {table}", 80)
            read.unseen.append(f"nft: the table {name} has a name nft cannot be asked")
            continue
        (answer,) = tools.run([tools.find("nft"), "-a", "list", "table", family, table])
        if answer.problem:
            read.unseen.append(answer.problem)
        listed = parse_listing(
            answer.out, place, lambda *chain: chain not in read.owned
        )
        read.rules += listed.rules
        read.policies += listed.policies


_MIXED = ("inet", "bridge", "arp", "netdev")


def _nft_save(base: str) -> str:
    """The save tool that reads nf_tables, or the plain one where there is no choice."""
    if path := tools.find(f"{base}-nft-save"):
        return path
    path = tools.find(f"{base}-save")
    return "" if "legacy" in os.path.realpath(path) else path


def _means_nft(base: str, save: str) -> bool:
    """Whether the bare command edits nf_tables on this host (update-alternatives)."""
    path = tools.find(base)
    if not path:
        return False
    return os.path.realpath(path) == os.path.realpath(save)
