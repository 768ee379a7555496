"""What ``iptables-save -c`` prints, read by meaning.

The format is that of iptables-save(8): ``*table``, ``:CHAIN POLICY [packets:bytes]``,
``[packets:bytes] -A CHAIN matches -j TARGET options``, ``COMMIT``. Whoever may write
rules chose the comments and prefixes in it, so nothing in it is trusted.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.firewall import Backend, ChainPolicy, Rule
from netwiz.probes.facts.firewall_commands import words
from netwiz.probes.text import plain

HOOKS = {
    "PREROUTING": "prerouting",
    "INPUT": "input",
    "FORWARD": "forward",
    "OUTPUT": "output",
    "POSTROUTING": "postrouting",
}

_RULE = re.compile(r"\[(\d{1,20}):(\d{1,20})\] -A (\S+) ?(.*)", re.DOTALL)
_CHAIN = re.compile(r":(\S+) (\S+) \[(\d{1,20}):(\d{1,20})\]")
_ODD = re.compile(r"# Table `([^']{1,64})' (?:is|contains) incompatible")

_PLACES = {
    "-s": "source",
    "-d": "destination",
    "-i": "in_device",
    "-o": "out_device",
    "-p": "protocol",
    "--dport": "destination_ports",
    "--dports": "destination_ports",
    "--sport": "source_ports",
    "--sports": "source_ports",
}
_STATES = ("--ctstate", "--state")
_AIMS = ("--to-destination", "--to-source", "--to-ports", "--to")
_SILENT = ("tcp", "udp", "comment", "multiport", "conntrack", "state", "")
"""Modules that mean nothing without their options."""


@dataclass(slots=True)
class Saved:
    """One save, parsed."""

    rules: list[Rule] = field(default_factory=list)
    policies: list[ChainPolicy] = field(default_factory=list)
    chains: set[tuple[str, str]] = field(default_factory=set)
    """(table, chain) of everything that was printed."""
    odd: set[str] = field(default_factory=set)
    """Tables that iptables cannot show whole: nft must be asked for the rest."""


def parse_save(
    text: str, place: Place, backend: Backend, family: int, tool: str
) -> Saved:
    """Parse one save of one family; what is no rule or chain is passed over."""
    saved = Saved()
    table = ""
    own: frozenset[str] = frozenset()
    declared: set[str] = set()
    numbers: dict[str, int] = {}
    for line in _logical_lines(text):
        if line.startswith("*"):
            table = plain(line[1:], 64)
            own, declared, numbers = frozenset(), set(), {}
        elif found := _CHAIN.match(line):
            chain, policy = plain(found[1], 64), found[2]
            saved.chains.add((table, chain))
            if policy == "-":
                declared.add(chain)
                continue
            saved.policies.append(
                ChainPolicy(
                    place,
                    backend,
                    family,
                    table,
                    chain,
                    plain(policy, 32),
                    int(found[3]),
                    hook=HOOKS.get(chain, ""),
                )
            )
        elif found := _RULE.match(line):
            own = own if len(own) == len(declared) else frozenset(declared)
            chain = plain(found[3], 64)
            number = numbers[chain] = numbers.get(chain, 0) + 1
            spec = found[4]
            text_shown = plain(f"-A {found[3]} {spec}".rstrip())
            saved.rules.append(
                Rule(
                    place=place,
                    backend=backend,
                    family=family,
                    table=table,
                    chain=chain,
                    text=text_shown,
                    number=number,
                    hook=HOOKS.get(chain, ""),
                    packets=int(found[1]),
                    octets=int(found[2]),
                    tool=tool,
                    exact=text_shown == f"-A {found[3]} {spec}".rstrip(),
                    **_meaning(spec, own),
                )
            )
        elif found := _ODD.match(line):
            saved.odd.add(found[1])
    return saved


def _logical_lines(text: str) -> Iterator[str]:
    """Lines, joined where a quoted comment spans several.

    Otherwise a comment with a line break in it could pass itself off as a rule.
    """
    held: list[str] = []
    opened = False
    for line in text.split("\n"):
        if '"' in line:
            quotes = line.count('"')
            if "\\" in line:
                quotes = len(re.sub(r"\\.", "", line).split('"')) - 1
            opened ^= bool(quotes % 2)
        if held or opened:
            held.append(line)
            if not opened:
                yield "\n".join(held)
                held = []
        else:
            yield line


@functools.lru_cache(maxsize=16384)
def _meaning(spec: str, chains: frozenset[str]) -> dict[str, Any]:
    """What a rule matches and does, as fields of `Rule`.

    Kept, for the same rules are read again after each probe.
    """
    reader = _Reader(words(spec), chains)
    reader.read()
    return reader.fields


class _Reader:
    """Walks over the words of one rule."""

    def __init__(self, given: list[str], chains: frozenset[str]) -> None:
        self.given = given
        self.chains = chains
        self.at = 0
        self.module = ""
        self.module_spoke = True
        self.unknown: list[str] = []
        self.fields: dict[str, Any] = {"verdict": ""}

    def next(self) -> str:
        word = self.given[self.at] if self.at < len(self.given) else ""
        self.at += 1
        return plain(word, 256)

    def arguments(self) -> list[str]:
        """Words up to the next option."""
        taken = []
        while self.at < len(self.given) and not self.given[self.at].startswith("-"):
            if self.given[self.at] == "!":
                break
            taken.append(self.next())
        return taken

    def read(self) -> None:
        while self.at < len(self.given):
            word = self.next()
            no = ""
            if word == "!":
                no, word = "!", self.next()
            if word in ("-j", "-g"):
                self.end_module()
                self.read_target(word, self.next())
                break
            self.read_match(no, word)
        self.end_module()
        if self.unknown:
            self.fields["unknown"] = tuple(self.unknown)

    def read_match(self, no: str, word: str) -> None:
        if word == "-m":
            self.end_module()
            self.module, self.module_spoke = self.next(), False
            return
        self.module_spoke = True
        place = _PLACES.get(word, "")
        if place and place not in self.fields:
            self.fields[place] = no + self.next()
        elif word in _STATES:
            self.fields["states"] = tuple(no + s for s in self.next().split(",") if s)
        elif word == "--comment":
            self.next()
        else:
            parts = [no, self.module, word, *self.arguments()]
            self.unknown.append(plain(" ".join(filter(None, parts)), 256))

    def end_module(self) -> None:
        if not self.module_spoke and self.module not in _SILENT:
            self.unknown.append(self.module)
        self.module, self.module_spoke = "", True

    def read_target(self, how: str, target: str) -> None:
        if how == "-g":
            self.fields.update(verdict="GOTO", target=target)
            return
        if target in self.chains:
            self.fields.update(verdict="JUMP", target=target)
            return
        self.fields["verdict"] = target
        while self.at < len(self.given):
            word = self.next()
            if word in _AIMS:
                self.fields["target"] = self.next()
            elif word == "--reject-with":
                self.fields["reject_with"] = self.next()
