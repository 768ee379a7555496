"""A kept connection to a service's virtual address: IPVS forgets what idles."""

from __future__ import annotations

from netwiz.probes.facts import OverlayFacts, Stream
from netwiz.probes.requests import ReadOverlay
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.words import dial
from netwiz.wizard.verdict import Mark

IDLE_S = 900
"""After so long IPVS forgets an idle TCP connection (ip_vs_proto_tcp.c)."""


def vip_idle(scene: Scene, stream: Stream) -> Ruling | None:
    """A connection that waits in vain, through IPVS, after more than its patience."""
    network = scene.owner(stream.remote).network
    if network is None or network.driver != "overlay" or stream.info is None:
        return None
    facts = scene.try_look(ReadOverlay(network.id), OverlayFacts)
    service = facts.service_at(stream.remote) if facts else ""
    idle_s = stream.info.heard_ago_ms / 1000
    if facts is None or not service or not facts.kernel.ipvs or idle_s < IDLE_S:
        return None
    spot = f"{dial(stream.local, stream.local_port)} to "
    spot += dial(stream.remote, stream.remote_port)
    return Ruling(
        "virtual",
        f"it idled for {idle_s:.0f} s, at the virtual address of {service}",
        Mark.BAD,
        (
            f"{spot}: it heard last {idle_s:.0f} s ago, and what it sent since is not "
            "confirmed; a fresh connection works",
            f"{stream.remote} is the virtual address of service {service}: IPVS "
            f"forgets a connection that idles for {IDLE_S} s",
        ),
        {
            "service": service,
            "held": spot,
            "idle": f"{idle_s:.0f} s",
            "on_manager": "yes" if facts.is_manager else "",
        },
    )
