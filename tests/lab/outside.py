"""The world beyond the machine: an uplink, a web server and a resolver.

It lives in a namespace of its own on documentation addresses and has no
route any further, so that no packet of a test can leave.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.lab import namespaces
from tests.lab.state import Names, wait_until

HOST_DEVICE = "h0"
OUTSIDE_DEVICE = "o0"
HOST_IP = "10.99.0.1"
OUTSIDE_IP = "10.99.0.2"
SERVICE_IP = "203.0.113.10"
HOST_IP6 = "2001:db8:99::1"
OUTSIDE_IP6 = "2001:db8:99::2"

Spawn = Callable[[list[str], str], int]


def make_namespaces(names: Names) -> None:
    """Both namespaces and the cable between them."""
    host, out = names.host_netns, names.outside_netns
    for name in (host, out):
        namespaces.add(name)
        # Duplicate address detection would only cost each test a second.
        namespaces.set_sysctl(name, "net.ipv6.conf.all.accept_dad", "0")
        namespaces.set_sysctl(name, "net.ipv6.conf.default.accept_dad", "0")
    # Inherited from the machine, often as 1. Only if the engine has to switch
    # it on does it also set the FORWARD policy to DROP, as on a real host.
    namespaces.set_sysctl(host, "net.ipv4.ip_forward", "0")
    namespaces.set_sysctl(out, "net.ipv4.ip_forward", "0")
    cable(names)


def cable(names: Names) -> None:
    """Lay (or lay again) the uplink with its addresses and routes."""
    host, out = names.host_netns, names.outside_netns
    peer = f"{OUTSIDE_DEVICE} netns {out}"
    lines = [
        f"ip -n {host} link add {HOST_DEVICE} type veth peer name {peer}",
        f"ip -n {host} addr add {HOST_IP}/24 dev {HOST_DEVICE}",
        f"ip -n {host} addr add {HOST_IP6}/64 dev {HOST_DEVICE} nodad",
        f"ip -n {out} addr add {OUTSIDE_IP}/24 dev {OUTSIDE_DEVICE}",
        f"ip -n {out} addr add {OUTSIDE_IP6}/64 dev {OUTSIDE_DEVICE} nodad",
        f"ip -n {host} link set {HOST_DEVICE} up",
        f"ip -n {out} link set {OUTSIDE_DEVICE} up",
        f"ip -n {host} route add default via {OUTSIDE_IP}",
        f"ip -n {host} -6 route add default via {OUTSIDE_IP6}",
        f"ip -n {out} addr replace {SERVICE_IP}/32 dev lo",
    ]
    for line in lines:
        namespaces.run(line.split())


def remove_namespaces(names: Names) -> None:
    for name in (names.host_netns, names.second_netns, names.outside_netns):
        namespaces.delete(name)


def start_services(names: Names, spawn: Spawn) -> None:
    """HTTP and DNS; names below .test exist, any other is NXDOMAIN."""
    web = names.folder / "web"
    web.mkdir(exist_ok=True)
    (web / "index.html").write_text("netwiz lab, outside\n")
    busybox = "busybox"
    spawn([busybox, "httpd", "-f", "-p", f"{SERVICE_IP}:80", "-h", str(web)], "outside")
    spawn(
        [
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--user=root",
            "--pid-file=",
            "--bind-interfaces",
            f"--listen-address={SERVICE_IP}",
            f"--host-record=example.test,{SERVICE_IP}",
            f"--host-record=www.example.test,{SERVICE_IP}",
            "--address=/#/",
        ],
        "outside",
    )
    where = namespaces.path_of(names.outside_netns)
    for protocol, port in (("tcp", 80), ("tcp", 53), ("udp", 53)):
        wait_until(
            partial(listens, where, protocol, SERVICE_IP, port),
            f"{protocol} {SERVICE_IP}:{port} answers outside",
        )


_ROW = re.compile(
    r"^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) ", re.MULTILINE
)


def listeners(netns: str | Path, protocol: str) -> set[tuple[str, int]]:
    """Listening sockets of a namespace, read without sending anything."""

    def read() -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        for file in (protocol, f"{protocol}6"):
            path = Path("/proc/thread-self/net") / file
            rows = path.read_text() if path.exists() else ""
            for address, port, status in _ROW.findall(rows):
                if status == ("0A" if protocol == "tcp" else "07"):
                    found.add((_address(address), int(port, 16)))
        return found

    return namespaces.call_in(netns, read)


def _address(text: str) -> str:
    """The kernel prints addresses as 32 bit words in host byte order."""
    words = [text[i : i + 8] for i in range(0, len(text), 8)]
    raw = b"".join(int(word, 16).to_bytes(4, "little") for word in words)
    return str(ipaddress.ip_address(raw))


def listens(netns: str | Path, protocol: str, address: str, port: int) -> bool:
    """Whether that very address and port is open; `*` means any address."""
    found = listeners(netns, protocol)
    if address == "*":
        return any(port == open_port for _, open_port in found)
    return (address, port) in found
