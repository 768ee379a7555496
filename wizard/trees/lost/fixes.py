"""Commands against lost packets: built from what is known of the machine, as text."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from netwiz.probes.facts import Attachment, Container, Network, Rule
from netwiz.probes.facts.firewall_commands import acceptance, entry, nft_name
from netwiz.wizard.scene import Scene
from netwiz.wizard.trees.lost.drops import Taker
from netwiz.wizard.trees.lost.where import Stage


def network_of(scene: Scene, container: Container | None, address: str) -> Network:
    """The network on which a container has an address; an empty one if on none."""
    for net in container.attachments if container else ():
        known = scene.snapshot.networks_by_id.get(net.network_id)
        if known is not None and address in net.addresses:
            return known
    return Network("", "")


def client_network(scene: Scene) -> Network:
    """The network by which the client's packet went out."""
    return network_of(scene, scene.client, scene.attempted.connection.source)


def server_network(scene: Scene) -> Network:
    """The network on which the server was dialled."""
    focus = scene.focus
    address = focus.inner_address or focus.address
    return network_of(scene, focus.server, address)


def join(scene: Scene) -> dict[str, str]:
    """How the client joins the server's network; empty values where it cannot."""
    client, there = scene.client, server_network(scene)
    if client is None or not there.name or client.rides_on or client.on_host_network:
        return {"join_command": "", "join_network": there.name}
    argv = ["docker", "network", "connect", there.name, client.name]
    return {"join_command": shlex.join(argv), "join_network": there.name}


def through_policy(scene: Scene, taker: Taker, stage: Stage) -> str:
    """Exceptions before the policy that took the packet, and before its answers."""
    policy = taker.policy
    if policy is None:
        return ""
    protocol, focus = scene.case.target.protocol.value, scene.focus
    came, leaves = taker.passage.entry, _one(taker.passage.leaves_by)
    if stage is Stage.INPUT:
        return acceptance(policy, in_device=came, protocol=protocol, port=focus.port)
    if stage is Stage.REPLY:
        return acceptance(policy, answers=True)
    if came and came == leaves:
        return acceptance(policy, in_device=came, out_device=leaves)
    port = focus.inner_port or focus.port
    there = acceptance(
        policy, in_device=came, out_device=leaves, protocol=protocol, port=port
    )
    return f"{there}\n{acceptance(policy, answers=True)}" if there else ""


def for_others(taker: Taker) -> str:
    """Exceptions in the chain that the engine leaves to the administrator.

    It is come to before all that the engine writes, also after it wrote that anew.
    """
    policy, came = taker.policy, taker.passage.entry
    if policy is None or not came:
        return ""
    own = replace(policy, chain="DOCKER-USER")
    there = acceptance(own, in_device=came)
    return f"{there}\n{acceptance(own, out_device=came, answers=True)}"


def _one(devices: frozenset[str]) -> str:
    """The layer 3 device among those that the packet met; ports of bridges are not."""
    names = sorted(d for d in devices if not d.startswith("veth"))
    return names[0] if len(names) == 1 else ""


def recreation(scene: Scene, network: Network, dropped: str) -> str:
    """Make a network anew without an option, with its containers where they were.

    One command a line. Empty where a container on it is not known to be there.
    """
    on_it = [
        (c, net)
        for c in scene.snapshot.containers
        if c.running
        for net in c.attachments
        if net.network_id == network.id
    ]
    if not on_it or network.name == "bridge" or network.driver != "bridge":
        return ""
    if network.project:  # Compose takes no network for its own that it did not make
        return ""
    name = shlex.quote(network.name)
    lines = [
        f"docker network disconnect {name} {shlex.quote(c.name)}" for c, _ in on_it
    ]
    lines.append(f"docker network rm {name}")
    lines.append(_creation(network, dropped))
    lines += [_connection(network, c, net) for c, net in on_it]
    return "\n".join(lines)


def _creation(network: Network, dropped: str) -> str:
    argv = ["docker", "network", "create"]
    for subnet in network.subnets:
        argv += ["--subnet", subnet.subnet]
        argv += ["--gateway", subnet.gateway] if subnet.gateway else []
    argv += ["--ipv6"] if network.ipv6 else []
    argv += ["--internal"] if network.internal else []
    for key, value in network.options:
        if key != dropped:
            argv += ["-o", f"{key}={value}"]
    return shlex.join((*argv, network.name))


def _connection(network: Network, container: Container, net: Attachment) -> str:
    argv = ["docker", "network", "connect"]
    argv += ["--ip", net.ipv4] if net.ipv4 else []
    argv += ["--ip6", net.ipv6] if net.ipv6 and network.ipv6 else []
    for alias in net.aliases:
        # The engine itself adds the short id, for every container.
        if alias != container.short_id:
            argv += ["--alias", alias]
    return shlex.join((*argv, network.name, container.name))


def unban(rule: Rule, address: str) -> str:
    """The command that takes an address off the set that a rule asks for."""
    for match in rule.unknown:
        if found := re.search(r"saddr @(\S+)", match):
            names = (rule.table, found[1])
            if rule.nft_family in ("ip", "ip6", "inet") and all(map(nft_name, names)):
                where = f"{rule.nft_family} {rule.table} {found[1]}"
                element = shlex.quote(f"{{ {address} }}")
                return f"{entry(rule.place)}nft delete element {where} {element}"
        if found := re.search(r"match-set (\S+) src", match):
            return entry(rule.place) + shlex.join(["ipset", "del", found[1], address])
    return ""
