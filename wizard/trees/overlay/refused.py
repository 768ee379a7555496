"""A refusal from an address of an overlay network that nobody on this node has."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Sighting
from netwiz.wizard.path import where
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.overlay.entry import facts_of
from netwiz.wizard.verdict import Mark


def refused(scene: Scene) -> Ruling:
    """Whose the address is in the swarm, and whether the refusal came from there."""
    facts, address = facts_of(scene), scene.focus.address
    values = {"address": address, "network": facts.network}
    values["on_manager"] = "yes" if facts.is_manager else ""
    service = facts.service_at(address)
    if service:
        tasks = [t for t in facts.tasks if t.service == service]
        values |= {"service": service, "tasks": ", ".join(t.name for t in tasks)}
        if tasks:
            said = f"{service}, by its virtual address, for {values['tasks']}"
            return Ruling("tasks", said, Mark.ODD, values=values)
        seen = f"{address} is the virtual address of {service}, which has no task"
        return Ruling("empty", f"{service} has no task", Mark.BAD, (seen,), values)
    task = facts.task(address)
    if task is None:
        said = f"nobody on {facts.network}, as far as this node was told"
        return Ruling("nobody", said, Mark.ODD, values=values)
    values |= {"holder": task.name, "node_name": facts.node_called(task.node)}
    back = _through_the_tunnel(scene)
    if back is None:
        values["back"] = "where the refusal was born was not seen"
        return Ruling("remote", task.name, Mark.UNKNOWN, values=values)
    values["back"] = (
        f"its {back.packet.kind} came back through the tunnel, at {where(back)}"
    )
    said = f"{task.name} on node {values['node_name']}"
    return Ruling("remote", said, Mark.ODD, (values["back"],), values)


def _through_the_tunnel(scene: Scene) -> Sighting | None:
    return next(
        (
            s
            for s in scene.attempted.replies
            if s.place == HOST and s.packet.tunnel is not None and s.inbound
        ),
        None,
    )


NODES = (
    Node(
        "overlay_refused",
        "who is {address} in the swarm?",
        refused,
        {
            "remote": Branch(
                "a container on another node",
                undetermined(
                    "{holder} on node {node_name} refuses port {port}: {back}, so the "
                    "way between the nodes is in order",
                    "does anything in {holder} listen on port {port}, and not on "
                    "127.0.0.1 alone? netwiz on that node tells",
                ),
            ),
            "empty": Branch(
                "a service without tasks", fault("service-without-endpoints")
            ),
            "tasks": Branch(
                "a service, as its virtual address",
                undetermined(
                    "{address}, the virtual address of {service}, refuses port {port} "
                    "for its tasks ({tasks})",
                    "diagnose tasks.{service}:{port}, which leads to the tasks "
                    "themselves",
                ),
            ),
            "nobody": Branch("nobody who is known", "far"),
        },
    ),
)
