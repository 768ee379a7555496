"""nftables tables that iptables does not own, from the text of ``nft -a list``.

The text is parsed and not the JSON, because the JSON leaves out what extensions of
iptables do (``{"xt": {"type": "target"}}``), some builds of nft print none, and a
person wants to read the rule as nft itself writes it (nft(8)).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.firewall import Backend, ChainPolicy, Rule
from netwiz.probes.text import plain

FAMILIES = {"ip": 4, "ip6": 6}

_TABLE = re.compile(r"table (\w+) (\S+) \{")
_CHAIN = re.compile(r"\tchain (\S+) \{")
_BASE = re.compile(r"\t\ttype \w+ hook (\w+) .*?;(?: policy (\w+);)?")
_HANDLE = re.compile(r"^(.*) # handle (\d{1,18})$", re.DOTALL)
_COUNTER = re.compile(r"\bcounter packets (\d{1,20}) bytes (\d{1,20})(?= |$)")
_WORD = re.compile(r'"[^"]*"|\{[^}]*\}|[^\s"{]+')
_NUMBERS = re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
_ONE_PLACE = re.compile(r"[0-9a-fA-F.:]+(/[0-9]+)?")
_FORMS = {
    "ports": _NUMBERS,
    "states": re.compile(r"[a-z]+(,[a-z]+)*"),
    "protocol": re.compile(r"[a-z0-9-]+"),
}

_VERDICTS = {"accept", "drop", "return", "continue", "queue"}
_TRANSLATIONS = {
    "dnat": "DNAT",
    "snat": "SNAT",
    "redirect": "REDIRECT",
    "masquerade": "MASQUERADE",
}
_STATEMENTS = {"log", "reject", "jump", "goto", *_VERDICTS, *_TRANSLATIONS}


def parse_tables(text: str) -> list[tuple[str, str]]:
    """(family, name) of every table in the answer to ``nft list tables``."""
    rows = (line.split() for line in text.splitlines())
    return [(row[1], row[2]) for row in rows if len(row) >= 3 and row[0] == "table"]


@dataclass(slots=True)
class Listed:
    """What one or more tables hold."""

    rules: list[Rule] = field(default_factory=list)
    policies: list[ChainPolicy] = field(default_factory=list)


def parse_listing(
    text: str, place: Place, foreign: Callable[[str, str, str], bool]
) -> Listed:
    """Parse ``nft -a list table ...``; chains for which `foreign` says no are left out.

    `foreign` is asked with (family, table, chain). Sets, maps and stateful objects are
    passed over: a rule that uses one keeps that match as unknown.
    """
    listed = Listed()
    family = table = chain = hook = ""
    number = 0
    for line in text.splitlines():
        if found := _TABLE.match(line):
            family, table, chain = found[1], plain(found[2], 64), ""
        elif line == "\t}":
            chain = ""
        elif found := _CHAIN.match(line):
            name = plain(found[1], 64)
            chain = name if foreign(family, table, name) else ""
            hook, number = "", 0
        elif chain and (found := _BASE.match(line)):
            hook = found[1]
            listed.policies.append(
                ChainPolicy(
                    place,
                    Backend.NFT,
                    FAMILIES.get(family, 0),
                    table,
                    chain,
                    (found[2] or "accept").upper(),
                    nft_family=family,
                    hook=hook,
                )
            )
        elif chain and (found := _HANDLE.match(line)):
            number += 1
            body = found[1].strip()
            counter = _COUNTER.search(body)
            text_shown = _without_counters(body)
            listed.rules.append(
                Rule(
                    place=place,
                    backend=Backend.NFT,
                    family=FAMILIES.get(family, 0),
                    table=table,
                    chain=chain,
                    text=text_shown,
                    number=number,
                    handle=int(found[2]),
                    hook=hook,
                    packets=int(counter[1]) if counter else 0,
                    octets=int(counter[2]) if counter else 0,
                    tool="nft",
                    nft_family=family,
                    **_Reader(_without_counters(body)).fields,
                )
            )
    return listed


def _without_counters(body: str) -> str:
    return plain(_COUNTER.sub("counter", body))


class _Reader:
    """Walks over the words of one rule, match by match."""

    def __init__(self, body: str) -> None:
        self.words = _WORD.findall(body)
        self.at = 0
        self.unknown: list[str] = []
        self.fields: dict[str, Any] = {"verdict": ""}
        while self.at < len(self.words):
            self._step()
        if self.unknown:
            self.fields["unknown"] = tuple(self.unknown)

    def _peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.words[at] if at < len(self.words) else ""

    def _take(self) -> str:
        word = self._peek()
        self.at += 1
        return word

    def _step(self) -> None:
        two = (self._peek(), self._peek(1))
        if two[0] in _STATEMENTS:
            self._statement(self._take())
        elif two[0] == "counter":
            self.at += 1
            if self._peek() == "name":
                self.at += 2
        elif two[0] == "comment":
            self.at += 2
        elif two[0] in ("iif", "iifname", "oif", "oifname"):
            self._match(1, "in_device" if two[0][0] == "i" else "out_device")
        elif two[0] in ("ip", "ip6") and two[1] in ("saddr", "daddr"):
            self._match(2, "source" if two[1] == "saddr" else "destination")
        elif two[0] in ("tcp", "udp", "th") and two[1] in ("sport", "dport"):
            if two[0] != "th":
                self.fields.setdefault("protocol", two[0])
            end = "source" if two[1] == "sport" else "destination"
            self._match(2, f"{end}_ports")
        elif two in (("meta", "l4proto"), ("ip", "protocol"), ("ip6", "nexthdr")):
            self._match(2, "protocol")
        elif two == ("ct", "state"):
            self._match(2, "states")
        elif two[0] in ("ct", "meta"):
            # The third word may look like a verdict: "ct status dnat".
            self._odd(3)
        else:
            self._odd(1)

    def _match(self, width: int, name: str) -> None:
        """A match that `Rule` has a field for, unless its value is beyond it."""
        start = self.at
        self.at += width
        no = ""
        if self._peek() in ("!=", "=="):
            no = "!" if self._take() == "!=" else ""
        value = self._take()
        while self._peek() == "|":
            self.at += 1
            value += "," + self._take()
        known = _value(name, value)
        if known is None or (name in self.fields and self.fields[name] != no + known):
            self.at = start
            self._odd(width)
        elif name == "states":
            self.fields[name] = tuple(no + s for s in known.upper().split(","))
        else:
            self.fields[name] = no + known

    def _odd(self, width: int) -> None:
        """Keep as unknown everything up to the next word that begins a match."""
        start = self.at
        self.at += width
        while self.at < len(self.words) and not self._begins():
            self.at += 1
        self.unknown.append(plain(" ".join(self.words[start : self.at]), 256))

    def _begins(self) -> bool:
        word, after = self._peek(), self._peek(1)
        if word in _STATEMENTS or word in ("counter", "comment", "meta", "ct"):
            return True
        if word in ("iif", "iifname", "oif", "oifname", "limit", "fib"):
            return True
        return word in ("ip", "ip6", "tcp", "udp", "th") and after.isalnum()

    def _statement(self, word: str) -> None:
        rest = []
        if word == "log":
            while self.at < len(self.words) and not self._begins():
                self.at += 1
            self.fields["verdict"] = self.fields["verdict"] or "LOG"
            return
        if word in ("jump", "goto"):
            self.fields.update(verdict=word.upper(), target=plain(self._take(), 64))
            return
        while self.at < len(self.words) and self._peek() not in ("counter", "comment"):
            rest.append(self._take())
        if word in _TRANSLATIONS:
            self.fields["verdict"] = _TRANSLATIONS[word]
            aim = [w for w in rest if w not in ("to", "ip", "ip6", ":")]
            self.fields["target"] = plain(aim[0].lstrip(":"), 128) if aim else ""
        elif word == "reject":
            self.fields.update(verdict="REJECT", reject_with=_reject(rest))
        else:
            self.fields["verdict"] = word.upper()


def _reject(words: list[str]) -> str:
    """``with icmp type admin-prohibited`` as ``icmp-admin-prohibited``."""
    kept = [w for w in words if w not in ("with", "type")]
    if kept[:2] == ["tcp", "reset"]:
        return "tcp-reset"
    if not kept:
        return "icmp-port-unreachable"
    return plain("-".join(kept[:2]), 64)


def _value(name: str, value: str) -> str | None:
    """A match's value in the words of `Rule`; None when it has none for it."""
    if value in ("vmap", "map"):
        return None
    if name.endswith("_device"):
        device = value.strip('"')
        if value[:1] in ("{", "@") or not device:
            return None
        return plain(device[:-1] + "+" if device.endswith("*") else device, 32)
    bare = value.strip("{} ").replace(" ", "") if value[:1] == "{" else value
    form = _FORMS.get(name.partition("_")[2] or name, _ONE_PLACE)
    return bare if form.fullmatch(bare) else None
