"""The own kernel says no at once: no route, or no address and port to send from."""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    Container,
    LinkTable,
    SocketTable,
)
from netwiz.probes.requests import ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.wire.ends import STACKED, end_of, fault_of, inside
from netwiz.wizard.trees.words import family
from netwiz.wizard.verdict import Mark

RANGE = "net.ipv4.ip_local_port_range"
NO_IPV6 = "net.ipv6.conf.all.disable_ipv6"
FULL = 0.95
"""Of the range in use towards one target, beside a connect that found none free:
reserved ports and those that a dump misses make up the rest."""
_BUILT_IN = ("ipip", "sit", "gre", "gretap", "erspan", "ip6tnl", "ip6gre", "vti")
"""Kinds of which the kernel puts one into every namespace once its module is loaded."""


def no_way(scene: Scene) -> Ruling:
    """Why the client's own namespace has no route to the target."""
    table = scene.look(ReadLinks(scene.place), LinkTable)
    client = scene.client
    devices = [
        i for i in table.interfaces if i.name != "lo" and i.kind not in _BUILT_IN
    ]
    address = scene.focus.address
    if client is None or scene.place == HOST:
        return Ruling("egress", f"this host has no route to {address}", Mark.ODD)
    if not devices:
        return _no_device(scene, client)
    for device in devices:
        if device.up:
            continue
        end = end_of(scene, scene.place, device.name)
        covers = end.network is not None and end.network.holds(address)
        alone = not any(d.up for d in devices)
        found = fault_of(end, address) if covers or alone else None
        if found is not None:
            return found
    listed = ", ".join(sorted({r.destination for r in table.routes if r.device}))
    said = f"{client.name} has routes to {listed or 'nowhere'} only"
    return Ruling("egress", said, Mark.ODD, (said,))


def _no_device(scene: Scene, client: Container) -> Ruling:
    seen = f"{client.name} has no network device but its loopback"
    values = {"client_name": client.name, "seen": seen}
    if client.network_mode == "none" or [n.network for n in client.attachments] == [
        "none"
    ]:
        said = f"{client.name} was made without a network (NetworkMode none)"
        better = _network_of_target(scene)
        values |= {"better_network": better, "leave_none": "yes"}
        return Ruling("none", said, Mark.BAD, (seen, said), values)
    apart = [n for n in client.attachments if n.network != "none"]
    if not apart:
        said = f"the engine has {client.name} on no network"
        values |= {"better_network": _network_of_target(scene)}
        return Ruling("disconnected", said, Mark.BAD, (seen, said), values)
    network = scene.snapshot.networks_by_id.get(apart[0].network_id)
    if network is not None and network.driver in STACKED:
        parent = dict(network.options).get("parent", "")
        host = scene.look(ReadLinks(HOST), LinkTable)
        if parent and host.interface(parent) is None:
            said = f"this host has no device {parent}, the parent of {network.name}"
            state = {"parent": parent, "parent_state": "not there"}
            state |= {"network": network.name, "mend": "", "by_hand": "yes"}
            return Ruling("parent", said, Mark.BAD, (seen, said), {**values, **state})
    said = f"the engine has it on {apart[0].network}, but the device is gone"
    return Ruling("gone", said, Mark.BAD, (seen, said), values)


def _network_of_target(scene: Scene) -> str:
    """The user-defined network on which the target is; empty when that is not known."""
    owner = scene.owner(scene.focus.address or scene.case.target.host)
    if owner.network is None or owner.network.driver == "host":
        return ""
    return owner.network.name


def no_source(scene: Scene) -> Ruling:
    """Why there is no address, or no port, to send from."""
    address, port = scene.focus.address, scene.focus.port
    table = scene.look(ReadLinks(scene.place), LinkTable)
    if ":" in address and (without := _no_ipv6(scene, table, address)) is not None:
        return without
    sockets = scene.sockets(scene.place)
    low, _, high = table.sysctl(RANGE).partition(" ")
    if not (low.isdigit() and high.isdigit()):
        return Ruling("unknown", "the range of local ports is not known", Mark.UNKNOWN)
    size = int(high) - int(low) + 1
    used, waiting = _towards(sockets, address, port, int(low), int(high))
    values = {
        "ports_used": str(used),
        "ports_size": str(size),
        "ports_range": f"{low}-{high}",
        "ports_waiting": str(waiting),
        "widen": f'{inside(scene.place)}sysctl -w {RANGE}="10240 65535"',
        "reuse": f"{inside(scene.place)}sysctl -w net.ipv4.tcp_tw_reuse=1"
        if waiting > used / 2
        else "",
    }
    if int(low) <= 10240 and int(high) == 65535:
        values["widen"] = ""
    seen = (
        f"{used} of the {size} local ports {low}-{high} are in use towards "
        f"{address} port {port}, {waiting} of them in TIME-WAIT"
    )
    # connect(2) takes an even number of the range, see __inet_hash_connect.
    if used < (size & ~1 or 1) * FULL:
        return Ruling("unknown", seen, Mark.ODD, (seen,), values)
    return Ruling("ports", seen, Mark.BAD, (seen,), values)


def _towards(
    sockets: SocketTable, address: str, port: int, low: int, high: int
) -> tuple[int, int]:
    """How many local ports of the range are taken towards a target, and are waiting."""
    held = [
        s
        for s in sockets.streams
        if (s.remote, s.remote_port) == (address, port) and low <= s.local_port <= high
    ]
    waiting = {s.local_port for s in held if s.state == "TIME-WAIT"}
    return len({s.local_port for s in held}), len(waiting)


def _no_ipv6(scene: Scene, table: LinkTable, address: str) -> Ruling | None:
    """The ruling where there is no IPv6 address to send from; else None.

    The addresses decide, not the switch: the engine leaves `all` switched off and
    switches single devices on, which have their addresses then.
    """
    own = [a.address for a in table.addresses if ":" in a.address and a.device != "lo"]
    if any(not a.startswith("fe80") for a in own):
        return None
    home = scene.place.label
    why = f"{NO_IPV6} is {table.sysctl(NO_IPV6) or 'unknown'}"
    seen = f"{home} has no IPv6 address to send from ({why}), and {address} is IPv6"
    values = {"home": home, "family": family(address)}
    return Ruling("ipv6", seen, Mark.BAD, (seen,), values)


NODES = (
    Node(
        "no_way",
        "why has {client} no route to {address}?",
        no_way,
        {
            "none": Branch("it was made without a network", fault("network-none")),
            "disconnected": Branch(
                "it is on no network", fault("container-disconnected")
            ),
            "down": Branch("its device is switched off", fault("link-down")),
            "parent": Branch(
                "the device below its network is gone",
                fault("macvlan-parent-missing-or-down"),
            ),
            "gone": Branch(
                "its device is gone",
                undetermined(
                    "{seen}, though the engine has it on a network",
                    "docker restart {client!q} makes the device anew; what took it "
                    "away stands in the engine's log",
                ),
            ),
            "egress": Branch("its routes do not cover it", "no_route"),
        },
    ),
    Node(
        "no_source",
        "why has {client} nothing to send from?",
        no_source,
        {
            "ipv6": Branch(
                "IPv6 is off, and the address is IPv6",
                fault("ipv6-disabled-eaddrnotavail"),
            ),
            "ports": Branch(
                "all local ports are taken", fault("ephemeral-ports-exhausted")
            ),
            "unknown": Branch(
                "it could not be told",
                undetermined(
                    "{client} finds no address and port to send from to {address}, "
                    "and neither IPv6 nor the local ports explain it",
                    "is the application bound to an address that it no longer has?",
                ),
            ),
        },
    ),
)
