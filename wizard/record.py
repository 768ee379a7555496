"""From answered nodes to the steps that people see."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts import HOST, Finding, Place
from netwiz.probes.requests import Attempt, Request
from netwiz.wizard.fill import fill
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Node, Ruling, Skip
from netwiz.wizard.verdict import Look, Mark, Option, Step

PROBE_NAMES = {
    "TakeSnapshot": "engine",
    "FindElsewhere": "other engines",
    "Resolve": "names",
    "ReadResolver": "resolver's files",
    "AskServer": "name server",
    "ReadSockets": "sockets",
    "FindListeners": "sockets everywhere",
    "WatchListener": "sockets, watched",
    "ReadLinks": "links",
    "AskRoute": "route",
    "FindAddress": "addresses everywhere",
    "AskArp": "arp",
    "ReadRights": "rights",
    "Echo": "ping",
    "ReadRules": "firewall",
    "ReadCounters": "kernel counters",
    "Attempt": "connect",
    "Converse": "conversation",
    "TalkTls": "tls handshake",
    "AskProxy": "proxy",
    "FetchIssuer": "missing certificate",
    "WatchQueue": "accept queue, watched",
    "MeasurePath": "packet sizes",
    "ReadConntrack": "tracked flows",
    "ReadOverlay": "overlay network",
    "WatchUplink": "uplink, watched",
    "IdentifyNamespace": "namespace",
    "CountRestarts": "restarts",
    "ReadLogErrors": "log",
    "Repeat": "connect, many times",
    "ReadQueues": "queues",
    "ReadTraffic": "traffic",
    "ReadPressure": "cgroup",
    "WatchAsking": "name questions, watched",
}
"""What a person calls the probe behind a request."""


@dataclass(frozen=True)
class Answered:
    """A node with its ruling, and the scene in which it was made."""

    node: Node
    ruling: Ruling
    scene: Scene
    overridden: bool = False


def steps_of(so_far: tuple[Answered, ...]) -> tuple[Step, ...]:
    """The steps taken, each followed by the questions that its answer made needless."""
    steps: list[Step] = []
    shown: set[Request] = set()
    for answered in so_far:
        if answered.ruling.quiet and not answered.overridden:
            continue
        steps.append(_step(answered, shown))
        branch = answered.node.follow(answered.ruling.branch)
        values = {**answered.scene.values, **answered.ruling.values}
        steps.extend(_skipped(skip, values) for skip in branch.skips)
    return tuple(steps)


def _step(answered: Answered, shown: set[Request]) -> Step:
    node, ruling, scene = answered.node, answered.ruling, answered.scene
    looks = []
    for request in scene.used:
        if request not in shown:
            shown.add(request)
            looks.append(look_of(request, scene.findings[request]))
    return Step(
        node=node.id,
        question=fill(node.question, {**scene.values, **ruling.values}),
        mark=ruling.mark,
        answer=ruling.answer,
        branch=ruling.branch,
        evidence=ruling.evidence,
        looks=tuple(looks),
        options=tuple(
            Option(key, fill(branch.words, {**scene.values, **ruling.values}))
            for key, branch in node.branches.items()
        ),
        overridden=answered.overridden,
    )


def _skipped(skip: Skip, values: dict[str, str]) -> Step:
    reason = fill(skip.reason, values)
    return Step(
        node="",
        question=skip.question,
        mark=Mark.SKIPPED,
        answer=f"not asked: {reason}",
    )


def look_of(request: Request, finding: Finding) -> Look:
    """A probe, as people see it behind a step."""
    place = getattr(request, "place", HOST)
    label = place.label if isinstance(place, Place) else "host"
    name = type(request).__name__
    probe = PROBE_NAMES.get(name, name)
    if isinstance(request, Attempt) and request.counters:
        probe = "connect, witnessed and counted"
    elif isinstance(request, Attempt) and request.taps:
        probe = "connect, witnessed"
    return Look(probe, label, finding.command, round(finding.ms, 3))
