"""A name that resolves, but slowly, or not every time."""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    Answer,
    ConntrackView,
    NameOutcome,
    Protocol,
    Resolution,
    ServerAnswer,
)
from netwiz.probes.facts.upstreams import EMBEDDED
from netwiz.probes.requests import AskServer, ReadConntrack
from netwiz.wizard.case import Symptom
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Also, Branch, Node, Ruling, fault
from netwiz.wizard.trees.attempts import tries
from netwiz.wizard.trees.names.servers import Heard, hear, origin_values, usable
from netwiz.wizard.trees.names.words import lookup
from netwiz.wizard.verdict import Mark

SLOW_MS = 1500.0
"""A lookup that takes longer is felt; a cold cache of a resolver costs less."""
COMPLAINTS = (None, Symptom.DNS, Symptom.SLOW, Symptom.TIMEOUT)


def is_slow(found: Resolution) -> bool:
    """Whether a lookup that worked took long."""
    return found.outcome is NameOutcome.ANSWERED and found.took_ms >= SLOW_MS


def slow_name(scene: Scene) -> Ruling:
    """Why a lookup that worked took so long."""
    found = lookup(scene)
    right = right_question(found)
    heard = hear(scene, right.question.rstrip("."))
    took = f"the lookup of {scene.case.target.host} took {found.took_ms / 1000:.2f} s"
    key, cause, values = "", "", _values(found, heard)
    evidence: tuple[str, ...] = (took,)
    if (dead := _dead_before(found, heard)) is not None:
        key, cause = "first_dead", "dns-first-server-dead-slow"
        evidence = (took, *dead)
        values["dead"] = ", ".join(_dead_names(found, heard))
    elif wasted := _wasted(found, right):
        key, cause = "ndots", "ndots-amplification"
        evidence = (took, *wasted)
    elif raced := _raced(scene, found):
        key, cause = "race", "dns-conntrack-race-5s"
        evidence = (took, *raced)
    if not cause:
        said = f"{took}; no server stands out"
        return Ruling("on", said, Mark.ODD, values=values, assumptions=(said,))
    also = (Also(cause, evidence, values),)
    if scene.case.target.port is not None and not _connects(scene):
        return Ruling("on", took, Mark.ODD, evidence, values, also=also)
    if scene.case.symptom not in COMPLAINTS:
        return Ruling("on", took, Mark.ODD, values=values, also=also)
    if scene.case.target.name_only:
        values["symptom"] = "slow"
    return Ruling(key, took, Mark.BAD, evidence, values | {"symptom": "slow"})


def _connects(scene: Scene) -> bool:
    return all(t.link.works for t in tries(scene))


def right_question(found: Resolution) -> Answer:
    return next(a for a in found.answers if a.addresses)


def _dead_names(found: Resolution, heard: Heard) -> list[str]:
    if EMBEDDED not in found.files.servers:
        silent = (NameOutcome.TIMEOUT, NameOutcome.UNREACHABLE, NameOutcome.REFUSED)
        asked = {a.server for a in found.answers if a.outcome in silent}
        return [s for s in found.files.servers if s in asked]
    good = next((s for s, a in heard.udp.items() if usable(a)), "")
    order = list(heard.udp)
    return order[: order.index(good)] if good else []


def _dead_before(found: Resolution, heard: Heard) -> tuple[str, ...] | None:
    """Servers that were waited for in vain, if they fail when asked directly too."""
    names = [s for s in _dead_names(found, heard) if s in heard.udp]
    dead = [s for s in names if not usable(heard.udp[s])]
    good = next((a for a in heard.udp.values() if usable(a)), None)
    if not dead or good is None:
        return None
    lines = [f"{s}, asked before it: {heard.udp[s].said}" for s in dead]
    return (
        *lines,
        f"{good.server} answers in {good.answer_ms:.0f} ms when it is asked directly",
    )


def _wasted(found: Resolution, right: Answer) -> tuple[str, ...]:
    """Questions for names made of the search list that took most of the time."""
    wrong: dict[str, float] = {}
    for answer in found.answers:
        if answer.question == right.question:
            break
        before = wrong.get(answer.question, 0.0)
        wrong[answer.question] = max(before, answer.ms)
    if not wrong or sum(wrong.values()) < found.took_ms / 2:
        return ()
    count = len(found.answers)
    each = ", ".join(f"{q} ({ms / 1000:.1f} s)" for q, ms in list(wrong.items())[:4])
    return (
        f"{count} questions instead of 2: first {each}",
        f"{right.question} itself was answered in {right.ms:.0f} ms",
    )


def _raced(scene: Scene, found: Resolution) -> tuple[str, ...]:
    """One of two questions that were sent at once got lost in connection tracking.

    Both get an entry at the same moment; the second to be entered is dropped and
    counted as insert_failed. Asked for alone it is answered.
    """
    heard = {(a.server, a.question) for a in found.answers if a.addresses}
    lost = [
        a
        for a in found.answers
        if a.outcome is NameOutcome.TIMEOUT and (a.server, a.question) in heard
    ]
    if not lost:
        return ()
    one = lost[0]
    name = one.question.rstrip(".")
    asked = AskServer(scene.place, one.server, name, one.record)
    alone = scene.look(asked, ServerAnswer)
    places = tuple(dict.fromkeys((scene.place, HOST)))
    views = scene.look_all(
        tuple(ReadConntrack(p, Protocol.UDP, port=53) for p in places), ConntrackView
    )
    failed = {v.place.label: v.stats.get("insert_failed", 0) for v in views}
    told = {label: count for label, count in failed.items() if count}
    if not alone.alive or not told:
        return ()
    counts = ", ".join(f"{count} in {label}" for label, count in told.items())
    return (
        f"of two questions sent at once, {one.server} answered one, and {one.record} "
        f"got lost; asked for alone it is answered in {alone.answer_ms:.0f} ms",
        f"connection tracking dropped packets for want of an entry of their own: "
        f"insert_failed {counts}",
    )


def _values(found: Resolution, heard: Heard) -> dict[str, str]:
    domains = " ".join(found.files.search) or "none"
    return {
        "took_s": f"{found.took_ms / 1000:.1f}",
        "ndots": str(found.files.ndots),
        "search": domains,
        "questions": str(len(found.answers)),
        "servers_said": ", ".join(f"{s}: {a.said}" for s, a in heard.udp.items()),
        **origin_values(found, heard.ups, heard.good()),
    }


NODES = (
    Node(
        "slow_name",
        "why did the lookup of {host} take so long?",
        slow_name,
        {
            "first_dead": Branch(
                "a dead server is asked first", fault("dns-first-server-dead-slow")
            ),
            "ndots": Branch(
                "names that nobody meant are asked for first",
                fault("ndots-amplification"),
            ),
            "race": Branch(
                "one of two questions at once gets lost",
                fault("dns-conntrack-race-5s"),
            ),
            "on": Branch("that alone does not explain the complaint", "found_name"),
        },
    ),
)
