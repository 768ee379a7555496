"""The routing mesh: a service's port is to be open on every node of the swarm."""

from __future__ import annotations

from netwiz.probes.facts import HOST, OverlayFacts, Ruleset, SwarmPort
from netwiz.probes.requests import ReadOverlay, ReadRules
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.verdict import Mark

CHAIN = "DOCKER-INGRESS"


def mesh(scene: Scene) -> Ruling:
    """Whether a service publishes the port that nobody on this host holds."""
    if not any(n.driver == "overlay" for n in scene.snapshot.networks):
        return Ruling("none", "this host is in no swarm", quiet=True)
    facts = scene.look(ReadOverlay(), OverlayFacts)
    protocol = scene.case.target.protocol.value
    port = next(
        (
            p
            for p in facts.ports
            if p.published == scene.focus.port and p.protocol == protocol
        ),
        None,
    )
    if port is None:
        return Ruling("none", "no service of the swarm publishes it", quiet=True)
    values = _values(facts, port)
    told = f"service {port.service} publishes {port.published} in mode {port.mode}"
    if port.mode == "host":
        return Ruling("host_mode", told, Mark.ODD, (told,), values)
    rules = scene.look(ReadRules(HOST), Ruleset)
    leading = [
        r
        for r in rules.rules
        if r.chain == CHAIN
        and r.verdict == "DNAT"
        and r.concerns("", "", port.published, protocol)
    ]
    if leading:
        text = f"the rule `{leading[0].text}` leads there"
        return Ruling("led", text, Mark.ODD, (told, text), values)
    evidence = [told, f"no rule in {CHAIN} of this host leads port {port.published} on"]
    if facts.kernel.ipvs is False:
        evidence.append(
            f"kernel {facts.kernel.release} has no /proc/net/ip_vs, which the mesh "
            "needs on every node"
        )
    said = f"service {port.service}, by the routing mesh, which is not set up here"
    return Ruling("broken", said, Mark.BAD, tuple(evidence), values)


def _values(facts: OverlayFacts, port: SwarmPort) -> dict[str, str]:
    udp = ",protocol=udp" if port.protocol == "udp" else ""
    added = f"mode=host,published={port.published},target={port.target}{udp}"
    return {
        "service": port.service,
        "published_port": str(port.published),
        "publish_host": f"--publish-rm {port.target} --publish-add {added}",
        "target_port": str(port.target),
        "on_manager": "yes" if facts.is_manager else "",
        "module_ready": "yes" if facts.kernel.ipvs_module else "",
        "release": facts.kernel.release,
    }


NODES = (
    Node(
        "overlay_mesh",
        "does a service of the swarm publish port {port}?",
        mesh,
        {
            "none": Branch("no", "listening_host"),
            "broken": Branch(
                "yes, and the routing mesh is not set up on this node",
                fault("ingress-mesh-broken"),
            ),
            "host_mode": Branch(
                "yes, only where a task of it runs",
                undetermined(
                    "service {service} publishes port {published_port} in mode host: "
                    "it is open only on nodes where a task of it runs, and none is "
                    "published on this one",
                    "docker service ps {service!q} shows the nodes; dial one of those",
                ),
            ),
            "led": Branch(
                "yes, and the mesh leads it on",
                undetermined(
                    "service {service} publishes port {published_port} by the routing "
                    "mesh, this node leads it on, and it is refused",
                    "do its tasks answer on port {target_port}? Inside a container on "
                    "its network: tasks.{service}",
                ),
            ),
        },
    ),
)
