"""The kernel's switches that decide over packets, as one namespace has them set.

``/proc/sys/net`` shows the namespace of the thread that reads it (namespaces(7)); the
meaning of each is in the kernel's Documentation/networking/ip-sysctl.rst.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from netwiz.probes.text import plain

GLOBAL = (
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.all.route_localnet",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_default_ttl",
    "net.ipv4.neigh.default.gc_thresh3",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.bindv6only",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
    "net.core.somaxconn",
)

PER_DEVICE = (
    ("ipv4", "forwarding"),
    ("ipv4", "rp_filter"),
    ("ipv4", "route_localnet"),
    ("ipv6", "disable_ipv6"),
    ("ipv6", "forwarding"),
)

MOST_DEVICES = 64
_ROOT = Path("/proc/sys")


def read_sysctls(devices: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(name, value) pairs, in the thread's namespace; what is not there is left out.

    Of the devices the first `MOST_DEVICES` are read. The keys are spelled as sysctl(8)
    does for devices without a dot in their name; a dot of a name stays a dot.
    """
    found = [(name, _read(name.split("."))) for name in GLOBAL]
    for device in list(devices)[:MOST_DEVICES]:
        if device in ("", ".", "..") or "/" in device:
            continue
        for family, key in PER_DEVICE:
            path = ["net", family, "conf", device, key]
            found.append((plain(".".join(path), 80), _read(path)))
    return tuple((name, value) for name, value in found if value)


def _read(path: list[str]) -> str:
    try:
        with _ROOT.joinpath(*path).open("rb") as file:
            return plain(b" ".join(file.read(256).split()), 80)
    except OSError:
        return ""
