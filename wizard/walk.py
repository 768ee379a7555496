"""The walk: a pure state machine over a tree, and the loop that feeds it findings.

`step` answers with exactly one of *run these probes*, *ask the person*, *conclude*. It
always begins at the root and replays what is known, so it has no state of its own;
going back or overriding an answer is just another call. `diagnose` is the loop around
it: all that it knows of the outside world is the function that answers requests.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from netwiz.probes.facts import Finding
from netwiz.probes.requests import Repeat, Request, WatchUplink
from netwiz.wizard.case import Case
from netwiz.wizard.conclude import conclude
from netwiz.wizard.fill import fill
from netwiz.wizard.path import path_of
from netwiz.wizard.record import Answered, look_of, steps_of
from netwiz.wizard.scene import Needed, Scene, Unseen
from netwiz.wizard.tree import UNSAID, UNSEEN, Leaf, Node, Ruling, Tree, undetermined
from netwiz.wizard.trees import tree_for
from netwiz.wizard.triangle import missing
from netwiz.wizard.verdict import Diagnosis, Mark, Option, Progress, Result

Perform = Callable[[Request], Awaitable[Finding]]
Tell = Callable[[Progress], None]
Asker = Callable[["Ask"], Awaitable[str]]

MAX_ROUNDS = 64
"""A walk is a few dozen questions long; beyond this a tree has lost its way."""
LONGEST_S = 20.0
"""Seconds that the probes of a walk may take, one after the other. Then it ends with
what it has: nobody waits for ever, and where everything takes so long, the next answer
is as likely to be late. A round that has begun is not cut off: its own probes' budgets
bound it."""
LATE = undetermined(
    "the probes took {spent} s before the walk was done ({slowest}), so it was ended",
    "ask again when the machine has less to do, or look why that takes so long",
)
ELSEWHERE = "how does it look from elsewhere?"
MAX_VISITS = 2
"""Of one node in a walk: once for what was dialled, and again where a sub-tree is
shared by something else that it came to (a name server, a proxy). What is asked more
often leads in a circle, for nothing has changed in between."""
CIRCLES = undetermined("the questions led in circles: a defect of netwiz")


@dataclass(frozen=True)
class Run:
    """These probes are needed next."""

    requests: tuple[Request, ...]
    asking: str
    so_far: tuple[Answered, ...]


@dataclass(frozen=True)
class Ask:
    """Only the person can answer this; `overrides` carries the answer back."""

    node: str
    question: str
    options: tuple[Option, ...]
    so_far: tuple[Answered, ...]


@dataclass(frozen=True)
class Conclude:
    """The walk is at a leaf."""

    leaf: Leaf
    so_far: tuple[Answered, ...]
    scene: Scene


def step(
    case: Case,
    findings: Mapping[Request, Finding],
    overrides: Mapping[str, str] | None = None,
    tree: Tree | None = None,
) -> Run | Ask | Conclude:
    """What comes next for this case, given what is known and what a person said."""
    tree = tree or tree_for(case.symptom)
    base = {"client": case.client.name, "target": case.target.text}
    base |= {"host": case.target.host, "port": str(case.target.port or "")}
    base |= {"server": case.target.host, "address": case.target.host}
    base["spot"] = case.target.text
    base["dials"] = f"dials {case.target.text}"
    base["within"] = f"in {case.target.host}"
    base["slash"] = "" if case.target.protocol.value == "tcp" else "/udp"
    scene = Scene(case, findings, base)
    node = tree.nodes[tree.root]
    so_far: tuple[Answered, ...] = ()
    visits: Counter[str] = Counter()
    while True:
        visits[node.id] += 1
        if visits[node.id] > MAX_VISITS:
            return Conclude(CIRCLES, so_far, scene)
        scene = replace(scene, used=[])
        try:
            ruling = _rule(node, scene, (overrides or {}).get(node.id, ""))
        except Needed as needed:
            asking = fill(node.question, scene.values)
            return Run(needed.requests, asking, so_far)
        said = (overrides or {}).get(node.id, "")
        if node.personal and not said and ruling.branch == UNSAID:
            return _ask(node, scene, so_far)
        overridden = said == ruling.branch != UNSAID
        so_far = (*so_far, Answered(node, ruling, scene, overridden))
        scene = replace(
            scene,
            values={**scene.values, **ruling.values},
            focus=ruling.focus or scene.focus,
            case=ruling.case or scene.case,
        )
        branch = node.follow(ruling.branch)
        if isinstance(branch.to, Leaf):
            more = _from_elsewhere(branch.to, scene)
            if more:
                return Run(more, ELSEWHERE, so_far)
            return Conclude(branch.to, so_far, scene)
        node = tree.nodes[branch.to]


def _from_elsewhere(leaf: Leaf, scene: Scene) -> tuple[Request, ...]:
    """What is still asked for where no cause is known: does it work from elsewhere?"""
    if leaf.result is not Result.UNDETERMINED or "blind" in scene.values:
        return ()
    return missing(scene) if "reached" in scene.values else ()


def _ask(node: Node, scene: Scene, so_far: tuple[Answered, ...]) -> Ask:
    options = tuple(
        Option(key, fill(branch.words, scene.values))
        for key, branch in node.branches.items()
    )
    return Ask(node.id, fill(node.question, scene.values), options, so_far)


def _rule(node: Node, scene: Scene, forced: str) -> Ruling:
    """The node's ruling; a person's word goes above it but keeps what was seen."""
    try:
        ruling = node.judge(scene)
    except Unseen as unseen:
        failed = unseen.failed
        values = {"unseen": failed.what, "remedy": failed.remedy}
        values["blind"] = failed.kind.value
        ruling = Ruling(UNSEEN, failed.what, Mark.UNKNOWN, values=values)
    if forced and forced != ruling.branch and forced in (*node.branches, UNSEEN):
        words = node.follow(forced).words
        if node.personal:
            said = f"{fill(words, scene.values)} (your word)"
            heard = fill(node.question, scene.values)
            return replace(
                ruling,
                branch=forced,
                answer=said,
                mark=Mark.ODD,
                evidence=(f"asked '{heard}', you said: {fill(words, scene.values)}",),
            )
        return replace(
            ruling,
            branch=forced,
            answer=f"{fill(words, scene.values)} (your word; seen: {ruling.answer})",
            mark=Mark.ODD,
            evidence=(),
            also=(),
        )
    return ruling


async def diagnose(
    case: Case,
    perform: Perform,
    *,
    overrides: Mapping[str, str] | None = None,
    tell: Tell | None = None,
    ask: Asker | None = None,
) -> Diagnosis:
    """Walk the case to its end, fetching what each question needs.

    `ask` puts a question to the person and returns the key of an option. Without it,
    or with an empty answer, the walk goes on by what nobody's word is needed for.
    """
    start = time.perf_counter()
    findings: dict[Request, Finding] = {}
    said = dict(overrides or {})
    told = tell or (lambda _: None)

    def elapsed() -> float:
        return (time.perf_counter() - start) * 1000

    so_far: tuple[Answered, ...] = ()
    spent_ms = 0.0
    for _ in range(MAX_ROUNDS):
        reached = step(case, findings, said)
        so_far = reached.so_far
        path = path_of(so_far[-1].scene if so_far else None)
        if isinstance(reached, Conclude):
            diagnosis = conclude(case, reached.leaf, reached.so_far, reached.scene)
            told(Progress(case, diagnosis.steps, "", diagnosis.path, elapsed()))
            return replace(diagnosis, elapsed_ms=elapsed())
        if isinstance(reached, Ask):
            said[reached.node] = (await ask(reached) if ask else "") or UNSAID
            continue
        if spent_ms > LONGEST_S * 1000:
            scene = _late(case, findings, spent_ms)
            return replace(conclude(case, LATE, so_far, scene), elapsed_ms=elapsed())
        steps = steps_of(reached.so_far)
        told(Progress(case, steps, reached.asking, path, elapsed()))
        found = await asyncio.gather(*map(perform, reached.requests))
        findings.update(zip(reached.requests, found, strict=True))
        spent_ms += _longest(case, {r: findings[r] for r in reached.requests})
    scene = Scene(case, findings)
    return replace(conclude(case, CIRCLES, so_far, scene), elapsed_ms=elapsed())


def _longest(case: Case, found: Mapping[Request, Finding]) -> float:
    """The time of a round in ms, without what the person asked to take long."""
    return max((f.ms for r, f in found.items() if not _patient(case, r)), default=0.0)


def _patient(case: Case, request: Request) -> bool:
    waits = isinstance(request, WatchUplink)
    return waits or (isinstance(request, Repeat) and case.repeat > 0)


def _late(case: Case, findings: Mapping[Request, Finding], spent_ms: float) -> Scene:
    """What a walk that took too long says of it."""
    by_time = sorted(findings, key=lambda r: -findings[r].ms)
    shown = [
        f"{look.probe} in {look.vantage}: {look.ms / 1000:.1f} s"
        for look in (look_of(r, findings[r]) for r in by_time[:3])
    ]
    values = {"spent": f"{spent_ms / 1000:.0f}", "slowest": ", ".join(shown)}
    return Scene(case, findings, values)
