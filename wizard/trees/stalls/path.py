"""Large packets are lost and small ones are not: at which size, and where?"""

from __future__ import annotations

from netwiz.probes.facts import HOST, LinkTable, PathMtu, RouteDecision
from netwiz.probes.requests import AskRoute, MeasurePath, ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault
from netwiz.wizard.trees.overlay.entry import on_overlay
from netwiz.wizard.verdict import Mark

SAFE_MTU = 1280
"""What to set where the size could not be measured: the least that IPv6 allows."""


def path(scene: Scene) -> Ruling:
    """The size that still passes, and whether this host's own uplink explains it."""
    address = scene.focus.address
    if on_overlay(scene):
        return Ruling("overlay", "it goes through a tunnel", quiet=True)
    sizes = scene.look(MeasurePath(scene.place, address), PathMtu)
    passes = sizes.passes if sizes.lost else 0
    evidence = []
    if passes:
        evidence.append(
            f"echoes with DF from {scene.place.label} to {address}: {passes} bytes are "
            f"answered, {sizes.lost} are not"
            + (
                f" (ICMP: MTU {sizes.told}, from {sizes.told_by})"
                if sizes.told
                else ", and no ICMP 'fragmentation needed' comes"
            )
        )
    network = _network(scene)
    values = {
        "path_mtu": str(passes or SAFE_MTU),
        "path_mss": str((passes or SAFE_MTU) - (60 if ":" in address else 40)),
        "device_mtu": str(sizes.device_mtu),
        "network": network,
        "measured": f"up to {passes} bytes" if passes else "small ones",
    }
    uplink = _uplink(scene, address)
    if uplink is not None and uplink[1] < sizes.device_mtu:
        device, mtu = uplink
        if not passes or passes == mtu:
            evidence.append(
                f"{scene.place.label} sends packets of up to {sizes.device_mtu} bytes, "
                f"and {device}, by which this host goes to {address}, takes {mtu}"
            )
            values |= {"uplink": device, "uplink_mtu": str(mtu), "path_mtu": str(mtu)}
            said = f"at {device}: MTU {mtu}, below {sizes.device_mtu}"
            return Ruling("uplink", said, Mark.BAD, tuple(evidence), values)
    said = f"{values['measured']} come through"
    return Ruling("path", said, Mark.BAD, tuple(evidence), values)


def _uplink(scene: Scene, address: str) -> tuple[str, int] | None:
    """The device by which this host goes on to the address, with its MTU."""
    if scene.place == HOST or scene.focus.server is not None:
        return None
    route = scene.look(AskRoute(HOST, address), RouteDecision)
    links = scene.look(ReadLinks(HOST), LinkTable)
    if not route.device:
        return None
    return next(
        ((i.name, i.mtu) for i in links.interfaces if i.name == route.device), None
    )


def _network(scene: Scene) -> str:
    client = scene.client
    return client.attachments[0].network if client and client.attachments else ""


NODES = (
    Node(
        "path",
        "how large may a packet be?",
        path,
        {
            "overlay": Branch("as the tunnel to another node has it", "overlay_size"),
            "path": Branch("smaller than both ends think", fault("mtu-blackhole-path")),
            "uplink": Branch(
                "as small as this host's own uplink",
                fault("bridge-mtu-larger-than-uplink"),
            ),
        },
    ),
)
