"""The state of a network namespace, in a form that can be compared.

Used twice: to bring the lab's host back to how it was after boot, and to
show that netwiz has left nothing behind. Counters, handles and whatever the
kernel changes by itself are left out.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lab import namespaces

LEGACY_TABLES = {
    "iptables-legacy": "ip_tables_names",
    "ip6tables-legacy": "ip6_tables_names",
}
SYSCTL_FOLDERS = ("ipv4", "ipv6", "bridge", "netfilter", "core")
RESTLESS_SYSCTLS = re.compile(
    r"nf_conntrack_count|tcp_fastopen_key|stable_secret|/flush$|nf_conntrack_buckets"
    r"|neigh/.*_(ms|jiffies|time)$|random|warn_count"
)
KERNEL_ROUTES = re.compile(r"^(local|broadcast|multicast|anycast) |fe80::|ff00::")

Section = dict[str, str]


def rules() -> Section:
    """Every nft table, chain by chain, without counters."""
    text = _say(["nft", "-s", "list", "ruleset"])
    found: Section = {}
    table, block, lines = "", "", list[str]()
    for line in text.splitlines():
        if line.startswith("table "):
            table = line.removesuffix("{").strip()
            found[table] = ""
        elif re.match(r"\t\w+ .*\{$", line) and not block:
            block, lines = line.removesuffix("{").strip(), []
        elif line == "\t}":
            found[f"{table} {block}"] = "\n".join(lines)
            block = ""
        elif block:
            lines.append(line.strip())
    return found


def legacy_tables(command: str) -> list[str]:
    """The legacy tables that exist; listing one by tool would create it."""
    try:
        text = Path("/proc/thread-self/net", LEGACY_TABLES[command]).read_text()
    except OSError:
        return []
    return sorted(text.split())


def legacy() -> Section:
    found: Section = {}
    for command in LEGACY_TABLES:
        for table in legacy_tables(command):
            text = _say([f"{command}-save", "-t", table])
            kept = [re.sub(r"\[\d+:\d+\]", "", x) for x in text.splitlines()]
            found[f"{command} {table}"] = "\n".join(x for x in kept if x[:1] != "#")
    return found


def links() -> Section:
    found: Section = {}
    for link in _json(["ip", "-j", "-d", "link", "show"]):
        facts = {
            "kind": link.get("linkinfo", {}).get("info_kind", ""),
            "master": link.get("master", ""),
            "mtu": link["mtu"],
            "up": "UP" in link["flags"],
            "address": link.get("address", ""),
        }
        found[link["ifname"]] = json.dumps(facts, sort_keys=True)
    return found


def addresses() -> Section:
    found: Section = {}
    for link in _json(["ip", "-j", "addr", "show"]):
        for address in link.get("addr_info", []):
            if not address.get("local", "fe80").startswith("fe80"):
                key = f"{link['ifname']} {address['local']}/{address['prefixlen']}"
                found[key] = f"scope {address['scope']}"
    return found


def routes() -> Section:
    found: Section = {}
    for family in ("-4", "-6"):
        for line in _say(["ip", family, "route", "show", "table", "all"]).splitlines():
            # A bridge without containers is "linkdown"; that is not our doing.
            plain = re.sub(r" (linkdown|dead|expires \S+|pref \w+)\b", "", line).strip()
            if plain and not KERNEL_ROUTES.search(plain):
                found[f"{family} {plain}"] = ""
    return found


def policies() -> Section:
    found: Section = {}
    for family in ("-4", "-6"):
        for line in _say(["ip", family, "rule", "show"]).splitlines():
            found[f"{family} {line.strip()}"] = ""
    return found


def queues() -> Section:
    """Traffic shaping; the queues that every device is born with are no news."""
    found: Section = {}
    for queue in _json(["tc", "-j", "qdisc", "show"]):
        if queue["kind"] not in {"noqueue", "pfifo_fast", "fq_codel", "mq"}:
            key = f"{queue['dev']} {queue['kind']}"
            found[key] = json.dumps(queue.get("options", {}), sort_keys=True)
    return found


def sysctls() -> Section:
    found: Section = {}
    for part in SYSCTL_FOLDERS:
        for folder, _, files in os.walk(f"/proc/sys/net/{part}"):
            for file in files:
                path = f"{folder}/{file}"
                if RESTLESS_SYSCTLS.search(path):
                    continue
                try:
                    found[path] = Path(path).read_text().strip()
                except (OSError, ValueError):
                    continue
    return found


SECTIONS: dict[str, Callable[[], Section]] = {
    "rules": rules,
    "legacy": legacy,
    "links": links,
    "addresses": addresses,
    "routes": routes,
    "policies": policies,
    "queues": queues,
    "sysctls": sysctls,
}

Fingerprint = dict[str, Section]


def take(netns: str | Path, *names: str) -> Fingerprint:
    """The sections of one namespace; all of them unless some are named."""

    def look() -> Fingerprint:
        return {name: SECTIONS[name]() for name in names or SECTIONS}

    return namespaces.call_in(netns, look)


def differences(before: Fingerprint, after: Fingerprint) -> list[str]:
    """What differs, in words; empty if nothing does."""
    found: list[str] = []
    for section in before:
        old, new = before[section], after[section]
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                found.append(f"{section}: gone: {key} {old[key]}".strip())
            elif key not in old:
                found.append(f"{section}: new: {key} {new[key]}".strip())
            elif old[key] != new[key]:
                found.append(f"{section}: {key}: was {old[key]!r}, is {new[key]!r}")
    return found


def _say(argv: list[str]) -> str:
    """What a command says in the namespace of this thread."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


def _json(argv: list[str]) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(_say(argv) or "[]")
    return [entry for entry in answer if entry]
