"""Back to the state after boot: what a scenario has bent is bent back."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import struct
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab import fingerprint, namespaces
from tests.lab.fingerprint import Fingerprint
from tests.lab.state import LabError

if TYPE_CHECKING:
    from tests.lab.engine import Lab

ROUNDS = 3
DEVICE = re.compile(r"/(?:conf|neigh)/([^/]+)/")


@dataclass(frozen=True)
class Baseline:
    """How both namespaces looked when the lab was fresh."""

    places: dict[str, Fingerprint]
    saved_rules: dict[tuple[str, str], str]
    host_files: dict[str, str]

    @classmethod
    def take(cls, lab: Lab) -> Baseline:
        places = {place: fingerprint.take(lab.netns_of(place)) for place in lab.places}
        saved = {
            (place, command): namespaces.call_in(
                lab.netns_of(place), partial(namespaces.run, [f"{command}-save"])
            )
            for place in lab.places
            for command in ("iptables", "ip6tables")
        }
        return cls(places, saved, _host_files(lab))

    def restore(self, lab: Lab) -> None:
        """Compare, mend, compare again; what stays bent is an error."""
        if _host_files(lab) != self.host_files:
            raise LabError("files of the lab's host have been changed")
        left = list[str]()
        for _ in range(ROUNDS):
            left = [
                f"{place}: {line}"
                for place in lab.places
                for line in self._mend(place, lab.netns_of(place))
            ]
            if not left:
                break
        else:
            raise LabError("it could not be restored: " + "; ".join(left[:5]))
        for place in lab.places:
            lab.in_namespace(place, _forget)
        _sweep(lab)

    def clear_ways(self, lab: Lab) -> None:
        """Rules and sysctls only: without a way, nodes cannot agree on what is gone.

        The router between them comes first: after five seconds they give each other up.
        """
        for place in sorted(lab.places, key=lambda place: place != "outside"):
            before = self.places[place]
            now = fingerprint.take(lab.netns_of(place), "rules", "sysctls")

            def mend(
                before: Fingerprint = before,
                now: Fingerprint = now,
                place: str = place,
            ) -> None:
                _mend_rules(before, now, place, self.saved_rules)
                _mend_sysctls(before, now)

            namespaces.call_in(lab.netns_of(place), mend)

    def _mend(self, place: str, netns: Path) -> list[str]:
        """One pass over one namespace; what it found to mend."""
        before = self.places[place]
        now = fingerprint.take(netns)
        found = _relevant(fingerprint.differences(before, now))
        if not found:
            return []
        if now["legacy"] != before["legacy"]:
            # Flushed tables would still be announced by iptables-save for ever.
            raise LabError(f"{place} has got iptables-legacy tables")
        if any(line.startswith("links: gone") for line in found):
            raise LabError(f"{place} has lost a device")

        def mend() -> None:
            _mend_rules(before, now, place, self.saved_rules)
            for argv in _mend_devices(before, now):
                with suppress(LabError):
                    namespaces.run(argv)
            _mend_sysctls(before, now)

        namespaces.call_in(netns, mend)
        return found


def _relevant(found: list[str]) -> list[str]:
    """Sysctls of a device come and go with it; the device itself is judged."""
    return [x for x in found if not re.match(r"sysctls: (gone|new): ", x)]


def _mend_rules(
    before: Fingerprint,
    now: Fingerprint,
    place: str,
    saved: dict[tuple[str, str], str],
) -> None:
    if before["rules"] == now["rules"]:
        return
    namespaces.run(["nft", "flush", "ruleset"])
    for command in ("iptables", "ip6tables"):
        if text := saved[place, command]:
            namespaces.run([f"{command}-restore"], text)
    # It makes every built-in chain of a table; those that were not there go.
    for key in fingerprint.rules().keys() - before["rules"].keys():
        table, _, chain = key.partition(" chain ")
        if chain:
            namespaces.run(["nft", "delete", "chain", *table.split()[1:], chain])


def _mend_devices(before: Fingerprint, now: Fingerprint) -> list[list[str]]:
    """The ip and tc commands, in the order in which they can succeed."""
    lines = [f"ip link del {name}" for name in now["links"].keys() - before["links"]]
    for key in now["queues"].keys() - before["queues"].keys():
        device, kind = key.split()
        where = "ingress" if kind in {"ingress", "clsact"} else "root"
        lines.append(f"tc qdisc del dev {device} {where}")
    for name in before["links"].keys() & now["links"].keys():
        old, new = (json.loads(x["links"][name]) for x in (before, now))
        lines += _mend_link(name, old, new)
    for section, line in (("addresses", _address_line), ("policies", _policy_line)):
        old_keys, new_keys = before[section].keys(), now[section].keys()
        lines += [line("del", key, "") for key in sorted(new_keys - old_keys)]
        lines += [
            line("add", key, before[section][key])
            for key in sorted(old_keys - new_keys)
        ]
    lines += [_route_line("del", k) for k in now["routes"].keys() - before["routes"]]
    # Routes to a gateway need the connected routes first.
    missing = before["routes"].keys() - now["routes"].keys()
    lines += [
        _route_line("replace", key) for key in sorted(missing, key=lambda k: "via" in k)
    ]
    return [shlex.split(line) for line in lines]


def _mend_link(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    words = {
        "address": f"address {old['address']}",
        "mtu": f"mtu {old['mtu']}",
        "master": f"master {old['master']}" if old["master"] else "nomaster",
        "up": "up" if old["up"] else "down",
    }
    return [
        f"ip link set {name} {change}"
        for fact, change in words.items()
        if old[fact] != new[fact]
    ]


def _address_line(word: str, key: str, scope: str) -> str:
    device, address = key.split()
    nodad = "nodad" if ":" in address and word == "add" else ""
    return f"ip addr {word} {address} dev {device} {scope} {nodad}"


def _policy_line(word: str, key: str, _: str) -> str:
    family, _, rule = key.partition(" ")
    priority, _, selector = rule.partition(":")
    return f"ip {family} rule {word} {selector} priority {priority}"


def _route_line(word: str, key: str) -> str:
    family, _, route = key.partition(" ")
    return f"ip {family} route {word} {route}"


def _mend_sysctls(before: Fingerprint, now: Fingerprint) -> None:
    """General ones first: writing ip_forward also sets each device's."""
    changed = [
        path
        for path, value in before["sysctls"].items()
        if now["sysctls"].get(path, value) != value
    ]
    changed.sort(key=lambda p: (bool(DEVICE.search(p)), "/all/" not in p, p))
    for path in changed:
        with suppress(OSError):
            Path(path).write_text(before["sysctls"][path])


def _forget() -> None:
    """Neighbours and tracked flows of one scenario must not help the next."""
    for family in ("-4", "-6"):
        for state in ("all", "permanent", "failed"):
            argv = ["ip", family, "neigh", "flush", "nud", state]
            subprocess.run(argv, capture_output=True, timeout=60, check=False)
    _flush_conntrack()


def _flush_conntrack() -> None:
    """nfnetlink: delete without a filter forgets every flow of this namespace."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:
        conntrack_delete = (1 << 8) | 2
        request_and_ack = 1 | 4
        netlink.sendto(
            struct.pack("=LHHLL", 20, conntrack_delete, request_and_ack, 1, 0)
            + struct.pack("=BBH", socket.AF_UNSPEC, 0, 0),
            (0, 0),
        )
        netlink.recv(4096)


def _sweep(lab: Lab) -> None:
    """Empty what the lab's host has of its own: namespaces, home and /tmp."""
    root = Path(f"/proc/{lab.engine_pid()}/root")
    for namespace in (root / "run/netns").iterdir():
        lab.run(["ip", "netns", "del", namespace.name])
    folders = [lab.names.folder / "home", lab.names.folder / "files"]
    if lab.has_private_tmp:
        folders.append(root / "tmp")
    for folder in folders:
        for entry in folder.iterdir() if folder.exists() else ():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _host_files(lab: Lab) -> dict[str, str]:
    """What differs from this machine in the lab host's own /etc."""
    upper = lab.names.folder / "etc-upper"
    return {
        str(path.relative_to(upper)): path.read_text(errors="replace")
        for path in sorted(upper.rglob("*"))
        if path.is_file() and not path.is_char_device()
    }
