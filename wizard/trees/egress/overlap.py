"""Docker networks that lie over addresses of others, and making one anew elsewhere."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterable, Iterator

from netwiz.probes.facts import Container, Network
from netwiz.wizard.scene import Scene
from netwiz.wizard.trees.egress.ways import Exit, within

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DEFAULT_BRIDGE = "bridge"


def elsewhere(way: Exit, subnet: str) -> str:
    """What shows that the subnet is another network's, too; empty when nothing does."""
    for own in way.links.addresses:
        if own.device in way.inner or own.device == "lo":
            continue
        network = f"{own.address}/{own.prefix}"
        if own.prefix < 32 and within(way.address, network):
            return (
                f"{own.device} has {network}: {way.address} lies in the network on "
                f"that wire as well as in {subnet}"
            )
    return ""


def recreation(way: Exit, network: Network) -> dict[str, str]:
    """Values for making a network anew with a subnet that nothing else has."""
    free = free_subnet(way)
    values = {"new_subnet": free, "members": _names(members(way.scene, network))}
    if network.name == DEFAULT_BRIDGE:
        first = str(next(ipaddress.ip_network(free).hosts())) if free else ""
        bits = free.partition("/")[2]
        return values | {"default_bridge": "yes", "bip": f"{first}/{bits}"}
    if network.project:
        return values | {"compose": network.project}
    if not free or network.ipv6 or network.driver != "bridge":
        return values | {"anew_by_hand": "yes"}
    return values | {"anew": anew(way.scene, network, free)}


def anew(scene: Scene, network: Network, subnet: str, without: str = "") -> str:
    """The commands that make a bridge network anew, one a line.

    `without` is an option that the new one shall not have.
    """
    name = shlex.quote(network.name)
    there = members(scene, network)
    lines = [f"docker network disconnect {name} {shlex.quote(c.name)}" for c in there]
    words = ["docker", "network", "create", "--subnet", subnet]
    words += ["--internal"] if network.internal else []
    for key, value in network.options:
        words += [] if key == without else ["--opt", f"{key}={value}"]
    lines += [f"docker network rm {name}", shlex.join([*words, network.name])]
    return "\n".join([*lines, *_connections(network, there)])


def _connections(network: Network, there: Iterable[Container]) -> Iterator[str]:
    for container in there:
        words = ["docker", "network", "connect"]
        mine = (a for a in container.attachments if a.network_id == network.id)
        for alias in next(mine).aliases:
            if alias not in (container.name, container.short_id):
                words += ["--alias", alias]
        yield shlex.join([*words, network.name, container.name])


def members(scene: Scene, network: Network) -> list[Container]:
    """Containers on a network."""
    return [
        c
        for c in scene.snapshot.containers
        if any(a.network_id == network.id for a in c.attachments)
    ]


def _names(containers: list[Container]) -> str:
    return ", ".join(c.name for c in containers) or "no container"


def free_subnet(way: Exit) -> str:
    """A private subnet that no route, address or network of this host touches."""
    taken = list(_taken(way))
    for candidate in _candidates():
        if not any(t.version == 4 and candidate.overlaps(t) for t in taken):
            return str(candidate)
    return ""


def _candidates() -> Iterator[ipaddress.IPv4Network]:
    """The pools that the engine itself takes from, the rarely used ones first."""
    for second in range(31, 16, -1):
        yield ipaddress.IPv4Network(f"172.{second}.0.0/16")
    for third in range(240, -1, -16):
        yield ipaddress.IPv4Network(f"192.168.{third}.0/20")


def _taken(way: Exit) -> Iterator[_Network]:
    texts = [r.destination for r in way.links.routes if r.destination != "default"]
    texts += [f"{a.address}/{a.prefix}" for a in way.links.addresses]
    texts += [s.subnet for n in way.scene.snapshot.networks for s in n.subnets]
    texts.append(way.address)
    for text in texts:
        try:
            yield ipaddress.ip_network(text.partition("%")[0], strict=False)
        except ValueError:
            continue
