"""A service's virtual address: no container has it, IPVS is to share it out."""

from __future__ import annotations

from netwiz.probes.facts import Attempted, Outcome, OverlayFacts
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import focus_on, plain_try, said_of
from netwiz.wizard.trees.overlay.entry import facts_of
from netwiz.wizard.verdict import Mark

MOST_TASKS = 4


def virtual(scene: Scene) -> Ruling:
    """Whether the tasks answer where the virtual address does not."""
    facts = facts_of(scene)
    address = scene.focus.address
    service = facts.service_at(address)
    tasks = [t for t in facts.tasks if t.service == service][:MOST_TASKS]
    values = {
        "service": service,
        "address": address,
        "on_manager": "yes" if facts.is_manager else "",
        "module_ready": "yes" if facts.kernel.ipvs_module else "",
        "release": facts.kernel.release,
    }
    if not tasks:
        return Ruling(
            "empty",
            f"{service} has no task that runs",
            Mark.BAD,
            (f"{address} is the virtual address of {service}, which has no task",),
            values,
        )
    focuses = [focus_on(scene, t.address, scene.focus.port) for t in tasks]
    found = scene.look_all(tuple(plain_try(scene, f) for f in focuses), Attempted)
    met = [f.connection for f in found]
    values["tasks"] = ", ".join(f"{c.address} {said_of(c)}" for c in met)
    answering = [c for c in met if c.works or c.outcome is Outcome.REFUSED]
    evidence = (
        f"{address}, the virtual address of {service}: {scene.values.get('outcome')}; "
        f"its tasks: {values['tasks']}",
    )
    kernel = facts.kernel
    upgraded = bool(kernel.modules) and kernel.release not in kernel.modules
    if answering and kernel.ipvs is False and upgraded:
        values |= {"modules": ", ".join(kernel.modules), "module": "ip_vs"}
        values["needed_for"] = f"the virtual address of service {service}"
        return Ruling(
            "upgraded",
            "the tasks answer, and this kernel's modules are gone",
            Mark.BAD,
            (
                *evidence,
                *_missing(facts),
                f"/lib/modules has those of {values['modules']}, not of "
                f"{kernel.release}, which runs",
            ),
            values,
        )
    if answering and kernel.ipvs is False:
        return Ruling(
            "no_ipvs",
            "the tasks answer, and this kernel has no IPVS",
            Mark.BAD,
            (*evidence, *_missing(facts)),
            values,
        )
    if answering:
        return Ruling("unknown", "the tasks answer", Mark.ODD, evidence, values)
    return Ruling(
        "tasks",
        "its tasks do not answer either",
        Mark.BAD,
        evidence,
        {**values, "address": tasks[0].address},
        focus=focuses[0],
    )


def _missing(facts: OverlayFacts) -> tuple[str, ...]:
    kernel = facts.kernel
    ready = "lies ready but is not loaded" if kernel.ipvs_module else "is not there"
    return (
        f"kernel {kernel.release} has no /proc/net/ip_vs; its module ip_vs {ready}",
    )


NODES = (
    Node(
        "overlay_virtual",
        "do the tasks of {service} answer?",
        virtual,
        {
            "no_ipvs": Branch(
                "yes, and nothing here serves the virtual address",
                fault("swarm-vip-no-ipvs"),
            ),
            "upgraded": Branch(
                "yes, and the running kernel has lost its modules",
                fault("kernel-module-missing"),
            ),
            "empty": Branch("there is none", fault("service-without-endpoints")),
            "tasks": Branch("no", "overlay_way"),
            "unknown": Branch(
                "yes",
                undetermined(
                    "{address}, the virtual address of {service}, does not answer, its "
                    "tasks do ({tasks}), and IPVS is there",
                    "ipvsadm -ln in the namespace lb_... of the network shows whom it "
                    "would pass connections to",
                ),
            ),
        },
    ),
)
