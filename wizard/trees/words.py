"""Words and small facts that several trees share."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from netwiz.probes.facts import HOST, Container, Listener, PortMapping
from netwiz.wizard.scene import Scene

YOUNG_S = 15.0
"""A container younger than this may still be opening its ports."""


_OWN_PORT = re.compile(
    r"(?:^|_)(?:LISTEN|BIND)|^(?:(?:APP|HTTP|HTTPS|SERVER|SERVICE|WEB|NODE)_)?PORT$"
)
"""Variables in which a service is told its own port, not that of another."""
_PORT_FLAG = (
    r"(?:^|\s)(?:-p|-P|-l|-b|--(?:\w+-)?port|--listen|--bind|--addr(?:ess)?|PORT)"
    r"(?:\s+|=)(?:\S*:)?{}(?!\d)"
)


def told_to_serve(container: Container, port: int) -> str:
    """By which setting a container is told to serve a port; empty if by none."""
    for entry in container.env:
        key, _, value = entry.partition("=")
        if _OWN_PORT.search(key) and re.search(rf"(?:^|:){port}$", value):
            return f"{key}={value}"
    found = re.search(_PORT_FLAG.format(port), container.command)
    return f"its command has{found[0]}" if found else ""


def made_for(container: Container, port: int, protocol: str) -> bool:
    """Whether a container is meant to serve a port: exposed, or told so."""
    exposed = (port, protocol) in container.exposed
    return exposed or bool(told_to_serve(container, port))


def either(names: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``: each name once, five at most."""
    unique = list(dict.fromkeys(names))
    shown = unique[:5]
    if len(unique) > len(shown):
        shown.append(f"{len(unique) - len(shown)} more")
    return " or ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def in_container(name: str) -> str:
    """Shell prefix that runs a host's tool in a container's network namespace."""
    inspect = f"docker inspect -f '{{{{.State.Pid}}}}' {shlex.quote(name)}"
    return f"nsenter -t $({inspect}) -n "


def listed(listeners: Iterable[Listener]) -> str:
    """``127.0.0.1:3000 (node)``, several joined; 'nothing' when there is none."""
    return _some(
        f"{s.text} ({s.process.name})" if s.process else s.text for s in listeners
    )


def sockets_of(listeners: Iterable[Listener]) -> str:
    """Only the sockets, without their processes."""
    return _some(s.text for s in listeners)


def _some(texts: Iterable[str]) -> str:
    """Each once, six at most: a host may have thousands of listeners."""
    unique = list(dict.fromkeys(texts))
    shown = unique[:6]
    if len(unique) > len(shown):
        shown.append(f"{len(unique) - len(shown)} more")
    return ", ".join(shown) or "nothing"


def process_of(listeners: Iterable[Listener], fallback: str = "the service") -> str:
    """The first known process name."""
    return next((s.process.name for s in listeners if s.process), fallback)


def sysctl_key(name: str) -> str:
    """A setting as sysctl(8) takes it: a dot within a device's name is a slash there.

    ``net.ipv4.conf.eth0.100.forwarding`` is ``net.ipv4.conf.eth0/100.forwarding``.
    """
    parts = name.split(".")
    if parts[2:3] != ["conf"] or len(parts) < 6:
        return name
    return ".".join([*parts[:3], "/".join(parts[3:-1]), parts[-1]])


def family(address: str) -> str:
    """IPv4 or IPv6."""
    return "IPv6" if ":" in address else "IPv4"


def as_flag(mapping: PortMapping) -> str:
    """A mapping as ``docker run -p`` takes it."""
    port = f"{mapping.host_port or ''}:{mapping.container_port}".lstrip(":")
    suffix = "" if mapping.protocol == "tcp" else f"/{mapping.protocol}"
    if not mapping.host_ip:
        return f"{port}{suffix}"
    host = f"[{mapping.host_ip}]" if ":" in mapping.host_ip else mapping.host_ip
    return f"{host}:{port}{suffix}"


def dial(host: str, port: int) -> str:
    """``pg:3000``, ``[fd00::2]:3000``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def age_s(container: Container, scene: Scene) -> float:
    """Seconds since a container's start, by the snapshot's clock; a day if unknown."""
    if container.started_at is None:
        return 86400.0
    return max(0.0, (scene.now - container.started_at).total_seconds())


def uptime(container: Container | None, scene: Scene) -> str:
    """How long a container is up, in words."""
    if container is None or container.started_at is None:
        return "for a while"
    seconds = age_s(container, scene)
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def first_packet(scene: Scene) -> str:
    """What a probe begins with."""
    udp = scene.case.target.protocol.value == "udp"
    return "datagram" if udp else "SYN"


def server_name(scene: Scene) -> str:
    """The server as people call it."""
    if scene.focus.server is not None:
        return scene.focus.server.name
    return "this host" if scene.focus.place == HOST else scene.focus.address
