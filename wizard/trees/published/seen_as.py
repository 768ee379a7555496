"""As whom the two ends see each other: an answer, or a client, by another address."""

from __future__ import annotations

from netwiz.probes.facts import Attempted
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.published.mapped import bridge_of
from netwiz.wizard.trees.words import server_name
from netwiz.wizard.triangle import (
    HOST_LOOPBACK,
    NEIGHBOUR,
    PUBLISHED,
    THIS_HOST,
    triangulate,
)
from netwiz.wizard.verdict import Mark


def answered_astray(scene: Scene, found: Attempted) -> Ruling | None:
    """A datagram was answered, from another address than the one that was asked."""
    asked = scene.focus.address
    for seen in found.replies:
        there = seen.place == scene.place and seen.packet.kind == "UDP"
        source = seen.packet.source
        if not there or source in ("", asked):
            continue
        name = server_name(scene)
        evidence = (
            f"the datagram went to {asked}, and an answer for it reached "
            f"{scene.place.label} ({seen.device}) from {source}",
        )
        values = {"server": name, "address": asked, "reply_source": source}
        said = f"yes, and it is answered from {source}"
        return Ruling("astray", said, Mark.BAD, evidence, values)
    return None


def by_source(scene: Scene) -> Ruling:
    """Whether the server hangs up on the proxy's address, and on no other."""
    focus, found = scene.focus, scene.attempted
    server = focus.server
    if not found.connection.hung_up or focus.mapping is None or server is None:
        return Ruling("no", "it did not come by a proxy", quiet=True)
    masked = {s.packet.source for s in found.forward if s.leg > 1}
    own = {a for dev, a in scene.snapshot.host.addresses if dev == bridge_of(scene)}
    if len(masked) != 1 or not masked <= own:
        return Ruling("no", "it did not come by a proxy", quiet=True)
    rows = triangulate(scene).rows
    # What this host sends straight, or by the proxy, comes from the bridge's address.
    by_host = [r for r in rows if r.where in (THIS_HOST, HOST_LOOPBACK)]
    far = [r for r in rows if r.works and r.where.endswith((NEIGHBOUR, PUBLISHED))]
    if not far or not by_host or any(r.works for r in by_host):
        said = "not seen: nobody else is served either"
        return Ruling("no", said, Mark.ODD)
    source = next(iter(masked))
    evidence = (
        f"docker-proxy's connection came to {server.name} from {source}, and "
        f"{server.name} accepted it and hung up ({found.connection.after.value})",
        *(f"from {r.where} {r.target} {r.outcome}" for r in (*far, *by_host)),
    )
    network = next(
        (n.network for n in server.attachments if focus.inner_address in n.addresses),
        "",
    )
    values = {
        "server": server.name,
        "masked": source,
        "inner_port": str(focus.inner_port),
        "network": network,
    }
    said = f"yes: {source} is turned away, others are served"
    return Ruling("masked", said, Mark.BAD, evidence, values)


NODES = (
    Node(
        "by_source",
        "does {server} turn away only whom it sees as this host?",
        by_source,
        {
            "masked": Branch("yes", fault("source-ip-masked")),
            "no": Branch(
                "no",
                undetermined(
                    "{meets}; no rule is known to have done it",
                    "the service itself may turn {client} away: its log, its limits "
                    "and its allow-list would tell",
                ),
            ),
        },
    ),
)
