"""An overlay network: what the engine says, the tunnel holds and the kernel can do.

The engine's verbose inspect gives every address of the network with the node that it is
on, as the nodes' gossip has it; the tunnel's tables say where packets are really sent.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from netwiz.probes.engine import fields as js
from netwiz.probes.engine.read import get_json
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import HOST, Failure, Place
from netwiz.probes.facts.overlay import (
    MANAGER_PORT,
    VXLAN_PORT,
    OverlayFacts,
    OverlayTask,
    SwarmNode,
    SwarmPort,
    Tunnel,
    VirtualAddress,
)
from netwiz.probes.overlay import kernel
from netwiz.probes.overlay.tunnel import read_tunnel
from netwiz.probes.requests import ReadOverlay

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

VXLAN_IDS = "com.docker.network.driver.overlay.vxlanid_list"
NO_ADDRESS = ("", "<nil>", "0.0.0.0")


async def read_overlay(ground: Ground, request: ReadOverlay) -> OverlayFacts:
    """An overlay network as this node sees it; without an id, the swarm alone.

    Raises ProbeError when the engine is gone. A tunnel that cannot be seen is said in
    `blind`.
    """
    key = js.identity(request.network_id)

    def ask(client: Any) -> OverlayFacts:
        info = js.mapping(get_json(client, "/info"))
        store = js.text(info.get("ClusterStore")).partition("://")[2]
        swarm = _swarm(js.mapping(info, "Swarm"))
        swarm = dataclasses.replace(swarm, store=store.partition("/")[0])
        if swarm.is_manager:
            nodes = js.items(get_json(client, "/nodes"), 1000)
            found = tuple(n for n in map(_node, nodes) if n.address)
            listed = js.items(get_json(client, "/services"), 1000)
            ports = tuple(p for service in listed for p in _ports(service))
            swarm = dataclasses.replace(swarm, nodes=found, ports=ports)
        if not key:
            return swarm
        told = js.mapping(get_json(client, f"/networks/{key}", verbose="true"))
        return _network(swarm, told)

    facts: OverlayFacts = await ground.engine.call("the overlay network", ask)
    if key:
        facts = await _with_tunnel(ground, facts)
    facts = await ground.namespaces.call(HOST, _with_kernel, facts)
    return dataclasses.replace(facts, command=_command(ground, facts))


def _swarm(raw: dict[str, object]) -> OverlayFacts:
    """``GET /info``, Swarm (Engine API v1.41, SwarmInfo)."""
    managers = (js.mapping(m).get("Addr") for m in js.items(raw.get("RemoteManagers")))
    port = js.number(js.mapping(raw, "Cluster").get("DataPathPort"), 1, 65535)
    return OverlayFacts(
        network_id="",
        swarm_state=js.text(raw.get("LocalNodeState")),
        swarm_error=js.text(raw.get("Error"), js.LONG),
        local=js.address(raw.get("NodeAddr")),
        port=port or VXLAN_PORT,
        managers=tuple(filter(None, map(js.text, managers))),
        is_manager=js.flag(raw.get("ControlAvailable")),
    )


def _node(entry: object) -> SwarmNode:
    raw = js.mapping(entry)
    manager = js.mapping(raw, "ManagerStatus")
    # A manager's own Status.Addr may be 0.0.0.0; its other address is what is dialled.
    address = js.address(js.mapping(raw, "Status").get("Addr"))
    if address in NO_ADDRESS:
        dialled = js.text(manager.get("Addr"))
        address = js.address(dialled.removesuffix(f":{MANAGER_PORT}").strip("[]"))
    return SwarmNode(
        id=js.identity(raw.get("ID")),
        hostname=js.text(js.mapping(raw, "Description").get("Hostname")),
        address=address,
        state=js.text(js.mapping(raw, "Status").get("State")),
        manager=bool(manager),
    )


def _ports(entry: object) -> Iterator[SwarmPort]:
    """``Endpoint.Ports`` of a service: what is in effect."""
    raw = js.mapping(entry)
    name = js.text(js.mapping(raw, "Spec").get("Name"))
    for port in js.items(js.mapping(raw, "Endpoint").get("Ports"), 100):
        told = js.mapping(port)
        yield SwarmPort(
            service=name,
            published=js.number(told.get("PublishedPort"), 1, 65535),
            target=js.number(told.get("TargetPort"), 1, 65535),
            protocol=js.text(told.get("Protocol")) or "tcp",
            mode=js.text(told.get("PublishMode")) or "ingress",
        )


def _network(swarm: OverlayFacts, raw: dict[str, object]) -> OverlayFacts:
    """``GET /networks/{id}?verbose=true``."""
    tasks: list[OverlayTask] = []
    virtual: list[VirtualAddress] = []
    for service, entry in js.pairs(raw.get("Services")):
        told = js.mapping(entry)
        vip = js.text(told.get("VIP"))
        if service and vip not in NO_ADDRESS:
            virtual.append(VirtualAddress(service, js.address(vip)))
        for task in map(js.mapping, js.items(told.get("Tasks"))):
            address = js.address(task.get("EndpointIP"))
            node = js.address(js.mapping(task, "Info").get("Host IP"))
            if address:
                name = js.text(task.get("Name"))
                tasks.append(OverlayTask(name, address, node, service))
    peers = (js.mapping(p).get("IP") for p in js.items(raw.get("Peers")))
    return dataclasses.replace(
        swarm,
        network_id=js.identity(raw.get("Id")),
        network=js.text(raw.get("Name")),
        attachable=js.flag(raw.get("Attachable")),
        ingress=js.flag(raw.get("Ingress")),
        encrypted="encrypted" in js.mapping(raw, "Options"),
        peers=tuple(filter(None, map(js.address, peers))),
        tasks=tuple(tasks),
        virtual=tuple(virtual),
    )


async def _with_tunnel(ground: Ground, facts: OverlayFacts) -> OverlayFacts:
    place = Place.overlay(facts.network_id, facts.network)
    try:
        with mapped(f"the namespace of {facts.network}"):
            tunnel: Tunnel = await ground.namespaces.call(place, read_tunnel, place, 0)
    except ProbeError as error:
        return dataclasses.replace(facts, blind=error.what)
    if not tunnel.device:
        what = f"{Failure.GONE}: no tunnel in the namespace of {facts.network}"
        return dataclasses.replace(facts, blind=what)
    enter = ground.namespaces.enter(place).rstrip()
    return dataclasses.replace(facts, tunnel=dataclasses.replace(tunnel, enter=enter))


def _with_kernel(facts: OverlayFacts) -> OverlayFacts:
    support = kernel.kernel_support()
    held = kernel.associations()
    if held:
        support = dataclasses.replace(support, esp=True)
    return dataclasses.replace(
        facts,
        policies=kernel.policies(),
        associations=held,
        unsent=kernel.unsent(),
        kernel=support,
    )


def _command(ground: Ground, facts: OverlayFacts) -> str:
    lines = ["docker info -f '{{json .Swarm}}'"]
    lines += ["docker node ls"] if facts.is_manager else []
    if facts.network_id:
        lines.append(f"docker network inspect -v {facts.network_id}")
    if facts.tunnel is not None:
        enter = ground.namespaces.enter(facts.tunnel.place)
        lines.append(f"{enter}bridge fdb show dev {facts.tunnel.device}")
        lines.append(f"{enter}ip neigh show dev {facts.tunnel.device}")
    lines += ["ip xfrm state", "ip xfrm policy"] if facts.encrypted else []
    return "; ".join(lines)
